import { FrameloomError } from '../base/error.js';
import type { SourceColour } from './colour.js';
import { type Orientation, orientationFilters } from './orientation.js';
import type { PixelFormat } from './pixel-format.js';
import type { SizeOptions } from './types.js';

/** swscale's exact rounding, and chroma at full resolution on the RGB side. */
export const SCALE_FLAGS = 'bicubic+accurate_rnd+full_chroma_int';

function pixels(value: number | undefined, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isSafeInteger(value) || value < 1 || value > 32_768) {
    throw new FrameloomError('bad-option', `${name} is ${value}, not a size in pixels`);
  }
  return value;
}

export interface FittedSize {
  /** The scale filter's width and height, as expressions in `iw`, `ih`, `sar` and `dar`. */
  readonly scale: string;
  /** Filters after it. */
  readonly after: readonly string[];
}

/**
 * How a picture of any size and sample aspect becomes one of square pixels. Expressions, since a
 * filtergraph of the user's may have changed the size before.
 * @throws FrameloomError bad-option
 */
export function fitSize(size: SizeOptions = {}): FittedSize {
  const width = pixels(size.width, 'size.width');
  const height = pixels(size.height, 'size.height');
  const multiple = pixels(size.multipleOf, 'size.multipleOf') ?? 1;
  const fit = size.fit ?? 'stretch';
  const free = (value: string): string =>
    multiple === 1
      ? `max(1,round(${value}))`
      : `max(${multiple},round((${value})/${multiple})*${multiple})`;
  const scaled = (w: string, h: string): string => `w='${w}':h='${h}'`;
  if (width === undefined && height === undefined) {
    return {
      scale:
        multiple === 1 ? scaled('max(1,round(iw*sar))', 'ih') : scaled(free('iw*sar'), free('ih')),
      after: [],
    };
  }
  if (width === undefined)
    return { scale: scaled(free(`${height ?? 1}*dar`), String(height)), after: [] };
  if (height === undefined)
    return { scale: scaled(String(width), free(`${width}/dar`)), after: [] };
  switch (fit) {
    case 'stretch':
      return { scale: scaled(String(width), String(height)), after: [] };
    case 'pad':
      return {
        scale: scaled(
          `min(${width},max(1,round(${height}*dar)))`,
          `min(${height},max(1,round(${width}/dar)))`,
        ),
        after: [`pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2`],
      };
    case 'crop':
      return {
        scale: scaled(`max(${width},round(${height}*dar))`, `max(${height},round(${width}/dar))`),
        after: [`crop=${width}:${height}`],
      };
    case 'keep-aspect': {
      // Down to the multiple, so that the result stays inside the box.
      const down = (value: string): string =>
        `max(${multiple},floor((${value})/${multiple}+0.001)*${multiple})`;
      return {
        scale: scaled(
          down(`min(${width},round(${height}*dar))`),
          down(`min(${height},round(${width}/dar))`),
        ),
        after: [],
      };
    }
  }
}

export interface DecodeFilters {
  readonly size: SizeOptions | undefined;
  readonly colour: SourceColour | undefined;
  /** Pixel format that all frames of the stream are brought to first. */
  readonly steady: string | undefined;
  /** Frames of another size than the first are brought to it without mixing neighbours. */
  readonly nearest: boolean;
  readonly orientation: Orientation;
  /** Leave out the frames between the first and this one: the first tells when the source begins. */
  readonly skipTo: number;
  /** Of whatever range it was tagged, grey is of all of it when it has been stretched or need not be. */
  readonly isGrey: boolean;
  /** Filters that stretch grey of limited range to all of it. */
  readonly stretchGrey: string | undefined;
  readonly pixelFormat: PixelFormat;
  readonly filter: string | undefined;
  readonly preFilter: string | undefined;
}

/** 16-bit layouts for filters, which take the machine's byte order only. */
const workingFormat = (format: PixelFormat): string => format.replace(/be$/, 'le');

/** Checks that a user's filtergraph can stand between others. @throws FrameloomError bad-option */
function userGraph(graph: string | undefined, name: string): string[] {
  if (graph === undefined) return [];
  const text = graph.trim().replace(/[,;]\s*$/, '');
  if (text === '' || text.includes('\0')) {
    throw new FrameloomError('bad-option', `${name} is an empty filtergraph`, {
      hint: 'leave it out or name a filter, such as hflip',
    });
  }
  return [text];
}

/**
 * The filter chain of decoding: one size and format for all → upright → the user's preFilter → size,
 * colour → the user's filter → pixel format. Nothing in it repeats or times a frame, and only frames
 * before the first that is wanted are left out.
 *
 * The leading scale keeps its first size and takes frames of any other, where every other filter
 * would need the graph built anew (which `-reinit_filter 0` forbids, since graphs begin to count anew).
 */
export function decodeFilterChain(options: DecodeFilters): string {
  const { colour, pixelFormat, steady, skipTo, stretchGrey } = options;
  const chain = [`scale=w=iw:h=ih:flags=${options.nearest ? 'neighbor' : SCALE_FLAGS}`];
  if (steady !== undefined) chain.push(`format=${steady}`);
  chain.push(...orientationFilters(options.orientation));
  chain.push(...userGraph(options.preFilter, 'preFilter'));
  if (skipTo > 0) chain.push(`select='eq(n,0)+gte(n,${skipTo})'`);
  if (stretchGrey !== undefined) chain.push(stretchGrey);
  const { scale, after } = fitSize(options.size);
  const matrix = colour
    ? `:in_color_matrix=${colour.matrix}:in_range=${colour.range}`
    : options.isGrey
      ? ':in_range=pc:out_range=pc'
      : '';
  chain.push(`scale=${scale}:flags=${SCALE_FLAGS}${matrix}`);
  // By way of planes: the same bytes, and newer ffmpegs have that conversion in vector code.
  if (colour && pixelFormat === 'rgb24') chain.push('format=gbrp');
  chain.push(`format=${workingFormat(pixelFormat)}`, ...after, 'setsar=1');
  chain.push(...userGraph(options.filter, 'filter'));
  chain.push(`format=${pixelFormat}`);
  return chain.join(',');
}
