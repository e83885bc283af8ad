import { encode } from 'fast-png';
import { writeFileAtomic } from '../../base/outputs.js';
import { FrameloomError } from '../../base/error.js';

/** A picture of rgb24 bytes: HWC, 0–255. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

const GAP_PIXELS = 2;
/** Grey of what is no picture. */
export const BACKGROUND = 32;

export interface StripOptions {
  /** Between pictures; 2 unless given. */
  gapPixels?: number;
  /** Grey level of gaps and of the rest of a cell whose picture is smaller, 0–255; 32. */
  background?: number;
}

/**
 * Lays pictures out in rows, one row a moment (condition | generated | real, say). Columns are as
 * wide as their widest picture, rows as high as their highest; pictures are never scaled.
 * @throws FrameloomError bad-shape when there is no picture or one's bytes do not fit its size
 */
export function composeStrip(
  rows: readonly (readonly RgbImage[])[],
  options: StripOptions = {},
): RgbImage {
  const { gapPixels = GAP_PIXELS, background = BACKGROUND } = options;
  for (const image of rows.flat()) {
    if (image.data.length !== image.width * image.height * 3) {
      throw new FrameloomError(
        'bad-shape',
        `a picture of ${image.width}×${image.height} has ${image.data.length} bytes, not 3 a pixel`,
      );
    }
  }
  const columnCount = Math.max(0, ...rows.map((row) => row.length));
  if (columnCount === 0) throw new FrameloomError('bad-shape', 'a strip needs pictures');
  const columnWidths = Array.from({ length: columnCount }, (_, column) =>
    Math.max(0, ...rows.map((row) => row[column]?.width ?? 0)),
  );
  const rowHeights = rows.map((row) => Math.max(0, ...row.map((image) => image.height)));
  const total = (sizes: number[]): number =>
    sizes.reduce((sum, size) => sum + size, 0) + gapPixels * (sizes.length - 1);
  const width = total(columnWidths);
  const height = total(rowHeights);
  const data = new Uint8Array(width * height * 3).fill(background);
  let top = 0;
  rows.forEach((row, r) => {
    let left = 0;
    row.forEach((image, c) => {
      for (let y = 0; y < image.height; y += 1) {
        const line = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3);
        data.set(line, ((top + y) * width + left) * 3);
      }
      left += (columnWidths[c] ?? 0) + gapPixels;
    });
    top += (rowHeights[r] ?? 0) + gapPixels;
  });
  return { width, height, data };
}

/**
 * Takes a strip whose pictures are all of one size apart again.
 * @throws FrameloomError bad-shape when it is no whole number of them
 */
export function splitStrip(
  strip: RgbImage,
  { width, height }: { width: number; height: number },
  { gapPixels = GAP_PIXELS }: Pick<StripOptions, 'gapPixels'> = {},
): RgbImage[][] {
  const columns = (strip.width + gapPixels) / (width + gapPixels);
  const rows = (strip.height + gapPixels) / (height + gapPixels);
  if (!Number.isInteger(columns) || !Number.isInteger(rows)) {
    throw new FrameloomError(
      'bad-shape',
      `a strip of ${strip.width}×${strip.height} is not made of pictures of ${width}×${height}`,
    );
  }
  return Array.from({ length: rows }, (_row, r) =>
    Array.from({ length: columns }, (_column, c) => {
      const [left, top] = [c * (width + gapPixels), r * (height + gapPixels)];
      const data = new Uint8Array(width * height * 3);
      for (let y = 0; y < height; y += 1) {
        const from = ((top + y) * strip.width + left) * 3;
        data.set(strip.data.subarray(from, from + width * 3), y * width * 3);
      }
      return { width, height, data };
    }),
  );
}

/** A picture as the bytes of a PNG file. */
export function encodePng(image: RgbImage): Uint8Array {
  return encode({ width: image.width, height: image.height, data: image.data, channels: 3 });
}

/**
 * Writes a strip ({@link composeStrip}) as a PNG file, whole or not at all.
 * @throws FrameloomError bad-shape, disk-full, write-failed
 */
export async function writeStrip(
  path: string,
  rows: readonly (readonly RgbImage[])[],
  options: StripOptions = {},
): Promise<void> {
  await writeFileAtomic(path, encodePng(composeStrip(rows, options)));
}
