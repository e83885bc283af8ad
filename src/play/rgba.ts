import { FrameloomError } from '../base/error.js';

/**
 * A frame as canvases and textures want it: `new ImageData(toRgba(rgb), width, height)`.
 * @param rgb rgb24
 * @param out four bytes for each pixel, to be written again and again; a new one unless given
 * @returns `out`: red, green, blue and 255
 * @throws FrameloomError bad-shape where `out` has another length
 */
export function toRgba<T extends Uint8Array | Uint8ClampedArray = Uint8ClampedArray<ArrayBuffer>>(
  rgb: Uint8Array,
  out?: T,
): T {
  const pixels = Math.floor(rgb.length / 3);
  const rgba = out ?? (new Uint8ClampedArray(4 * pixels) as unknown as T);
  if (rgba.length !== 4 * pixels) {
    throw new FrameloomError('bad-shape', `${rgba.length} bytes are no RGBA of ${pixels} pixels`, {
      hint: `give ${4 * pixels}`,
    });
  }
  for (let from = 0, to = 0; to < rgba.length; from += 3, to += 4) {
    rgba[to] = rgb[from]!;
    rgba[to + 1] = rgb[from + 1]!;
    rgba[to + 2] = rgb[from + 2]!;
    rgba[to + 3] = 255;
  }
  return rgba;
}
