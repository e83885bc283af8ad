import { encode } from 'fast-png';
import { writeFileAtomic, type PlaceOptions } from '../../base/outputs.js';
import { FrameloomError } from '../../base/error.js';
import type { Frame } from '../../video/index.js';

/** Pictures in columns and rows. */
export interface SheetShape {
  readonly columns: number;
  readonly rows: number;
}

/**
 * Frames beside each other, row by row from the top left, without gaps: cell k is at column
 * k mod columns, row k div columns. Cells that are left over are transparent.
 * @param frames rgb24, all of one size, at most columns × rows of them
 * @returns rgba, HWC
 * @throws FrameloomError bad-option when they are more than the sheet holds, or none
 */
export function composeSheet(
  frames: readonly Frame[],
  { columns, rows }: SheetShape,
): { width: number; height: number; data: Uint8Array } {
  const [first] = frames;
  if (!first || frames.length > columns * rows) {
    throw new FrameloomError(
      'bad-option',
      `a sheet of ${columns}x${rows} cannot hold ${frames.length} frames`,
      { hint: `it holds 1 to ${columns * rows}` },
    );
  }
  const [width, height] = [columns * first.width, rows * first.height];
  const data = new Uint8Array(width * height * 4);
  frames.forEach((frame, k) => {
    const left = (k % columns) * first.width;
    const top = Math.floor(k / columns) * first.height;
    for (let y = 0; y < first.height; y += 1) {
      for (let x = 0; x < first.width; x += 1) {
        const from = (y * first.width + x) * 3;
        const to = ((top + y) * width + left + x) * 4;
        data[to] = frame.data[from]!;
        data[to + 1] = frame.data[from + 1]!;
        data[to + 2] = frame.data[from + 2]!;
        data[to + 3] = 255;
      }
    }
  });
  return { width, height, data };
}

/**
 * Writes a sprite sheet as a PNG file, whole or not at all.
 * @throws FrameloomError bad-option, exists, disk-full, write-failed
 */
export async function writeSheet(
  path: string,
  frames: readonly Frame[],
  shape: SheetShape,
  options: PlaceOptions = {},
): Promise<{ width: number; height: number }> {
  const { width, height, data } = composeSheet(frames, shape);
  await writeFileAtomic(path, encode({ width, height, data, channels: 4 }), {
    overwrite: false,
    ...options,
  });
  return { width, height };
}
