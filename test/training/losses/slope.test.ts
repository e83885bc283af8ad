import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { valueAndGradients } from '../../../src/autodiff/index.js';
import { useBackend } from '../../../src/backend/index.js';
import { biasAdd, leakyRelu, registerKernels } from '../../../src/kernels/index.js';
import {
  createDiscriminators,
  frameDiscriminatorOptions,
  ParameterLayout,
  sequenceDiscriminatorOptions,
} from '../../../src/networks/index.js';
import { approximateSlopePenalty, slopePenalty } from '../../../src/training/losses/slope.js';
import { golden, type GoldenTensor } from '../../metrics/pictures.js';
import { expectClose, expectNoLeak, normals, tensorOf } from '../../tensors.js';

interface Penalized {
  penalty: number;
  weightGradients: GoldenTensor[];
  biasGradients: GoldenTensor[];
}

interface SlopeCase extends Penalized {
  padding: number;
  strides: number[];
  leakySlope: number;
  images: GoldenTensor;
  weights: GoldenTensor[];
  biases: GoldenTensor[];
  logits: GoldenTensor;
  approximate: Penalized & { sigma: number; noise: GoldenTensor };
}

beforeAll(async () => {
  await useBackend();
  registerKernels();
});

const [ITEM] = golden<SlopeCase>('slope') as [SlopeCase & { name: string }];
const init = { constant: 0 };
const layout = new ParameterLayout(
  ITEM.weights.flatMap(({ shape }, i) => [
    { name: `${i}.weight`, shape, init },
    { name: `${i}.bias`, shape: [shape[3]!], init },
  ]),
);
const flatOf = (weights: GoldenTensor[], biases: GoldenTensor[]) =>
  Float32Array.from(weights.flatMap(({ values }, i) => [...values, ...biases[i]!.values]));

function logitsOf(flat: tf.Tensor1D, images: tf.Tensor4D): tf.Tensor4D {
  const parameters = layout.unflatten(flat);
  return ITEM.weights.reduce((x, _, i) => {
    const { padding: pad, strides, leakySlope } = ITEM;
    const padded = tf.pad<tf.Tensor4D>(x, [
      [0, 0],
      [pad, pad],
      [pad, pad],
      [0, 0],
    ]);
    const filter = parameters[`${i}.weight`] as tf.Tensor4D;
    const y = biasAdd(
      tf.conv2d(padded, filter, strides[i]!, 'valid'),
      parameters[`${i}.bias`] as tf.Tensor1D,
    );
    return i < ITEM.weights.length - 1 ? leakyRelu(y, leakySlope) : y;
  }, images);
}

/** The penalty of a judge, and its gradient in the judge's weights. */
function penaltyGradient(
  judge: (flat: tf.Tensor1D, x: tf.Tensor4D) => tf.Tensor4D[],
  flat: tf.Tensor1D,
  x: tf.Tensor4D,
  gamma: number,
) {
  const penalty = (): tf.Scalar => slopePenalty((own) => judge(flat, own), x, gamma);
  const { value, gradients } = valueAndGradients(penalty, [flat]);
  return { penalty: value, gradient: gradients[0]! };
}

function expectGradient(
  gradient: tf.Tensor,
  { weightGradients, biasGradients }: Penalized,
  gamma: number,
): void {
  const values = Array.from(flatOf(weightGradients, biasGradients), (value) => gamma * value);
  expectClose(gradient, { shape: [layout.size], values }, { rtol: 1e-4, atol: gamma * 1e-5 });
}

const judgeOne = (flat: tf.Tensor1D, images: tf.Tensor4D) => [logitsOf(flat, images)];

