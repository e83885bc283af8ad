import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { FrameloomError } from '../../../base/error.js';
import { BACKGROUND, splitStrip, writeStrip, type RgbImage } from '../../../training/run/strip.js';
import type { SweepResult } from './results.js';

/** What `evaluate` leaves in a run: condition | generated | real, a row for each moment. */
export const EVALUATION = 'evaluation.png';

async function readStrip(path: string, size: Size): Promise<RgbImage[][]> {
  const { width, height, data, channels } = decode(await readFile(path));
  if (channels !== 3 || !(data instanceof Uint8Array)) {
    throw new FrameloomError('bad-data', `${path} is not a picture of 8-bit RGB`, { path });
  }
  return splitStrip({ width, height, data }, size);
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * One picture of a sweep: the real frames of a few moments in the first row, and below them what each
 * setting, with its first seed, made of the same moments. A setting that left no picture has an empty row.
 * @param sizeOf the size of the frames that a training made
 * @returns false where there is nothing to show: nothing was held out, or nothing trained
 */
export async function writeSweepPicture(
  path: string,
  results: readonly SweepResult[],
  sizeOf: (result: SweepResult) => Promise<Size>,
): Promise<boolean> {
  const names = [...new Set(results.map(({ name }) => name))];
  let real: readonly RgbImage[] | undefined;
  const rows: RgbImage[][] = [];
  for (const name of names) {
    const shown = results.find(
      (result) => result.name === name && existsSync(join(result.folder, EVALUATION)),
    );
    if (shown === undefined) {
      rows.push([]);
      continue;
    }
    const moments = await readStrip(join(shown.folder, EVALUATION), await sizeOf(shown));
    real ??= moments.map((row) => row.at(-1)!);
    rows.push(moments.map((row) => row.at(-2)!));
  }
  if (real === undefined) return false;
  const [first] = real;
  const blank = first && {
    width: first.width,
    height: first.height,
    data: new Uint8Array(first.data.length).fill(BACKGROUND),
  };
  const filled = rows.map((row) => (row.length === 0 && blank ? [blank] : row));
  await writeStrip(path, [real, ...filled]);
  return true;
}
