import { lastValueFrom, map, take, throwError, toArray, type Observable } from 'rxjs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import {
  conditionToTensor,
  dataOptions,
  openCondition,
  type ConditionSource,
  type DataInput,
} from '../../src/clips/index.js';
import { decodeFrames, probe, runningProcesses, type Frame } from '../../src/video/index.js';
import { makeClip, scratchFolder } from '../video/make-clip.js';
import { counting, makeExact, open } from './make-data.js';

const fps = { num: 20, den: 1 };
const context = { baseFolder: scratchFolder(), fps };
let exact = '';
let labelled = '';

beforeAll(async () => {
  await useBackend();
  exact = await counting({ frames: 40, width: 40, height: 30 });
  labelled = await makeExact({
    frames: 40,
    width: 64,
    height: 48,
    colour: (frame, x) =>
      x < 2 * (frame % 16) + 8 ? [255, 0, 0] : x < 60 ? [0, 0, 255] : [0, 9, 0],
  });
});

const options = (data: DataInput) => dataOptions.parse({ size: '32x24', ...data });
const all = (frames: Observable<Frame>): Promise<Frame[]> => lastValueFrom(frames.pipe(toArray()));
const file = async (path: string): Promise<ConditionSource> => ({ path, info: await probe(path) });
const joined = (frames: readonly Frame[]): Buffer => Buffer.concat(frames.map(({ data }) => data));
type Colour = [number, number, number];
const two: Record<string, Colour> = { a: [255, 0, 0], b: [0, 0, 255] };
const palette: Record<string, Colour> = { ...two, c: [0, 9, 0] };
const labels = { kind: 'paired', path: '{folder}/x', content: 'labels', palette } as const;

describe('openCondition', () => {
  it.each(['edges', 'grey', 'blur', 'low-resolution'] as const)(
    'derives %s as training saw it, from a file and from frames',
    async (condition) => {
      const data = options({ condition });
      const trained = await open({ clips: [exact], condition });
      const { condition: bytes } = await trained.readFrames(0, 0, 40);
      await trained.close();
      const fromFile = await openCondition(data, await file(exact), context);
      const frames = await all(fromFile!.frames);
      expect(frames).toHaveLength(40);
      expect(joined(frames).equals(bytes!)).toBe(true);
      const size = { width: 32, height: 24, fit: 'crop' } as const;
      const decoded = decodeFrames(exact, { size });
      const fromFrames = await openCondition(data, { frames: decoded }, context);
      expect(joined(await all(fromFrames!.frames)).equals(bytes!)).toBe(true);
    },
  );

  it('draws white edges on black', async () => {
    const clip = await makeExact({
      colour: (_, x) => (x < 16 ? [0, 0, 0] : x === 16 ? [90, 90, 90] : [255, 255, 255]),
    });
    const stream = await openCondition(options({}), await file(clip), context);
    const [frame] = await all(stream!.frames.pipe(take(1)));
    expect(frame!.pixelFormat).toBe('gray');
    const row = [...frame!.data.subarray(12 * 32, 13 * 32)];
    expect(row.filter((level) => level > 200).length).toBeGreaterThan(0);
    expect(row.filter((level) => level === 0).length).toBeGreaterThan(24);
  });

  it.each([
    ["select='not(mod(n,2))'", 20],
    ['fps=fps=2*source_fps', 80],
  ])('refuses a filtergraph that gives another number of frames: %s', async (filtergraph, made) => {
    const data = options({ condition: { kind: 'derived', filtergraph } });
    const trusting = { ...context, trustFilters: true };
    const frames = decodeFrames(exact, { size: { width: 32, height: 24 } });
    for (const source of [await file(exact), { frames }]) {
      const stream = await openCondition(data, source, trusting);
      await expect(all(stream!.frames)).rejects.toMatchObject({
        code: 'bad-data',
        message: expect.stringContaining(`makes ${made} frames of the 40 of`) as string,
      });
    }
  });

  it('reads labels as ids, mixing none where it makes them smaller', async () => {
    const stream = await openCondition(
      options({ condition: labels }),
      await file(labelled),
      context,
    );
    expect(stream!.layout).toMatchObject({
      channels: 3,
      bytesPerPixel: 1,
      classNames: ['a', 'b', 'c'],
    });
    const frames = await all(stream!.frames);
    expect(frames).toHaveLength(40);
    expect(new Set(joined(frames))).toEqual(new Set([0, 1, 2]));
    const before = tf.memory().numTensors;
    const tensor = conditionToTensor(frames[0]!.data, [1, 24, 32], stream!.layout);
    const sums = tf.tidy(() => tf.sum(tensor, -1).dataSync());
    expect(new Set(sums)).toEqual(new Set([1]));
    tensor.dispose();
    expect(tf.memory().numTensors).toBe(before);
    const picture = stream!.toPicture(frames[0]!);
    expect([...picture.data.subarray(0, 3)]).toEqual([255, 0, 0]);
    expect(picture.pixelFormat).toBe('rgb24');
  });

  it('fills the bars of label maps with the first class', async () => {
    const data = options({ condition: labels, fit: 'pad', size: '64x32' });
    const stream = await openCondition(data, await file(labelled), context);
    const [frame] = await all(stream!.frames.pipe(take(1)));
    expect(frame!.data[0]).toBe(0);
    expect(frame!.data[63]).toBe(0);
    expect(new Set(frame!.data)).toEqual(new Set([0, 1, 2]));
  });

  it('stops at a label that the palette lacks', async () => {
    const condition = { ...labels, palette: two };
    const stream = await openCondition(options({ condition }), await file(labelled), context);
    await expect(all(stream!.frames)).rejects.toThrow('label colour [0, 9, 0]');
  });

  it('takes the conditions of a pipeline without any for none', async () => {
    expect(
      await openCondition(options({ condition: 'none' }), await file(exact), context),
    ).toBeNull();
  });

  it('passes on what the frames fail with, and ends with its reader', async () => {
    const data = options({ condition: 'edges' });
    const failing = throwError(() => new Error('camera unplugged'));
    const broken = await openCondition(data, { frames: failing }, context);
    await expect(all(broken!.frames)).rejects.toThrow('camera unplugged');
    const long = await makeClip({ frames: 400, name: 'long.mkv' });
    let taken = 0;
    const counted = decodeFrames(long).pipe(
      map((frame) => {
        taken += 1;
        return frame;
      }),
    );
    const stream = await openCondition(data, { frames: counted }, context);
    expect(await all(stream!.frames.pipe(take(3)))).toHaveLength(3);
    expect(taken).toBeLessThan(400);
    await expect.poll(() => runningProcesses(), { timeout: 5000 }).toHaveLength(0);
  });
});

