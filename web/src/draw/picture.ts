import { classColoursOf } from '../../../src/clips/class-colours.js';
import type { ConditionLayout } from '../../../src/clips/types.js';
import type { Raster } from './raster.js';

/** Turns a condition into what a canvas shows: RGBA, a byte each. */
export type Painted = (bytes: ArrayLike<number>, rgba: Uint8ClampedArray) => void;

/** As {@link conditionToRgb} would, for canvases: labels in their colours, one channel as grey, colour as it is. */
export function painterOf(layout: ConditionLayout): Painted {
  if (layout.content === 'labels') {
    const table = new Uint8Array(3 * 256);
    classColoursOf(layout).forEach((colour, id) => table.set(colour, 3 * id));
    return (ids, rgba) => {
      for (let pixel = 0, to = 0; to < rgba.length; pixel += 1, to += 4) {
        const from = 3 * ids[pixel]!;
        rgba[to] = table[from]!;
        rgba[to + 1] = table[from + 1]!;
        rgba[to + 2] = table[from + 2]!;
        rgba[to + 3] = 255;
      }
    };
  }
  const [green, blue] = layout.bytesPerPixel === 3 ? [1, 2] : [0, 0];
  return (levels, rgba) => {
    for (let from = 0, to = 0; to < rgba.length; from += layout.bytesPerPixel, to += 4) {
      rgba[to] = levels[from]!;
      rgba[to + 1] = levels[from + green]!;
      rgba[to + 2] = levels[from + blue]!;
      rgba[to + 3] = 255;
    }
  };
}

/** What a sheet looks like, RGBA: what is not drawn is transparent. */
export function sheetRgba(
  { bytes, there }: Raster,
  layout: ConditionLayout,
): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(4 * there.length);
  painterOf(layout)(bytes, rgba);
  for (let pixel = 0; pixel < there.length; pixel += 1) {
    if (there[pixel] === 0) rgba.fill(0, 4 * pixel, 4 * pixel + 4);
  }
  return rgba;
}

/** rgb24 as RGBA. */
export function rgbToRgba(rgb: ArrayLike<number>, rgba: Uint8ClampedArray): void {
  for (let from = 0, to = 0; to < rgba.length; from += 3, to += 4) {
    rgba[to] = rgb[from]!;
    rgba[to + 1] = rgb[from + 1]!;
    rgba[to + 2] = rgb[from + 2]!;
    rgba[to + 3] = 255;
  }
}

/** RGBA as rgb24, over black where it is transparent. */
export function rgbaToRgb(rgba: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    const share = rgba[from + 3]! / 255;
    rgb[to] = Math.round(rgba[from]! * share);
    rgb[to + 1] = Math.round(rgba[from + 1]! * share);
    rgb[to + 2] = Math.round(rgba[from + 2]! * share);
  }
  return rgb;
}

/**
 * A picture of a drawing, read back: each colour as the class that looks so, or as a level.
 * @param rgba as the picture holds it; what is transparent was not drawn
 * @returns bytes and what is there, and how many pixels were of no class's colour and took the nearest
 */
export function readPicture(
  rgba: ArrayLike<number>,
  layout: ConditionLayout,
): { bytes: Uint8Array<ArrayBuffer>; there: Uint8Array<ArrayBuffer>; inexact: number } {
  const pixels = rgba.length / 4;
  const depth = layout.bytesPerPixel;
  const bytes = new Uint8Array(pixels * depth);
  const there = new Uint8Array(pixels);
  const colours = layout.content === 'labels' ? classColoursOf(layout) : [];
  const known = new Map(colours.map(([r, g, b], id) => [(r << 16) | (g << 8) | b, id]));
  let inexact = 0;
  const classOf = (r: number, g: number, b: number): number => {
    const key = (r << 16) | (g << 8) | b;
    const exact = known.get(key);
    if (exact !== undefined) return exact;
    let best = 0;
    let least = Infinity;
    colours.forEach((colour, id) => {
      const off = (colour[0] - r) ** 2 + (colour[1] - g) ** 2 + (colour[2] - b) ** 2;
      if (off < least) [best, least] = [id, off];
    });
    return best;
  };
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const [r, g, b, alpha] = [0, 1, 2, 3].map((at) => rgba[4 * pixel + at]!) as [
      number,
      number,
      number,
      number,
    ];
    if (alpha < 128) continue;
    there[pixel] = 1;
    if (layout.content === 'labels') {
      if (!known.has((r << 16) | (g << 8) | b)) inexact += 1;
      bytes[pixel] = classOf(r, g, b);
    } else if (depth === 3) bytes.set([r, g, b], 3 * pixel);
    else bytes[pixel] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
  }
  return { bytes, there, inexact };
}
