import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { createLogger } from '../../../src/base/log.js';
import type { Dataset } from '../../../src/clips/index.js';
import { registerKernels } from '../../../src/kernels/index.js';
import {
  createConfusion,
  frechetDistance,
  imageFromBytes,
  kernelDistance,
} from '../../../src/metrics/index.js';
import { openRunModel, type RunModel } from '../../../src/pipeline/run-model.js';
import { evaluateHeldOut } from '../../../src/synthesis/evaluate/held-out.js';
import {
  openNetworks,
  type NetworkFiles,
  type Networks,
} from '../../../src/synthesis/evaluate/networks/networks.js';
import { open } from '../../clips/make-data.js';
import { expectNoLeak } from '../../tensors.js';
import { makeClip } from '../../video/make-clip.js';
import { makeRun } from '../make-run.js';
import {
  assertReleased,
  countSessions,
  distance,
  features,
  makeNetwork,
  means,
  MIXED,
  PICTURE,
  strongest,
  strongestIds,
  type Sessions,
  windowMeans,
} from './make-networks.js';

const SIZE = { width: 32, height: 24 };
let model: RunModel;
let dataset: Dataset;
const sessions: Sessions = { made: 0, released: 0 };

beforeAll(async () => {
  await useBackend();
  registerKernels();
  model = await openRunModel(await makeRun());
  const clips = await makeClip({ frames: 60, ...SIZE, filter: 'scroll=h=0.05:v=0.03' });
  dataset = await open({ clips, condition: 'edges' });
  await countSessions(sessions);
  return async () => {
    vi.restoreAllMocks();
    await dataset.close();
  };
});

let networks: Networks | null = null;
afterEach(async () => {
  await networks?.release();
  networks = null;
  assertReleased(sessions);
});

const warned: string[] = [];
const log = createLogger({ write: (line) => void warned.push(line.trim()) });

/** Evaluates two rollouts through networks. @returns what was found, and the frames that were looked at */
async function evaluated(files: NetworkFiles, lengths: readonly number[], on = dataset) {
  warned.length = 0;
  await networks?.release();
  networks = (await openNetworks(files, SIZE))!;
  const [segment] = on.heldOut();
  const rollouts = lengths.map((frames) => ({ segment: segment!, frames }));
  const frames: { generated: Uint8Array; real: Uint8Array }[] = [];
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const judge = networks.judge({ dataset: on, frames: total, seed: 1, log });
  const found = await evaluateHeldOut(on, model, {
    ...{ rollouts, baselines: lengths.length > 1, networks: judge },
    onScored: ({ generated, real }) => {
      frames.push({ generated: generated.slice(), real: real.slice() });
      return Promise.resolve();
    },
  });
  return { ...found, scored: frames, judge };
}

const level = (byte: number): number => byte / 127.5 - 1;
const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const squared = (a: Uint8Array, b: Uint8Array): number =>
  meanOf(Array.from(a, (byte, i) => (level(byte) - level(b[i]!)) ** 2));
/** What the network of features says of a frame. */
const mixedOf = (rgb: Uint8Array): Float64Array =>
  Float64Array.from(MIXED, ([red, green, blue, one]) => {
    let sum = 0;
    for (let i = 0; i < rgb.length; i += 3) {
      const [r, g, b] = [level(rgb[i]!), level(rgb[i + 1]!), level(rgb[i + 2]!)];
      sum += Math.max(0, red * r + green * g + blue * b + one);
    }
    return sum / (rgb.length / 3);
  });
const idsOf = (rgb: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: rgb.length / 3 }, (_, i) => {
    const colours = [...rgb.subarray(3 * i, 3 * i + 3)].map((byte) => Math.max(0, level(byte)));
    return colours.indexOf(Math.max(...colours));
  });

