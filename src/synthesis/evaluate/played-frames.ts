import { shrinkFrames } from '../../clips/shrink.js';
import type { Dataset } from '../../clips/index.js';
import { FrameloomError } from '../../base/error.js';
import { unlessAborted } from './abortable.js';
import { trainingStretches } from './baselines.js';
import type { PlayedFrames, PlayedKind } from './inverse-dynamics.js';

/** Frames are looked at no larger: what a key does is seen in small ones too. */
const MOST_PIXELS = 128 * 96;
/** Of all real frames that are held at the most. */
const MOST_BYTES = 2 ** 26;

/** How frames are made smaller to be looked at. */
export interface Smaller extends PlayedKind {
  /** @param rgb a frame of the data's size */
  readonly shrink: (rgb: Uint8Array) => Uint8Array;
}

/** The pixels of a frame from its top left corner on. */
function cut(rgb: Uint8Array, from: number, { width, height }: PlayedKind): Uint8Array {
  const part = new Uint8Array(3 * width * height);
  for (let row = 0; row < height; row += 1) {
    part.set(rgb.subarray(3 * row * from, 3 * (row * from + width)), 3 * row * width);
  }
  return part;
}

/**
 * How small the frames of data are looked at: divided by a whole number, and with even sides, for which a column and a
 * row at the edge may be left out.
 */
export function smallerOf({ width, height, layout }: Dataset): Smaller {
  const divideBy = Math.ceil(Math.sqrt((width * height) / MOST_PIXELS));
  const even = (side: number): number => 2 * Math.floor(side / divideBy / 2);
  const small = { width: even(width), height: even(height), columns: layout.actions ?? [] };
  const whole = { ...small, width: small.width * divideBy, height: small.height * divideBy };
  const isWhole = whole.width === width && whole.height === height;
  return {
    ...small,
    shrink: (rgb) => {
      const data = isWhole ? rgb : cut(rgb, width, whole);
      const size = { width: whole.width, height: whole.height, channels: 3 };
      return shrinkFrames({ data, ...size }, divideBy, 'area');
    },
  };
}

/**
 * Real frames to train on with what was done in them: stretches that are spread over all clips.
 * @throws FrameloomError cancelled; as readFrames
 */
export async function readPlayed(
  dataset: Dataset,
  smaller: Smaller,
  signal: AbortSignal | undefined,
): Promise<PlayedFrames[]> {
  const bytes = 3 * smaller.width * smaller.height;
  const parts: PlayedFrames[] = [];
  for (const { clip, start, count } of trainingStretches(
    dataset.report.clips,
    Math.floor(MOST_BYTES / bytes),
  )) {
    const range = await unlessAborted(dataset.readFrames(clip, start, count), signal);
    if (!range.actions) throw new FrameloomError('bad-data', 'the data says of no actions');
    const frames = new Uint8Array(count * bytes);
    const own = 3 * range.width * range.height;
    for (let i = 0; i < count; i += 1) {
      frames.set(smaller.shrink(range.frames.subarray(i * own, (i + 1) * own)), i * bytes);
    }
    parts.push({ count, frames, actions: range.actions });
  }
  return parts;
}
