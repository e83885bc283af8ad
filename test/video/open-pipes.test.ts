// Pipes that stay open, and what is told of a part.
import { createWriteStream } from 'node:fs';
import { PassThrough, Readable, Writable } from 'node:stream';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { decodeFrames, encodeFrames, runningProcesses } from '../../src/video/index.js';
import { pipeOut } from '../../src/video/pipe-out.js';
import { eventually } from './fake-ffmpeg.js';
import { collect, failure, flatFrames } from './frames.js';
import { makeClip, runFfmpeg, scratchPath } from './make-clip.js';

const raw = { width: 8, height: 8, fps: 25 };
const bytes = raw.width * raw.height * 3;

/** A raw pipe that has sent so many frames and stays open. */
function openPipe(frames: number): PassThrough {
  const pipe = new PassThrough();
  for (let k = 0; k < frames; k += 1) pipe.write(Buffer.alloc(bytes, k));
  return pipe;
}

describe('a pipe that stays open', () => {
  it('ends when as many frames have come as were wanted', async () => {
    const pipe = openPipe(3);
    expect(await collect(decodeFrames(pipe, { raw, frames: 3 }))).toHaveLength(3);
    expect(await eventually(() => pipe.destroyed)).toBe(true);
  });

  it('is told at once of a filter that there is not', async () => {
    const error = await failure(
      collect(decodeFrames(openPipe(3), { raw, filter: 'hflip=nonsense=3' })),
    );
    expect(error).toMatchObject({ code: 'bad-option' });
  });

  it.each([
    ['nothing', ''],
    ['half a header', 'YUV4MPEG2 W64 '],
  ])('is let go by a signal while it has sent %s', async (_, sent) => {
    const pipe = new PassThrough();
    if (sent !== '') pipe.write(sent);
    const stop = new AbortController();
    const error = failure(collect(decodeFrames(pipe, { signal: stop.signal })));
    setImmediate(() => stop.abort());
    expect(await error).toMatchObject({ code: 'cancelled' });
    expect(pipe.destroyed).toBe(true);
    expect(runningProcesses()).toEqual([]);
  });
});

describe('damage in a part', () => {
  it.each([{}, { fps: 30 }, { filter: 'hflip' }, { durationSeconds: 1.6 }])(
    'is told with %j',
    async (more) => {
      const clip = await makeClip({ frames: 60, name: 'spoilt.mkv', options: ['-g', '5'] });
      const spoilt = scratchPath('spoilt.mkv');
      await runFfmpeg('-i', clip, '-c', 'copy', '-bsf:v', 'noise=amount=40', spoilt);
      const error = await failure(
        collect(
          decodeFrames(spoilt, {
            frames: 40,
            ...more,
            ...('durationSeconds' in more ? { frames: undefined } : {}),
          }),
        ),
      );
      expect(error).toMatchObject({ code: 'bad-input' });
    },
  );
});

it('repeats are bytes of their own, whatever becomes of the first', async () => {
  const clip = await makeClip({ frames: 4 });
  const sums: number[] = [];
  const frames = decodeFrames(clip, { fps: 50 });
  await new Promise<void>((resolve, reject) => {
    frames.subscribe({
      next: ({ data }) => {
        sums.push(data.reduce((sum, value) => sum + value, 0));
        data.fill(0);
      },
      error: reject,
      complete: resolve,
    });
  });
  expect(sums).toHaveLength(8);
  expect(sums.every((sum) => sum > 0)).toBe(true);
});

describe('a device that takes nothing is a full disk', () => {
  const frames = flatFrames({ colour: [1, 2, 3], count: 2, width: 8, height: 8 });

  it.each([
    ['as a path', () => '/dev/full'],
    ['as a stream', () => createWriteStream('/dev/full')],
  ])('%s, and leaves no error that nobody hears', async (_, target) => {
    const error = await failure(
      lastValueFrom(frames.pipe(encodeFrames(target(), { fps: 25, format: 'raw' }))),
    );
    expect(error).toMatchObject({ code: 'disk-full' });
  });

  it('whatever of a stream tells of it first', async () => {
    // The callback of the write tells at once, the stream itself a while later.
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) =>
        chunk.length > 0 ? done() : done(Object.assign(new Error('no space'), { code: 'ENOSPC' })),
      destroy: (error, done) => void setTimeout(() => done(error), 20),
    });
    const piped = pipeOut(Readable.from([Buffer.alloc(8)]), stream, {
      ends: false,
      stop: new AbortController().signal,
    });
    expect(await failure(piped)).toMatchObject({ code: 'disk-full' });
    expect(stream.closed).toBe(false);
    await new Promise((resolve) => stream.once('close', resolve));
  });

  it('also one that fails only when it is closed', async () => {
    const stream = new Writable({
      write: (_chunk, _encoding, done) => done(),
      destroy: (_error, done) => done(Object.assign(new Error('quota'), { code: 'EDQUOT' })),
    });
    const piped = pipeOut(Readable.from([Buffer.alloc(8)]), stream, {
      ends: true,
      stop: new AbortController().signal,
    });
    expect(await failure(piped)).toMatchObject({ code: 'disk-full' });
  });
});