describe('networks that look at an evaluation', () => {
  it('say of every row what the same sums say by hand', async () => {
    const { rows, frameScores, faithfulness, scored } = await evaluated(
      {
        ...{ lpips: await distance(), features: await features() },
        ...{ videoFeatures: await windowMeans(4), segmenter: await strongest() },
      },
      [10, 3],
    );
    const { generated, freeze } = rows;
    // LPIPS: of this network what PSNR is made of too.
    const psnrs = frameScores.generated!.flat();
    for (const { lpips, psnr } of psnrs) expect(lpips).toBeCloseTo(4 * 10 ** (-psnr / 10), 5);
    expect(generated.lpips).toBeCloseTo(meanOf(psnrs.map(({ lpips }) => lpips!)), 9);
    expect(generated.intervals!.lpips![0]).toBeLessThan(generated.lpips!);
    // tLP: neighbours of one rollout each.
    const pairs = scored
      .slice(1)
      .map((frame, i) => [scored[i]!, frame] as const)
      .toSpliced(9, 1);
    const changes = (of: 'generated' | 'real') => pairs.map(([a, b]) => squared(a[of], b[of]));
    const real = changes('real');
    const apart = changes('generated').map((value, i) => Math.abs(value - real[i]!));
    expect(generated.tLP).toBeCloseTo(100 * meanOf(apart), 4);
    expect(freeze!.tLP).toBeCloseTo(100 * meanOf(real), 4);
    // KID and FID.
    const seen = (of: 'generated' | 'real') => scored.map((frame) => mixedOf(frame[of]));
    const kid = await kernelDistance(seen('generated'), seen('real'));
    expect(generated.kid).toBeCloseTo(kid!.value, 5);
    expect(generated.kidError).toBeCloseTo(kid!.standardError!, 5);
    const [low, high] = generated.intervals!.kid!;
    expect((high - low) / 2).toBeCloseTo(1.96 * generated.kidError!, 9);
    expect(generated.fid).toBeCloseTo(frechetDistance(seen('generated'), seen('real'))!, 5);
    // Windows of four frames, two apart, of the longer rollout alone: 0, 2, 4 and 6.
    const windows = (of: 'generated' | 'real') =>
      [0, 2, 4, 6].map((first) => {
        const channels = [0, 1, 2].map((channel) =>
          scored.slice(first, first + 4).map((frame) => {
            const own = frame[of].filter((_, i) => i % 3 === channel);
            return meanOf(Array.from(own, level));
          }),
        );
        return Float64Array.from(channels.flat());
      });
    const kvd = await kernelDistance(windows('generated'), windows('real'));
    expect(generated.kvd).toBeCloseTo(kvd!.value, 5);
    expect(generated.kvdError).toBeNull();
    expect(generated.fvd).toBeCloseTo(frechetDistance(windows('generated'), windows('real'))!, 5);
    expect(warned).toEqual([
      expect.stringMatching(/FVD of 4 windows by 12 features is too large: .* go by KVD/),
    ]);
    // Classes.
    const confusion = createConfusion(3);
    for (const frame of scored) confusion.add(idsOf(frame.generated), idsOf(frame.real));
    expect(generated.seen!.meanIou).toBeCloseTo(confusion.meanIou()!, 9);
    expect(generated.seen!.accuracy).toBeCloseTo(confusion.accuracy()!, 9);
    expect(faithfulness).toBeNull();
    for (const row of Object.values(rows)) {
      expect(Object.keys(row)).toEqual(expect.arrayContaining(['lpips', 'tLP', 'kid', 'fid']));
    }
  });

  it('hold what a segmenter sees against the label maps, at whatever size it sees', async () => {
    const layout = { ...dataset.layout, content: 'labels' as const, channels: 3 };
    const named = { ...layout, classNames: ['red', 'green', 'blue'] };
    const picture = (colour: readonly number[]): Uint8Array =>
      Uint8Array.from({ length: 3 * 32 * 24 }, (_, i) =>
        // The left half is red.
        Math.floor(i / 3) % 32 < 16 ? [255, 0, 0][i % 3]! : colour[i % 3]!,
      );
    const half = (right: number): Uint8Array =>
      Uint8Array.from({ length: 32 * 24 }, (_, i) => (i % 32 < 16 ? 0 : right));
    const found = [];
    for (const segmenter of [
      await strongest({ metadata: { 'frameloom.size': '16x12', 'frameloom.range': '0..255' } }),
      await strongestIds({ metadata: { 'frameloom.classes': '3' } }),
    ]) {
      networks = (await openNetworks({ segmenter }, SIZE))!;
      const judge = networks.judge({ dataset: { ...SIZE, layout: named }, frames: 1, seed: 1 });
      expect(judge.seesLabels).toBe(true);
      judge.begin();
      const image = (rgb: Uint8Array) => imageFromBytes(rgb, { ...SIZE, channels: 3 });
      const generated = image(picture([0, 255, 0]));
      const real = image(picture([0, 0, 255]));
      await judge.add({ made: { generated }, real, condition: half(2) });
      const { rows, faithfulness } = await judge.result();
      expect(rows.get('generated')!.measures.seen).toEqual({
        ...{ frames: 1, meanIou: 1 / 3, accuracy: 0.5 },
      });
      found.push(faithfulness);
      await networks.release();
    }
    expect(found[0]).toMatchObject({
      ...{ kind: 'labels', frames: 1, accuracy: { made: 0.5, real: 1 } },
      meanIou: { made: 1 / 3, real: 1 },
    });
    expect(found[1]).toEqual(found[0]);
    // Of other classes nothing is said of the labels.
    networks = (await openNetworks({ segmenter: await strongestIds() }, SIZE))!;
    expect(
      networks.judge({ dataset: { ...SIZE, layout: named }, frames: 1, seed: 1 }).seesLabels,
    ).toBe(false);
  });

  it.each([
    ['[−1, 1] unless it says so', PICTURE, {}, (value: number) => value],
    ['another range', PICTURE, { 'frameloom.range': '0..1' }, (value: number) => (value + 1) / 2],
    [
      'mean and spread, in a batch and size of its own',
      [4, 3, 16, 8],
      {
        ...{ 'frameloom.range': '0..255', 'frameloom.mean': '10, 20, 30' },
        'frameloom.std': '2,4,8',
      },
      (value: number, channel: number) =>
        (127.5 * (value + 1) - 10 * (channel + 1)) / 2 ** (channel + 1),
    ],
  ] as const)('feed %s', async (_, shape, metadata, fed) => {
    const path = await means({ inputs: { x: shape }, metadata });
    const { scored, rows } = await evaluated({ features: path }, [6]);
    const seen = (of: 'generated' | 'real') =>
      scored.map((frame) =>
        Float64Array.from([0, 1, 2], (channel) =>
          fed(
            meanOf(
              Array.from(
                frame[of].filter((_byte, i) => i % 3 === channel),
                level,
              ),
            ),
            channel,
          ),
        ),
      );
    // A mean outlives a change of size, but for its border.
    const wanted = frechetDistance(seen('generated'), seen('real'))!;
    expect(rows.generated.fid! / wanted).toBeCloseTo(1, shape[0] === 4 ? 1 : 4);
  });

  it('say that windows are longer than what is rolled out', async () => {
    const { rows } = await evaluated({ videoFeatures: await windowMeans('T') }, [8]);
    expect(rows.generated).toMatchObject({ kvd: null, fvd: null });
    expect(warned).toEqual([expect.stringContaining('sees none of the windows of 16 frames')]);
    const words = { 'frameloom.frames': '8' };
    const one = await evaluated({ videoFeatures: await windowMeans('T', words) }, [8]);
    expect(one.rows.generated.fvd).toBeNull();
    expect(warned).toEqual([expect.stringContaining('sees one of the windows of 8 frames')]);
  });

  it('look at some of many frames, and say so', async () => {
    networks = (await openNetworks(
      { features: await features(), segmenter: await strongest() },
      SIZE,
    ))!;
    warned.length = 0;
    const judge = networks.judge({ dataset, frames: 5000, seed: 1, log });
    judge.begin();
    for (let i = 0; i < 42; i += 1) {
      const rgb = new Uint8Array(3 * 32 * 24).map((_, at) => (at * (i + 3)) % 251);
      const image = imageFromBytes(rgb, { ...SIZE, channels: 3 });
      await judge.add({ made: { generated: image }, real: image, condition: null });
    }
    const found = (await judge.result()).rows.get('generated')!.measures;
    // Every second frame, and every twentieth.
    expect(warned).toEqual([expect.stringMatching(/looks at 21 of 5000 frames, evenly spread$/)]);
    expect(found.seen).toEqual({ frames: 3, meanIou: 1, accuracy: 1 });
    expect(found.fid).toBeCloseTo(0, 9);
  });

  it('let go of everything, also where one of them fails in between', async () => {
    const failing = await makeNetwork({ inputs: { x: PICTURE } }, (graph, [x]) => {
      // A root of what is negative: of frames that are not as grey as the one that was tried out.
      const mean = graph.node('ReduceMean', [x!], { axes: { ints: [2, 3] }, keepdims: { int: 0 } });
      return graph.node('Sqrt', [
        graph.node('Sub', [graph.float(0.02), graph.node('Abs', [mean])]),
      ]);
    });
    await expectNoLeak(async () => {
      await expect(
        evaluated({ features: failing, lpips: await distance() }, [3]),
      ).rejects.toMatchObject({
        code: 'bad-input',
        message: expect.stringMatching(/^features: .* gives NaN$/) as string,
      });
      await networks!.release();
    });
    const stop = AbortSignal.abort();
    networks = (await openNetworks({ features: await features() }, SIZE))!;
    const judge = networks.judge({ dataset, frames: 1, seed: 1, signal: stop });
    judge.begin();
    const image = imageFromBytes(new Uint8Array(3 * 32 * 24), { ...SIZE, channels: 3 });
    for (let i = 0; i < 2; i += 1)
      await judge.add({ made: { mean: image }, real: image, condition: null });
    await expect(judge.result()).rejects.toMatchObject({ code: 'cancelled' });
  });
});
