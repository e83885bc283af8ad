import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { dataOptions, type DataInput, type Dataset } from '../../../src/clips/index.js';
import { registerKernels } from '../../../src/kernels/index.js';
import type { Faithfulness } from '../../../src/metrics/index.js';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import { openFaithfulness } from '../../../src/synthesis/evaluate/faithfulness.js';
import type { FaithfulnessJudge } from '../../../src/synthesis/evaluate/faithfulness-judge.js';
import { evaluateHeldOut } from '../../../src/synthesis/evaluate/held-out.js';
import {
  SharedSegmenter,
  spreadFrames,
  trainSegmenter,
} from '../../../src/synthesis/evaluate/segmenter.js';
import { makeExact, open } from '../../clips/make-data.js';
import { expectNoLeak } from '../../tensors.js';
import { makeClip } from '../../video/make-clip.js';
import { makeRun } from '../make-run.js';

beforeAll(async () => {
  await useBackend();
  registerKernels();
});

const opened: { close(): Promise<void> }[] = [];
const segmenter = new SharedSegmenter(40);
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  segmenter.dispose();
});

async function openJudge(data: DataInput): Promise<{ dataset: Dataset; judge: FaithfulnessJudge }> {
  const dataset = await open(data);
  opened.push(dataset);
  const parsed = dataOptions.parse({ size: '32x24', ...data });
  const judge = await openFaithfulness({
    ...{ data: parsed, dataset, training: dataset, frames: 8, segmenter, seed: 3 },
  });
  opened.unshift(judge!);
  return { dataset, judge: judge! };
}

/** Frames that a generator may have made of real ones, two rollouts of four. */
async function judged(
  { dataset, judge }: { dataset: Dataset; judge: FaithfulnessJudge },
  make: (rgb: Uint8Array) => Uint8Array,
): Promise<Faithfulness | null> {
  const [segment] = dataset.heldOut();
  const { width, height, layout } = dataset;
  for (const start of [0, 4]) {
    await judge.begin();
    const range = await dataset.readFrames(segment!.clip, segment!.startFrame + start, 4);
    for (let i = 0; i < 4; i += 1) {
      const part = (all: Uint8Array, bytes: number): Uint8Array =>
        all.subarray(i * width * height * bytes, (i + 1) * width * height * bytes);
      const real = part(range.frames, 3);
      const condition = part(range.condition!, layout.bytesPerPixel);
      await judge.add({ condition, real, generated: make(real) });
    }
  }
  return judge.result();
}

const soft = (rgb: Uint8Array): Uint8Array => rgb.map((value) => 118 + (value >> 4));

describe('how well frames show a derived condition', () => {
  const clips = (): Promise<string> =>
    makeClip({ frames: 60, width: 32, height: 24, filter: 'scroll=h=0.05:v=0.03' });

  it('is F1 of edges, and nearly 1 of the real frames', async () => {
    const found = await judged(await openJudge({ clips: await clips(), condition: 'edges' }), soft);
    if (found?.kind !== 'edges') throw new Error(`judged by ${found?.kind}`);
    expect(found.frames).toBe(8);
    expect(found.f1.real).toBeGreaterThan(0.98);
    expect(found.f1.made).toBeLessThan(0.7);
  });

  it.each(['grey', 'low-resolution', 'blur'] as const)('is PSNR of %s', async (condition) => {
    const found = await judged(await openJudge({ clips: await clips(), condition }), soft);
    if (found?.kind !== 'picture') throw new Error(`judged by ${found?.kind}`);
    expect(found.psnr.real).toBeGreaterThan(40);
    expect(found.psnr.made).toBeLessThan(25);
  });

  it('of another filtergraph goes by what that makes, and begins anew with each rollout', async () => {
    const filtergraph = 'format=gray,edgedetect=low=0.1:high=0.2,format=gray';
    const own = { kind: 'derived', filtergraph, channels: 1 } as const;
    const lines = await judged(
      await openJudge({ clips: await clips(), condition: own }),
      (rgb) => rgb,
    );
    expect(lines).toMatchObject({ kind: 'edges', frames: 8 });
    // One that looks back: the first frame of a rollout has nothing before it, whichever rollout that is.
    const after = { kind: 'derived', filtergraph: 'tmix=frames=2', channels: 3 } as const;
    const mixed = await judged(
      await openJudge({ clips: await clips(), condition: after }),
      (rgb) => rgb,
    );
    if (mixed?.kind !== 'picture') throw new Error(`judged by ${mixed?.kind}`);
    expect(mixed.psnr.made).toBe(mixed.psnr.real);
    expect(mixed.psnr.real).toBeGreaterThan(30);
  });

  it('stands in an evaluation, of all its rollouts', async () => {
    const model = await openRunModel(await makeRun());
    const dataset = await open({ clips: await clips(), condition: 'edges' });
    opened.push(dataset);
    const [segment] = dataset.heldOut();
    const judge = await openFaithfulness({
      ...{ data: model.data, dataset, training: dataset, frames: 6, segmenter, seed: 1 },
    });
    opened.unshift(judge!);
    const { faithfulness, frameScores, rows } = await evaluateHeldOut(dataset, model, {
      rollouts: [3, 3].map((frames) => ({ segment: segment!, frames })),
      faithfulness: judge,
    });
    expect(faithfulness).toMatchObject({ kind: 'edges', frames: 6 });
    expect(frameScores.generated!.map(({ length }) => length)).toEqual([3, 3]);
    expect(rows.generated.intervals).toBeNull();
    const without = await evaluateHeldOut(dataset, model, {
      rollouts: [{ segment: segment!, frames: 1 }],
    });
    expect(without.faithfulness).toBeNull();
  });

  it('tells why it cannot be made', async () => {
    const { judge, dataset } = await openJudge({ clips: await clips(), condition: 'grey' });
    await judge.begin();
    const range = await dataset.readFrames(0, 0, 1);
    const wrong = { condition: range.condition, real: range.frames, generated: new Uint8Array(5) };
    const failing = async (): Promise<void> => {
      await judge.add({ ...wrong, generated: range.frames });
      for (let i = 0; i < 99; i += 1) await judge.add(wrong);
      await judge.result();
    };
    await expect(failing()).rejects.toMatchObject({ code: 'bad-shape' });
  });
});

