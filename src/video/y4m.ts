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
  /** Of the header line, its end included. */
  readonly headerBytes: number;
  /** Of the pixels of a frame. */
  readonly frameBytes: number;
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

/** Bytes of a frame in the layout that a colour space token names. */
function frameBytesOf(token: string, width: number, height: number): number {
  const depth = Number(/(?:p|mono)(\d+)$/.exec(token)?.[1] ?? 8);
  const half = (length: number): number => Math.ceil(length / 2);
  const chroma: Readonly<Record<string, number>> = {
    mono: 0,
    '411': Math.ceil(width / 4) * height,
    '420': half(width) * half(height),
    '422': half(width) * height,
    '444': width * height,
  };
  const samples = 2 * (chroma[/^(mono|4\d\d)/.exec(token)?.[1] ?? '420'] ?? 0);
  const planes = token.includes('alpha') ? 2 : 1;
  return (planes * width * height + samples) * (depth > 8 ? 2 : 1);
}

const FRAME = 'FRAME\n'.length;

/**
 * Whether a stream of so many bytes, of which these are the first, ends in the middle of a frame:
 * ffmpeg leaves such a one out without a word.
 */
export function y4mIsCutShort(head: Uint8Array, bytes: number): boolean {
  const header = parseY4mHeader(head);
  return !!header && (bytes - header.headerBytes) % (FRAME + header.frameBytes) !== 0;
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
    headerBytes: end + 1,
    frameBytes: frameBytesOf(fields.get('C') ?? '420jpeg', width, height),
  };
}
