import type { Rational } from '../base/rational.js';
import type { PixelFormat } from './pixel-format.js';

/**
 * NUT, ffmpeg's own container of streams (https://ffmpeg.org/nut.html): each frame with its size
 * and its time, whatever it holds. Between ffmpeg and us everything goes as NUT: a raw pipe carries no
 * times, and pictures joined end to end are split again by guessing.
 */

/** A tick is `num / den` seconds. */
export interface TimeBase {
  readonly num: number;
  readonly den: number;
}

/** What every stream begins with. */
export const FILE_ID = Buffer.from('nut/multimedia container\0');
/** Behind the letters `N?`. */
export const START_CODES = {
  main: 0x4e4d7a561f5f04adn,
  stream: 0x4e5311405bf2f9dbn,
  syncpoint: 0x4e4be4adeeca4569n,
  index: 0x4e58dd672f23e64en,
  info: 0x4e49ab68b596ba78n,
} as const;

/** Bits of a frame's flags. */
export const FRAME_FLAGS = {
  key: 1,
  codedPts: 8,
  streamId: 16,
  sizeMsb: 32,
  checksum: 64,
  reserved: 128,
  sideData: 256,
  headerIndex: 1024,
  matchTime: 2048,
  coded: 4096,
  invalid: 8192,
} as const;

/** Packets longer than this carry a checksum behind their length. */
export const LONG_PACKET_BYTES = 4096;
const MSB_PTS_SHIFT = 7;
const MAX_DISTANCE_BYTES = 65_536;

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit += 1)
    value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value;
});

/** CRC-32 of the polynomial 04C11DB7, from zero, not reflected. */
function checksum(bytes: Uint8Array): Buffer {
  let crc = 0;
  for (const byte of bytes) crc = (crc << 8) ^ crcTable[((crc >>> 24) ^ byte) & 255]!;
  const out = Buffer.alloc(4);
  out.writeUInt32BE(crc >>> 0);
  return out;
}

/** NUT's `v`: seven bits a byte, the highest first. Whole numbers up to 2^53. */
function v(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift((rest % 128) | 128);
  }
  return bytes;
}

function packet(startCode: bigint, payload: readonly number[]): Buffer {
  const body = Buffer.from(payload);
  const head = Buffer.alloc(8);
  head.writeBigUInt64BE(startCode);
  return Buffer.concat([head, Buffer.from(v(body.length + 4)), body, checksum(body)]);
}

const ascii = (text: string): number[] => [...Buffer.from(text, 'latin1')];

/** Tags by which ffmpeg knows raw pixels in NUT. */
const RAW_TAGS: Readonly<Record<PixelFormat, readonly number[]>> = {
  rgb24: [...ascii('RGB'), 24],
  rgba: ascii('RGBA'),
  gray: ascii('Y800'),
  gray16be: [16, 0, ...ascii('1Y')],
  rgb48be: [48, ...ascii('RGB')],
  rgba64be: [64, ...ascii('RBA')],
};

/** The codec tag of frames in this layout. */
export const rawTag = (pixelFormat: PixelFormat): readonly number[] => RAW_TAGS[pixelFormat];

/** Tags of coded pictures. Most have none in NUT: ffmpeg has to be told the decoder anyway. */
export const pictureTag = (decoder: string): readonly number[] =>
  ascii(decoder === 'png' ? 'MPNG' : decoder === 'mjpeg' ? 'MJPG' : 'FRLM');

export interface NutStream {
  readonly width: number;
  readonly height: number;
  readonly tag: readonly number[];
  readonly timeBase: TimeBase;
  /** Frames a second, told to whoever reads it: else it guesses them from the first times. */
  readonly frameRate?: Rational | undefined;
}

/** What the stream says of itself in words: one name, one text. */
function infoPacket(name: string, value: string): Buffer {
  // Of the first stream, no chapter, one field; 2 stands for "a text follows".
  const field = [...v(name.length), ...ascii(name), ...v(2), ...v(value.length), ...ascii(value)];
  return packet(START_CODES.info, [...v(1), ...v(0), ...v(0), ...v(0), ...v(1), ...field]);
}

/** The beginning of a NUT stream of one video. Header and frames may simply be joined. */
export function nutHeader({ width, height, tag, timeBase, frameRate }: NutStream): Buffer {
  const { key, codedPts, sizeMsb, checksum: sum } = FRAME_FLAGS;
  const main = [
    ...[...v(3), ...v(1), ...v(MAX_DISTANCE_BYTES)],
    ...[...v(1), ...v(timeBase.num), ...v(timeBase.den)],
    // One kind of frame for all 256 codes: key frame, time, size and checksum spelt out.
    ...[...v(key | codedPts | sizeMsb | sum), ...v(6)],
    ...[...v(0), ...v(1), ...v(0), ...v(0), ...v(0), ...v(255)],
    ...v(0),
  ];
  const stream = [
    ...[...v(0), ...v(0), ...v(tag.length), ...tag],
    ...[...v(0), ...v(MSB_PTS_SHIFT), ...v(2 ** 30), ...v(0), ...v(0), ...v(0)],
    ...[...v(width), ...v(height), ...v(1), ...v(1), ...v(0)],
  ];
  return Buffer.concat([
    FILE_ID,
    packet(START_CODES.main, main),
    packet(START_CODES.stream, stream),
    ...(frameRate ? [infoPacket('r_frame_rate', `${frameRate.num}/${frameRate.den}`)] : []),
  ]);
}

/**
 * What stands before the bytes of a frame.
 * @param ticks its time in the stream's time base, a whole number from 0, above the last one's
 */
export function nutFrameHeader(ticks: number, byteLength: number): Buffer {
  const syncpoint = packet(START_CODES.syncpoint, [...v(ticks), ...v(0)]);
  const head = Buffer.from([0, ...v(ticks + 2 ** MSB_PTS_SHIFT), ...v(byteLength)]);
  return Buffer.concat([syncpoint, head, checksum(head)]);
}
