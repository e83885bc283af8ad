import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { createLogger } from '../../src/base/log.js';
import type { Dataset, Window } from '../../src/clips/index.js';
import { makeClip } from '../video/make-clip.js';
import { counting, makeExact, open } from './make-data.js';

let exact = '';
let cacheFolder = '';
const opened: Dataset[] = [];
const dataset = async (...of: Parameters<typeof open>): Promise<Dataset> => {
  const made = await open(...of);
  opened.push(made);
  return made;
};

beforeAll(async () => {
  await useBackend();
  exact = await counting({ frames: 80 });
  cacheFolder = await mkdtemp(join(tmpdir(), 'frameloom-data-'));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map(async (one) => one.close()));
});
afterAll(async () => rm(cacheFolder, { recursive: true, force: true }));

/** Whether two arrays hold the same; comparing them by `toEqual` takes seconds. */
const same = (
  a: Uint8Array | Float32Array | Int32Array,
  b: Uint8Array | Float32Array | Int32Array,
): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  );

/** The number that each frame of each window carries in its red. */
function numbers(window: Window): number[][] {
  const [n, t, h, w] = window.frames.shape;
  const values = window.frames.dataSync();
  const at = (i: number, j: number): number =>
    Math.round((values[(i * t + j) * h * w * 3]! + 1) * 127.5);
  return Array.from({ length: n }, (_, i) => Array.from({ length: t }, (_, j) => at(i, j)));
}

describe('openDataset', () => {
  it('counts frames by decoding and splits them by time', async () => {
    const { report, fps, conditionChannels, leadFrames } = await dataset(
      { clips: [exact] },
      { windowFrames: 5 },
    );
    expect(fps).toEqual({ num: 20, den: 1 });
    expect([conditionChannels, leadFrames]).toEqual([0, 2]);
    expect(report.clips[0]).toMatchObject({
      path: exact,
      sourceWidth: 32,
      frameCount: 80,
      durationSeconds: 4,
      sceneCuts: [],
      train: { start: 0, end: 60 },
      heldOut: { start: 64, end: 80 },
      trainWindows: 54,
      heldOutSegments: 1,
      warnings: [],
    });
    expect(report.totals).toMatchObject({
      frames: 80,
      trainFrames: 60,
      heldOutFrames: 16,
      trainWindows: 54,
      decodedBytes: 80 * 32 * 24 * 3,
    });
  });

  it('uses the part that is asked for', async () => {
    const part = await dataset({ clips: [exact], startSeconds: 1, durationSeconds: 0.5 });
    expect(part.report.clips[0]!.frameCount).toBe(10);
    const { frames } = await part.readFrames(0, 0, 10);
    expect(frames[0]).toBe(20);
    const rated = await dataset({ clips: [exact], fps: 10 });
    expect(rated.report.clips[0]).toMatchObject({ frameCount: 40, sourceFps: { num: 20, den: 1 } });
  });

  it('finds scene cuts and keeps windows and segments inside scenes', async () => {
    const cut = await makeExact({
      frames: 60,
      colour: (frame, x, y) =>
        frame < 30 ? [frame, 8 * x, 20] : frame < 54 ? [200, frame, 10 * y] : [10, 0, 250],
    });
    const data = await dataset({ clips: [cut], heldOut: { gapFrames: 0 } }, { windowFrames: 3 });
    expect(data.report.clips[0]!.sceneCuts).toEqual([30, 54]);
    expect(data.heldOut()).toEqual([
      { clip: 0, startFrame: 48, frameCount: 6, scoredFrames: 4, precedingFrames: 18 },
      { clip: 0, startFrame: 54, frameCount: 6, scoredFrames: 4, precedingFrames: 0 },
    ]);
    // 30 − 4 windows of five in the first scene, 18 − 4 in what is left of the second.
    expect(data.report.totals.trainWindows).toBe(26 + 14);
    const blind = await dataset({ clips: [cut], sceneCuts: { detect: false } });
    expect(blind.report.clips[0]!.sceneCuts).toEqual([]);
  });

  it('keeps its scans and makes them again when the clip changes', async () => {
    const clip = await counting({ frames: 40 });
    const reads: string[] = [];
    const log = createLogger({ write: (line) => void reads.push(line) });
    const once = async (): Promise<Dataset['report']> =>
      (await dataset({ clips: [clip], condition: 'edges' }, { cacheFolder, log })).report;
    const first = await once();
    expect(await once()).toEqual(first);
    expect(reads).toHaveLength(1);
    expect((await readdir(cacheFolder)).filter((name) => name.startsWith('scan-'))).toHaveLength(1);
    await utimes(clip, new Date(), new Date(Date.now() + 5000));
    await once();
    expect(reads).toHaveLength(2);
  });
});