describe('slopePenalty', () => {
  it.each([1, 10])('equals PyTorch’s second-order gradient for gamma %d', async (gamma) => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const images = tensorOf<tf.Rank.R4>(ITEM.images);
        const flat = tf.tensor1d(flatOf(ITEM.weights, ITEM.biases));
        expectClose(logitsOf(flat, images), ITEM.logits, { rtol: 1e-5, atol: 1e-5 });
        const { penalty, gradient } = penaltyGradient(judgeOne, flat, images, gamma);
        expectClose(penalty, gamma * ITEM.penalty, { rtol: 1e-5 });
        expectGradient(gradient, ITEM, gamma);
      }),
    );
  });

  it('is exact where the discriminator is linear in the image', () => {
    tf.tidy(() => {
      // D(x) = w·Σx over 2·2·1 pixels: ‖∇D‖² = 4w², R1 = γ/2·4w², its gradient 4γw.
      const linear = (flat: tf.Tensor1D, x: tf.Tensor4D): tf.Tensor4D[] => [
        tf.mul(tf.sum(flat), tf.sum(x, [1, 2, 3], true)),
      ];
      const images = tf.fill<tf.Rank.R4>([3, 2, 2, 1], 0.25);
      const { penalty, gradient } = penaltyGradient(linear, tf.tensor1d([1.5]), images, 2);
      expectClose(penalty, 9, { rtol: 1e-6 });
      expectClose(gradient, { shape: [1], values: [12] }, { rtol: 1e-6 });
    });
  });

  it('is what patches are penalized by, whatever their number and scales', () => {
    tf.tidy(() => {
      // Each pixel is a patch of its own, D(x) = w·x: ‖∇D‖² = w² for each, R1 = γ/2·w².
      const each = (flat: tf.Tensor1D, x: tf.Tensor4D): tf.Tensor4D[] => [tf.mul(x, tf.sum(flat))];
      const halves = (flat: tf.Tensor1D, x: tf.Tensor4D): tf.Tensor4D[] =>
        [0, 4].map((from) => each(flat, tf.slice(x, [0, from, 0, 0], [-1, 4, -1, -1]))[0]!);
      for (const [height, judge] of [
        [2, each],
        [8, each],
        [8, halves],
      ] as const) {
        const images = tf.fill<tf.Rank.R4>([3, height, 2, 1], 0.25);
        const { penalty, gradient } = penaltyGradient(judge, tf.tensor1d([1.5]), images, 2);
        expectClose(penalty, 2.25, { rtol: 1e-6 });
        expectClose(gradient, { shape: [1], values: [3] }, { rtol: 1e-6 });
      }
    });
  });

  it('is zero, not NaN, where the discriminator does not look at the image', () => {
    tf.tidy(() => {
      const blind = (flat: tf.Tensor1D, x: tf.Tensor4D): tf.Tensor4D[] => [
        tf.add(tf.mul(x, 0), tf.sum(flat)),
      ];
      const images = tf.ones<tf.Rank.R4>([1, 2, 2, 1]);
      const { penalty, gradient } = penaltyGradient(blind, tf.tensor1d([1.5]), images, 2);
      expectClose(penalty, 0);
      expectClose(gradient, { shape: [1], values: [0] });
    });
  });

  it.each([false, true])(
    'has the slope of the penalty along a direction, real discriminator, instance norm %s',
    (instanceNorm) => {
      const options = { channels: 8, layers: 2, scales: 2 };
      const discriminators = createDiscriminators(
        frameDiscriminatorOptions.parse({ ...options, instanceNorm }),
        sequenceDiscriminatorOptions.parse({ temporalStrides: [] }),
        1,
        8,
      );
      const { layout: own, spectralNorm } = discriminators;
      tf.tidy(() => {
        const flat = tf.tensor1d(own.initialize(1));
        let vectors = tf.tensor1d(spectralNorm.layout.initialize(1));
        for (let i = 0; i < 5; i += 1) vectors = spectralNorm.iterate(own.unflatten(flat), vectors);
        const images = tf.tanh(normals<tf.Rank.R4>('images', [2, 24, 32, 3]));
        const condition = normals<tf.Rank.R4>('condition', [2, 24, 32, 1]);
        const judge = (parameters: tf.Tensor1D, x: tf.Tensor4D) => {
          const judges = spectralNorm.normalize(own.unflatten(parameters), vectors);
          return discriminators.judgeFrames(judges, x, condition).map(({ logits }) => logits);
        };
        const penaltyAt = (parameters: tf.Tensor1D): number =>
          penaltyGradient(judge, parameters, images, 1e4).penalty.dataSync()[0]!;
        const { gradient } = penaltyGradient(judge, flat, images, 1e4);
        // Steepest ascent: the slope along it is the gradient's length.
        const length = tf.norm(gradient).dataSync()[0]!;
        // Small enough to cross no kink, beyond which the penalty jumps.
        const step = 1e-4;
        const move = tf.mul(gradient, step / length);
        const slope = (penaltyAt(tf.add(flat, move)) - penaltyAt(tf.sub(flat, move))) / (2 * step);
        expect(length).toBeGreaterThan(0);
        expect(Math.abs(slope / length - 1)).toBeLessThan(1e-3);
      });
    },
  );
});

