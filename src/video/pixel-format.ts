import { FrameloomError } from '../base/error.js';

/** What one pixel of a format holds. */
export interface PixelLayout {
  readonly channels: 1 | 3 | 4;
  readonly bytesPerChannel: 1 | 2;
}

/**
 * The layouts in which frames travel: packed, row by row, full range (0 is black, the largest value
 * white), channels interleaved. Names are ffmpeg's; the 16-bit ones are big-endian.
 */
export const PIXEL_LAYOUTS = {
  rgb24: { channels: 3, bytesPerChannel: 1 },
  rgba: { channels: 4, bytesPerChannel: 1 },
  gray: { channels: 1, bytesPerChannel: 1 },
  rgb48be: { channels: 3, bytesPerChannel: 2 },
  rgba64be: { channels: 4, bytesPerChannel: 2 },
  gray16be: { channels: 1, bytesPerChannel: 2 },
} as const satisfies Record<string, PixelLayout>;

export type PixelFormat = keyof typeof PIXEL_LAYOUTS;

export const PIXEL_FORMATS = Object.keys(PIXEL_LAYOUTS) as PixelFormat[];

export const isPixelFormat = (name: string): name is PixelFormat =>
  Object.hasOwn(PIXEL_LAYOUTS, name);

/** Bytes of one pixel. */
export function bytesPerPixel(format: PixelFormat): number {
  const layout = PIXEL_LAYOUTS[format];
  return layout.channels * layout.bytesPerChannel;
}

/** Bytes of one frame of that size. */
export const frameBytes = (width: number, height: number, format: PixelFormat): number =>
  width * height * bytesPerPixel(format);

/**
 * The number of channels of a format.
 * @throws FrameloomError bad-option when the name is not one of PIXEL_FORMATS.
 */
export function channelsOf(format: string): 1 | 3 | 4 {
  if (!isPixelFormat(format)) {
    throw new FrameloomError('bad-option', `"${format}" is not a pixel format of frames`, {
      hint: `one of ${PIXEL_FORMATS.join(', ')}`,
    });
  }
  return PIXEL_LAYOUTS[format].channels;
}

/** ffmpeg's pixel formats that carry transparency. */
export const hasAlphaChannel = (name: string): boolean =>
  /^(rgba|bgra|argb|abgr|rgba64|bgra64|yuva|gbrap|ya8|ya16|pal8|ayuv|vuya|rgbaf|y[ab]f)/.test(name);

/** Formats that are not luma and chroma: no colour matrix applies to them. */
export const isRgbLike = (name: string): boolean =>
  /^(rgb|bgr|argb|abgr|0rgb|0bgr|gbr|pal8|gray|mono|ya8|ya16|x2rgb|x2bgr|bayer|xyz)/.test(name);

/** Bits of one channel, from ffmpeg's name. */
export function bitDepthOf(name: string): number {
  const planar = /(?:p|gray|gbrap?|yuvj?a?4\d\dp)(9|10|12|14|16)(?:le|be)?$/.exec(name);
  if (planar) return Number(planar[1]);
  if (/^p0(10|12|16)/.test(name)) return Number(/^p0(1\d)/.exec(name)?.[1]);
  if (/(48|64)(le|be)$/.test(name)) return 16;
  if (/^x2(rgb|bgr)10/.test(name)) return 10;
  return 8;
}
