import { existsSync, mkdirSync, readdirSync, writeFileSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { concat, EMPTY, from, lastValueFrom, map, Subject, take, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import {
  decodeFrames,
  type EncodeOptions,
  encodeFrames,
  type EncodeResult,
  type Frame,
  probe,
  runningProcesses,
} from '../../src/video/index.js';
import { eventually } from './fake-ffmpeg.js';
import { collect, failure, flatFrames, largestDifference } from './frames.js';
import { makeClip, scratchPath } from './make-clip.js';

const encode = (
  frames: ReturnType<typeof flatFrames>,
  target: string | PassThrough,
  options: Partial<EncodeOptions> = {},
): Promise<EncodeResult> =>
  lastValueFrom(frames.pipe(encodeFrames(target, { fps: 25, ...options })));
const few = (count = 5): ReturnType<typeof flatFrames> =>
  flatFrames({ colour: [200, 30, 60], count });
/** What there is of an output: itself, and temporaries of whatever is being written. */
const beside = (path: string): string[] =>
  readdirSync(dirname(path)).filter(
    (name) => name.includes(basename(path)) || name.includes('.partial'),
  );

describe('encodeFrames', () => {
  it.each(['mp4', 'webm', 'mov', 'mkv', 'gif', 'y4m'])(
    'writes %s with the exact count, rate and duration',
    async (format) => {
      const path = scratchPath(`out.${format}`);
      const fps = format === 'gif' ? 10 : '30000/1001';
      const clip = await makeClip({ frames: 23, fps });
      const result = await encode(decodeFrames(clip), path, { fps });
      expect(result).toMatchObject({ frames: 23, format, path, width: 64, height: 36 });
      const info = await probe(path, { count: true });
      expect(info.frameCount).toBe(23);
      expect(info.fps).toEqual(format === 'gif' ? { num: 10, den: 1 } : { num: 30000, den: 1001 });
      expect(info.durationSeconds).toBeCloseTo(result.durationSeconds, 2);
      expect(await collect(decodeFrames(path, { info }))).toHaveLength(23);
      expect(beside(path)).toEqual([basename(path)]);
    },
  );

  it('writes raw frames in the layout that the file is named after', async () => {
    for (const [name, pixelFormat] of [
      ['a.yuv', 'yuv420p'],
      ['a.rgba', 'rgba'],
      ['a.rgb', 'rgb24'],
    ] as const) {
      const path = scratchPath(name);
      await encode(few(2), path);
      const raw = { width: 64, height: 36, fps: 25, pixelFormat };
      const back = await collect(decodeFrames(path, { raw, colourMatrix: 'bt601' }));
      const sent = await collect(few(2));
      expect(back).toHaveLength(2);
      // YUV of 8 bits is rounded; another layout would be another colour.
      expect(largestDifference(back[0]!.data, sent[0]!.data)).toBeLessThanOrEqual(
        pixelFormat === 'yuv420p' ? 3 : 0,
      );
    }
  });

  it('loses nothing in mkv, png and raw', async () => {
    const frames = await collect(decodeFrames(await makeClip({ frames: 4 })));
    const raw = { width: 64, height: 36, fps: 25 };
    const folder = scratchPath('pictures');
    for (const [path, options] of [
      [scratchPath('out.mkv'), {}],
      [join(folder, '%05d.png'), {}],
      [scratchPath('out.raw'), { raw }],
    ] as const) {
      await encode(decodeFrames(await makeClip({ frames: 4 })), path);
      const back = await collect(decodeFrames(path, options));
      expect(back).toHaveLength(4);
      back.forEach((frame, i) =>
        expect(largestDifference(frame.data, frames[i]?.data ?? [])).toBe(0),
      );
    }
    expect(readdirSync(folder)).toEqual(['00001.png', '00002.png', '00003.png', '00004.png']);
  });

  it('keeps 16 bits, grey and alpha where the format can', async () => {
    for (const [pixelFormat, colour] of [
      ['rgb48be', [200, 1, 30, 2, 60, 3]],
      ['gray', [77]],
      ['gray16be', [77, 5]],
      ['rgba', [200, 30, 60, 128]],
    ] as const) {
      for (const target of [scratchPath('deep.mkv'), join(scratchPath('deep'), '%d.png')]) {
        await encode(flatFrames({ colour, pixelFormat }), target);
        const [frame] = await collect(decodeFrames(target, { pixelFormat }));
        expect([...(frame?.data.subarray(0, colour.length) ?? [])]).toEqual([...colour]);
      }
    }
    for (const format of ['webm', 'mov']) {
      const path = scratchPath(`alpha.${format}`);
      await encode(flatFrames({ colour: [200, 30, 60, 128], pixelFormat: 'rgba' }), path);
      expect((await probe(path)).hasAlpha).toBe(true);
      const [frame] = await collect(decodeFrames(path, { pixelFormat: 'rgba' }));
      expect(Math.abs((frame?.data[4003] ?? 0) - 128)).toBeLessThanOrEqual(3);
    }
  });

  it.each([
    ['mp4', 36, 24],
    ['mov', 36, 23],
    ['webm', 35, 23],
    ['mkv', 35, 23],
    ['gif', 35, 23],
    ['y4m', 35, 23],
  ])('takes odd sizes: %s writes 35×23 as %i×%i', async (format, width, height) => {
    const path = scratchPath(`odd.${format}`);
    const frames = flatFrames({ colour: [200, 30, 60], width: 35, height: 23 });
    expect(await encode(frames, path)).toMatchObject({ width, height });
    const info = await probe(path);
    expect(info).toMatchObject({ width, height });
    const [frame] = await collect(decodeFrames(path, { info }));
    const corner = [...(frame?.data.subarray(-3) ?? [])];
    expect(largestDifference(corner, [200, 30, 60])).toBeLessThanOrEqual(12);
  });

  it('keeps an odd size in mp4 when asked for full chroma', async () => {
    const path = scratchPath('full.mp4');
    const frames = flatFrames({ colour: [200, 30, 60], width: 35, height: 23 });
    const options = { outputPixelFormat: 'yuv444p' };
    expect(await encode(frames, path, options)).toMatchObject({ width: 35, height: 23 });
    expect(await probe(path)).toMatchObject({ width: 35, height: 23 });
  });

  it('writes streams that can be read again, mp4 fragmented', async () => {
    for (const format of ['mp4', 'webm', 'mkv', 'mov', 'y4m'] as const) {
      const pipe = new PassThrough();
      const [result, back] = await Promise.all([
        encode(few(12), pipe, { format }),
        collect(decodeFrames(pipe)),
      ]);
      expect(result).not.toHaveProperty('path');
      expect(back).toHaveLength(12);
    }
  });

  it('passes frames on as they come in y4m', async () => {
    const pipe = new PassThrough();
    const source = new Subject<Frame>();
    const frames = await collect(few(3));
    let bytes = 0;
    pipe.on('data', (chunk: Buffer) => (bytes += chunk.length));
    const done = lastValueFrom(source.pipe(encodeFrames(pipe, { fps: 25, format: 'y4m' })));
    for (const [i, frame] of frames.entries()) {
      source.next(frame);
      expect(await eventually(() => bytes >= (i + 1) * 64 * 36 * 3)).toBe(true);
    }
    source.complete();
    expect((await done).frames).toBe(3);
  });

  it('leaves an older file as it was unless the new one is complete', async () => {
    const path = scratchPath('kept.mp4');
    writeFileSync(path, 'older');
    const failing = concat(
      few(),
      throwError(() => new Error('upstream broke')),
    );
    expect(String(await failure(encode(failing, path, { overwrite: true })))).toBe(
      'Error: upstream broke',
    );
    expect(readFileSync(path, 'utf8')).toBe('older');
    expect(beside(path)).toEqual([basename(path)]);
    expect(await failure(encode(few(), path))).toMatchObject({ code: 'exists', path });
    expect(readFileSync(path, 'utf8')).toBe('older');
    await encode(few(), path, { overwrite: true });
    expect((await probe(path)).frameCount).toBe(5);
    expect(runningProcesses()).toEqual([]);
  });

  it('stops on a signal, with nothing left', async () => {
    const path = scratchPath('cancelled.mp4');
    const controller = new AbortController();
    const clip = await makeClip({ frames: 200, width: 320, height: 180 });
    const frames = decodeFrames(clip).pipe(
      map((frame) => {
        if (frame.index === 20) controller.abort();
        return frame;
      }),
    );
    const error = await failure(encode(frames, path, { signal: controller.signal }));
    expect(error).toMatchObject({ code: 'cancelled' });
    expect(beside(path)).toEqual([]);
    expect(await eventually(() => runningProcesses().length === 0)).toBe(true);
  });

  it('completes early when downstream unsubscribes, also before ffmpeg has started', async () => {
    const path = scratchPath('early.mp4');
    const subscription = few(200)
      .pipe(encodeFrames(path, { fps: 25 }))
      .subscribe();
    subscription.unsubscribe();
    expect(
      await eventually(() => beside(path).length === 0 && runningProcesses().length === 0),
    ).toBe(true);
    expect(existsSync(path)).toBe(false);
  });

  it('refuses what cannot be encoded', async () => {
    const mixed = concat(few(1), flatFrames({ colour: [1, 2, 3], width: 32, count: 1 }));
    expect(await failure(encode(mixed, scratchPath('mixed.mp4')))).toMatchObject({
      code: 'bad-shape',
    });
    const short = few(1).pipe(map((frame) => ({ ...frame, data: frame.data.subarray(1) })));
    expect(await failure(encode(short, scratchPath('short.mp4')))).toMatchObject({
      code: 'bad-shape',
    });
    expect(await failure(encode(EMPTY, scratchPath('none.mp4')))).toMatchObject({
      code: 'bad-input',
    });
    expect(await failure(encode(few(), scratchPath('x.doc')))).toMatchObject({
      code: 'bad-option',
    });
    expect(await failure(encode(few(), scratchPath('x.mp4'), { fps: -1 }))).toMatchObject({
      code: 'bad-option',
    });
    expect(await failure(encode(few(), scratchPath('x.mp4'), { crf: 99 }))).toMatchObject({
      code: 'bad-option',
    });
    expect(await failure(encode(few(), scratchPath('x.mp4'), { preset: 'warp9' }))).toMatchObject({
      code: 'bad-option',
      hint: expect.stringContaining('veryfast') as string,
    });
    expect(await failure(encode(few(), scratchPath('one.png')))).toMatchObject({
      code: 'bad-option',
    });
    expect(
      await failure(encode(few(), scratchPath('x.mp4'), { filter: 'no_such_filter' })),
    ).toMatchObject({ code: 'bad-option' });
    const occupied = scratchPath('file');
    writeFileSync(occupied, '');
    const folder = scratchPath('folder.mp4');
    mkdirSync(folder);
    expect(await failure(encode(few(), folder))).toMatchObject({ code: 'bad-option' });
    const inFile = join(scratchPath('x'), '..', basename(occupied), 'x.mp4');
    expect(await failure(encode(few(), inFile))).toMatchObject({ code: 'bad-option' });
    expect(runningProcesses()).toEqual([]);
  });

  it('keeps the times of frames, all of them, in containers that hold any', async () => {
    const times = [0, 0.001, 0.05, 0.4, 0.44, 5, 5.04];
    const [first] = await collect(few(1));
    if (!first) throw new Error('no frame');
    const frames = from(times.map((timeSeconds, index) => ({ ...first, index, timeSeconds })));
    for (const format of ['mp4', 'mov', 'mkv', 'webm', 'mpegts', 'nut', 'gif'] as const) {
      const path = scratchPath(`variable.${format === 'mpegts' ? 'ts' : format}`);
      const result = await encode(frames, path);
      expect(result.frames).toBe(7);
      expect(result).not.toHaveProperty('framesWritten');
      expect(result.durationSeconds).toBeCloseTo(5.08, 5);
      const info = await probe(path, { count: true });
      const { frameTimes, frameCount } = info;
      expect(frameCount).toBe(7);
      // GIF counts in hundredths, and takes one of them for ten.
      const grain = format === 'gif' ? 0.021 : 0.0011;
      times.forEach((time, i) => {
        expect(Math.abs((frameTimes?.[i] ?? NaN) - time)).toBeLessThanOrEqual(grain);
      });
      expect(await collect(decodeFrames(path, { info }))).toHaveLength(7);
    }
  });

  it('repeats frames where there is one rate only, says so once, and loses none', async () => {
    const frames = Array.from({ length: 4 }, (_, index) => ({
      ...{ index, width: 8, height: 4, pixelFormat: 'gray' as const },
      timeSeconds: [0, 0.04, 0.2, 0.201][index] ?? 0,
      data: new Uint8Array(32).fill(50 * index),
    }));
    const said: string[] = [];
    const log = createLogger({ write: (line) => void said.push(line) });
    for (const format of ['raw', 'y4m'] as const) {
      said.length = 0;
      const path = scratchPath(`repeated.${format}`);
      expect(await encode(from(frames), path, { log })).toMatchObject({
        ...{ frames: 4, framesWritten: 7, durationSeconds: 7 / 25 },
      });
      expect(said).toHaveLength(1);
      const raw = { width: 8, height: 4, fps: 25, pixelFormat: 'gray' };
      const back = decodeFrames(path, { pixelFormat: 'gray', ...(format === 'raw' && { raw }) });
      const grey = (await collect(back)).map(({ data }) => data[5] ?? -1);
      expect(largestDifference(grey, [0, 50, 50, 50, 50, 100, 150])).toBeLessThanOrEqual(1);
    }
    const folder = scratchPath('no-repeats');
    await encode(from(frames), join(folder, '%d.png'), { log });
    expect(readdirSync(folder)).toHaveLength(4);
  });

  it('warns where a container cannot hold frames so close', async () => {
    const said: string[] = [];
    const log = createLogger({ write: (line) => void said.push(line) });
    const frames = few(6).pipe(map((frame) => ({ ...frame, timeSeconds: frame.index / 100 })));
    await encode(frames, scratchPath('fast.gif'), { fps: 100, log });
    expect(said.join('')).toContain('gif cannot hold them so close');
  });

  it('answers frame by frame through raw bytes, nut and PNG, however long the next one takes', async () => {
    for (const format of ['raw', 'nut', 'png'] as const) {
      const pipe = new PassThrough();
      const source = new Subject<Frame>();
      let bytes = 0;
      pipe.on('data', (chunk: Buffer) => (bytes += chunk.length));
      const done = lastValueFrom(source.pipe(encodeFrames(pipe, { fps: 25, format })));
      for (const frame of await collect(few(3))) {
        const before = bytes;
        source.next(frame);
        const least = format === 'png' ? 60 : frame.data.length;
        expect(await eventually(() => bytes - before >= least, 10_000)).toBe(true);
      }
      source.complete();
      expect((await done).frames).toBe(3);
    }
  });

  it('writes one picture', async () => {
    const path = scratchPath('one 50%.png');
    await encode(few(9).pipe(take(1)), path);
    expect(await probe(path)).toMatchObject({ width: 64, height: 36, frameCount: 1 });
  });
});
