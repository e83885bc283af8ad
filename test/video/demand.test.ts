import fc from 'fast-check';
import { filter, map, Observable, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  bothOpen,
  currentDemand,
  type Demand,
  DemandGate,
  decodeFrames,
  encodeFrames,
  findFfmpeg,
  mapFrames,
  runningProcesses,
  withDemand,
  zipFrames,
} from '../../src/video/index.js';
import { eventually, fakeFfmpeg } from './fake-ffmpeg.js';
import { collect, failure } from './frames.js';
import { makeClip, scratchPath } from './make-clip.js';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Counts from 0 while its demand is open, as decodeFrames does; `pulled` is how far it got. */
function counter(limit: number): { source: Observable<number>; pulled: () => number } {
  let next = 0;
  const source = new Observable<number>((subscriber) => {
    const demand: Demand | undefined = currentDemand();
    let pumping = false;
    const pump = (): void => {
      if (pumping) return;
      pumping = true;
      while (!subscriber.closed && next < limit && demand?.isOpen !== false) {
        next += 1;
        subscriber.next(next - 1);
      }
      pumping = false;
      if (next === limit) subscriber.complete();
    };
    const stop = demand?.onOpen(pump);
    setImmediate(pump);
    return stop;
  });
  return { source, pulled: () => next };
}

describe('demand', () => {
  it('tells listeners of openings only, and only while they listen', () => {
    const gate = new DemandGate(false);
    let calls = 0;
    const stop = gate.onOpen(() => (calls += 1));
    gate.set(true);
    gate.set(true);
    gate.set(false);
    gate.set(true);
    stop();
    gate.set(false);
    gate.set(true);
    expect(calls).toBe(2);
  });

  it('is open through a chain only while every stage is', () => {
    const [a, b] = [new DemandGate(true), new DemandGate(false)];
    const both = bothOpen(a, b);
    expect(both.isOpen).toBe(false);
    b.set(true);
    expect(both.isOpen).toBe(true);
    a.set(false);
    expect(both.isOpen).toBe(false);
  });

  it('crosses plain operators and does not leak out', () => {
    const gate = new DemandGate();
    let seen: Demand | undefined;
    const source = new Observable<number>(() => {
      seen = currentDemand();
    });
    const piped = source.pipe(
      map((x) => x + 1),
      filter((x) => x > 0),
      take(3),
    );
    withDemand(gate, () => piped.subscribe());
    expect(seen).toBe(gate);
    expect(currentDemand()).toBeUndefined();
  });
});

describe('mapFrames', () => {
  it('keeps order and never has more than inFlight in work', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 25 }),
        async (inFlight, delays) => {
          const { source, pulled } = counter(delays.length);
          let done = 0;
          let most = 0;
          const results = await collect(
            source.pipe(
              mapFrames<number, number>(
                async (x) => {
                  most = Math.max(most, pulled() - done);
                  await sleep(delays[x] ?? 0);
                  return x;
                },
                { inFlight },
              ),
              map((x) => {
                done += 1;
                return x;
              }),
            ),
          );
          expect(results).toEqual(delays.map((_, i) => i));
          expect(most).toBeLessThanOrEqual(inFlight);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('bounds the whole chain through stages and a filter', async () => {
    const { source, pulled } = counter(60);
    let done = 0;
    let most = 0;
    const results = await collect(
      source.pipe(
        mapFrames<number, number>((x) => Promise.resolve(x)),
        filter((x) => x % 2 === 0),
        mapFrames<number, number>(async (x) => {
          await sleep(1);
          most = Math.max(most, pulled() - done);
          done = x + 1;
          return x;
        }),
      ),
    );
    expect(results).toHaveLength(30);
    expect(most).toBeLessThanOrEqual(4);
  });

  it('also keeps order for a source that knows no demand, and runs sync projects', async () => {
    const source = new Observable<number>((subscriber) => {
      for (let i = 0; i < 1000; i += 1) subscriber.next(i);
      subscriber.complete();
    });
    const results = await collect(source.pipe(mapFrames<number, number>((x) => x * 2)));
    expect(results).toEqual(Array.from({ length: 1000 }, (_, i) => 2 * i));
  });

  it('ends with what the project throws, and unsubscribes the source', async () => {
    let closed = false;
    const source = new Observable<number>((subscriber) => {
      subscriber.next(0);
      return () => (closed = true);
    });
    const error = await failure(
      collect(source.pipe(mapFrames<number, number>(() => Promise.reject(new Error('no'))))),
    );
    expect(String(error)).toBe('Error: no');
    expect(closed).toBe(true);
  });

  it('lets a project read another video without a deadlock', async () => {
    const [a, b] = [await makeClip({ frames: 3 }), await makeClip({ frames: 2 })];
    const results = await collect(
      decodeFrames(a).pipe(mapFrames(async () => (await collect(decodeFrames(b))).length)),
    );
    expect(results).toEqual([2, 2, 2]);
  });

  it('refuses a senseless inFlight', () => {
    expect(() => mapFrames((frame) => frame, { inFlight: 0 })).toThrow(/inFlight is 0/);
  });
});

