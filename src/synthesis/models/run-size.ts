import { FrameloomError } from '../../base/error.js';
import { MOST_PIXELS } from '../../export/metadata-fields.js';
import type { ExportedInfo } from '../../export/metadata.js';

/** Pixels, multiples of 4; the size that the generator was trained at unless given. */
export interface SizeChoice {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/**
 * The size that an exported generator is run in.
 * @param path names the file in errors
 * @throws FrameloomError bad-input for one that it cannot be run in
 */
export function runSize(
  info: Pick<ExportedInfo, 'width' | 'height' | 'fixed'>,
  choice: SizeChoice,
  path: string,
): { readonly width: number; readonly height: number } {
  const { fixed } = info;
  const usual = fixed ?? info;
  const { width = usual.width, height = usual.height } = choice;
  const bad = (side: number): boolean => !Number.isSafeInteger(side) || side % 4 !== 0 || side < 4;
  if (bad(width) || bad(height) || width * height > MOST_PIXELS) {
    throw new FrameloomError('bad-input', `a frame cannot be ${width}x${height}`, {
      hint: 'both sides are multiples of 4, and 8192x4096 is the most',
    });
  }
  // A file whose shapes are numbers takes no others.
  if (fixed && (width !== fixed.width || height !== fixed.height)) {
    throw new FrameloomError(
      'bad-input',
      `${path} is for ${fixed.width}x${fixed.height} alone, not ${width}x${height}`,
      { path, hint: 'export the run again without a size, or with this one' },
    );
  }
  return { width, height };
}
