import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { rationalToNumber } from '../../base/rational.js';
import { conditionToRgb } from '../../clips/class-colours.js';
import type { Dataset } from '../../clips/index.js';
import type { EncodeOptions, EncodeResult, Frame } from '../../video/index.js';
import { writeFrames } from '../../video/write-frames.js';
import { composeRow } from '../video/side-by-side.js';

/** What is seen of one scored frame. */
export interface ScoredFrame {
  /** As the layout holds it; null of a pipeline without conditions. */
  readonly condition: Uint8Array | null;
  /** rgb24. */
  readonly generated: Uint8Array;
  /** rgb24. */
  readonly real: Uint8Array;
}

/** A video of condition | generated | real, a frame a scored frame, all rollouts one after the other. */
export interface RolloutVideo {
  /** Resolves when there is room for more. @throws what writing fails with */
  add(frame: ScoredFrame): Promise<void>;
  /** @returns once the file is in its place */
  finish(): Promise<EncodeResult>;
  /** Ends it without a file, where it is not finished. Never rejects. */
  close(): Promise<void>;
}

/**
 * Begins a video of an evaluation, at the rate of the data.
 * @param path the extension chooses the format
 */
export function openRolloutVideo(
  path: string,
  dataset: Pick<Dataset, 'width' | 'height' | 'fps' | 'layout'>,
  options: Pick<EncodeOptions, 'overwrite' | 'signal' | 'log'> = {},
): RolloutVideo {
  const { width, height, fps, layout } = dataset;
  const pictures = layout.content === 'none' ? 2 : 3;
  const shape = { width: pictures * width, height, pixelFormat: 'rgb24' } as const;
  const frames = new PassThrough({ objectMode: true, highWaterMark: 2 });
  // What it is left with is what writing failed with.
  frames.on('error', () => undefined);
  const written = writeFrames(frames as AsyncIterable<Frame>, path, {
    ...{ fps, expects: shape, ...options },
  });
  written.catch(() => undefined);
  let index = 0;
  return {
    async add({ condition, generated, real }) {
      const row = [...(condition ? [conditionToRgb(condition, layout)] : []), generated, real];
      const timeSeconds = index / rationalToNumber(fps);
      const data = composeRow(row, { width, height });
      const frame: Frame = { index, timeSeconds, ...shape, data };
      index += 1;
      if (frames.write(frame)) return;
      const stop = new AbortController();
      const drained = once(frames, 'drain', { signal: stop.signal });
      drained.catch(() => undefined);
      // Nothing is taken any more where writing has failed.
      await Promise.race([drained, written]).finally(() => stop.abort());
    },
    finish() {
      frames.end();
      return written;
    },
    async close() {
      frames.destroy();
      await written.catch(() => undefined);
    },
  };
}
