import { between, clip, fillRow, type Raster, type Rect } from './raster.js';

/** What is drawn with: bytes of a pixel, or null to take away. */
export type Ink = ArrayLike<number> | null;

export type BrushShape = 'round' | 'square';

/** A place in pixels of the raster, (0, 0) the upper left corner of the first pixel. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

const AT_LEAST = 0.5;

/**
 * A stroke from one place to another: all pixels whose middle is at most half the width from the line
 * between them. A stroke of one pixel has no gap.
 * @param width pixels
 * @returns what may have changed
 */
export function drawStroke(
  raster: Raster,
  from: Point,
  to: Point,
  width: number,
  shape: BrushShape,
  ink: Ink,
): Rect {
  const radius = Math.max(AT_LEAST, width / 2);
  // The pixels that the ends lie in, even where no middle is near enough: a tap is always seen.
  for (const { x, y } of [from, to]) {
    fillRow(raster, Math.floor(y), Math.floor(x), Math.floor(x) + 1, ink);
  }
  const area = clip(
    {
      left: Math.floor(Math.min(from.x, to.x) - radius),
      top: Math.floor(Math.min(from.y, to.y) - radius),
      right: Math.ceil(Math.max(from.x, to.x) + radius) + 1,
      bottom: Math.ceil(Math.max(from.y, to.y) + radius) + 1,
    },
    raster.width,
    raster.height,
  );
  for (let row = area.top; row < area.bottom; row += 1) {
    const span =
      shape === 'round'
        ? roundSpan(from, to, radius, row + 0.5)
        : squareSpan(from, to, radius, row + 0.5);
    if (span) fillRow(raster, row, middleFrom(span[0]), middleTo(span[1]), ink);
  }
  return area;
}

/** The first pixel whose middle is not before x, and the first whose middle is behind it. */
const middleFrom = (x: number): number => Math.ceil(x - 0.5 - ROUNDING);
const middleTo = (x: number): number => Math.floor(x - 0.5 + ROUNDING) + 1;
const ROUNDING = 1e-9;

/** Where the height y crosses the points within `radius` of a line: they are convex, so it is one span. */
function roundSpan(from: Point, to: Point, radius: number, y: number): [number, number] | null {
  let [left, right] = [Infinity, -Infinity];
  const take = (x: number): void => {
    left = Math.min(left, x);
    right = Math.max(right, x);
  };
  for (const end of [from, to]) {
    const off = y - end.y;
    if (Math.abs(off) > radius) continue;
    const half = Math.sqrt(radius * radius - off * off);
    take(end.x - half);
    take(end.x + half);
  }
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  if (length > 0) {
    // The two long sides, beside the line by the radius.
    for (const side of [-1, 1]) {
      const x = from.x - (side * radius * dy) / length;
      const top = from.y + (side * radius * dx) / length;
      if (dy === 0) {
        if (top === y) [x, x + dx].forEach(take);
        continue;
      }
      const along = (y - top) / dy;
      if (along >= 0 && along <= 1) take(x + along * dx);
    }
  }
  return right < left ? null : [left, right];
}

/** The same of a square that is pushed along a line. */
function squareSpan(from: Point, to: Point, radius: number, y: number): [number, number] | null {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  let [first, last] = [0, 1];
  if (dy === 0) {
    if (Math.abs(y - from.y) > radius) return null;
  } else {
    const ends = [(y - radius - from.y) / dy, (y + radius - from.y) / dy];
    first = Math.max(0, Math.min(...ends));
    last = Math.min(1, Math.max(...ends));
    if (last < first) return null;
  }
  const places = [from.x + first * dx, from.x + last * dx];
  return [Math.min(...places) - radius, Math.max(...places) + radius];
}

/** A rectangle between two pixels, both in it; of an outline, `width` pixels inwards. */
export function drawRectangle(
  raster: Raster,
  from: Point,
  to: Point,
  outline: number | null,
  ink: Ink,
): Rect {
  const area = between(Math.floor(from.x), Math.floor(from.y), Math.floor(to.x), Math.floor(to.y));
  const line = outline === null ? null : Math.max(1, Math.round(outline));
  for (let row = area.top; row < area.bottom; row += 1) {
    const edge = line === null || row < area.top + line || row >= area.bottom - line;
    if (edge || area.right - area.left <= 2 * line)
      fillRow(raster, row, area.left, area.right, ink);
    else {
      fillRow(raster, row, area.left, area.left + line, ink);
      fillRow(raster, row, area.right - line, area.right, ink);
    }
  }
  return clip(area, raster.width, raster.height);
}

/** The ellipse in such a rectangle. */
export function drawEllipse(
  raster: Raster,
  from: Point,
  to: Point,
  outline: number | null,
  ink: Ink,
): Rect {
  const area = between(Math.floor(from.x), Math.floor(from.y), Math.floor(to.x), Math.floor(to.y));
  const middle = { x: (area.left + area.right) / 2, y: (area.top + area.bottom) / 2 };
  const outer = { x: (area.right - area.left) / 2, y: (area.bottom - area.top) / 2 };
  const line = outline === null ? null : Math.max(1, Math.round(outline));
  const half = (radii: Point, y: number): number => {
    const share = (y - middle.y) / radii.y;
    return radii.x <= 0 || radii.y <= 0 || Math.abs(share) >= 1
      ? -1
      : radii.x * Math.sqrt(1 - share * share);
  };
  for (let row = area.top; row < area.bottom; row += 1) {
    const wide = half(outer, row + 0.5);
    if (wide < 0) continue;
    const [left, right] = [middleFrom(middle.x - wide), middleTo(middle.x + wide)];
    const hole = line === null ? -1 : half({ x: outer.x - line, y: outer.y - line }, row + 0.5);
    if (hole < 0) fillRow(raster, row, left, right, ink);
    else {
      fillRow(raster, row, left, Math.max(left + 1, middleFrom(middle.x - hole)), ink);
      fillRow(raster, row, Math.min(right - 1, middleTo(middle.x + hole)), right, ink);
    }
  }
  return clip(area, raster.width, raster.height);
}
