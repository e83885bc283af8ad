import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { map } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  decodeFrames,
  encodeFrames,
  fromFrames,
  iterateFrames,
  probe,
  readFrames,
  runningProcesses,
  teeFrames,
  writeFrames,
  type Frame,
} from '../../src/video/index.js';
import { eventually, fakeFfmpeg } from './fake-ffmpeg.js';
import { collect, failure } from './frames.js';
import { makeClip, scratchPath } from './make-clip.js';

let clip: string;
beforeAll(async () => {
  clip = await makeClip({ frames: 12, fps: 30, width: 32, height: 18 });
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const nothingRuns = (): Promise<boolean> => eventually(() => runningProcesses().length === 0);

/** Frames of one's own, without end unless `count` says so; `made` tells how far it got. */
function ownFrames(count = Infinity, size = 16, fps = 25) {
  const state = { made: 0, left: false };
  const frames = (async function* (): AsyncGenerator<Frame> {
    try {
      for (let index = 0; index < count; index += 1) {
        state.made += 1;
        const data = new Uint8Array(size * size * 3).fill(index);
        yield {
          ...{ index, timeSeconds: index / fps, width: size, height: size },
          ...{ pixelFormat: 'rgb24', data },
        };
        await sleep(0);
      }
    } finally {
      state.left = true;
    }
  })();
  return { frames, state };
}

describe('readFrames', () => {
  it('gives the frames of decodeFrames, and ends ffmpeg when the loop is left', async () => {
    const frames: Frame[] = [];
    for await (const frame of readFrames(clip)) frames.push(frame);
    expect(frames).toEqual(await collect(decodeFrames(clip)));
    expect(frames).toHaveLength(12);
    expect(frames[3]).toMatchObject({ index: 3, timeSeconds: 0.1, fps: { num: 30, den: 1 } });

    for await (const frame of readFrames(clip)) if (frame.index === 2) break;
    expect(runningProcesses()).toEqual([]);
    const broken = async (): Promise<void> => {
      for await (const frame of readFrames(clip)) throw new Error(`at ${frame.index}`);
    };
    await expect(broken()).rejects.toThrow('at 0');
    expect(runningProcesses()).toEqual([]);
  });

  it('ends by a signal', async () => {
    const stop = new AbortController();
    const read = async (): Promise<void> => {
      for await (const frame of readFrames(clip, { signal: stop.signal })) {
        if (frame.index === 1) stop.abort();
      }
    };
    expect(await failure(read())).toMatchObject({ code: 'cancelled' });
    expect(runningProcesses()).toEqual([]);
  });
});

describe('writeFrames', () => {
  it('writes what a generator makes of a clip at the rate of the clip', async () => {
    const inverted = async function* (): AsyncGenerator<Frame> {
      for await (const frame of readFrames(clip)) {
        yield { ...frame, data: frame.data.map((byte) => 255 - byte) };
      }
    };
    const path = scratchPath('inverted.mkv');
    expect(await writeFrames(inverted(), path)).toMatchObject({ frames: 12, path });
    expect((await probe(path)).fps).toEqual({ num: 30, den: 1 });
    const [before, after] = [await collect(decodeFrames(clip)), await collect(decodeFrames(path))];
    expect(after.map(({ data }) => data)).toEqual(
      before.map(({ data }) => data.map((byte) => 255 - byte)),
    );
  });

  it('takes the rate of frames of one’s own from their times', async () => {
    const path = scratchPath('own.mkv');
    await writeFrames(ownFrames(4, 16, 12).frames, path);
    expect((await probe(path)).fps).toEqual({ num: 12, den: 1 });
    const list = [...(await collect(fromFrames(ownFrames(2).frames)))];
    const timeless = list.map((frame) => ({ ...frame, timeSeconds: 0 }));
    expect(await failure(writeFrames(timeless, scratchPath('none.mkv')))).toMatchObject({
      code: 'bad-option',
      hint: 'give fps, or frames that carry fps or the times at which they are shown',
    });
    // Of one picture no rate is needed.
    expect(await writeFrames(list.slice(0, 1), scratchPath('one.png'))).toMatchObject({
      frames: 1,
    });
  });

  it('does not run ahead of a slow encoder, whatever the iterable makes', async () => {
    const fake = await fakeFfmpeg('setInterval(() => {}, 1000);');
    const { frames, state } = ownFrames(Infinity, 512);
    const stop = new AbortController();
    await fake.use(async () => {
      const path = scratchPath('slow.mkv');
      const written = failure(writeFrames(frames, path, { fps: 25, signal: stop.signal }));
      expect(await eventually(() => fake.pid() !== undefined)).toBe(true);
      await sleep(300);
      // Two on their way into ffmpeg, one ready behind them, and one in the pipe.
      expect(state.made).toBeGreaterThan(1);
      expect(state.made).toBeLessThanOrEqual(4);
      stop.abort();
      expect(await written).toMatchObject({ code: 'cancelled' });
    });
    expect(await eventually(() => state.left)).toBe(true);
    expect(await nothingRuns()).toBe(true);
  });

  it('takes nothing that is no frame', async () => {
    const good = { index: 0, timeSeconds: 0, width: 2, height: 2, pixelFormat: 'rgb24' as const };
    const frame = { ...good, data: new Uint8Array(12) };
    for (const bad of [
      undefined,
      null,
      { ...frame, pixelFormat: undefined },
      { ...frame, data: undefined },
      { ...frame, data: new Float32Array(12) },
      { ...frame, width: 0 },
    ]) {
      const target = scratchPath('bad.mp4');
      const frames = [frame, bad as unknown as Frame];
      expect(await failure(writeFrames(frames, target, { fps: 25 }))).toMatchObject({
        code: 'bad-shape',
      });
      expect(existsSync(target)).toBe(false);
    }
  });

  it('tells what the iterable throws, and leaves it when it fails itself', async () => {
    const broken = async function* (): AsyncGenerator<Frame> {
      yield* ownFrames(2).frames;
      throw new Error('out of paint');
    };
    const path = scratchPath('broken.mkv');
    expect(await failure(writeFrames(broken(), path))).toMatchObject({ message: 'out of paint' });
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });

    const { frames, state } = ownFrames();
    const mixed = async function* (): AsyncGenerator<Frame> {
      for await (const frame of frames) yield frame.index < 2 ? frame : { ...frame, width: 8 };
    };
    expect(await failure(writeFrames(mixed(), path))).toMatchObject({ code: 'bad-shape' });
    expect(await eventually(() => state.left)).toBe(true);
    expect(await nothingRuns()).toBe(true);
  });
});

