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
