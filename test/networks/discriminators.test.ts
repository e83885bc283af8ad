import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import {
  createDiscriminator,
  createDiscriminators,
  frameDiscriminatorOptions,
  frameRuns,
  generatorOptions,
  generatorWidth,
  sequenceDiscriminatorOptions,
} from '../../src/networks/index.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';

beforeAll(async () => {
  await useBackend();
  registerKernels();
});

const OPTIONS = { channels: 4, layers: 2, scales: 2, instanceNorm: false, antiAlias: false };

describe('createDiscriminator', () => {
  it.each([false, true])('judges each scale, instance norm %s', async (instanceNorm) => {
    const discriminator = createDiscriminator('d', 5, { ...OPTIONS, instanceNorm });
    await expectNoLeak(() =>
      tf.tidy(() => {
        const weights = discriminator.layout.unflatten(
          tf.tensor1d(discriminator.layout.initialize(1)),
        );
        const judged = discriminator.judge(weights, normals('x', [2, 12, 20, 5]));
        expect(judged.map(({ logits }) => logits.shape)).toEqual([
          [2, 3, 5, 1],
          [2, 2, 3, 1],
        ]);
        expect(judged.map(({ features }) => features.map(({ shape }) => shape))).toEqual([
          [
            [2, 6, 10, 4],
            [2, 3, 5, 8],
            [2, 3, 5, 8],
          ],
          [
            [2, 3, 5, 4],
            [2, 2, 3, 8],
            [2, 2, 3, 8],
          ],
        ]);
        for (const { logits } of judged) {
          expect(logits.dataSync().every(Number.isFinite)).toBe(true);
        }
      }),
    );
  });

  it('has weights of its own for each scale', () => {
    const { specs } = createDiscriminator('d', 5, OPTIONS).layout;
    const scale = (i: number) =>
      specs
        .filter(({ name }) => name.startsWith(`d.scale${i}.`))
        .map(({ name, shape }) => [name.replace(`d.scale${i}.`, ''), shape]);
    expect(scale(0)).toEqual(scale(1));
    expect(scale(0).length * 2).toBe(specs.length);
  });

  it('refuses other channels', () => {
    const discriminator = createDiscriminator('d', 5, OPTIONS);
    tf.tidy(() => {
      expect(() => discriminator.judge({}, tf.zeros([1, 12, 20, 4]))).toThrow(
        expect.objectContaining({
          code: 'bad-shape',
          message: 'input of the discriminator has shape [1, 12, 20, 4], expected [N, H, W, 5]',
        }),
      );
    });
  });

  it('counts multiply-accumulates as by hand', () => {
    const scale = (height: number, width: number): number => {
      const [h1, w1] = [Math.ceil(height / 2), Math.ceil(width / 2)];
      const [h2, w2] = [Math.ceil(h1 / 2), Math.ceil(w1 / 2)];
      return h1 * w1 * 16 * 5 * 4 + h2 * w2 * (16 * 4 * 8 + 9 * 8 * 8 + 8);
    };
    const discriminator = createDiscriminator('d', 5, OPTIONS);
    expect(discriminator.macs({ height: 10, width: 14 })).toBe(scale(10, 14) + scale(5, 7));
  });

  it('blurs before each stride where it is asked to, of the same weights: a picture of dots is nothing to it', () => {
    tf.tidy(() => {
      const [plain, blurred] = [false, true].map((antiAlias) =>
        createDiscriminator('d', 1, { ...OPTIONS, antiAlias }),
      );
      expect(blurred!.layout.specs).toEqual(plain!.layout.specs);
      const weights = plain!.layout.unflatten(tf.tensor1d(plain!.layout.initialize(1)));
      const dots = tf.tensor4d(
        Array.from({ length: 320 }, (_, i) => (-1) ** (i + Math.floor(i / 20))),
        [1, 16, 20, 1],
      );
      /** The middle of the deepest features, whose view ends before the border. */
      const seenOf = (judge: typeof plain, x: tf.Tensor4D): number[] =>
        judge!.judge(weights, x).map(({ features }) => {
          const [first] = features;
          const [, height, width] = first!.shape;
          const middle = tf.slice(first!, [0, 2, 2, 0], [-1, height - 4, width - 4, -1]);
          return tf.max(tf.abs(middle)).dataSync()[0]!;
        });
      expect(seenOf(plain, dots)[0]).toBeGreaterThan(0.1);
      for (const seen of seenOf(blurred, dots)) expect(seen).toBeLessThan(1e-5);
      // What is all of one colour is as bright to either.
      const [sharp, soft] = [plain, blurred].map((judge) => seenOf(judge, tf.ones(dots.shape)));
      expect(soft![0]).toBeCloseTo(sharp![0]!, 5);
    });
  });
});

