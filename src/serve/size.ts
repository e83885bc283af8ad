import { FrameloomError } from '../base/error.js';
import type { Size } from '../play/live/services.js';
import { MOST_PICTURE_PIXELS } from '../play/live/packets.js';

/** @throws FrameloomError bad-option for a size that no generator makes, or that is too large for a page */
export function assertSize({ width, height }: Size): Size {
  const bad = (side: number): boolean => !Number.isSafeInteger(side) || side < 4 || side % 4 !== 0;
  if (!bad(width) && !bad(height) && width * height <= MOST_PICTURE_PIXELS) {
    return { width, height };
  }
  throw new FrameloomError('bad-option', `a frame cannot be ${width}x${height} here`, {
    hint: `both sides are multiples of 4, and ${MOST_PICTURE_PIXELS} pixels are the most`,
  });
}
