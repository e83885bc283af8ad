import { lastValueFrom, range, map } from 'rxjs';
import { encodeFrames } from '../../src/video/index.js';
import { dataOptions, openDataset, type DataInput } from '../../src/clips/index.js';
import type { Dataset, DatasetContext } from '../../src/clips/index.js';
import { scratchFolder, scratchPath } from '../video/make-clip.js';

export interface Made {
  width?: number;
  height?: number;
  frames?: number;
  fps?: number;
  name?: string;
  /** [red, green, blue] of a pixel. */
  colour: (frame: number, x: number, y: number) => readonly [number, number, number];
}

/** Writes a lossless clip (FFV1) whose every pixel is known. */
export async function makeExact(made: Made): Promise<string> {
  const { width = 32, height = 24, frames = 40, fps = 20, name = 'exact.mkv', colour } = made;
  const path = scratchPath(name);
  const picture = (index: number): Uint8Array => {
    const data = new Uint8Array(width * height * 3);
    for (let i = 0; i < width * height; i += 1) {
      data.set(colour(index, i % width, Math.floor(i / width)), 3 * i);
    }
    return data;
  };
  await lastValueFrom(
    range(0, frames).pipe(
      map((index) => ({
        index,
        timeSeconds: index / fps,
        width,
        height,
        pixelFormat: 'rgb24' as const,
        data: picture(index),
      })),
      encodeFrames(path, { fps }),
    ),
  );
  return path;
}

/** A clip whose red is the frame's number and whose green grows to the right. */
export const counting = (made: Partial<Made> = {}): Promise<string> =>
  makeExact({ colour: (frame, x) => [frame, 3 * x, 40], ...made });

/** Opens clips at 32×24 without changes of any kind, unless `data` says so. */
export async function open(
  data: DataInput,
  context: Partial<DatasetContext> = {},
): Promise<Dataset> {
  return openDataset(dataOptions.parse({ size: '32x24', condition: 'none', ...data }), {
    seed: 1,
    baseFolder: scratchFolder(),
    historyFrames: 2,
    conditionFrames: 3,
    ...context,
  });
}
