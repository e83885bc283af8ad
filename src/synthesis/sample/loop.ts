import { FrameloomError } from '../../base/error.js';

/** Longest closing of a loop that is chosen by itself. */
const USUAL_LOOP_FRAMES = 24;

/**
 * How many frames close a loop of `frames`: as asked, else a quarter of them and 24 at most.
 * @throws FrameloomError bad-option unless it is at least 1 and at most half of them
 */
export function loopFrames(frames: number, asked?: number): number {
  const closing = asked ?? Math.max(1, Math.min(USUAL_LOOP_FRAMES, Math.round(frames / 4)));
  const most = Math.floor(frames / 2);
  if (!Number.isSafeInteger(closing) || closing < 1 || closing > most) {
    throw new FrameloomError(
      'bad-option',
      `${frames} frames cannot be closed to a loop over ${closing}`,
      { hint: most < 1 ? 'a loop needs at least 2 frames' : `close it over 1 to ${most} frames` },
    );
  }
  return closing;
}

/**
 * The share of the frame led to in closing frame `k` of `count`. What is left of the way is divided
 * by the steps that are left, so that a scene that only stands somewhere else arrives in equal steps.
 */
export const closingShare = (k: number, count: number): number => 1 / (count - k + 1);

/**
 * (1 − share)·from + share·to, rounded.
 * @param from bytes
 * @param to as many
 */
export function blend(from: Uint8Array, to: Uint8Array, share: number): Uint8Array {
  const blended = new Uint8Array(from.length);
  for (let i = 0; i < from.length; i += 1) {
    blended[i] = Math.floor(from[i]! + share * (to[i]! - from[i]!) + 0.5);
  }
  return blended;
}
