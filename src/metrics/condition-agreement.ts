import { FrameloomError } from '../base/error.js';
import { PSNR_CEILING_DECIBELS } from './psnr.js';
import type { ImageSize } from './image.js';

/** What two conditions of the same frames have in common: pictures of bytes, [H,W,C], 0 to 255. */
export interface ConditionAgreement {
  /** @throws FrameloomError bad-shape */
  add(made: Uint8Array, wanted: Uint8Array): void;
  readonly frames: number;
  /**
   * Of drawings on black: harmonic mean of the share of drawn pixels that are wanted there (precision) and of wanted
   * pixels that are drawn (recall), over all frames. A pixel counts as right where the other has one at most one
   * pixel off in each direction, as benchmarks of boundaries let it. Null where neither has any.
   */
  f1(): number | null;
  /** Decibels, mean over frames, at most 100; null of none. */
  psnr(): number | null;
  /** Whether the wanted pictures are drawings on black: more than half of their pixels are, and not all. */
  isDrawing(): boolean;
}

/** Pixels of a mask that have one of the other within one pixel of them. */
function matched(mask: Uint8Array, other: Uint8Array, width: number, height: number): number {
  let count = 0;
  for (let y = 0; y < height; y += 1) {
    const [top, bottom] = [Math.max(0, y - 1), Math.min(height - 1, y + 1)];
    for (let x = 0; x < width; x += 1) {
      if (mask[y * width + x] === 0) continue;
      const [left, right] = [Math.max(0, x - 1), Math.min(width - 1, x + 1)];
      let near = 0;
      for (let v = top; v <= bottom && near === 0; v += 1) {
        for (let u = left; u <= right; u += 1) near |= other[v * width + u]!;
      }
      count += near;
    }
  }
  return count;
}

/** 1 where any channel of a pixel is not black. */
function drawn(bytes: Uint8Array, { width, height, channels }: ImageSize): Uint8Array {
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < bytes.length; i += 1) {
    if (bytes[i] !== 0) mask[Math.floor(i / channels)] = 1;
  }
  return mask;
}

const count = (mask: Uint8Array): number => mask.reduce((sum, one) => sum + one, 0);

/** Sums up how conditions made from generated frames agree with those that were asked for; it holds no frame. */
export function createConditionAgreement(size: ImageSize): ConditionAgreement {
  const { width, height, channels } = size;
  const expected = width * height * channels;
  const sums = { psnr: 0, made: 0, wanted: 0, madeRight: 0, wantedRight: 0 };
  let frames = 0;
  return {
    add(made, wanted) {
      if (made.length !== expected || wanted.length !== expected) {
        throw new FrameloomError(
          'bad-shape',
          `conditions of ${made.length} and ${wanted.length} bytes, expected ${expected}`,
        );
      }
      let squares = 0;
      for (let i = 0; i < expected; i += 1) squares += (made[i]! - wanted[i]!) ** 2;
      sums.psnr += Math.min(PSNR_CEILING_DECIBELS, -10 * Math.log10(squares / expected / 255 ** 2));
      const [own, other] = [drawn(made, size), drawn(wanted, size)];
      sums.made += count(own);
      sums.wanted += count(other);
      sums.madeRight += matched(own, other, width, height);
      sums.wantedRight += matched(other, own, width, height);
      frames += 1;
    },
    get frames() {
      return frames;
    },
    f1() {
      const { made, wanted, madeRight, wantedRight } = sums;
      if (made === 0 && wanted === 0) return null;
      if (madeRight === 0 || wantedRight === 0) return 0;
      const [precision, recall] = [madeRight / made, wantedRight / wanted];
      return (2 * precision * recall) / (precision + recall);
    },
    psnr: () => (frames === 0 ? null : sums.psnr / frames),
    isDrawing: () => sums.wanted > 0 && sums.wanted < (frames * width * height) / 2,
  };
}
