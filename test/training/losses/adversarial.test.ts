import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { valueAndGradients } from '../../../src/autodiff/index.js';
import { useBackend } from '../../../src/backend/index.js';
import {
  adversarialLoss,
  lecam,
  meanOf,
  type AdversarialKind,
} from '../../../src/training/losses/adversarial.js';
import { golden, type GoldenTensor } from '../../metrics/pictures.js';
import { expectClose, expectNoLeak, normals, tensorOf } from '../../tensors.js';

interface LecamCase {
  realLogits: GoldenTensor;
  fakeLogits: GoldenTensor;
  anchors: { real: number; fake: number };
  penalty: number;
  realLogitsGradient: GoldenTensor;
  fakeLogitsGradient: GoldenTensor;
}

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

type Side = (real: tf.Tensor, fake: tf.Tensor) => tf.Scalar;

/** What the discriminators minimize. */
const judgedBy =
  (kind: AdversarialKind): Side =>
  (real, fake) =>
    tf.addN(Object.values(adversarialLoss(kind).judges(real, fake)));

/** A side's slopes in real and in generated logits; some losses do not depend on both. */
const slopes = (side: Side, real: tf.Tensor, fake: tf.Tensor): tf.Tensor[] =>
  valueAndGradients(() => side(real, fake), [real, fake]).gradients;

const TOLERANCE = { rtol: 1e-5, atol: 1e-6 };

describe('adversarial losses', () => {
  it.each(golden<AdversarialCase>('adversarial-losses'))('equal PyTorch: $name', async (item) => {
    const loss = adversarialLoss(item.name as AdversarialKind);
    await expectNoLeak(() =>
      tf.tidy(() => {
        const [real, fake] = [tensorOf(item.realLogits), tensorOf(item.fakeLogits)];
        const judged = judgedBy(item.name as AdversarialKind);
        expectClose(judged(real, fake), item.discriminatorLoss, TOLERANCE);
        const [dReal, dFake] = tf.grads(judged)([real, fake]) as [tf.Tensor, tf.Tensor];
        expectClose(dReal, item.realLogitsGradient, TOLERANCE);
        expectClose(dFake, item.fakeLogitsGradient, TOLERANCE);
        const fooled = (f: tf.Tensor): tf.Scalar => loss.generator(real, f);
        expectClose(fooled(fake), item.generatorLoss, TOLERANCE);
        expectClose(tf.grad(fooled)(fake), item.generatorGradient, TOLERANCE);
      }),
    );
  });

  const KINDS = ['lsgan', 'hinge', 'non-saturating', 'relativistic'] as const;

  it.each(KINDS)('stay finite and push the right way, however sure: %s', (kind) => {
    const { generator } = adversarialLoss(kind);
    const judged = judgedBy(kind);
    tf.tidy(() => {
      const sure = [-1e4, -1, 0, 1, 1e4].map((logit) => tf.tensor1d([logit]));
      for (const real of sure) {
        for (const fake of sure) {
          const numbers = [judged, generator].flatMap((side) => [
            side(real, fake),
            ...slopes(side, real, fake),
          ]);
          for (const number of numbers) expect(Number.isFinite(number.dataSync()[0])).toBe(true);
        }
      }
      const zero = tf.tensor1d([0]);
      const [up, down] = slopes(judged, tf.tensor1d([0]), zero).map(
        (slope) => slope.dataSync()[0]!,
      );
      expect(up).toBeLessThan(0);
      expect(down).toBeGreaterThanOrEqual(0);
      expect(slopes(generator, tf.tensor1d([0]), zero)[1]!.dataSync()[0]!).toBeLessThan(0);
    });
  });

  it.each(KINDS)('compare each of several generated batches with the real one: %s', (kind) => {
    tf.tidy(() => {
      const real = normals('real', [2, 3, 4, 1]);
      const fakes = [normals('a', [2, 3, 4, 1]), normals('b', [2, 3, 4, 1])];
      const both = tf.concat(fakes);
      for (const side of [adversarialLoss(kind).generator, judgedBy(kind)]) {
        const mean = meanOf(fakes.map((fake) => side(real, fake)));
        expectClose(side(real, both), mean, TOLERANCE);
        const [dReal, dBoth] = slopes(side, real, both);
        const [a, b] = fakes.map((fake) => slopes(side, real, fake));
        expectClose(dReal!, tf.div(tf.add(a![0]!, b![0]!), 2), TOLERANCE);
        expectClose(dBoth!, tf.div(tf.concat([a![1]!, b![1]!]), 2), TOLERANCE);
      }
    });
  });

  it.each(KINDS)('have the slopes that they climb by: %s', (kind) => {
    tf.tidy(() => {
      const [real, fake] = [normals('real', [2, 3, 4, 1]), normals('fake', [4, 3, 4, 1])];
      const anchors = { real: tf.scalar(0.2), fake: tf.scalar(-0.1) };
      const drawn: Side = (r, f) => lecam(r, f, anchors);
      for (const side of [judgedBy(kind), adversarialLoss(kind).generator, drawn]) {
        const found = slopes(side, real, fake);
        const along = [normals('to', real.shape), normals('on', fake.shape)];
        const at = (step: number): number => {
          const [r, f] = [real, fake].map((x, i) => tf.add(x, tf.mul(along[i]!, step)));
          return side(r!, f!).dataSync()[0]!;
        };
        const slope = found.reduce(
          (sum, own, i) => sum + tf.sum(tf.mul(own, along[i]!)).dataSync()[0]!,
          0,
        );
        const step = 1e-2;
        expect(Math.abs((at(step) - at(-step)) / (2 * step) - slope)).toBeLessThan(0.02);
      }
    });
  });

  it('of pairs does not change when all scores drift', () => {
    const { judges, generator } = adversarialLoss('relativistic');
    tf.tidy(() => {
      const [real, fake] = [normals('real', [2, 3, 4, 1]), normals('fake', [2, 3, 4, 1])];
      const drifted = [tf.add(real, 5), tf.add(fake, 5)] as const;
      expectClose(judges(...drifted).relative!, judges(real, fake).relative!, { rtol: 1e-5 });
      expectClose(generator(...drifted), generator(real, fake), { rtol: 1e-5 });
    });
  });
});