describe('zipFrames', () => {
  it('keeps sources in lockstep and ends with the shortest', async () => {
    const [a, b] = [counter(10), counter(100)];
    const pairs = await collect(
      zipFrames(a.source, b.source).pipe(
        mapFrames<number[], number[]>(async (pair) => {
          await sleep(1);
          expect(b.pulled() - (pair[0] ?? 0)).toBeLessThanOrEqual(3);
          return pair;
        }),
      ),
    );
    expect(pairs).toEqual(Array.from({ length: 10 }, (_, i) => [i, i]));
    expect(b.pulled()).toBeLessThanOrEqual(12);
  });

  it('completes at once with no sources', async () => {
    expect(await collect(zipFrames())).toEqual([]);
  });
});

describe('backpressure on ffmpeg', () => {
  // Frames of 1.3 MB do not fit into a pipe, so what ffmpeg was let write can be counted.
  const counting = `
    const fs = require('node:fs');
    let sent = 0;
    const more = () => {
      if (sent === 60) return process.exit(0);
      process.stdout.write(frame(768, 576), () => { sent += 1; fs.writeFileSync(process.argv[1] + '.sent', String(sent)); more(); });
    };
    more();`;

  it('a slow consumer makes ffmpeg wait', async () => {
    const clip = await makeClip({ frames: 60 });
    const fake = await fakeFfmpeg(counting);
    const { readFileSync } = await import('node:fs');
    await fake.use(async () => {
      const program = process.env.FRAMELOOM_FFMPEG ?? '';
      let ahead = 0;
      let seen = 0;
      await collect(
        decodeFrames(clip).pipe(
          mapFrames(async (frame) => {
            await sleep(frame.index < 20 ? 15 : 0);
            seen = frame.index + 1;
            if (frame.index < 20) {
              ahead = Math.max(ahead, Number(readFileSync(`${program}.sent`, 'utf8')) - seen);
            }
          }),
        ),
      );
      expect(seen).toBe(60);
      expect(ahead).toBeLessThanOrEqual(4);
    });
  });

  it('a slow encoder closes the demand of the decoder', async () => {
    const clip = await makeClip({ frames: 120, width: 320, height: 180 });
    const { ffmpegPath } = await findFfmpeg();
    const fake = await fakeFfmpeg(`setInterval(() => {}, 1000);`);
    let decoded = 0;
    const source = decodeFrames(clip).pipe(
      map((frame) => {
        decoded += 1;
        return frame;
      }),
    );
    let error: unknown;
    await fake.use(async () => {
      const subscription = source
        .pipe(encodeFrames(scratchPath('slow.mkv'), { fps: 25 }))
        .subscribe({ error: (reason: unknown) => (error = reason) });
      // The encoder looks for its ffmpeg at once and finds the fake one, the decoder later the real one.
      process.env.FRAMELOOM_FFMPEG = ffmpegPath;
      expect(await eventually(() => fake.pid() !== undefined)).toBe(true);
      await sleep(300);
      // One waits to be written, one in the pipe, and what a pipe of 64 KiB to 208 KiB may hold.
      expect(decoded).toBeGreaterThan(0);
      expect(decoded).toBeLessThanOrEqual(6);
      subscription.unsubscribe();
      expect(await eventually(() => runningProcesses().length === 0)).toBe(true);
    });
    expect(error).toBeUndefined();
  });
});
