import { readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { lastValueFrom, map, type Observable, type Subscription } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { FrameloomError } from '../../src/base/error.js';
import { createLogger } from '../../src/base/log.js';
import {
  decodeFrames,
  type EncodeOptions,
  encodeFrames,
  type EncodeResult,
  findFfmpeg,
  type Frame,
  type OutputFormatName,
  probe,
  runningProcesses,
} from '../../src/video/index.js';
import { eventually, fakeFfmpeg, isAlive } from './fake-ffmpeg.js';
import { clicks, type FlashAndClick, flashes, makeFlashAndClick } from './flash-and-click.js';
import { failure, flatFrames } from './frames.js';
import { makeClip, runFfmpeg, scratchPath } from './make-clip.js';

const encode = (
  frames: Observable<Frame>,
  target: string | PassThrough,
  options: Partial<EncodeOptions> = {},
): Promise<EncodeResult> =>
  lastValueFrom(frames.pipe(encodeFrames(target, { fps: 25, ...options })));
const few = (count = 5): Observable<Frame> => flatFrames({ colour: [200, 30, 60], count });
const beside = (path: string): string[] =>
  readdirSync(dirname(path)).filter(
    (name) => name.includes(basename(path)) || name.includes('.partial'),
  );
const FRAME_SECONDS = 1 / 25;

/** Each flash has its click within a frame. */
async function expectInStep(path: string, seconds: readonly number[]): Promise<void> {
  const [seen, heard] = [await flashes(path), await clicks(path)];
  expect(seen).toHaveLength(seconds.length);
  expect(heard).toHaveLength(seconds.length);
  seconds.forEach((at, i) => {
    expect(Math.abs((seen[i] ?? NaN) - at)).toBeLessThan(0.002);
    expect(Math.abs((heard[i] ?? NaN) - at)).toBeLessThan(FRAME_SECONDS);
  });
}

const LATE_VIDEO: FlashAndClick = { videoFrom: 0.6 };
const LATE_SOUND: FlashAndClick = { soundFrom: 0.6 };

describe('sound carried along', () => {
  it.each([
    // Each container in and out; other pairs: test/cases/one-clock.test.ts.
    ['mp4', LATE_VIDEO, 'mkv'],
    ['mov', LATE_VIDEO, 'ts'],
    ['webm', LATE_VIDEO, 'mov'],
    ['ts', LATE_SOUND, 'mp4'],
    ['mkv', LATE_SOUND, 'webm'],
  ] as const)('of %s is in step with the pictures, %o, in %s', async (extension, late, out) => {
    const source = await makeFlashAndClick({ extension, ...late });
    const path = scratchPath(`step.${out}`);
    const result = await encode(decodeFrames(source), path, { audioFrom: source });
    const missing = late.videoFrom ?? 0;
    expect(result.durationSeconds).toBeCloseTo(4 - missing);
    await expectInStep(path, [1 - missing, 2 - missing, 3 - missing]);
    expect(beside(path)).toEqual([basename(path)]);
  });

  it.each(['mov', 'webm', 'nut'] as const)(
    'is in step through a pipe of %s',
    async (format: OutputFormatName) => {
      const source = await makeFlashAndClick({ extension: 'mp4', ...LATE_VIDEO });
      const pipe = new PassThrough();
      const [bytes] = await Promise.all([
        buffer(pipe),
        encode(decodeFrames(source), pipe, { audioFrom: source, format }),
      ]);
      const path = scratchPath(`piped.${format}`);
      writeFileSync(path, bytes);
      await expectInStep(path, [0.4, 1.4, 2.4]);
    },
  );

  it('begins where it is told, seconds after the first frame', async () => {
    const source = await makeFlashAndClick({ extension: 'mp4', ...LATE_VIDEO });
    const path = scratchPath('part.mp4');
    const part = decodeFrames(source, { startSeconds: 1.2, frames: 45 });
    await encode(part, path, { audioFrom: source, audioStartSeconds: 1.2 });
    await expectInStep(path, [0.2, 1.2]);
  });

  it('has silence where there is a hole in it', async () => {
    const source = await makeFlashAndClick({ seconds: 6, hole: [1.5, 2.8] });
    const path = scratchPath('hole.mov');
    await encode(decodeFrames(source), path, { audioFrom: source });
    const heard = await clicks(path);
    expect(heard).toHaveLength(4);
    for (const [i, at] of [1, 3, 4, 5].entries()) {
      expect(Math.abs((heard[i] ?? NaN) - at)).toBeLessThan(FRAME_SECONDS);
    }
  });

  it('is cut to the video', async () => {
    const source = await makeFlashAndClick({ extension: 'mp4' });
    const path = scratchPath('cut.mp4');
    const { durationSeconds } = await encode(decodeFrames(source, { frames: 30 }), path, {
      audioFrom: source,
    });
    const samples = await runFfmpeg(
      ...['-i', path, '-map', '0:a', '-ar', '48000', '-ac', '1', '-f', 's16le', '-'],
    );
    expect(Math.abs(samples.length / 2 / 48_000 - durationSeconds)).toBeLessThan(0.03);
  });

  it.each([
    ['side51.mkv', ['-c:a', 'ac3'], '5.1(side)', 'webm'],
    ['quad.mov', ['-c:a', 'pcm_s16le'], 'quad', 'mp4'],
    ['s61.mkv', ['-c:a', 'flac'], '6.1', 'mp4'],
    ['ch16.mov', ['-c:a', 'pcm_s16le'], 'hexadecagonal', 'webm'],
  ] as const)('of %s is brought to what an encoder takes', async (name, codec, layout, out) => {
    const source = scratchPath(name);
    await runFfmpeg(
      ...['-f', 'lavfi', '-i', 'color=red:size=64x36:rate=25:duration=1', '-f', 'lavfi', '-i'],
      ...[`anoisesrc=d=1:r=48000,aformat=channel_layouts=mono,${spread(layout)}`, '-shortest'],
      ...['-pix_fmt', 'yuv420p', ...codec, source],
    );
    // The other containers: test/cases/sound-layouts.test.ts.
    const path = scratchPath(`layout.${out}`);
    expect((await encode(few(), path, { audioFrom: source })).frames).toBe(5);
    const info = await probe(path, { count: true });
    expect(info).toMatchObject({ hasAudio: true, frameCount: 5 });
  });

  it.each([
    [8000, 'mp4'],
    [96_000, 'webm'],
  ])('of %i samples a second is resampled where it must be', async (rate, extension) => {
    const source = scratchPath('rate.mkv');
    const options = ['-ar', String(rate), '-c:a', 'pcm_s16le', source];
    await runFfmpeg('-f', 'lavfi', '-i', 'sine=duration=1', ...options);
    const path = scratchPath(`rate.${extension}`);
    await encode(few(), path, { audioFrom: source });
    expect((await probe(path)).hasAudio).toBe(true);
  });

  it('without any known layout is mixed to stereo, and that is said', async () => {
    const source = scratchPath('recorder.wav');
    const channels = 16;
    const bytes = Buffer.alloc(channels * 2 * 4800, 7);
    const raw = scratchPath('recorder.raw');
    writeFileSync(raw, bytes);
    await runFfmpeg('-f', 's16le', '-ac', String(channels), '-ar', '48000', '-i', raw, source);
    const said: string[] = [];
    const log = createLogger({ write: (line) => void said.push(line) });
    const path = scratchPath('recorder.mp4');
    await encode(few(), path, { audioFrom: source, log });
    expect((await probe(path)).hasAudio).toBe(true);
    expect(said.join('')).toContain('its 16 channels are mixed to stereo');
  });

  it('is of the default stream, and which one it is is said', async () => {
    const source = scratchPath('two.mkv');
    await runFfmpeg(
      ...['-f', 'lavfi', '-i', 'sine=frequency=440:duration=1', '-f', 'lavfi', '-i'],
      ...['aevalsrc=0|0:s=48000:d=1', '-map', '0:a', '-map', '1:a', '-c:a', 'flac'],
      ...['-disposition:a:0', '0', '-disposition:a:1', 'default', source],
    );
    const said: string[] = [];
    const log = createLogger({ write: (line) => void said.push(line) });
    const path = scratchPath('one.mkv');
    await encode(few(), path, { audioFrom: source, log });
    expect(said.join('')).toContain('has 2 sound streams: stream 1');
    const samples = await runFfmpeg('-i', path, '-map', '0:a', '-f', 's16le', '-');
    expect(samples.every((byte) => byte === 0)).toBe(true);
  });

  it('that there is none of is said; a missing file, a format without sound are errors', async () => {
    const mute = await makeClip({ frames: 5 });
    const path = scratchPath('mute.mp4');
    const said: string[] = [];
    const log = createLogger({ write: (line) => void said.push(line) });
    await encode(few(), path, { audioFrom: mute, log });
    expect((await probe(path)).hasAudio).toBe(false);
    expect(said.join('')).toContain('has no sound');
    const missing = scratchPath('missing.mp4');
    expect(await failure(encode(few(), missing, { audioFrom: '/no/sound.mp4' }))).toMatchObject({
      code: 'not-found',
    });
    expect(beside(missing)).toEqual([]);
    expect(await failure(encode(few(), scratchPath('x.gif'), { audioFrom: mute }))).toMatchObject({
      code: 'bad-option',
    });
  });
});

/** A filter that puts the same into every channel of a layout. */
function spread(layout: string): string {
  const count: Record<string, number> = { '5.1(side)': 6, quad: 4, '6.1': 7, hexadecagonal: 16 };
  const names = Array.from({ length: count[layout] ?? 2 }, (_, i) => `c${i}=c0`);
  return `pan=${layout}|${names.join('|')}`;
}

function stop(how: string, controller: AbortController, subscription: Subscription): void {
  if (how === 'a signal') controller.abort();
  else subscription.unsubscribe();
}

// The program that stands in says that it is a new one.
const { fpsMode } = await findFfmpeg();

describe.runIf(fpsMode)('sound that makes trouble', () => {
  /** The real ffmpeg, but for calls with this among their arguments. */
  const failing = async (word: string, instead: string) => {
    const { ffmpegPath } = await findFfmpeg();
    return fakeFfmpeg(`
      if (process.argv.includes(${JSON.stringify(word)})) { ${instead} }
      else require('node:child_process')
        .spawn(${JSON.stringify(ffmpegPath)}, process.argv.slice(2), { stdio: 'inherit' })
        .on('exit', (code) => process.exit(code ?? 1));`);
  };

  it('is found before a frame is asked for', async () => {
    const source = await makeClip({ frames: 5, toneSeconds: 0.2 });
    const fake = await failing('aac', 'process.exit(1);');
    let asked = 0;
    const frames = decodeFrames(source).pipe(
      map((frame) => {
        asked += 1;
        return frame;
      }),
    );
    const path = scratchPath('never.mp4');
    const error = await fake.use(() => failure(encode(frames, path, { audioFrom: source })));
    expect(error).toMatchObject({ code: 'bad-input', path: source });
    expect(asked).toBe(0);
    expect(beside(path)).toEqual([]);
  });

  it('only at the end costs the sound, not the film', async () => {
    const source = await makeClip({ frames: 5, toneSeconds: 0.2 });
    const fake = await failing('copy', 'process.exit(1);');
    const said: string[] = [];
    const log = createLogger({ write: (line) => void said.push(line) });
    const path = scratchPath('kept.mp4');
    const result = await fake.use(() => encode(few(), path, { audioFrom: source, log }));
    expect(result).toMatchObject({ frames: 5, path });
    expect(said.join('')).toContain('is kept without sound');
    const info = await probe(path, { count: true });
    expect(info).toMatchObject({ frameCount: 5, hasAudio: false });
    expect(beside(path)).toEqual([basename(path)]);
  });

  it.each(['unsubscribing', 'a signal'])(
    '%s ends what adds it, and nothing is left',
    async (how) => {
      const source = await makeClip({ frames: 5, toneSeconds: 0.2 });
      const fake = await failing(
        'copy',
        `process.on('SIGTERM', () => {}); require('node:fs').writeFileSync(target, 'x'); setInterval(() => {}, 1000);`,
      );
      const path = scratchPath('stopped.mp4');
      await fake.use(async () => {
        const controller = new AbortController();
        let told: { code?: string } | undefined;
        const subscription = few()
          .pipe(encodeFrames(path, { fps: 25, audioFrom: source, signal: controller.signal }))
          .subscribe({ error: (error: FrameloomError) => (told = error) });
        // The film and what the sound is added in.
        expect(await eventually(() => beside(path).length === 2, 20_000)).toBe(true);
        const pid = fake.pid() ?? 0;
        stop(how, controller, subscription);
        expect(await eventually(() => !isAlive(pid) && beside(path).length === 0)).toBe(true);
        expect(told?.code).toBe(how === 'a signal' ? 'cancelled' : undefined);
      });
      expect(runningProcesses()).toEqual([]);
    },
  );
});