describe('fromFrames and iterateFrames', () => {
  it('are each other’s inverse, for arrays and Observables too', async () => {
    expect(await collect(fromFrames([1, 2, 3]))).toEqual([1, 2, 3]);
    const back: number[] = [];
    for await (const value of iterateFrames(fromFrames([1, 2, 3]).pipe(map((x) => 2 * x)))) {
      back.push(value);
    }
    expect(back).toEqual([2, 4, 6]);
  });

  it('make no more than is taken, and are left with the loop', async () => {
    const { frames, state } = ownFrames();
    for await (const frame of iterateFrames(fromFrames(frames).pipe(map((frame) => frame)))) {
      await sleep(1);
      expect(state.made - frame.index).toBeLessThanOrEqual(4);
      if (frame.index === 20) break;
    }
    expect(await eventually(() => state.left)).toBe(true);
  });

  it('let a source of its own run inside an iterable that is held back', async () => {
    // A demand that reached it would wait for itself.
    const nested = async function* (): AsyncGenerator<Frame> {
      yield* await collect(decodeFrames(clip, { frames: 5 }));
    };
    const path = scratchPath('nested.mkv');
    const [result] = await collect(fromFrames(nested()).pipe(encodeFrames(path)));
    expect(result).toMatchObject({ frames: 5 });
  });
});

describe('teeFrames', () => {
  it('writes two videos of one decode', async () => {
    const paths = [scratchPath('a.mkv'), scratchPath('b.mkv')] as const;
    const [a, b] = teeFrames(readFrames(clip));
    const small = { filter: 'scale=16:10' };
    const results = await Promise.all([writeFrames(a, paths[0]), writeFrames(b, paths[1], small)]);
    expect(results.map(({ frames }) => frames)).toEqual([12, 12]);
    const [whole, half] = await Promise.all(paths.map((path) => probe(path, { count: true })));
    expect([whole!.width, whole!.frameCount, half!.width, half!.frameCount]).toEqual([
      ...[32, 12, 16, 12],
    ]);
  });

  it('keeps in step with the slowest, and gives each bytes of its own', async () => {
    const { frames, state } = ownFrames();
    const [fast, slow] = teeFrames(frames);
    let ahead = 0;
    let at = 0;
    const racing = (async () => {
      for await (const frame of fast) {
        ahead = Math.max(ahead, frame.index - at);
        frame.data.fill(255);
      }
    })();
    for await (const frame of slow) {
      at = frame.index;
      expect(frame.data[0]).toBe(frame.index);
      await sleep(2);
      if (frame.index === 10) break;
    }
    expect(ahead).toBeLessThanOrEqual(2);
    await fast.return?.();
    await racing;
    expect(state.made).toBeGreaterThan(10);
    expect(state.left).toBe(true);
  });

  it('goes on for the others when one fails, even before its first frame', async () => {
    const [bad, good] = teeFrames(readFrames(clip));
    const path = scratchPath('good.mkv');
    const [failed, result] = await Promise.all([
      failure(writeFrames(bad, scratchPath('bad.xyz'))),
      writeFrames(good, path),
    ]);
    expect(failed).toMatchObject({ code: 'bad-option' });
    expect(result).toMatchObject({ frames: 12 });
  });

  it('tells every branch what the source fails with', async () => {
    const read = async (branch: AsyncIterable<Frame>): Promise<void> => {
      for await (const frame of branch) expect(frame.index).toBeGreaterThanOrEqual(0);
    };
    const branches = teeFrames(readFrames(scratchPath('absent.mp4')), 3);
    const errors = await Promise.all(branches.map((branch) => failure(read(branch))));
    expect(errors).toMatchObject(Array(3).fill({ code: 'not-found' }));
    expect(() => teeFrames([], 0)).toThrow('count is 0');
  });
});
