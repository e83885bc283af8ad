import type { Dataset, FrameRange, HeldOutSegment } from '../../clips/index.js';
import { unlessAborted } from './abortable.js';

/** Frames read at once: bounds memory whatever the length of a segment. */
const BLOCK_FRAMES = 32;

/** The rgb24 bytes of the i-th frame of a range. */
export const frameOf = (range: FrameRange, i: number): Uint8Array => {
  const bytes = range.width * range.height * 3;
  return range.frames.subarray(i * bytes, (i + 1) * bytes);
};

/** The bytes of the i-th frame's condition. */
export const conditionOf = (range: FrameRange, i: number): Uint8Array | null => {
  if (!range.condition) return null;
  const bytes = range.width * range.height * range.layout.bytesPerPixel;
  return range.condition.subarray(i * bytes, (i + 1) * bytes);
};

/** What was done in the i-th frame, in the order of the columns; undefined where the generator is told nothing. */
export const actionsOf = (
  { actions, frameCount }: FrameRange,
  i: number,
): Float32Array | undefined => {
  if (!actions) return undefined;
  const columns = actions.length / frameCount;
  return actions.subarray(i * columns, (i + 1) * columns);
};

/**
 * The real frames that a rollout over a segment goes on from. Where a generator sees more of the condition
 * than of its own past, that begins before the segment, as far as its scene does: else the first frames
 * would see conditions that repeat, which no training window does.
 */
export function startOf(
  { leadFrames }: Pick<Dataset, 'leadFrames'>,
  { startFrame, frameCount, scoredFrames, precedingFrames }: HeldOutSegment,
): { startFrame: number; count: number } {
  const own = frameCount - scoredFrames;
  const more = Math.min(precedingFrames, Math.max(0, leadFrames - own));
  return { startFrame: startFrame - more, count: own + more };
}

/** One frame of a clip with its condition. */
export interface ReadFrame {
  readonly frame: Uint8Array;
  readonly condition: Uint8Array | null;
  /** Left out where the generator is told nothing. */
  readonly actions: Float32Array | undefined;
  readonly number: number;
}

/** Frames in a row, read block by block. @throws FrameloomError cancelled; as readFrames */
export async function* framesOf(
  dataset: Dataset,
  clip: number,
  part: { readonly start: number; readonly count: number },
  signal: AbortSignal | undefined,
): AsyncGenerator<ReadFrame> {
  const { start, count } = part;
  for (let done = 0; done < count; done += BLOCK_FRAMES) {
    const length = Math.min(BLOCK_FRAMES, count - done);
    const range = await unlessAborted(dataset.readFrames(clip, start + done, length), signal);
    for (let i = 0; i < length; i += 1) {
      yield {
        frame: frameOf(range, i),
        condition: conditionOf(range, i),
        actions: actionsOf(range, i),
        number: start + done + i,
      };
    }
  }
}
