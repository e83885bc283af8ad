import type { ConditionLayout } from '../../clips/types.js';

/** What a page draws: a condition, and where it covers what plays beneath. */
export interface Drawn {
  readonly pixels: Uint8Array;
  /** One byte a pixel, 0 where what plays beneath shows; null where all is covered. */
  readonly mask: Uint8Array | null;
}

/** What is drawn over what plays beneath; the first of them where the other is missing. */
export function compose(
  base: Uint8Array,
  drawn: Drawn | null,
  { bytesPerPixel }: Pick<ConditionLayout, 'bytesPerPixel'>,
): Uint8Array {
  if (!drawn) return base;
  const { pixels, mask } = drawn;
  if (!mask) return pixels;
  const composed = base.slice();
  for (let at = 0; at < mask.length; at += 1) {
    if (mask[at] === 0) continue;
    for (let i = at * bytesPerPixel; i < (at + 1) * bytesPerPixel; i += 1) {
      composed[i] = pixels[i]!;
    }
  }
  return composed;
}

/** An overlay's condition, and behind it its mask, as copies: a message is its transport's. */
export function drawnFrom(overlay: Uint8Array, pixelCount: number): Drawn {
  const conditionBytes = overlay.length - pixelCount;
  return { pixels: overlay.slice(0, conditionBytes), mask: overlay.slice(conditionBytes) };
}