describe('trainWindow', () => {
  it('gives frames in a row as tensors, the same for the same step whatever came before', async () => {
    const data = await dataset({ clips: [exact], heldOut: { fraction: 0.2, gapFrames: 4 } });
    const before = tf.memory().numTensors;
    const first = await data.trainWindow(7, { frames: 3, batch: 2 });
    expect(first.frames.shape).toEqual([2, 5, 24, 32, 3]);
    expect(first.condition).toBeNull();
    expect(numbers(first)).toEqual(
      first.origin.map(({ startFrame }) => [0, 1, 2, 3, 4].map((i) => startFrame + i)),
    );
    const again = await dataset({ clips: [exact] });
    (await again.trainWindow(8, { frames: 9, batch: 1 })).dispose();
    const repeated = await again.trainWindow(7, { frames: 3, batch: 2 });
    expect(same(repeated.frames.dataSync(), first.frames.dataSync())).toBe(true);
    expect(repeated.origin).toEqual(first.origin);
    first.dispose();
    repeated.dispose();
    expect(tf.memory().numTensors).toBe(before);
    const other = await open({ clips: [exact] }, { seed: 2 });
    const starts = await Promise.all(
      [0, 1, 2, 3].map(async (step) => {
        const pair = await Promise.all(
          [again, other].map(async (one) => one.trainWindow(step, { frames: 3, batch: 1 })),
        );
        pair.forEach((window) => window.dispose());
        return pair.map((window) => window.origin[0]!.startFrame);
      }),
    );
    expect(starts.some(([a, b]) => a !== b)).toBe(true);
    await other.close();
  });

  it('steps over frames, mirrors and crops frames and condition alike', async () => {
    const data = await dataset({
      clips: [exact],
      condition: { kind: 'derived', filtergraph: 'null', channels: 3 },
      strideFrames: [3],
      augment: { flip: true, cropFraction: 0.3 },
    });
    const window = await data.trainWindow(3, { frames: 4, batch: 6 });
    expect(numbers(window)).toEqual(
      window.origin.map(({ startFrame }) => [0, 1, 2, 3, 4, 5].map((i) => startFrame + 3 * i)),
    );
    // The condition is the frame itself here, so whatever was done to one was done to the other.
    expect(same(window.condition!.dataSync(), window.frames.dataSync())).toBe(true);
    expect(new Set(window.origin.map(({ flipped }) => flipped)).size).toBe(2);
    const green = tf.tidy(() =>
      tf.slice(window.frames, [0, 0, 0, 0, 1], [6, 1, 1, 32, 1]).dataSync(),
    );
    window.origin.forEach(({ flipped }, i) => {
      const rising = green[i * 32 + 31]! > green[i * 32]!;
      expect(rising).toBe(!flipped);
    });
    window.dispose();
  });

  it('changes the colour of frames, and of conditions that show it', async () => {
    const augment = { colourFraction: 0.3 };
    const grey = await dataset({ clips: [exact], condition: 'grey', augment });
    const plain = await dataset({ clips: [exact], condition: 'grey' });
    const request = { frames: 1, batch: 1 };
    const windows = await Promise.all([grey, plain].map((one) => one.trainWindow(0, request)));
    const [changed, original] = windows.map(({ frames, condition }) => ({
      rgb: frames.dataSync(),
      grey: condition!.dataSync(),
    }));
    expect(same(changed!.rgb, original!.rgb)).toBe(false);
    expect(same(changed!.grey, original!.grey)).toBe(false);
    const apart = Array.from(changed!.grey, (value, i) => {
      const [r, g, b] = changed!.rgb.subarray(3 * i, 3 * i + 3);
      return Math.abs(0.299 * r! + 0.587 * g! + 0.114 * b! - value);
    });
    expect(Math.max(...apart)).toBeLessThan(0.03);
    windows.forEach((window) => window.dispose());
    const edges = await dataset({ clips: [exact], condition: 'edges', augment });
    const bare = await dataset({ clips: [exact], condition: 'edges' });
    const pair = await Promise.all([edges, bare].map((one) => one.trainWindow(0, request)));
    expect(same(pair[0]!.condition!.dataSync(), pair[1]!.condition!.dataSync())).toBe(true);
    pair.forEach((window) => window.dispose());
  });

  it('costs little once all is in memory', async () => {
    const clip = await makeClip({ width: 128, height: 72, frames: 60, name: 'small.mkv' });
    const data = await dataset({ clips: [clip], size: '128x72', condition: 'edges' });
    const times: number[] = [];
    for (let step = 0; step < 40; step += 1) {
      const started = performance.now();
      (await data.trainWindow(step, { frames: 5, batch: 1 })).dispose();
      times.push(performance.now() - started);
    }
    // 1 to 2 ms on an idle machine; the bound only tells it from decoding, which takes 100.
    expect(times.sort((a, b) => a - b)[20]).toBeLessThan(20);
  });

  it('says when no clip is long enough', async () => {
    const data = await dataset({ clips: [exact] });
    await expect(data.trainWindow(0, { frames: 70, batch: 1 })).rejects.toThrow(
      `${exact} has 60 frames in a row to train on; a window needs 72 (70 and 2 in front)`,
    );
  });
});