describe('how well frames show label maps', () => {
  const size = { width: 32, height: 24 };
  const palette = { sky: [0, 0, 255], grass: [0, 255, 0], car: [255, 0, 0] } as const;
  const classAt = (frame: number, x: number, y: number): keyof typeof palette =>
    y < 8 ? 'sky' : x >= frame % 24 && x < (frame % 24) + 8 && y < 18 ? 'car' : 'grass';
  /** Alike in brightness, told apart by colour and stripes. */
  const seen = (frame: number, x: number, y: number): [number, number, number] =>
    ({
      sky: [90, 110 + y, 190] as [number, number, number],
      grass: [70 + 40 * ((x + y) % 2), 140, 60] as [number, number, number],
      car: [170, 80 + 20 * (y % 3), 70] as [number, number, number],
    })[classAt(frame, x, y)];

  it('is mIoU by a segmenter: near 1 of real frames, far below of grey ones', async () => {
    const clips = await makeExact({ ...size, frames: 60, colour: seen, name: 'seen.mkv' });
    const path = await makeExact({
      ...{ ...size, frames: 60, name: 'labels.mkv' },
      colour: (frame, x, y) => palette[classAt(frame, x, y)],
    });
    const data: DataInput = {
      clips,
      condition: {
        ...{ kind: 'paired', path, content: 'labels' },
        palette: Object.fromEntries(
          Object.entries(palette).map(([name, colour]) => [name, [...colour]]),
        ) as Record<string, [number, number, number]>,
      },
    };
    const grey = (rgb: Uint8Array): Uint8Array =>
      rgb.map((_, i) => Math.round((rgb[i - (i % 3)]! + rgb[i - (i % 3) + 1]!) / 2));
    let told = 0;
    await expectNoLeak(async () => {
      const opening = await openJudge(data);
      const found = await judged(opening, grey);
      segmenter.dispose();
      if (found?.kind !== 'labels') throw new Error(`judged by ${found?.kind}`);
      expect(found.meanIou.real).toBeGreaterThan(0.9);
      expect(found.accuracy.real).toBeGreaterThan(0.95);
      expect(found.meanIou.made).toBeLessThan(0.6);
      expect(found.classes.map(({ name }) => name)).toEqual(['sky', 'grass', 'car']);

      // By the seed alone, and stopped by the signal.
      const { dataset } = opening;
      const frame = (await dataset.readFrames(0, 0, 1)).frames;
      const labels = async (seed: number): Promise<Uint8Array> => {
        const trained = await trainSegmenter(dataset, { seed, steps: 3 });
        const seenIn = trained.labels(frame);
        trained.dispose();
        return seenIn;
      };
      const own = await labels(5);
      expect(await labels(5)).toEqual(own);
      expect(await labels(6)).not.toEqual(own);
      const stop = new AbortController();
      const onTraining = (done: number): void => {
        told = done;
        if (done === 2) stop.abort();
      };
      await expect(
        trainSegmenter(dataset, { seed: 5, signal: stop.signal, onTraining }),
      ).rejects.toMatchObject({ code: 'cancelled' });
    });
    expect(told).toBe(2);
  });

  it('learns from frames of all clips', () => {
    const clips = [5, 0, 15].map((length, i) => ({
      train: { start: 10 * i, end: 10 * i + length },
    }));
    expect(spreadFrames(clips, 4)).toEqual([
      { clip: 0, frame: 2 },
      { clip: 2, frame: 22 },
      { clip: 2, frame: 27 },
      { clip: 2, frame: 32 },
    ]);
    expect(spreadFrames(clips, 99)).toHaveLength(20);
    expect(spreadFrames([], 4)).toEqual([]);
  });
});

it('is not known of what has no condition', async () => {
  const dataset = await open({ clips: await makeClip({ frames: 40, width: 32, height: 24 }) });
  opened.push(dataset);
  const data = dataOptions.parse({ clips: 'x', size: '32x24', condition: 'none' });
  const context = { data, dataset, training: dataset, frames: 8, segmenter, seed: 1 };
  expect(await openFaithfulness(context)).toBeNull();
});
