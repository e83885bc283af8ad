import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { PassThrough, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import {
  generateVideo,
  type GenerateVideoOptions,
} from '../../../src/synthesis/video/generate-video.js';
import type { SynthesisModel } from '../../../src/synthesis/models/model.js';
import {
  decodeFrames,
  findFfmpeg,
  probe,
  runningProcesses,
  type OutputFormatName,
} from '../../../src/video/index.js';
import { collect, largestDifference } from '../../video/frames.js';
import { makeClip, runFfmpeg, scratchPath } from '../../video/make-clip.js';
import { makeRun } from '../make-run.js';

const FRAMES = 12;
const [WIDTH, HEIGHT] = [32, 24];
const FRAME_BYTES = WIDTH * HEIGHT * 3;

let model: SynthesisModel;
let ffmpegPath: string;
/** 64x48, without loss. */
let clip: string;

beforeAll(async () => {
  await useBackend();
  model = await openRunModel(await makeRun());
  ({ ffmpegPath } = await findFfmpeg());
  clip = await makeClip({ width: 64, height: 48, frames: FRAMES, name: 'clip.y4m' });
});

/** The real ffmpeg as another program beside ours. */
function ffmpeg(...args: string[]): ChildProcess & { stdin: Writable; stdout: PassThrough } {
  const child = spawn(ffmpegPath, ['-v', 'error', ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
  return child as ChildProcess & { stdin: Writable; stdout: PassThrough };
}

const generate = (
  options: Pick<GenerateVideoOptions, 'input' | 'output'> & Partial<GenerateVideoOptions>,
) => generateVideo(model, { startFrames: 0, baseFolder: '.', ...options });

/** All bytes that are generated from a file, as rgb24. */
async function fromFile(path: string, more: Partial<GenerateVideoOptions> = {}): Promise<Buffer> {
  const output = scratchPath('made.raw');
  await generate({ input: path, output, ...more });
  return readFile(output);
}

const worst = (a: Uint8Array, b: Uint8Array): number => largestDifference(a, b);

describe('a pipe', () => {
  it('between two ffmpegs gives what a file gives', async () => {
    const before = ffmpeg('-i', clip, '-f', 'yuv4mpegpipe', '-');
    const after = ffmpeg(
      '-f',
      'yuv4mpegpipe',
      '-i',
      '-',
      '-f',
      'rawvideo',
      '-pix_fmt',
      'rgb24',
      '-',
    );
    const received = buffer(after.stdout);
    const result = await generate({ input: before.stdout, output: after.stdin });
    expect(result).toMatchObject({ frames: FRAMES, format: 'y4m', width: WIDTH, height: HEIGHT });
    const bytes = await received;
    expect(bytes.length).toBe(FRAMES * FRAME_BYTES);
    // y4m is YUV: a level or two of rounding on the way.
    expect(worst(bytes, await fromFile(clip))).toBeLessThanOrEqual(4);
    expect(runningProcesses()).toEqual([]);
  });

  it.each([
    ['nut', 'nut', ['-c:v', 'rawvideo', '-pix_fmt', 'yuv420p']],
    ['matroska', 'mkv', ['-c:v', 'ffv1', '-pix_fmt', 'yuv420p']],
    ['mpegts', 'mpegts', ['-c:v', 'libx264', '-qp', '0', '-pix_fmt', 'yuv420p']],
  ] as [string, OutputFormatName, string[]][])(
    'carries %s both ways',
    async (name, format, codec) => {
      const before = ffmpeg('-i', clip, ...codec, '-f', name, '-');
      const output = new PassThrough();
      const received = buffer(output);
      const result = await generate({ input: before.stdout, output, format });
      expect(result).toMatchObject({ frames: FRAMES, format });
      const path = scratchPath(`received.${format === 'mpegts' ? 'ts' : format}`);
      await writeFile(path, await received);
      const info = await probe(path, { count: true });
      expect(info).toMatchObject({ width: WIDTH, height: HEIGHT, frameCount: FRAMES });
      expect(info.fps.num / info.fps.den).toBe(25);
      const frames = Buffer.concat((await collect(decodeFrames(path))).map(({ data }) => data));
      const real = await fromFile(clip);
      const mean =
        frames.reduce((sum, byte, i) => sum + Math.abs(byte - real[i]!), 0) / real.length;
      // H.264 of nearly noise at quarter chroma is far from exact.
      expect(mean).toBeLessThan(format === 'mpegts' ? 12 : 0.5);
    },
  );

  it('takes bytes without a header, and gives them', async () => {
    const rgb = await runFfmpeg('-i', clip, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-');
    const same = scratchPath('rgb.mkv');
    await runFfmpeg('-i', clip, '-c:v', 'png', '-pix_fmt', 'rgb24', same);
    const input = new PassThrough();
    input.end(rgb);
    const output = new PassThrough();
    const received = buffer(output);
    const raw = { width: 64, height: 48, fps: 50, pixelFormat: 'rgb24' };
    const result = await generate({ input, output, raw, format: 'raw' });
    expect(result).toMatchObject({ frames: FRAMES, durationSeconds: FRAMES / 50 });
    expect(worst(await received, await fromFile(same))).toBe(0);
  });

  it('gives its first frame before its input ends', async () => {
    const y4m = await readFile(clip);
    const oneFrame = (64 * 48 * 3) / 2 + 'FRAME\n'.length;
    const header = y4m.indexOf('\n') + 1;
    const input = new PassThrough();
    const output = new PassThrough();
    const done = generate({ input, output, format: 'raw' });
    input.write(y4m.subarray(0, header + oneFrame));
    const [first] = (await once(output, 'data')) as [Buffer];
    expect(input.writableEnded).toBe(false);
    expect(first.length).toBe(FRAME_BYTES);
    output.resume();
    input.end(y4m.subarray(header + oneFrame));
    expect((await done).frames).toBe(FRAMES);
  });

  it('goes on from real frames, as from a file', async () => {
    const input = new PassThrough();
    input.end(await readFile(clip));
    const output = new PassThrough();
    const received = buffer(output);
    const result = await generate({ input, output, startFrames: 2, format: 'raw' });
    expect(result.frames).toBe(FRAMES);
    const bytes = await received;
    const real = (
      await collect(decodeFrames(clip, { size: { width: WIDTH, height: HEIGHT } }))
    ).map(({ data }) => data);
    expect(bytes.subarray(0, 2 * FRAME_BYTES).equals(Buffer.concat(real.slice(0, 2)))).toBe(true);
    expect(worst(bytes, await fromFile(clip, { startFrames: 2 }))).toBe(0);
  });

  it('that is shorter than its start is an error, and no file is left', async () => {
    const input = new PassThrough();
    input.end(await readFile(clip));
    const output = scratchPath('short.mkv');
    await expect(generate({ input, output, startFrames: 20 })).rejects.toMatchObject({
      code: 'bad-input',
      message: 'the stream has only 12 frames',
    });
    await expect(readFile(output)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('whose reader closes it ends at once, and leaves nothing running', async () => {
    // Live: after the first frames nothing more may ever come.
    const y4m = await readFile(clip);
    const input = new PassThrough();
    input.write(y4m.subarray(0, y4m.length >> 1));
    let taken = 0;
    const output = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        taken += chunk.length;
        done();
        output.destroy();
      },
    });
    await expect(generate({ input, output })).rejects.toMatchObject({ code: 'closed-pipe' });
    expect(taken).toBeGreaterThan(0);
    expect(input.destroyed).toBe(true);
    // The decoder is sent away and not waited for.
    await expect.poll(runningProcesses, { timeout: 10_000 }).toEqual([]);
  });

  it('holds no sound', async () => {
    const input = new PassThrough();
    input.end(await readFile(clip));
    await expect(
      generate({ input, output: scratchPath('a.mp4'), audio: true }),
    ).rejects.toMatchObject({
      code: 'bad-option',
      message: 'sound cannot be carried along from a pipe',
    });
  });

  it('makes one frame while others are read and written, and none further ahead', async () => {
    const input = new PassThrough();
    const frames = 60;
    input.end(await readFile(await makeClip({ width: 64, height: 48, frames, name: 'long.y4m' })));
    // A reader that takes nothing: what is made ahead is bounded.
    const output = new Writable({ highWaterMark: 1, write: () => undefined });
    let made = 0;
    const stop = new AbortController();
    const size = { ...model.data, size: { width: 256, height: 192 } };
    const done = generateVideo(
      { ...model, data: size },
      {
        ...{ input, output, format: 'raw', startFrames: 0, baseFolder: '.' },
        signal: stop.signal,
        onFrame: (seen) => (made = seen),
      },
    );
    const settled = done.catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(made).toBeGreaterThan(0);
    // ffmpeg 7 keeps some forty itself, between its threads.
    expect(made).toBeLessThan(frames);
    stop.abort();
    expect(await settled).toMatchObject({ code: 'cancelled' });
  });
});
