// Streams whose size or pixel format changes in the middle: WebRTC, IP cameras, browsers.
import { readFile, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { probe } from '../../src/video/index.js';
import { echoed } from './echo.js';
import { decoded, furthest, nearest, shown } from './look.js';
import { caseFolder, ffmpeg, flatVideo, series, shownOf, X264 } from './make.js';

const path = caseFolder();
const HALF = 40;
const lumas = series(2 * HALF, (k) => 20 + 2 * k);
const greys = lumas.map(shownOf);
const order = series(2 * HALF, (k) => k);

/** The two halves, the second larger. */
async function halves(extension: string, options: readonly string[]): Promise<[string, string]> {
  const small = { lumas: lumas.slice(0, HALF), options };
  const large = { lumas: lumas.slice(HALF), width: 96, height: 54, options };
  return [
    await flatVideo(path(`small.${extension}`), small),
    await flatVideo(path(`large.${extension}`), large),
  ];
}

async function joined(parts: readonly string[], name: string): Promise<string> {
  await writeFile(
    path(name),
    Buffer.concat(await Promise.all(parts.map((part) => readFile(part)))),
  );
  return path(name);
}

async function concatenated(parts: readonly string[], name: string): Promise<void> {
  const list = path(`${name}.txt`);
  await writeFile(list, parts.map((part) => `file '${part}'\n`).join(''));
  await ffmpeg('-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy', path(name));
}

beforeAll(async () => {
  const h264 = await joined(await halves('h264', [...X264, '-bf', '0', '-g', '25']), 'both.h264');
  for (const name of ['h264.ts', 'h264.mkv', 'h264.mp4']) {
    await ffmpeg('-framerate', '25', '-i', h264, '-c', 'copy', path(name));
  }
  const vp8 = ['-c:v', 'libvpx', '-auto-alt-ref', '0', '-b:v', '1M'];
  await concatenated(await halves('vp8.ivf', vp8), 'vp8.webm');
  const vp9 = ['-c:v', 'libvpx-vp9', '-auto-alt-ref', '0', '-deadline', 'realtime', '-b:v', '1M'];
  await concatenated(await halves('vp9.ivf', vp9), 'vp9.mkv');
  const jpeg = ['-c:v', 'mjpeg', '-q:v', '2', '-pix_fmt', 'yuvj420p'];
  const mjpeg = await joined(await halves('mjpeg', jpeg), 'both.mjpeg');
  await ffmpeg('-f', 'mjpeg', '-r', '25', '-i', mjpeg, '-c', 'copy', '-r', '25', path('mjpeg.avi'));
  // The same size, but grey after colour.
  const colour = await flatVideo(path('colour.mjpeg'), {
    lumas: lumas.slice(0, HALF),
    options: jpeg,
  });
  const grey = await flatVideo(path('grey.mjpeg'), {
    lumas: lumas.slice(HALF),
    options: ['-c:v', 'mjpeg', '-q:v', '2', '-vf', 'format=gray', '-pix_fmt', 'gray'],
  });
  const both = await joined([colour, grey], 'modes.mjpeg');
  await ffmpeg('-f', 'mjpeg', '-framerate', '25', '-i', both, '-c', 'copy', path('modes.mkv'));
});

describe.each([
  ...['h264.ts', 'h264.mkv', 'h264.mp4', 'both.h264', 'vp8.webm', 'vp9.mkv', 'mjpeg.avi'],
  'modes.mkv',
])('%s', (name) => {
  it('keeps all frames, in order, in the first size', async () => {
    const info = await probe(path(name), { count: true });
    expect(info.frameCount).toBe(2 * HALF);
    const { frames, greys: seen, error, times } = await decoded(path(name), { info });
    expect(error).toBe('');
    expect(frames).toHaveLength(2 * HALF);
    expect(new Set(frames.map(({ width, height }) => `${width}x${height}`))).toEqual(
      new Set(['64x36']),
    );
    expect(nearest(seen, greys)).toEqual(order);
    expect(
      furthest(
        times,
        order.map((k) => k / 25),
      ),
    ).toBeLessThan(0.0015);
    // The same in a size that is asked for, and where reading begins in the middle.
    const size = { width: 48, height: 24, fit: 'crop' as const };
    const small = await decoded(path(name), { size, info });
    expect(small.error).toBe('');
    expect(nearest(small.greys, greys)).toEqual(order);
    expect(small.frames.at(-1)).toMatchObject({ width: 48, height: 24, index: 2 * HALF - 1 });
    const middle = await decoded(path(name), { startFrame: HALF - 3, frames: 6, info });
    expect(nearest(middle.greys, greys)).toEqual([37, 38, 39, 40, 41, 42]);
  });
});

describe('generating from one', () => {
  it.each(['h264.ts', 'vp8.webm', 'modes.mkv'])('sees every frame of %s', async (name) => {
    const output = path(`made-of-${name}.mkv`);
    const { result, seen, error } = await echoed({ input: path(name), output });
    expect(error).toBe('');
    expect(nearest(seen, greys)).toEqual(order);
    expect(result).toMatchObject({ frames: 2 * HALF });
    expect(nearest((await shown(output)).greys, greys)).toEqual(order);
  });

  it('sees every frame of a pipe', async () => {
    const output = path('made-of-pipe.mkv');
    const { seen, error } = await echoed({ input: createReadStream(path('h264.ts')), output });
    expect(error).toBe('');
    expect(nearest(seen, greys)).toEqual(order);
  });
});

it('a label video that changes its size holds no id that was not there', async () => {
  const part = async (name: string, size: string): Promise<Buffer> => {
    const ids = `nullsrc=s=${size}:r=25,format=gray,geq=lum='16+219*gt(mod(X,7),3)'`;
    const lossless = ['-c:v', 'libx264', '-qp', '0', '-pix_fmt', 'gray', '-frames:v', '3'];
    await ffmpeg('-f', 'lavfi', '-i', ids, ...lossless, '-f', 'h264', path(name));
    return readFile(path(name));
  };
  const parts = [await part('a.h264', '64x36'), await part('b.h264', '96x54')];
  await writeFile(path('ids.h264'), Buffer.concat(parts));
  await ffmpeg('-framerate', '25', '-i', path('ids.h264'), '-c', 'copy', path('ids.mkv'));
  const info = await probe(path('ids.mkv'), { count: true });
  // As label maps are decoded.
  const how = { info, pixelFormat: 'gray', sampling: 'nearest' } as const;
  const { frames, error } = await decoded(path('ids.mkv'), how);
  expect([error, frames.length]).toEqual(['', 6]);
  const found = frames.map(({ data }) => [...new Set(data)].sort((a, b) => a - b));
  expect(found).toEqual(frames.map(() => [0, 255]));
  const smooth = await decoded(path('ids.mkv'), { ...how, sampling: 'smooth' });
  expect(new Set(smooth.frames.at(-1)!.data).size).toBeGreaterThan(2);
});
