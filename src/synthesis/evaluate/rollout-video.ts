import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { rationalToNumber, type Rational } from '../../base/rational.js';
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

/** A video whose frames are pictures laid beside each other. */
interface PictureVideo<Pictures> {
  add(pictures: Pictures): Promise<void>;
  /** @returns once the file is in its place */
  finish(): Promise<EncodeResult>;
  /** Ends it without a file, where it is not finished. Never rejects. */
  close(): Promise<void>;
}

/** A video of condition | generated | real, a frame a scored frame, all rollouts one after the other. */
export type RolloutVideo = PictureVideo<ScoredFrame>;

/** More pictures than that are in several rows. */
const MOST_IN_A_ROW = 4;
/** Grey of a place without a picture. */
const EMPTY = 32;

/** How many of so many pictures stand in a row, the rows as even as can be. */
export const picturesInARow = (count: number): number =>
  Math.ceil(count / Math.ceil(count / MOST_IN_A_ROW));

/**
 * Begins a video of so many pictures a frame.
 * @param path the extension chooses the format
 */
export function openPictureVideo(
  path: string,
  { count, width, height, fps }: { count: number; width: number; height: number; fps: Rational },
  options: Pick<EncodeOptions, 'overwrite' | 'signal' | 'log'> = {},
): PictureVideo<readonly Uint8Array[]> {
  const columns = picturesInARow(count);
  const rows = Math.ceil(count / columns);
  const shape = { width: columns * width, height: rows * height, pixelFormat: 'rgb24' } as const;
  const frames = new PassThrough({ objectMode: true, highWaterMark: 2 });
  // What it is left with is what writing failed with.
  frames.on('error', () => undefined);
  const written = writeFrames(frames as AsyncIterable<Frame>, path, {
    ...{ fps, expects: shape, ...options },
  });
  written.catch(() => undefined);
  let index = 0;
  return {
    async add(pictures) {
      const data = new Uint8Array(3 * shape.width * shape.height).fill(EMPTY);
      for (let row = 0; row < rows; row += 1) {
        const own = pictures.slice(row * columns, (row + 1) * columns);
        while (own.length < columns) own.push(new Uint8Array(3 * width * height).fill(EMPTY));
        data.set(composeRow(own, { width, height }), row * 3 * shape.width * height);
      }
      const timeSeconds = index / rationalToNumber(fps);
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
  const count = layout.content === 'none' ? 2 : 3;
  const video = openPictureVideo(path, { count, width, height, fps }, options);
  return {
    ...video,
    add: ({ condition, generated, real }) =>
      video.add([...(condition ? [conditionToRgb(condition, layout)] : []), generated, real]),
  };
}
