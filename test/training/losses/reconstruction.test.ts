import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import {
  featureMatching,
  flowSmoothness,
  l1,
} from '../../../src/training/losses/reconstruction.js';
import { golden, type GoldenTensor } from '../../metrics/pictures.js';
import { expectClose, expectNoLeak, tensorOf } from '../../tensors.js';

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
