import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import {
  adversarialLoss,
  meanOf,
  type AdversarialKind,
} from '../../../src/training/losses/adversarial.js';
import { golden, type GoldenTensor } from '../../metrics/pictures.js';
import { expectClose, expectNoLeak, tensorOf } from '../../tensors.js';

interface AdversarialCase {
  realLogits: GoldenTensor;
  fakeLogits: GoldenTensor;
  discriminatorLoss: number;
  realLogitsGradient: GoldenTensor;
  fakeLogitsGradient: GoldenTensor;
  generatorLoss: number;
  generatorGradient: GoldenTensor;
}

beforeAll(async () => {
  await useBackend();
});

const TOLERANCE = { rtol: 1e-5, atol: 1e-6 };

describe('adversarial losses', () => {
  it.each(golden<AdversarialCase>('adversarial-losses'))('equal PyTorch: $name', async (item) => {
    const loss = adversarialLoss(item.name as AdversarialKind);
    await expectNoLeak(() =>
      tf.tidy(() => {
        const [real, fake] = [tensorOf(item.realLogits), tensorOf(item.fakeLogits)];
        // Half for each side, as the training step weighs them.
        const judged = (r: tf.Tensor, f: tf.Tensor): tf.Scalar =>
          tf.add(tf.mul(loss.real(r), 0.5), tf.mul(loss.fake(f), 0.5));
        expectClose(judged(real, fake), item.discriminatorLoss, TOLERANCE);
        const [dReal, dFake] = tf.grads(judged)([real, fake]) as [tf.Tensor, tf.Tensor];
        expectClose(dReal, item.realLogitsGradient, TOLERANCE);
        expectClose(dFake, item.fakeLogitsGradient, TOLERANCE);
        expectClose(loss.generator(fake), item.generatorLoss, TOLERANCE);
        expectClose(tf.grad(loss.generator)(fake), item.generatorGradient, TOLERANCE);
      }),
    );
  });

  it.each(['lsgan', 'hinge', 'non-saturating'] as const)(
    'stay finite and push the right way, however sure: %s',
    (kind) => {
      const { real, fake, generator } = adversarialLoss(kind);
      tf.tidy(() => {
        const sure = [-1e4, -1, 0, 1, 1e4].map((logit) => tf.tensor1d([logit]));
        for (const side of [real, fake, generator]) {
          for (const logits of sure) {
            const [value] = side(logits).dataSync();
            const [slope] = tf.grad(side)(logits).dataSync();
            expect(Number.isFinite(value)).toBe(true);
            expect(Number.isFinite(slope)).toBe(true);
          }
        }
        const slope = (side: typeof real) =>
          tf
            .grad(side)(tf.tensor1d([0]))
            .dataSync()[0]!;
        expect(slope(real)).toBeLessThan(0);
        expect(slope(fake)).toBeGreaterThanOrEqual(0);
        expect(slope(generator)).toBeLessThan(0);
      });
    },
  );
});

describe('meanOf', () => {
  it('is the mean of scalars', () => {
    tf.tidy(() => {
      expectClose(meanOf([tf.scalar(3)]), 3);
      expectClose(meanOf([tf.scalar(1), tf.scalar(2), tf.scalar(6)]), 3);
    });
  });
});