describe('approximateSlopePenalty', () => {
  it.each([1, 10])('equals PyTorch, value and gradient, for gamma %d', async (gamma) => {
    const { sigma, penalty, noise, ...gradients } = ITEM.approximate;
    await expectNoLeak(() =>
      tf.tidy(() => {
        const images = tensorOf<tf.Rank.R4>(ITEM.images);
        const nudge = { noise: tensorOf<tf.Rank.R4>(noise), sigma };
        const flat = tf.tensor1d(flatOf(ITEM.weights, ITEM.biases));
        const { value, gradients: found } = valueAndGradients(
          () => approximateSlopePenalty((x) => judgeOne(flat, x), images, gamma, nudge),
          [flat],
        );
        expectClose(value, gamma * penalty, { rtol: 1e-4 });
        expectGradient(found[0]!, { penalty, ...gradients }, gamma);
      }),
    );
  });

  it('is the exact penalty of each patch, in the mean over the noise, for small sigma', () => {
    const discriminators = createDiscriminators(
      frameDiscriminatorOptions.parse({ channels: 8, layers: 2, scales: 2 }),
      sequenceDiscriminatorOptions.parse({ temporalStrides: [] }),
      0,
      8,
    );
    const { layout: own, spectralNorm } = discriminators;
    tf.tidy(() => {
      const flat = tf.tensor1d(own.initialize(1));
      const parameters = own.unflatten(flat);
      let vectors = tf.tensor1d(spectralNorm.layout.initialize(1));
      for (let i = 0; i < 20; i += 1) vectors = spectralNorm.iterate(parameters, vectors);
      const weights = spectralNorm.normalize(parameters, vectors);
      const judge = (x: tf.Tensor4D): tf.Tensor4D[] =>
        discriminators.judgeFrames(weights, x, null).map(({ logits }) => logits);
      const image = tf.tanh(normals<tf.Rank.R4>('image', [1, 16, 16, 3]));
      // Each patch by itself: R1 as it is defined for a judge of one score.
      const each = judge(image).flatMap((logits, scale) =>
        Array.from({ length: logits.size }, (_, at) => (x: tf.Tensor4D) => [
          tf.reshape<tf.Rank.R4>(tf.gather(tf.reshape(judge(x)[scale]!, [-1]), [at]), [1, 1, 1, 1]),
        ]),
      );
      const GAMMA = 1e3;
      const alone = each.map((patch) => slopePenalty(patch, image, GAMMA).dataSync()[0]!);
      const exact = alone.reduce((sum, value) => sum + value, 0) / alone.length;
      // A batch of draws is a mean over the noise.
      const DRAWS = 200;
      const noise = normals<tf.Rank.R4>('noise', [DRAWS, 16, 16, 3]);
      const images = tf.tile(image, [DRAWS, 1, 1, 1]);
      const offBy = (sigma: number): number => {
        const nudge = { noise, sigma };
        const value = approximateSlopePenalty(judge, images, GAMMA, nudge).dataSync()[0]!;
        return Math.abs(value / exact - 1);
      };
      expect(offBy(0.01)).toBeLessThan(0.02);
      expect(offBy(0.05)).toBeLessThan(0.02);
      expect(offBy(1)).toBeGreaterThan(0.1);
      // Of new weights, slopes in overlapping patches go every way: all together they are as many alone.
      const whole = slopePenalty(judge, image, GAMMA).dataSync()[0]!;
      expect(Math.abs(whole / exact - 1)).toBeLessThan(0.1);
    });
  });
});
