import { FrameloomError } from '../../base/error.js';
import { MOST_PICTURE_PIXELS } from './packets.js';
import type { Size } from './services.js';

export const sameSize = (a: Size, b: Size): boolean => a.width === b.width && a.height === b.height;

/**
 * No condition of a larger size could be sent, and a frame of it takes minutes and all memory.
 * @throws FrameloomError bad-option; bad-call while it is recorded
 */
export function assertPlayable({ width, height }: Size, isRecorded: boolean): void {
  if (isRecorded) throw recordedSize();
  if (width * height <= MOST_PICTURE_PIXELS) return;
  throw new FrameloomError('bad-option', `frames of ${width}x${height} are too large to play`, {
    hint: `${MOST_PICTURE_PIXELS} pixels are the most`,
  });
}

export const recordedSize = (): FrameloomError =>
  new FrameloomError('bad-call', 'a recording has one size', { hint: 'end it first' });
