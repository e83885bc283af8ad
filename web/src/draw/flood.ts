import { EMPTY, fillRow, union, type Raster, type Rect } from './raster.js';
import type { Ink } from './shapes.js';

/**
 * Fills what hangs together with a pixel and looks like it, up, down, left and right.
 * @param seen what the person sees: all of the picture is there, `depth` bytes a pixel
 * @param tolerance how far a channel may be from the first pixel's; 0 of labels
 * @param to where it is filled: what is filled there need not look alike
 * @returns what was filled
 */
export function flood(
  seen: { readonly bytes: ArrayLike<number>; readonly depth: number },
  x: number,
  y: number,
  tolerance: number,
  to: Raster,
  ink: Ink,
): Rect {
  const { width, height } = to;
  const { bytes, depth } = seen;
  if (x < 0 || y < 0 || x >= width || y >= height) return EMPTY;
  const first = (y * width + x) * depth;
  const alike = (pixel: number): boolean => {
    for (let channel = 0; channel < depth; channel += 1) {
      const off = bytes[pixel * depth + channel]! - bytes[first + channel]!;
      if (off > tolerance || -off > tolerance) return false;
    }
    return true;
  };
  const done = new Uint8Array(width * height);
  // Spans by a pixel in each, as in Heckbert's seed fill (Graphics Gems, 1990).
  const open = [y * width + x];
  let filled = EMPTY;
  for (let pixel = open.pop(); pixel !== undefined; pixel = open.pop()) {
    if (done[pixel] === 1) continue;
    const row = Math.floor(pixel / width);
    let left = pixel;
    while (left > row * width && done[left - 1] === 0 && alike(left - 1)) left -= 1;
    let right = pixel + 1;
    while (right < (row + 1) * width && done[right] === 0 && alike(right)) right += 1;
    done.fill(1, left, right);
    const span = { left: left - row * width, right: right - row * width };
    fillRow(to, row, span.left, span.right, ink);
    filled = union(filled, { ...span, top: row, bottom: row + 1 });
    for (const beside of [row - 1, row + 1]) {
      if (beside < 0 || beside >= height) continue;
      let before = false;
      for (let at = beside * width + span.left; at < beside * width + span.right; at += 1) {
        const here = done[at] === 0 && alike(at);
        if (here && !before) open.push(at);
        before = here;
      }
    }
  }
  return filled;
}
