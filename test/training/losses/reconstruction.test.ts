import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import {
  featureMatching,
  flowSmoothness,
  l1,
} from '../../../src/training/losses/reconstruction.js';
import { golden, type GoldenTensor } from '../../metrics/pictures.js';
import { expectClose, expectNoLeak, normals, tensorOf } from '../../tensors.js';

beforeAll(async () => {
  await useBackend();
});

const TOLERANCE = { rtol: 1e-5, atol: 1e-6 };

describe('l1', () => {
  it('is the mean absolute difference', () => {
    tf.tidy(() => {
      expectClose(
        l1(
          tf.tensor2d([
            [1, 2],
            [3, 4],
          ]),
          tf.tensor2d([
            [1, 0],
            [6, 4],
          ]),
        ),
        1.25,
      );
    });
  });
});

describe.each(['tensorflow', 'wasm', 'cpu'] as const)('l1 of weighed pixels on %s', (prefer) => {
  it('has the value and the gradient of differences that are weighed', async () => {
    await useBackend({ prefer });
    await expectNoLeak(() =>
      tf.tidy(() => {
        const target = normals<tf.Rank.R4>('target', [2, 3, 4, 3]);
        const made = normals<tf.Rank.R4>('made', [4, 3, 4, 3]);
        const weights = tf.abs(normals<tf.Rank.R4>('weights', [2, 3, 4, 1]));
        const { value, grad } = tf.valueAndGrad((x) => l1(x, target, weights))(made);
        // Twice the target's batch: each half is compared with it.
        const apart = tf.sub(made, tf.concat([target, target]));
        const pixels = tf.concat([weights, weights]);
        expectClose(value, tf.mean(tf.mul(tf.abs(apart), pixels)), TOLERANCE);
        expectClose(grad, tf.div(tf.mul(tf.sign(apart), pixels), made.size), TOLERANCE);
        const way = normals<tf.Rank.R4>('way', [4, 3, 4, 3]);
        const at = (by: number): number =>
          l1(tf.add(made, tf.mul(way, by)), target, weights).dataSync()[0]!;
        const slope = tf.sum(tf.mul(grad, way)).dataSync()[0]!;
        expect((at(1e-3) - at(-1e-3)) / 2e-3).toBeCloseTo(slope, 2);
        // Weights of 1 are none.
        expectClose(l1(made, target, tf.onesLike(weights)), l1(made, target), TOLERANCE);
      }),
    );
  });
});

describe('featureMatching', () => {
  interface FeatureCase {
    realFeatures: GoldenTensor[][];
    fakeFeatures: GoldenTensor[][];
    loss: number;
    fakeFeaturesGradient: GoldenTensor[][];
  }

  it.each(golden<FeatureCase>('feature-matching'))('equals PyTorch: $name', async (item) => {
    // The last of each scale are the logits, which are not compared.
    const features = (all: GoldenTensor[][]) =>
      all.map((scale) => scale.slice(0, -1).map((layer) => tensorOf(layer)));
    await expectNoLeak(() =>
      tf.tidy(() => {
        const real = features(item.realFeatures);
        const fake = features(item.fakeFeatures);
        expectClose(featureMatching(fake, real), item.loss, TOLERANCE);
        const gradients = tf.grads((...flat: tf.Tensor[]) =>
          featureMatching(
            fake.map((scale) => scale.map(() => flat.shift()!)),
            real,
          ),
        )(fake.flat());
        const expected = item.fakeFeaturesGradient.flatMap((scale) => scale.slice(0, -1));
        expect(gradients).toHaveLength(expected.length);
        gradients.forEach((gradient, i) => expectClose(gradient, expected[i]!, TOLERANCE));
      }),
    );
  });
});

describe('flowSmoothness', () => {
  interface FlowCase {
    flow: GoldenTensor;
    loss: number;
    flowGradient: GoldenTensor;
  }

  it.each(golden<FlowCase>('flow-smoothness'))('equals PyTorch: $name', async (item) => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const flow = tensorOf<tf.Rank.R4>(item.flow);
        expectClose(flowSmoothness(flow), item.loss, TOLERANCE);
        const gradient = tf.grad((x) => flowSmoothness(x as tf.Tensor4D))(flow);
        expectClose(gradient, item.flowGradient, TOLERANCE);
      }),
    );
  });

  it('is nothing for a flow that is the same everywhere', () => {
    tf.tidy(() => {
      expectClose(flowSmoothness(tf.fill([1, 4, 4, 2], 3)), 0);
    });
  });
});