describe('training on label maps', () => {
  it('gives one-hot channels that fit the frames', async () => {
    const clip = await counting({ frames: 40, width: 64, height: 48 });
    const dataset = await open({
      clips: [clip],
      condition: { ...labels, path: [labelled] },
      augment: { flip: true, cropFraction: 0.2 },
    });
    expect(dataset.conditionChannels).toBe(3);
    expect(dataset.condition).toBe('paired');
    const shares = dataset.report.clips[0]!.condition.labels;
    expect(shares.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(shares.reduce((sum, { fraction }) => sum + fraction, 0)).toBeCloseTo(1);
    const before = tf.memory().numTensors;
    const window = await dataset.trainWindow(0, { frames: 2, batch: 2 });
    expect(window.condition!.shape).toEqual([2, 4, 24, 32, 3]);
    const sums = tf.tidy(() => tf.sum(window.condition!, -1).dataSync());
    expect(new Set(sums)).toEqual(new Set([1]));
    window.dispose();
    expect(tf.memory().numTensors).toBe(before);
    await dataset.close();
  });

  it('takes ids from grey pictures', async () => {
    const ids = await makeExact({
      frames: 40,
      name: 'ids-%03d.png',
      colour: (_, x) => [x % 3, x % 3, x % 3],
    });
    const clip = await counting({ frames: 40 });
    const dataset = await open({
      clips: [clip],
      condition: { kind: 'paired', path: [ids], content: 'labels', classes: 4 },
    });
    const { condition } = await dataset.readFrames(0, 7, 1);
    expect([...condition!.subarray(0, 6)]).toEqual([0, 1, 2, 0, 1, 2]);
    expect(dataset.report.warnings).toEqual(['no pixel of any clip is labelled 3']);
    await dataset.close();
  });
});
