import { isRgbLike } from './pixel-format.js';
import type { ColourMatrix, VideoInfo } from './types.js';

/**
 * The matrix that players assume of untagged video: BT.709 from HD sizes on, BT.601 below. ffmpeg
 * itself always assumes BT.601, which shifts the colours of untagged HD.
 */
export const assumedMatrix = (width: number, height: number): ColourMatrix =>
  width >= 1280 || height > 576 ? 'bt709' : 'bt601';

const MATRICES: Readonly<Record<string, string>> = {
  bt709: 'bt709',
  smpte170m: 'bt601',
  bt470bg: 'bt601',
  smpte240m: 'smpte240m',
  fcc: 'fcc',
  bt2020nc: 'bt2020',
  bt2020c: 'bt2020',
  bt2020ncl: 'bt2020',
  bt2020cl: 'bt2020',
};

export interface SourceColour {
  /** The scale filter's name of the matrix. */
  readonly matrix: string;
  /** The scale filter's name of the range. */
  readonly range: 'tv' | 'pc';
}

/**
 * How luma and chroma of a source become RGB; undefined when it holds RGB or grey already.
 * Untagged range is limited, as of nearly all video.
 */
export function sourceColour(
  info: VideoInfo,
  overrule: { matrix?: ColourMatrix | undefined; range?: 'limited' | 'full' | undefined } = {},
): SourceColour | undefined {
  if (isRgbLike(info.pixelFormat)) return undefined;
  const tagged = info.colour.space === null ? undefined : MATRICES[info.colour.space];
  return {
    matrix: overrule.matrix ?? tagged ?? assumedMatrix(info.width, info.height),
    range: (overrule.range ?? info.colour.range) === 'full' ? 'pc' : 'tv',
  };
}

/** Transfers of high dynamic range, whose values are not what a screen without it shows. */
export const isHighDynamicRange = (info: VideoInfo): boolean =>
  info.colour.transfer === 'smpte2084' || info.colour.transfer === 'arib-std-b67';

/** Codecs of video, whose untagged brightness is of limited range; of pictures and raw ones it is full. */
const LIMITED_CODECS = /^(h26[1345]|hevc|vp[89]|av1|mpeg[124]video|mpeg4|vc1|theora|prores|dnxhd)$/;

/**
 * Grey from 16 to 235 (of 8 bit), as infrared and security cameras send it.
 * @param range overrules what the source is tagged with
 */
export function isLimitedGrey(
  { pixelFormat, colour, codec }: VideoInfo,
  range: 'limited' | 'full' | undefined,
): boolean {
  if (!/^gray(9|10|12|14|16)?(le|be)?$/.test(pixelFormat)) return false;
  const told = range ?? colour.range;
  return told === null ? LIMITED_CODECS.test(codec) : told === 'limited';
}

/**
 * The filter that stretches it: ffmpeg's scaler takes all grey for full range. Deeper grey comes as
 * 16 bit, its own largest value as 65535.
 */
export function stretchGrey(bitDepth: number): string {
  const own = 2 ** bitDepth - 1;
  const most = bitDepth > 8 ? 65_535 : 255;
  const [black, white] = [16, 235].map((level) => (level * 2 ** (bitDepth - 8) * most) / own);
  const value = `(val-${black!.toFixed(3)})*${most}/${(white! - black!).toFixed(3)}+0.5`;
  return `lut=c0='clip(${value},0,${most})'`;
}
