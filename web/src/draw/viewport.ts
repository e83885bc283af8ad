/** A place, in whatever unit is said. */
interface Place {
  readonly x: number;
  readonly y: number;
}

/** How large something is, in whatever unit is said. */
interface Extent {
  readonly width: number;
  readonly height: number;
}

/**
 * The part of a picture that its frame on the screen shows. `left` and `top` are shares of the picture,
 * 0 to 1 - 1/zoom, so that a frame or a picture of another size shows the same part.
 */
export interface Viewport {
  /** How many times as wide as its frame the picture is; 1 shows all of it. */
  readonly zoom: number;
  readonly left: number;
  readonly top: number;
}

export const WHOLE: Viewport = { zoom: 1, left: 0, top: 0 };

/**
 * What the buttons and keys enlarge by: whole numbers, so that where a pixel of the whole picture takes
 * whole pixels of the screen, it does so enlarged too.
 */
export const ZOOMS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32] as const;
const MOST_ZOOM = ZOOMS[ZOOMS.length - 1]!;

const between = (value: number, least: number, most: number): number =>
  Math.min(most, Math.max(least, value));

/** The same without a border: the picture always covers its frame. */
function covering({ zoom, left, top }: Viewport): Viewport {
  const kept = between(zoom, 1, MOST_ZOOM);
  const most = 1 - 1 / kept;
  return { zoom: kept, left: between(left, 0, most), top: between(top, 0, most) };
}

/** Where a point of the frame lies in the picture. @param at in units of the frame @returns pixels of the picture */
export function toPicture(view: Viewport, at: Place, frame: Extent, picture: Extent): Place {
  return {
    x: (view.left + at.x / (frame.width * view.zoom)) * picture.width,
    y: (view.top + at.y / (frame.height * view.zoom)) * picture.height,
  };
}

/** The other way round. @param at in pixels of the picture @returns units of the frame */
export function toFrame(view: Viewport, at: Place, frame: Extent, picture: Extent): Place {
  return {
    x: (at.x / picture.width - view.left) * view.zoom * frame.width,
    y: (at.y / picture.height - view.top) * view.zoom * frame.height,
  };
}

/**
 * Enlarged otherwise, so that what lay at one point of the frame lies at another (two fingers), or stays
 * where it was.
 * @param from in units of the frame
 */
export function zoomed(
  view: Viewport,
  zoom: number,
  frame: Extent,
  from: Place,
  to: Place = from,
): Viewport {
  const kept = between(zoom, 1, MOST_ZOOM);
  const share = (start: number, before: number, after: number, size: number): number =>
    start + before / (size * view.zoom) - after / (size * kept);
  return covering({
    zoom: kept,
    left: share(view.left, from.x, to.x, frame.width),
    top: share(view.top, from.y, to.y, frame.height),
  });
}

/** Moved with what is dragged. @param by in units of the frame */
export const panned = (view: Viewport, by: Place, frame: Extent): Viewport =>
  zoomed(view, view.zoom, frame, { x: 0, y: 0 }, by);

/** The next larger or smaller of {@link ZOOMS}. */
export function nextZoom(zoom: number, direction: 1 | -1): number {
  // A pinch may end beside one of them, and is not to be stepped to what it already looks like.
  const slack = 1 + 1e-6;
  return direction === 1
    ? (ZOOMS.find((each) => each > zoom * slack) ?? MOST_ZOOM)
    : (ZOOMS.findLast((each) => each * slack < zoom) ?? 1);
}

/** Moved by as little as brings a place of the picture a little inside the frame. @param at in shares of the picture */
export function revealing(view: Viewport, at: Place): Viewport {
  const seen = 1 / view.zoom;
  const margin = seen / 8;
  return covering({
    zoom: view.zoom,
    left: between(view.left, at.x - seen + margin, at.x - margin),
    top: between(view.top, at.y - seen + margin, at.y - margin),
  });
}

/** Two fingers on the frame, in its units. */
export interface Fingers {
  readonly first: Place;
  readonly second: Place;
}

/** What two fingers make of a view: what lay under each stays under it, as far as the picture covers its frame. */
export function pinched(view: Viewport, from: Fingers, to: Fingers, frame: Extent): Viewport {
  const apart = ({ first, second }: Fingers): number =>
    Math.max(1, Math.hypot(second.x - first.x, second.y - first.y));
  const middle = ({ first, second }: Fingers): Place => ({
    x: (first.x + second.x) / 2,
    y: (first.y + second.y) / 2,
  });
  return zoomed(view, (view.zoom * apart(to)) / apart(from), frame, middle(from), middle(to));
}

/** Pixels that a wheel's line and page are taken for. */
const LINE = 16;
const PAGE = 400;
/** The most that one event enlarges by: a wheel's notch is a hundred pixels, and a trackpad's pinch a few. */
const MOST_WHEEL = 30;

/** How far a wheel turned, CSS pixels. @param mode `deltaMode` of its event */
export const wheelPixels = (delta: number, mode: number): number =>
  delta * (mode === 1 ? LINE : mode === 2 ? PAGE : 1);

/** What a wheel that turned so far multiplies the zoom by. @param pixels downwards */
export const wheelFactor = (pixels: number): number =>
  Math.exp(-between(pixels, -MOST_WHEEL, MOST_WHEEL) / 100);