describe('prefetch', () => {
  it('gives the same windows as asking for each', async () => {
    const data = await dataset({ clips: [exact], condition: 'edges' });
    const before = tf.memory().numTensors;
    const plan = (step: number) => ({ frames: 2 + (step % 3), batch: 1 });
    const feed = data.prefetch({ fromStep: 5, plan });
    for (let step = 5; step < 9; step += 1) {
      const [ahead, asked] = [await feed.next(), await data.trainWindow(step, plan(step))];
      expect(ahead.origin).toEqual(asked.origin);
      expect(same(ahead.frames.dataSync(), asked.frames.dataSync())).toBe(true);
      expect(same(ahead.condition!.dataSync(), asked.condition!.dataSync())).toBe(true);
      ahead.dispose();
      asked.dispose();
    }
    await feed.close();
    expect(tf.memory().numTensors).toBe(before);
    await data.close();
    await expect(data.trainWindow(0, plan(0))).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('readFrames', () => {
  it('reads any frames by any cache', async () => {
    const whole = await dataset({ clips: [exact], condition: 'edges' });
    const { frames, condition } = await whole.readFrames(0, 0, 80);
    const size = { rgb: 32 * 24 * 3, edges: 32 * 24 };
    expect(Array.from({ length: 80 }, (_, i) => frames[i * size.rgb])).toEqual(
      Array.from({ length: 80 }, (_, i) => i),
    );
    const memoryBytes = 32 * (size.rgb + size.edges);
    const caches = [
      { memoryBytes: 0, diskBytes: 0 },
      { memoryBytes, diskBytes: 2 * memoryBytes },
    ];
    for (const cache of caches) {
      const data = await dataset({ clips: [exact], condition: 'edges', cache }, { cacheFolder });
      for (const [start, count] of [
        [70, 10],
        [3, 4],
        [30, 40],
        [0, 80],
      ] as const) {
        const read = await data.readFrames(0, start, count);
        expect(same(read.frames, frames.slice(start * size.rgb, (start + count) * size.rgb))).toBe(
          true,
        );
        expect(
          same(read.condition!, condition!.slice(start * size.edges, (start + count) * size.edges)),
        ).toBe(true);
      }
    }
    await expect(whole.readFrames(0, 79, 2)).rejects.toThrow('has frames 0 to 79');
    await expect(whole.readFrames(1, 0, 1)).rejects.toThrow('clips are numbered 0 to 0');
  });

  it('enters compressed video in the middle and finds the same frames', async () => {
    // Variable times at another rate, B-frames and few key frames: the hard case.
    const clip = await makeClip({
      frames: 150,
      fps: 30,
      filter: "setpts='PTS+0.4*sin(N)/30/TB'",
      options: ['-g', '60', '-bf', '2'],
      name: 'uneven.mkv',
    });
    const options = { clips: [clip], condition: 'blur' as const, fps: 25 };
    const whole = await dataset(options);
    const all = await whole.readFrames(0, 0, whole.report.clips[0]!.frameCount);
    const bare = await dataset({ ...options, cache: { memoryBytes: 0, diskBytes: 0 } });
    const part = await bare.readFrames(0, 70, 5);
    const bytes = 32 * 24 * 3;
    expect(same(part.frames, all.frames.slice(70 * bytes, 75 * bytes))).toBe(true);
    expect(same(part.condition!, all.condition!.slice(70 * bytes, 75 * bytes))).toBe(true);
  });

  it('is deterministic even where filters look back in time', async () => {
    const condition = { kind: 'derived', filtergraph: 'hqdn3d=0:0:30:30', channels: 3 } as const;
    const whole = await dataset({ clips: [exact], condition });
    const all = await whole.readFrames(0, 0, 80);
    const lines: string[] = [];
    const log = createLogger({ level: 'warn', write: (line) => void lines.push(line) });
    const cache = { memoryBytes: 0, diskBytes: 0 };
    const bare = await dataset({ clips: [exact], condition, cache }, { log });
    const part = await bare.readFrames(0, 64, 2);
    const bytes = 32 * 24 * 3;
    expect(same(part.condition!, all.condition!.slice(64 * bytes, 66 * bytes))).toBe(true);
    expect(lines.join('')).toContain('cannot be entered in the middle');
  });
});