describe('createDiscriminators', () => {
  const create = (condition: number, strides: number[], spectralNorm = true) =>
    createDiscriminators(
      frameDiscriminatorOptions.parse({ channels: 4, layers: 1, scales: 1, spectralNorm }),
      sequenceDiscriminatorOptions.parse({
        ...{ channels: 4, layers: 1, scales: 1, frames: 3, temporalStrides: strides },
        spectralNorm,
      }),
      condition,
      24,
    );

  it('is as wide as the generator unless told', () => {
    const sizeOf = (channels: object, generatorChannels: number): number =>
      createDiscriminators(
        frameDiscriminatorOptions.parse(channels),
        sequenceDiscriminatorOptions.parse(channels),
        1,
        generatorChannels,
      ).layout.size;
    expect(sizeOf({}, 12)).toBe(sizeOf({ channels: 12 }, 48));
    expect(sizeOf({ channels: 'auto' }, 48)).toBeGreaterThan(3.5 * sizeOf({}, 24));
    expect(generatorWidth(generatorOptions.parse({ preset: 'large' }))).toBe(96);
    expect(generatorWidth(generatorOptions.parse({ preset: 'large', channels: 8 }))).toBe(8);
  });

  it('has one sequence discriminator for each stride, all in one vector', () => {
    const all = create(2, [1, 3]);
    expect(all.sequences.map(({ stride }) => stride)).toEqual([1, 3]);
    const sizes = all.sequences.map(({ discriminator }) => discriminator.layout.size);
    const frame = create(2, []).layout.size;
    expect(all.layout.size).toBe(frame + sizes[0]! + sizes[1]!);
    const named = all.layout.specs.map(({ name }) => name);
    expect(named).toContain('sequence.stride3.scale0.0.weight');
  });

  it('judges a frame together with its condition', () => {
    tf.tidy(() => {
      const frames = normals<tf.Rank.R4>('frames', [2, 8, 8, 3]);
      const condition = normals<tf.Rank.R4>('condition', [2, 8, 8, 2]);
      const all = create(2, [1]);
      const weights = all.layout.unflatten(tf.tensor1d(all.layout.initialize(1)));
      const logits = (c: tf.Tensor4D) => all.judgeFrames(weights, frames, c)[0]!.logits.dataSync();
      expect(logits(condition)).not.toEqual(logits(tf.neg(condition)));
      expect(() => all.judgeFrames(weights, frames, null)).toThrow('input of the discriminator');
      const none = create(0, [1]);
      const own = none.layout.unflatten(tf.tensor1d(none.layout.initialize(1)));
      expect(none.judgeFrames(own, frames, null)[0]!.logits.shape).toEqual([2, 4, 4, 1]);
    });
  });

  it('normalizes weights only where that is on', () => {
    expect(create(1, [1], false).spectralNorm.layout.size).toBe(0);
    const vectors = create(1, [1]).spectralNorm.layout.specs.map(({ name }) => name);
    expect(vectors).toContain('frame.scale0.0.weight.u');
    expect(vectors).toContain('sequence.stride1.scale0.logits.weight.v');
  });

  it('counts frames and sequences apart', () => {
    const size = { height: 8, width: 8 };
    const one = create(1, [1]).macs(size);
    const two = create(1, [1, 2]).macs(size);
    expect(two.frame).toBe(one.frame);
    expect(two.sequence).toBe(2 * one.sequence);
    expect(create(1, []).macs(size).sequence).toBe(0);
  });
});

describe('frameRuns', () => {
  /** Frame t of sample n holds 100·n + t in channel 0 and its negative in channel 1. */
  const window = (samples: number, frames: number): tf.Tensor5D => {
    const values = Array.from({ length: samples * frames }, (_, i) => {
      const id = 100 * Math.floor(i / frames) + (i % frames);
      return [id, -id];
    }).flat();
    return tf.tensor5d(values, [samples, frames, 1, 1, 2]);
  };

  it('equals the loop that says it', async () => {
    const small = fc.integer({ min: 1, max: 4 });
    const any = fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 9 }),
      small,
      small,
      fc.integer({ min: 0, max: 9 }),
    );
    await expectNoLeak(() =>
      fc.assert(
        fc.property(any, ([samples, frames, count, stride, firstLast]) =>
          tf.tidy(() => {
            const expected: number[] = [];
            for (let n = 0; n < samples; n += 1) {
              for (let last = firstLast; last < frames; last += 1) {
                const times = Array.from(
                  { length: count },
                  (_, i) => last - (count - 1 - i) * stride,
                );
                if (times[0]! < 0) continue;
                expected.push(...times.flatMap((t) => [100 * n + t, -(100 * n + t)]));
              }
            }
            const runs = frameRuns(window(samples, frames), count, stride, firstLast);
            expect(runs === null).toBe(expected.length === 0);
            const shape = [expected.length / (2 * count), 1, 1, 2 * count];
            if (runs) expectClose(runs, { shape, values: expected });
          }),
        ),
        { numRuns: 150 },
      ),
    );
  });
});
