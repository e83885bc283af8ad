// Monochrome video of infrared and security cameras: black and white where its range says, at 8 and
// 10 bits, and pictures that are stretched or turned.
import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { probe } from '../../src/video/index.js';
import { pixelAt } from '../video/frames.js';
import { changeBox } from './bytes.js';
import { covering } from '../covering.js';
import { echoed } from './echo.js';
import { decoded } from './look.js';
import { caseFolder, ffmpeg, ffmpegOf, HEIGHT, WIDTH } from './make.js';

const path = caseFolder();

/** Left half black, right half white, at the ends of a range. */
function halves(black: number, white: number, deep = false): Buffer {
  const row = Array.from({ length: WIDTH }, (_, x) => (x < WIDTH / 2 ? black : white));
  const bytes = deep ? row.flatMap((value) => [value & 0xff, value >> 8]) : row;
  return Buffer.concat(Array<Buffer>(HEIGHT * 5).fill(Buffer.from(bytes)));
}

const input = (format: string): string[] => [
  ...['-f', 'rawvideo', '-pix_fmt', format, '-s', `${WIDTH}x${HEIGHT}`, '-r', '25', '-i', 'pipe:0'],
];
const H265 = ['-c:v', 'libx265', '-x265-params', 'lossless=1:log-level=error'];

beforeAll(async () => {
  const [limited, full] = [halves(16, 235), halves(0, 255)];
  const deepLimited = halves(64, 940, true);
  const deepFull = halves(0, 1023, true);
  const gray = ['-pix_fmt', 'gray'];
  const [tv, pc] = [
    ['-color_range', 'tv'],
    ['-color_range', 'pc'],
  ];
  const lossless = ['-c:v', 'libx264', '-qp', '0'];
  const ten = ['-pix_fmt', 'gray10le'];
  const ffv1 = ['-c:v', 'ffv1'];
  await ffmpegOf(
    limited,
    ...[...input('gray'), ...lossless, ...gray, ...tv, path('h264-tv.mp4')],
    ...[...ffv1, ...gray, ...tv, path('ffv1-tv.mkv'), ...H265, ...gray, ...tv, path('hevc-tv.mp4')],
  );
  const yuv = ['-vf', 'format=gray,scale=in_range=pc:out_range=tv,format=yuv420p'];
  await ffmpegOf(
    full,
    ...[...input('gray'), ...lossless, ...gray, ...pc, path('h264-pc.mp4')],
    ...[
      ...ffv1,
      ...gray,
      ...pc,
      path('ffv1-pc.mkv'),
      ...yuv,
      ...lossless,
      ...tv,
      path('yuv-tv.mp4'),
    ],
  );
  await ffmpegOf(
    deepLimited,
    ...[...input('gray10le'), ...ffv1, ...ten, ...tv, path('ten-tv.mkv')],
    ...[...lossless, ...ten, ...tv, path('ten-tv.mp4')],
  );
  await ffmpegOf(
    deepFull,
    ...[...input('gray10le'), ...ffv1, ...ten, ...pc, path('ten-pc.mkv')],
    ...[...H265, ...ten, ...pc, path('ten-hevc-pc.mp4')],
  );
});

const FILES = [
  ...['h264-tv.mp4', 'ffv1-tv.mkv', 'hevc-tv.mp4', 'yuv-tv.mp4', 'h264-pc.mp4', 'ffv1-pc.mkv'],
  ...['ten-tv.mkv', 'ten-tv.mp4', 'ten-pc.mkv', 'ten-hevc-pc.mp4'],
];

describe('grey', () => {
  it.each(covering(FILES, ['rgb24', 'gray', 'rgb48be'] as const))(
    'of %s is black and white as %s',
    async (name, pixelFormat) => {
      const { frames, error } = await decoded(path(name), { pixelFormat });
      expect(error).toBe('');
      expect(frames).toHaveLength(5);
      for (const frame of frames) {
        // The high byte of 16 bits comes first.
        const [black = NaN] = pixelAt(frame, 4, 10);
        const [white = NaN] = pixelAt(frame, WIDTH - 5, 10);
        expect(black).toBeLessThanOrEqual(1);
        expect(white).toBeGreaterThanOrEqual(254);
      }
    },
  );

  it.each(FILES)(
    'of %s is so for the model too, and where another range is asked for',
    async (name) => {
      const { seen, error } = await echoed({ input: path(name), output: path(`${name}.made.mkv`) });
      expect(error).toBe('');
      // Half black, half white.
      for (const grey of seen) expect(Math.abs(grey - 127.5)).toBeLessThan(1.1);
      const { frames } = await decoded(path(name), { colourRange: 'full', frames: 1 });
      const [black = NaN] = pixelAt(frames[0]!, 4, 10);
      expect(Math.abs(black - (name.includes('tv') ? 16 : 0))).toBeLessThanOrEqual(1);
    },
  );
});

describe('a stretched picture that is also turned', () => {
  it('is told and decoded upright, in square pixels', async () => {
    // 720×576 of old cameras in small: pixels of 16:11, and a turn of a quarter in the track header.
    const source = path('anamorphic.mp4');
    const size = ['-f', 'lavfi', '-i', 'testsrc2=s=64x48:r=25', '-frames:v', '5'];
    const codec = ['-vf', 'setsar=16/11', '-c:v', 'libx264', '-pix_fmt', 'yuv420p'];
    await ffmpeg(...size, ...codec, source);
    const bytes = await readFile(source);
    const quarter = changeBox(bytes, 'tkhd', (file, at) => {
      [0, 0x10000, 0, -0x10000, 0, 0].forEach((value, i) =>
        file.writeInt32BE(value, at + 44 + 4 * i),
      );
    });
    await writeFile(path('turned.mp4'), quarter);
    const info = await probe(path('turned.mp4'));
    expect(info).toMatchObject({ width: 48, height: 64 });
    expect(info.sampleAspectRatio).toEqual({ num: 11, den: 16 });
    const { frames, error } = await decoded(path('turned.mp4'));
    expect([error, frames.length]).toEqual(['', 5]);
    // 64 wide pixels of 16:11 are 93 square ones, upright.
    const { width, height } = frames[0]!;
    const aspect = (width / height) * (64 / 48) * (16 / 11);
    expect(aspect).toBeGreaterThan(0.97);
    expect(aspect).toBeLessThan(1.03);
    const made = await echoed({ input: path('turned.mp4'), output: path('turned.mkv') });
    expect([made.error, made.seen.length]).toEqual(['', 5]);
  });
});
