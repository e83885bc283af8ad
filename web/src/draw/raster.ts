/** A rectangle of whole pixels; `right` and `bottom` are the first that no longer belong to it. */
export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export const EMPTY: Rect = { left: 0, top: 0, right: 0, bottom: 0 };

export const isEmpty = ({ left, top, right, bottom }: Rect): boolean =>
  right <= left || bottom <= top;

export const union = (a: Rect, b: Rect): Rect => {
  if (isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
};

export const clip = (rect: Rect, width: number, height: number): Rect => ({
  left: Math.max(0, Math.min(width, rect.left)),
  top: Math.max(0, Math.min(height, rect.top)),
  right: Math.max(0, Math.min(width, rect.right)),
  bottom: Math.max(0, Math.min(height, rect.bottom)),
});

export const shift = (rect: Rect, x: number, y: number): Rect => ({
  left: rect.left + x,
  top: rect.top + y,
  right: rect.right + x,
  bottom: rect.bottom + y,
});

export const contains = (rect: Rect, x: number, y: number): boolean =>
  x >= rect.left && x < rect.right && y >= rect.top && y < rect.bottom;

/** The rectangle between two pixels, both of them in it. */
export const between = (x0: number, y0: number, x1: number, y1: number): Rect => ({
  left: Math.min(x0, x1),
  top: Math.min(y0, y1),
  right: Math.max(x0, x1) + 1,
  bottom: Math.max(y0, y1) + 1,
});

/**
 * Pixels of a condition, some of which are there and the others not: what lies below shows through.
 * Values are those of the model's condition, the id of a class or the levels of a picture.
 */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** Bytes of a pixel. */
  readonly depth: number;
  /** [height, width, depth]; 0 where nothing is there. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** [height, width]: 1 where something is there. */
  readonly there: Uint8Array<ArrayBuffer>;
}

export const createRaster = (width: number, height: number, depth: number): Raster => ({
  width,
  height,
  depth,
  bytes: new Uint8Array(width * height * depth),
  there: new Uint8Array(width * height),
});

export const wholeOf = ({ width, height }: Raster): Rect => ({
  left: 0,
  top: 0,
  right: width,
  bottom: height,
});

/**
 * Fills the pixels from `left` to `right` of a row; what lies outside is left out.
 * @param value as many bytes as a pixel has; null takes away what is there
 */
export function fillRow(
  raster: Raster,
  row: number,
  left: number,
  right: number,
  value: ArrayLike<number> | null,
): void {
  const { width, height, depth, bytes, there } = raster;
  if (row < 0 || row >= height) return;
  const from = row * width + Math.max(0, left);
  const to = row * width + Math.min(width, right);
  if (to <= from) return;
  there.fill(value ? 1 : 0, from, to);
  if (depth === 1 || value === null) {
    bytes.fill(value?.[0] ?? 0, from * depth, to * depth);
    return;
  }
  for (let at = from * depth; at < to * depth; at += depth) {
    for (let channel = 0; channel < depth; channel += 1) bytes[at + channel] = value[channel]!;
  }
}

/** Takes everything away. */
export function clearRaster({ bytes, there }: Raster): void {
  bytes.fill(0);
  there.fill(0);
}

/** Makes one raster what another of the same size is. */
export function copyRaster(from: Raster, to: Raster): void {
  to.bytes.set(from.bytes);
  to.there.set(from.there);
}

/**
 * Lays one raster over another, its upper left corner at (x, y): where something is there it covers.
 * @returns what may have changed
 */
export function lay(over: Raster, below: Raster, x = 0, y = 0): Rect {
  const { depth } = below;
  const area = clip(shift(wholeOf(over), x, y), below.width, below.height);
  for (let row = area.top; row < area.bottom; row += 1) {
    let from = (row - y) * over.width + area.left - x;
    let to = row * below.width + area.left;
    const end = row * below.width + area.right;
    for (; to < end; to += 1, from += 1) {
      if (over.there[from] === 0) continue;
      below.there[to] = 1;
      for (let channel = 0; channel < depth; channel += 1) {
        below.bytes[to * depth + channel] = over.bytes[from * depth + channel]!;
      }
    }
  }
  return area;
}

/** A part of a raster as one of its own. */
export function cutOut(raster: Raster, rect: Rect): Raster {
  const { width, depth } = raster;
  const area = clip(rect, width, raster.height);
  const part = createRaster(area.right - area.left, area.bottom - area.top, depth);
  for (let row = area.top; row < area.bottom; row += 1) {
    const from = row * width + area.left;
    const to = (row - area.top) * part.width;
    part.there.set(raster.there.subarray(from, from + part.width), to);
    part.bytes.set(raster.bytes.subarray(from * depth, (from + part.width) * depth), to * depth);
  }
  return part;
}

/** The smallest rectangle that holds all that is there. */
export function boundsOf({ width, height, there }: Raster): Rect {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let row = 0; row < height; row += 1) {
    const first = there.subarray(row * width, (row + 1) * width).indexOf(1);
    if (first < 0) continue;
    const last = there.subarray(row * width, (row + 1) * width).lastIndexOf(1);
    left = Math.min(left, first);
    right = Math.max(right, last + 1);
    top = Math.min(top, row);
    bottom = row + 1;
  }
  return bottom === 0 ? EMPTY : { left, top, right, bottom };
}

/** The same, seen in a mirror that stands upright. */
export function mirrored(raster: Raster): Raster {
  const { width, height, depth } = raster;
  const made = createRaster(width, height, depth);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const from = row * width + column;
      const to = row * width + width - 1 - column;
      made.there[to] = raster.there[from]!;
      for (let channel = 0; channel < depth; channel += 1) {
        made.bytes[to * depth + channel] = raster.bytes[from * depth + channel]!;
      }
    }
  }
  return made;
}