describe('lecam', () => {
  it.each(golden<LecamCase>('lecam'))('equals PyTorch: $name', (item) => {
    tf.tidy(() => {
      const anchors = { real: tf.scalar(item.anchors.real), fake: tf.scalar(item.anchors.fake) };
      const [real, fake] = [tensorOf(item.realLogits), tensorOf(item.fakeLogits)];
      const penalty = (r: tf.Tensor, f: tf.Tensor): tf.Scalar => lecam(r, f, anchors);
      expectClose(penalty(real, fake), item.penalty, TOLERANCE);
      const [dReal, dFake] = tf.grads(penalty)([real, fake]);
      expectClose(dReal!, item.realLogitsGradient, TOLERANCE);
      expectClose(dFake!, item.fakeLogitsGradient, TOLERANCE);
    });
  });

  it('says nothing of scores that are on the other side of their anchors', () => {
    tf.tidy(() => {
      const anchors = { real: tf.scalar(1), fake: tf.scalar(0) };
      const scores = tf.tensor1d([-3, 0]);
      expectClose(lecam(scores, tf.tensor1d([1, 4]), anchors), 0);
      expectClose(lecam(tf.tensor1d([2]), tf.tensor1d([-1]), anchors), 8);
    });
  });
});

describe('meanOf', () => {
  it('is the mean of scalars', () => {
    tf.tidy(() => {
      expectClose(meanOf([tf.scalar(3)]), 3);
      expectClose(meanOf([tf.scalar(1), tf.scalar(2), tf.scalar(6)]), 3);
    });
  });
});
