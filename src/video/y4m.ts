import { rational, type Rational } from '../base/rational.js';
import { readRate } from './rate.js';

/** The header of a YUV4MPEG2 stream. */
export interface Y4mHeader {
  readonly width: number;
  readonly height: number;
  readonly fps: Rational;
  readonly sampleAspectRatio: Rational;
  readonly interlaced: boolean;
  /** ffmpeg's name of the pixel format. */
  readonly pixelFormat: string;
  readonly range: 'limited' | 'full' | null;
}

const MAGIC = 'YUV4MPEG2 ';
const LONGEST_HEADER_BYTES = 256;

/** Could these first bytes become a y4m header? */
export const beginsY4m = (head: Uint8Array): boolean =>
  MAGIC.startsWith(Buffer.from(head.subarray(0, MAGIC.length)).toString('latin1'));

/** ffmpeg's name of a colour space token such as `420jpeg`, `444p10` or `mono16`. */
function pixelFormatOf(token: string): string {
  if (token.startsWith('mono')) return token === 'mono' ? 'gray' : `gray${token.slice(4)}le`;
  const match = /^(4\d\d)(alpha)?(?:p(\d+))?/.exec(token);
  const depth = match?.[3] === undefined ? '' : `${match[3]}le`;
  return `yuv${match?.[2] === undefined ? '' : 'a'}${match?.[1] ?? '420'}p${depth}`;
}

/**
 * Reads the header, so that a live y4m pipe starts with its first frame: ffprobe would wait for
 * more of them. Undefined when more bytes are needed; null when it is no y4m.
 */
export function parseY4mHeader(head: Uint8Array): Y4mHeader | null | undefined {
  if (!beginsY4m(head)) return null;
  const end = Buffer.from(head.buffer, head.byteOffset, head.byteLength).indexOf('\n');
  if (end === -1) return head.length > LONGEST_HEADER_BYTES ? null : undefined;
  const line = Buffer.from(head.subarray(MAGIC.length, end)).toString('latin1');
  const fields = new Map(line.split(' ').map((token) => [token.slice(0, 1), token.slice(1)]));
  const width = Number(fields.get('W'));
  const height = Number(fields.get('H'));
  if (!(width > 0) || !(height > 0)) return null;
  const ratio = (name: string): Rational | undefined =>
    readRate(fields.get(name)?.replace(':', '/'));
  const range = /XCOLORRANGE=(FULL|LIMITED)/.exec(line)?.[1];
  return {
    width,
    height,
    fps: ratio('F') ?? rational(25),
    sampleAspectRatio: ratio('A') ?? rational(1),
    interlaced: ['t', 'b', 'm'].includes(fields.get('I') ?? ''),
    pixelFormat: pixelFormatOf(fields.get('C') ?? '420jpeg'),
    range: range === undefined ? null : range === 'FULL' ? 'full' : 'limited',
  };
}
