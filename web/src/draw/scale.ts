import { createRaster, type Raster } from './raster.js';

/** A raster at another size. Pixels are taken as they are, never blended: between two classes there is none. */
export function scaled(from: Raster, width: number, height: number): Raster {
  if (from.width === width && from.height === height) return from;
  const made = createRaster(width, height, from.depth);
  for (let row = 0; row < height; row += 1) {
    const fromRow = Math.min(from.height - 1, Math.floor(((row + 0.5) * from.height) / height));
    for (let column = 0; column < width; column += 1) {
      const fromColumn = Math.min(
        from.width - 1,
        Math.floor(((column + 0.5) * from.width) / width),
      );
      const [at, to] = [fromRow * from.width + fromColumn, row * width + column];
      made.there[to] = from.there[at]!;
      for (let channel = 0; channel < from.depth; channel += 1) {
        made.bytes[to * from.depth + channel] = from.bytes[at * from.depth + channel]!;
      }
    }
  }
  return made;
}
