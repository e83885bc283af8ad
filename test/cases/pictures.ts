// Pictures by their own bytes, in the modes that optimisers, scanners and phones save them in.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { ffmpegOf, flatPictures, HEIGHT, lumaOf, WIDTH } from './make.js';

export function pngChunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [head, tail] = [Buffer.alloc(4), Buffer.alloc(4)];
  head.writeUInt32BE(data.length);
  tail.writeUInt32BE(crc32(body) >>> 0);
  return Buffer.concat([head, body, tail]);
}

export type PngMode = 'rgb' | 'grey' | 'palette' | 'rgba' | 'grey16' | 'rgb16' | 'grey-alpha';

/** PNG's colour type, bits and the bytes of a pixel of each mode. */
const MODES: Readonly<
  Record<PngMode, readonly [type: number, bits: number, pixel: (c: readonly number[]) => number[]]>
> = {
  rgb: [2, 8, (c) => [...c]],
  grey: [0, 8, (c) => [c[0]!]],
  palette: [3, 8, () => [1]],
  rgba: [6, 8, (c) => [...c, 255]],
  'grey-alpha': [4, 8, (c) => [c[0]!, 255]],
  grey16: [0, 16, (c) => [c[0]!, c[0]!]],
  rgb16: [2, 16, (c) => c.flatMap((value) => [value, value])],
};

/** A flat PNG of one colour. */
export function png(
  colour: number | readonly [number, number, number],
  mode: PngMode = 'rgb',
  width = WIDTH,
  height = HEIGHT,
): Buffer {
  const rgb = typeof colour === 'number' ? [colour, colour, colour] : colour;
  const [type, bits, pixel] = MODES[mode];
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([bits, type, 0, 0, 0], 8);
  const row = Buffer.from([0, ...Array<number[]>(width).fill(pixel(rgb)).flat()]);
  const rows = Buffer.concat(Array<Buffer>(height).fill(row));
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', head),
    ...(mode === 'palette' ? [pngChunk('PLTE', Buffer.from([9, 200, 90, ...rgb]))] : []),
    pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A flat binary PPM. */
export const ppm = (grey: number): Buffer =>
  Buffer.concat([
    Buffer.from(`P6\n${WIDTH} ${HEIGHT}\n255\n`),
    Buffer.alloc(WIDTH * HEIGHT * 3, grey),
  ]);

/** A flat 24-bit BMP; `size` stands in its size field, which some programs leave at 0. */
export function bmp(grey: number, size?: number): Buffer {
  const pixels = Buffer.alloc(WIDTH * HEIGHT * 3, grey);
  const head = Buffer.alloc(54);
  head.write('BM', 'latin1');
  head.writeUInt32LE(size ?? head.length + pixels.length, 2);
  head.writeUInt32LE(54, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(WIDTH, 18);
  head.writeInt32LE(HEIGHT, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(24, 28);
  head.writeUInt32LE(pixels.length, 34);
  return Buffer.concat([head, pixels]);
}

/** Flat pictures of these greys by one ffmpeg, in a folder that is made; their bytes in order. */
export async function encodedPictures(
  folder: string,
  greys: readonly number[],
  options: { extension: string; args?: readonly string[]; width?: number; height?: number },
): Promise<Buffer[]> {
  const { extension, args = [], width = WIDTH, height = HEIGHT } = options;
  mkdirSync(folder, { recursive: true });
  await ffmpegOf(
    flatPictures(greys.map(lumaOf), width, height),
    ...['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`, '-i', 'pipe:0'],
    ...[...args, join(folder, `%04d.${extension}`)],
  );
  const names = readdirSync(folder).filter((name) => name.endsWith(extension));
  return names.sort().map((name) => readFileSync(join(folder, name)));
}

/** Writes pictures as 0001.png, 0002.png … into a folder that is made. */
export function pictureFolder(
  folder: string,
  pictures: readonly (Buffer | string)[],
  extension = 'png',
): string {
  mkdirSync(folder, { recursive: true });
  pictures.forEach((bytes, i) => writeFileSync(join(folder, numbered(i + 1, extension)), bytes));
  return folder;
}

export const numbered = (number: number, extension = 'png'): string =>
  `${String(number).padStart(4, '0')}.${extension}`;
