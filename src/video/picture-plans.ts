import { FrameloomError } from '../base/error.js';
import { SCALE_FLAGS } from './filters.js';
import type { EncodeSource, OutputPlan } from './plan-types.js';
import type { EncodeOptions } from './types.js';

interface PictureTarget {
  readonly numbered: boolean;
  readonly toPipe: boolean;
}

/** @throws FrameloomError bad-option */
function qualityOf({ quality }: EncodeOptions, usual: number): number {
  const asked = quality ?? usual;
  if (Number.isInteger(asked) && asked >= 1 && asked <= 100) return asked;
  throw new FrameloomError('bad-option', `quality is ${asked}, not a whole number from 1 to 100`);
}

const container = ({ numbered, toPipe }: PictureTarget): string[] => [
  ...['-f', numbered ? 'image2' : 'image2pipe'],
  ...(toPipe ? ['-threads:v', '1', '-flush_packets', '1'] : []),
];

/** JPEG is read as full-range BT.601, whatever its size. */
export function jpgPlan(
  { width, height }: EncodeSource,
  options: EncodeOptions,
  target: PictureTarget,
): OutputPlan {
  const pixelFormat = options.outputPixelFormat ?? 'yuvj444p';
  // ffmpeg's scale: 1 is the best, 31 the worst.
  const scale = Math.round(1 + ((100 - qualityOf(options, 95)) * 30) / 99);
  return {
    filter: `scale=out_color_matrix=bt601:out_range=pc:flags=${SCALE_FLAGS},format=${pixelFormat}`,
    options: [
      ...['-c:v', 'mjpeg', '-qmin', '1', '-q:v', String(scale), '-strict', 'unofficial'],
      ...[...container(target), '-pix_fmt', pixelFormat],
    ],
    width,
    height,
  };
}

/** WebP: of quality 100 without loss. */
export function webpPlan(
  { width, height }: EncodeSource,
  options: EncodeOptions,
  target: PictureTarget,
): OutputPlan {
  const quality = qualityOf(options, 90);
  const pixelFormat = options.outputPixelFormat ?? 'bgra';
  return {
    filter: `format=${pixelFormat}`,
    options: [
      ...['-c:v', 'libwebp', ...(quality === 100 ? ['-lossless', '1'] : [])],
      ...['-quality', String(quality), ...container(target), '-pix_fmt', pixelFormat],
    ],
    width,
    height,
  };
}
