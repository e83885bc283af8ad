import { boundsOf, cutOut, isEmpty, lay, mirrored, type Raster, type Rect } from './raster.js';

/** A piece of a drawing that is put down elsewhere. */
export class Sprite {
  readonly raster: Raster;

  constructor(raster: Raster) {
    this.raster = raster;
  }

  /**
   * What lies in a rectangle.
   * @param withoutBackground leaves out the values that lie at its border, if anything is left then
   */
  static of(seen: Raster, rect: Rect, withoutBackground: boolean): Sprite {
    const piece = cutOut(seen, rect);
    if (!withoutBackground) return new Sprite(piece);
    const inner = cutOut(piece, {
      left: 0,
      top: 0,
      right: piece.width,
      bottom: piece.height,
    });
    takeBorderAway(inner);
    return new Sprite(isEmpty(boundsOf(inner)) ? piece : inner);
  }

  get width(): number {
    return this.raster.width;
  }

  get height(): number {
    return this.raster.height;
  }

  flipped(): Sprite {
    return new Sprite(mirrored(this.raster));
  }

  /** @returns what may have changed */
  putOn(raster: Raster, left: number, top: number): Rect {
    return lay(this.raster, raster, left, top);
  }
}

/** Takes every pixel away whose value lies at the border. */
function takeBorderAway({ width, height, depth, bytes, there }: Raster): void {
  const valueAt = (pixel: number): number => {
    let value = 0;
    for (let channel = 0; channel < depth; channel += 1) {
      value = value * 256 + bytes[pixel * depth + channel]!;
    }
    return value;
  };
  const outside = new Set<number>();
  for (let x = 0; x < width; x += 1) outside.add(valueAt(x)).add(valueAt((height - 1) * width + x));
  for (let y = 0; y < height; y += 1)
    outside.add(valueAt(y * width)).add(valueAt((y + 1) * width - 1));
  for (let pixel = 0; pixel < there.length; pixel += 1) {
    if (!outside.has(valueAt(pixel))) continue;
    there[pixel] = 0;
    bytes.fill(0, pixel * depth, (pixel + 1) * depth);
  }
}
