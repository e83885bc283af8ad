// Containers and codecs that seek badly: frame k is frame k of reading from the start, always.
import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { dataOptions, openDataset } from '../../src/clips/index.js';
import { probe, type Frame } from '../../src/video/index.js';
import { changeAvi } from './bytes.js';
import { decoded, nearest } from './look.js';
import { caseFolder, ffmpeg, flatVideos, series, shownOf, X264 } from './make.js';

const path = caseFolder();
const COUNT = 120;
const lumas = series(COUNT, (k) => 20 + k);
const STARTS = [1, 80, 119];

const MPEG2 = ['-c:v', 'mpeg2video', '-q:v', '1', '-g', '15', '-bf', '2'];
const H264 = [...X264, '-g', '40'];
const OPEN_GOP = ['-c:v', 'libx264', '-x264opts', 'open-gop=1:keyint=24:bframes=3:b-adapt=0:crf=6'];
const MADE: readonly (readonly [name: string, options: readonly string[]])[] = [
  ['ps.mpg', MPEG2],
  ['asf.wmv', ['-c:v', 'wmv2', '-q:v', '1', '-g', '40']],
  ['ogg.ogv', ['-c:v', 'libtheora', '-q:v', '10', '-g', '40']],
  ['raw.h264', H264],
  ['packed.avi', ['-c:v', 'mpeg4', '-q:v', '1', '-g', '40', '-bf', '2']],
  ['opengop.mp4', OPEN_GOP],
  ['mxf.mxf', MPEG2],
  ['fragments.mp4', [...H264, '-movflags', 'frag_keyframe+empty_moov']],
  ['camera.m2ts', [...H264, '-f', 'mpegts', '-mpegts_m2ts_mode', '1']],
  ['plain.ts', H264],
  ['flash.flv', ['-c:v', 'flv', '-q:v', '1', '-g', '40']],
  ['h264.flv', H264],
  ['phone.3gp', ['-c:v', 'mpeg4', '-q:v', '1', '-g', '40']],
  ['vp9.webm', ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-b:v', '2M', '-g', '40']],
  ['hevc.mkv', ['-c:v', 'libx265', '-x265-params', 'keyint=30:crf=6:log-level=error']],
  ['raw.nut', ['-c:v', 'rawvideo']],
];

beforeAll(async () => {
  await flatVideos(
    { lumas },
    MADE.map(([name, options]) => [path(name), options]),
  );
  const copies = ['opengop.mkv', 'opengop.ts'].flatMap((name) => ['-c', 'copy', path(name)]);
  await ffmpeg('-i', path('opengop.mp4'), ...copies);
  const avi = await readFile(path('packed.avi'));
  await writeFile(
    path('noindex.avi'),
    changeAvi(avi, (chunk) => chunk, { index: false }),
  );
  const frames = ['-vsync', 'passthrough', '-c:v', 'ffv1', '-pix_fmt', 'gray'];
  await ffmpeg('-i', path('packed.avi'), ...frames, path('labels.mkv'));
});

/** Frames of which each is known by its bytes. */
const bytesOf = (frames: readonly Frame[]): string[] =>
  frames.map(({ data }) => Buffer.from(data).toString('latin1'));

describe.each([...MADE.map(([name]) => name), ...['opengop.mkv', 'opengop.ts', 'noindex.avi']])(
  '%s',
  (name) => {
    it('gives the same frame k wherever reading starts', async () => {
      const info = await probe(path(name), { count: true });
      const whole = await decoded(path(name), { info });
      expect(whole.error).toBe('');
      expect(whole.frames).toHaveLength(COUNT);
      // Lossy codecs are a level or two off, but never out of order.
      const numbers = nearest(whole.greys, lumas.map(shownOf));
      numbers.forEach((number, k) => expect(Math.abs(number - k)).toBeLessThanOrEqual(2));
      const expected = bytesOf(whole.frames);
      for (const startFrame of STARTS) {
        const { frames, error, times } = await decoded(path(name), { startFrame, frames: 2, info });
        expect([startFrame, error]).toEqual([startFrame, '']);
        expect(bytesOf(frames)).toEqual(expected.slice(startFrame, startFrame + 2));
        expect(times[0]).toBeCloseTo(whole.times[startFrame]!, 3);
      }
      const bySeconds = await decoded(path(name), { startSeconds: 24 / 25, frames: 1, info });
      expect(bytesOf(bySeconds.frames)).toEqual([expected[24]]);
    });
  },
);

describe('a clip that is begun later', () => {
  it.each(['packed.avi', 'noindex.avi', 'ps.mpg', 'opengop.ts'])(
    'is paired with its own conditions: %s',
    async (name) => {
      const condition = path('labels.mkv');
      const data = dataOptions.parse({
        ...{ clips: [path(name)], size: '64x36', startSeconds: 80 / 25, fps: 25 },
        condition: { kind: 'paired', content: 'image', path: [condition] },
      });
      const context = { seed: 1, baseFolder: path(), historyFrames: 1, conditionFrames: 1 };
      const dataset = await openDataset(data, context);
      try {
        const read = await dataset.readFrames(0, 0, COUNT - 80);
        const size = 64 * 36 * 3;
        const meanAt = (bytes: Uint8Array, k: number): number =>
          bytes.subarray(k * size, (k + 1) * size).reduce((sum, byte) => sum + byte, 0) / size;
        for (let k = 0; k < COUNT - 80; k += 1) {
          // Steps of a frame are 1.16 levels.
          expect(Math.abs(meanAt(read.frames, k) - shownOf(lumas[80 + k]!))).toBeLessThan(2.5);
          expect(Math.abs(meanAt(read.condition!, k) - meanAt(read.frames, k))).toBeLessThan(1.1);
        }
      } finally {
        await dataset.close();
      }
    },
  );
});
