import { createReadStream, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  decodeFrames,
  type DecodeOptions,
  type Frame,
  probe,
  runningProcesses,
  type VideoInfo,
} from '../../src/video/index.js';
import { eventually } from './fake-ffmpeg.js';
import { collect, failure, largestDifference, pixelAt } from './frames.js';
import { makeClip, runFfmpeg, scratchPath, turnClip } from './make-clip.js';

const decode = (path: string | Readable, options: DecodeOptions = {}): Promise<Frame[]> =>
  collect(decodeFrames(path, options));
const sizeOf = ([frame]: Frame[]): string => `${frame?.width ?? 0}x${frame?.height ?? 0}`;
/** Red on the left half, blue on the right. */
const HALVES = 'drawbox=x=0:y=0:w=iw/2:h=ih:c=red:t=fill';

describe('decodeFrames', () => {
  it('emits every frame with index, time, size and its own bytes', async () => {
    const frames = await decode(await makeClip({ frames: 10, fps: 50 }));
    expect(frames.map((frame) => frame.index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(frames[3]?.timeSeconds).toBeCloseTo(3 / 50, 9);
    for (const { data } of frames) {
      expect(data).toHaveLength(64 * 36 * 3);
      expect(data.buffer.byteLength).toBe(data.length);
    }
  });

  // Of the same clip each time.
  let known: VideoInfo | undefined;
  it.each([
    [{ width: 30, height: 40 }, '30x40'],
    [{ width: 32 }, '32x18'],
    [{ height: 72 }, '128x72'],
    [{ width: 33, multipleOf: 4 }, '33x20'],
    [{ width: 50, height: 50, fit: 'keep-aspect' }, '50x28'],
    [{ width: 50, height: 50, fit: 'keep-aspect', multipleOf: 8 }, '48x24'],
    [{ width: 50, height: 50, fit: 'pad' }, '50x50'],
    [{ width: 50, height: 50, fit: 'crop' }, '50x50'],
    [{ multipleOf: 16 }, '64x32'],
  ] as const)('fits a 64×36 picture to %j', async (size, expected) => {
    const clip = await makeClip({ frames: 1 });
    known ??= await probe(clip);
    expect(sizeOf(await decode(clip, { size, info: known }))).toBe(expected);
  });

  it('pads with black bars and crops the edges away', async () => {
    const clip = await makeClip({ frames: 1, source: 'color=blue', filter: HALVES });
    const [padded] = await decode(clip, { size: { width: 64, height: 64, fit: 'pad' } });
    const [cropped] = await decode(clip, { size: { width: 16, height: 36, fit: 'crop' } });
    if (!padded || !cropped) throw new Error('no frame');
    expect(largestDifference(pixelAt(padded, 32, 2), [0, 0, 0])).toBeLessThan(3);
    expect(largestDifference(pixelAt(padded, 10, 32), [255, 0, 0])).toBeLessThan(6);
    expect(largestDifference(pixelAt(cropped, 1, 18), [255, 0, 0])).toBeLessThan(6);
    expect(largestDifference(pixelAt(cropped, 14, 18), [0, 0, 255])).toBeLessThan(6);
  });

  it.each([
    [90, '36x64', 18, 8],
    [180, '64x36', 56, 18],
    [270, '36x64', 18, 56],
  ] as const)('turns video that is stored turned by %i° upright', async (degrees, size, x, y) => {
    const clip = await makeClip({ frames: 4, source: 'color=blue', filter: HALVES });
    const frames = await decode(turnClip(clip, degrees));
    expect(sizeOf(frames)).toBe(size);
    expect(frames).toHaveLength(4);
    const [first] = frames;
    // Where the left half comes to lie.
    expect(largestDifference(first ? pixelAt(first, x, y) : [], [255, 0, 0])).toBeLessThan(6);
  });

  it('makes pixels square', async () => {
    const clip = await makeClip({ width: 48, frames: 1, filter: 'setsar=4/3' });
    expect(sizeOf(await decode(clip))).toBe('64x36');
    const box = { width: 32, height: 32, fit: 'keep-aspect' } as const;
    expect(sizeOf(await decode(clip, { size: box }))).toBe('32x18');
  });

  it('keeps odd and tiny sizes', async () => {
    const options = ['-c:v', 'ffv1', '-pix_fmt', 'bgr0'];
    const clip = await makeClip({
      name: 'tiny.mkv',
      source: 'color=red',
      filter: 'format=rgb24,scale=3:5,setsar=1',
      options,
    });
    const frames = await decode(clip);
    expect(sizeOf(frames)).toBe('3x5');
    expect(frames).toHaveLength(12);
  });

  it('gives grey, alpha and 16 bits', async () => {
    const clip = await makeClip({ frames: 1, source: 'color=white' });
    const [grey] = await decode(clip, { pixelFormat: 'gray' });
    expect(grey?.data).toHaveLength(64 * 36);
    expect(grey?.data[100]).toBe(255);
    const clear = scratchPath('clear.webm');
    await runFfmpeg(
      ...['-f', 'lavfi', '-i', 'color=red@0.5:size=64x36:rate=25,format=yuva420p'],
      ...['-frames:v', '2', '-auto-alt-ref', '0', clear],
    );
    const [alpha] = await decode(clear, { pixelFormat: 'rgba' });
    if (!alpha) throw new Error('no frame');
    expect(pixelAt(alpha, 20, 20)[3]).toBeGreaterThan(120);
    expect(pixelAt(alpha, 20, 20)[3]).toBeLessThan(135);
    const deep = await makeClip({
      frames: 2,
      name: 'deep.mkv',
      options: ['-c:v', 'ffv1', '-pix_fmt', 'yuv420p10le'],
    });
    expect((await decode(deep, { pixelFormat: 'rgb48be' }))[0]?.data).toHaveLength(64 * 36 * 6);
    expect(await decode(deep)).toHaveLength(2);
  });

  it('applies filtergraphs before and after sizing, even with branches', async () => {
    const clip = await makeClip({ frames: 3 });
    const cropped = await decode(clip, { preFilter: 'crop=20:10', size: { height: 20 } });
    expect(sizeOf(cropped)).toBe('40x20');
    const branched = await decode(clip, { filter: 'split[a][b];[a]hflip[c];[b][c]vstack' });
    expect(sizeOf(branched)).toBe('64x72');
    const edges = await decode(clip, {
      filter: 'edgedetect=low=0.05:high=0.15',
      pixelFormat: 'gray',
    });
    expect(edges).toHaveLength(3);
    expect(await failure(decode(clip, { filter: 'no_such_filter' }))).toMatchObject({
      code: 'bad-option',
    });
    expect(await failure(decode(clip, { filter: ' ' }))).toMatchObject({ code: 'bad-option' });
  });

  it('refuses options that say nothing sensible', async () => {
    const clip = await makeClip({ frames: 1 });
    const wrong: DecodeOptions[] = [
      { size: { width: 0 } },
      { fps: 0 },
      { startFrame: 1.5 },
      { startFrame: 1, startSeconds: 1 },
      { frames: 1, durationSeconds: 1 },
      { durationSeconds: -1 },
    ];
    for (const options of wrong) {
      expect(await failure(decode(clip, options))).toMatchObject({ code: 'bad-option' });
    }
  });

  it('ends ffmpeg when the consumer has had enough', async () => {
    const clip = await makeClip({ frames: 200, width: 320, height: 180 });
    expect(await collect(decodeFrames(clip).pipe(take(2)))).toHaveLength(2);
    expect(await eventually(() => runningProcesses().length === 0)).toBe(true);
  });
});

describe('time', () => {
  const slowing = "setpts='if(lt(N,30),N,30+(N-30)*2)/25/TB'";

  it.each([
    ['mp4', { fps: 25 }, {}],
    ['mkv at 23.976', { fps: '24000/1001', name: 'film.mkv' }, {}],
    ['mp4 with sound, resampled', { fps: 25, toneSeconds: 12 }, { fps: 10 }],
    ['mp4 at 29.97, resampled', { fps: '30000/1001' }, { fps: 25 }],
    ['ts', { fps: 25, name: 'stream.ts' }, {}],
    ['variable rate', { filter: slowing, options: ['-vsync', 'vfr'], name: 'slow.mkv' }, {}],
  ] as const)('frame k is the same one from any start: %s', async (_name, clip, options) => {
    // Long enough that a resampled decode seeks too.
    const path = await makeClip({
      ...clip,
      frames: 260,
      options: [...('options' in clip ? clip.options : []), '-g', '24'],
    });
    const size = { width: 16, height: 9 };
    const info = await probe(path, { count: true });
    const all = await decode(path, { ...options, size, info });
    for (const startFrame of [1, 7, Math.floor(all.length * 0.8), all.length - 1]) {
      const some = await decode(path, { ...options, size, info, startFrame, frames: 2 });
      expect(some).toHaveLength(Math.min(2, all.length - startFrame));
      expect(some[0]?.timeSeconds).toBeCloseTo(all[startFrame]?.timeSeconds ?? -1, 9);
      for (const [i, frame] of some.entries()) {
        expect(largestDifference(frame.data, all[startFrame + i]?.data ?? [])).toBe(0);
      }
    }
  });

  it('takes seconds, and gives nothing after the end', async () => {
    const clip = await makeClip({ frames: 50 });
    const some = await decode(clip, { startSeconds: 1, durationSeconds: 0.4 });
    expect(some).toHaveLength(10);
    expect(some[0]?.timeSeconds).toBe(1);
    expect(await decode(clip, { startFrame: 60 })).toEqual([]);
  });

  it.each([
    [25, 50, 100],
    [25, 12.5, 25],
    [25, '30000/1001', 60],
  ])('resamples 50 frames of %s to %s by time', async (fps, wanted, expected) => {
    const clip = await makeClip({ frames: 50, fps });
    const frames = await decode(clip, { fps: wanted });
    expect(Math.abs(frames.length - expected)).toBeLessThanOrEqual(
      typeof wanted === 'string' ? 1 : 0,
    );
  });

  it('delivers every frame of a variable rate at its time, and a constant rate where asked', async () => {
    const clip = await makeClip({
      frames: 60,
      filter: slowing,
      options: ['-vsync', 'vfr'],
      name: 'slow.mkv',
    });
    const info = await probe(clip, { count: true });
    const frames = await decode(clip);
    expect(frames.map((frame) => frame.timeSeconds)).toEqual([...(info.frameTimes ?? [])]);
    expect(new Set(frames.map((frame) => frame.timeSeconds)).size).toBe(info.frameCount);
    const even = await decode(clip, { fps: 25 });
    expect(Math.abs(even.length / 25 - (info.durationSeconds ?? 0))).toBeLessThanOrEqual(1 / 25);
    expect(even.map((frame) => frame.timeSeconds)).toEqual(even.map((_, i) => i / 25));
  });
});

describe('pictures', () => {
  it('reads folders in natural order, patterns, and single pictures', async () => {
    const folder = scratchPath('50% pictures');
    mkdirSync(folder);
    for (const [name, colour] of [
      ['2.png', 'red'],
      ['10.png', 'blue'],
      ['9.png', 'lime'],
    ] as const) {
      const made = scratchPath('picture.png');
      await runFfmpeg('-f', 'lavfi', '-i', `color=${colour}:size=8x8`, '-frames:v', '1', made);
      renameSync(made, join(folder, name));
    }
    const colours = (frames: Frame[]): string[] =>
      frames.map((frame) =>
        pixelAt(frame, 4, 4)
          .map((v) => (v > 127 ? 1 : 0))
          .join(''),
      );
    expect(await probe(folder)).toMatchObject({ kind: 'sequence', frameCount: 3, width: 8 });
    expect(colours(await decode(folder))).toEqual(['100', '010', '001']);
    expect(colours(await decode(join(folder, '%d.png')))).toEqual(['100', '010', '001']);
    expect(colours(await decode(folder, { startFrame: 1, frames: 1 }))).toEqual(['010']);
    expect(colours(await decode(join(folder, '10.png')))).toEqual(['001']);
    expect(await decode(folder, { startFrame: 9 })).toEqual([]);
    const slow = await decode(folder, { sequenceFps: 2 });
    expect(slow[2]?.timeSeconds).toBe(1);
    expect(await failure(decode(join(folder, 'x%d.png')))).toMatchObject({ code: 'not-found' });
  });

  it('reads a JPEG whatever it is called, in full range', async () => {
    const path = scratchPath('picture.png');
    await runFfmpeg(
      ...['-f', 'lavfi', '-i', 'color=white:size=16x16', '-frames:v', '1', '-f', 'mjpeg', path],
    );
    const [frame] = await decode(path);
    expect(largestDifference(pixelAt(frame ?? fail(), 8, 8), [255, 255, 255])).toBeLessThan(3);
  });

  it('plays an animated GIF once', async () => {
    const clip = await makeClip({
      frames: 9,
      fps: 10,
      name: 'a.gif',
      options: ['-pix_fmt', 'rgb8'],
    });
    expect(await decode(clip)).toHaveLength(9);
  });
});

describe('streams', () => {
  it.each(['mkv', 'ts', 'webm'])('reads %s from a pipe as from the file', async (kind) => {
    const clip = await makeClip({ frames: 20, name: `clip.${kind}` });
    const [piped, filed] = [await decode(createReadStream(clip)), await decode(clip)];
    expect(piped).toHaveLength(20);
    expect(piped.map((frame) => Buffer.from(frame.data))).toEqual(
      filed.map((frame) => Buffer.from(frame.data)),
    );
  });

  it('reads y4m, frame by frame as they come', async () => {
    const clip = await makeClip({ frames: 3, name: 'clip.y4m' });
    const bytes = readFileSync(clip);
    const oneFrame = 6 + (64 * 36 * 3) / 2;
    const header = bytes.length - 3 * oneFrame;
    const live = new PassThrough();
    const seen: number[] = [];
    const done = new Promise<void>((resolve, reject) => {
      decodeFrames(live).subscribe({
        next: (frame) => seen.push(frame.index),
        error: reject,
        complete: resolve,
      });
    });
    live.write(bytes.subarray(0, header + oneFrame));
    expect(await eventually(() => seen.length === 1)).toBe(true);
    live.end(bytes.subarray(header + oneFrame));
    await done;
    expect(seen).toEqual([0, 1, 2]);
  });

  it('reads raw frames, and tells when the last one is cut', async () => {
    const raw = { width: 4, height: 2, fps: 30 };
    const bytes = Buffer.from(Array.from({ length: 72 }, (_, i) => i));
    const frames = await decode(Readable.from([bytes.subarray(0, 30), bytes.subarray(30)]), {
      raw,
    });
    expect(frames.map((frame) => [...frame.data])).toEqual([
      [...bytes.subarray(0, 24)],
      [...bytes.subarray(24, 48)],
      [...bytes.subarray(48)],
    ]);
    const file = scratchPath('frames.raw');
    writeFileSync(file, bytes.subarray(0, 60));
    expect(await probe(file, { raw })).toMatchObject({ frameCount: 2, kind: 'raw' });
    expect(await failure(decode(file, { raw }))).toMatchObject({ code: 'bad-input' });
  });

  it('refuses an empty stream and one that holds no video', async () => {
    expect(await failure(decode(Readable.from([])))).toMatchObject({
      message: 'the stream is empty (0 bytes)',
    });
    const words = Readable.from([Buffer.from('only words\n'.repeat(1000))]);
    expect(await failure(decode(words))).toMatchObject({ code: 'bad-input' });
    expect(await eventually(() => runningProcesses().length === 0)).toBe(true);
  });
});

function fail(): never {
  throw new Error('no frame');
}
