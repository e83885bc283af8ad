import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { trackPeak } from '../../src/autodiff/index.js';
import { eagerRunner, type NamedTensors } from '../../src/backend/graph/index.js';
import { useBackend } from '../../src/backend/index.js';
import { scoped } from '../../src/backend/scope.js';
import { registerKernels } from '../../src/kernels/index.js';
import {
  foldFrames,
  frameDiscriminatorOptions,
  generatorOptions,
  sequenceDiscriminatorOptions,
} from '../../src/networks/index.js';
import { judgesPull, withPull } from '../../src/training/judges-pull.js';
import type { JudgedStep, RealSide } from '../../src/training/judged-parts.js';
import { gradientsOfParts, microBatches, type LossTerms } from '../../src/training/micro-batch.js';
import { createModel, type Model } from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import { GRADIENT, PULL } from '../../src/training/signals.js';
import { sortOutputs } from '../../src/training/rollout.js';
import { penaltyParts } from '../../src/training/penalty-parts.js';
import { judgedParts } from '../../src/training/step-gradients.js';
import { expectClose, expectNoLeak, normals, relativeDifference } from '../tensors.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const [T, HEIGHT, WIDTH, SAMPLES] = [5, 16, 24, 2];

function modelWith(temporalStrides: number[]): Model {
  const judge = { channels: 4, layers: 2, scales: 2 };
  return createModel(
    {
      generator: generatorOptions.parse({ channels: 4 }),
      frameDiscriminator: frameDiscriminatorOptions.parse(judge),
      sequenceDiscriminator: sequenceDiscriminatorOptions.parse({ ...judge, temporalStrides }),
    },
    1,
  );
}

interface Case {
  readonly lead: number;
  readonly strides: number[];
  readonly judgeRaw: boolean;
  readonly losses: Record<string, unknown>;
}

/** A rollout's outputs and its real side, as a step has them; all of the calling scope's. */
function setUp({ lead, strides, judgeRaw, losses }: Case) {
  const model = modelWith(strides);
  const { discriminators } = model;
  const image = (name: string, shape: number[]) => tf.tanh(normals(name, shape));
  const frame = [SAMPLES, HEIGHT, WIDTH];
  const outputs: tf.Tensor[] = [];
  for (let t = 0; t < T; t += 1) {
    outputs.push(image(`frame${t}`, [...frame, 3]), image(`raw${t}`, [...frame, 3]));
    if (lead > 0 || t > 0) outputs.push(normals(`flow${t}`, [...frame, 2]));
  }
  const window = image('window', [SAMPLES, 3 + T, HEIGHT, WIDTH, 3]) as tf.Tensor5D;
  const frames = tf.reshape<tf.Rank.R4>(tf.slice(window, [0, 3, 0, 0, 0]), [-1, HEIGHT, WIDTH, 3]);
  const real: RealSide = {
    window,
    frames,
    condition: normals('condition', [SAMPLES * T, HEIGHT, WIDTH, 1]),
    lead,
    nudge: normals('nudge', [SAMPLES, 3 + T, HEIGHT, WIDTH, 3]),
    // Of the last frame none is known, as of the way back of a rollout there and back.
    motion: normals('motion', [SAMPLES, T - 1, HEIGHT, WIDTH, 3]),
    front: lead > 0 ? (image('front', [SAMPLES, lead, HEIGHT, WIDTH, 3]) as tf.Tensor5D) : null,
  };
  const flat = tf.tensor1d(discriminators.layout.initialize(1));
  const vectors = tf.tensor1d(discriminators.spectralNorm.layout.initialize(1));
  const step: JudgedStep = {
    ...{ discriminators, real, judgeRaw, judgesWait: false, sight: {} },
    dials: { adversarialWeight: tf.scalar(1), matchingWeight: tf.scalar(1), r1: tf.scalar(3) },
    out: sortOutputs(outputs, T),
    losses: lossOptions.parse(losses),
  };
  return { step, outputs, flat, vectors };
}

/** ‖a − b‖ / ‖b‖. */
const distance = (a: tf.Tensor, b: tf.Tensor): number =>
  tf.tidy(() => tf.div(tf.norm(tf.sub(a, b)), tf.norm(b)).dataSync()[0]!);

const numbers = (terms: LossTerms): Record<string, number> =>
  Object.fromEntries(Object.entries(terms).map(([name, term]) => [name, term.dataSync()[0]!]));

function expectSameTerms(parts: LossTerms, terms: Record<string, number>): void {
  const own = numbers(parts);
  expect(Object.keys(own).sort()).toEqual(Object.keys(terms).sort());
  const differing = Object.entries(terms).filter(
    ([name, value]) => !(Math.abs(own[name]! - value) <= 2e-6 * Math.abs(value)),
  );
  expect(differing).toEqual([]);
}

const CASES: [string, Case][] = [
  ['as usual', { lead: 3, strides: [1], judgeRaw: true, losses: {} }],
  [
    'from a cold start, with a teacher of flow',
    { lead: 0, strides: [1], judgeRaw: true, losses: { flowTeacher: 2, moving: 5 } },
  ],
  [
    'with several strides, one of too few frames, raw images not judged',
    { lead: 2, strides: [1, 2, 9], judgeRaw: false, losses: { adversarial: 'hinge' } },
  ],
  [
    'without sequences and flow, with detail',
    {
      ...{ lead: 2, strides: [1], judgeRaw: true },
      losses: {
        ...{ sequenceAdversarial: 0, featureMatching: 0, warp: 0, flowSmoothness: 0 },
        ...{ laplacian: 2, focalFrequency: 30, focalFrequencyPatches: 2 },
      },
    },
  ],
];

describe('what is said of the judges', () => {
  it('is how many pairs of patches they tell, and on which side of the border each lies', () => {
    tf.tidy(() => {
      const { step, flat, vectors } = setUp(CASES[0]![1]);
      const { discriminators, real, out } = step;
      const parts = judgedParts(step, { flat, vectors }, T);
      const wanted = { discriminators: [flat] };
      const { signals } = gradientsOfParts<'discriminators'>(
        wanted,
        parts,
        eagerRunner,
      ).discriminators;
      const weights = discriminators.weights(flat, vectors);
      const judge = (frames: tf.Tensor4D): Float32Array[] =>
        discriminators
          .judgeFrames(weights, frames, real.condition)
          .map(({ logits }) => Float32Array.from(logits.dataSync()));
      const [reals, fakes] = [judge(real.frames), judge(foldFrames(out.frames))];
      const mean = (values: readonly number[]): number =>
        values.reduce((sum, value) => sum + value, 0) / values.length;
      const byScale = (of: (real: number, fake: number) => number): number =>
        mean(reals.map((scale, s) => mean([...scale].map((score, i) => of(score, fakes[s]![i]!)))));
      expect(numbers(signals)).toMatchObject({
        frame_pairs: expect.closeTo(
          byScale((x, made) => (x > made ? 1 : 0)),
          5,
        ) as number,
        frame_real_score: expect.closeTo(
          byScale((x) => x),
          5,
        ) as number,
        frame_real_sign: expect.closeTo(
          byScale((x) => Math.sign(x - 0.5)),
          5,
        ) as number,
      });
      expect(Object.keys(signals).filter((name) => name.startsWith('sequence'))).toHaveLength(5);
    });
  });

  it.each([
    ['the reconstruction', { reconstruction: 10 }],
    ['the reconstruction of what moves', { reconstruction: 10, moving: 6 }],
    ['detail', { reconstruction: 0, laplacian: 2, focalFrequency: 30 }],
    ['both', { reconstruction: 10, laplacian: 2, focalFrequency: 30, focalFrequencyPatches: 2 }],
  ])('is how hard they pull at the frames beside %s', (_name, faithful) => {
    tf.tidy(() => {
      const framesOf = (losses: Record<string, unknown>) => {
        const { step, outputs, flat, vectors } = setUp({ ...CASES[0]![1], losses });
        const parts = judgedParts(step, { flat, vectors }, T);
        const made = gradientsOfParts<'generator'>({ generator: outputs }, parts, eagerRunner);
        const { frames } = sortOutputs(made.generator.gradients, T);
        return { step, frames, norm: tf.norm(tf.stack(frames)).dataSync()[0]! };
      };
      const none = { frameAdversarial: 0, sequenceAdversarial: 0, featureMatching: 0 };
      const whole = framesOf(faithful);
      const judges = framesOf({ reconstruction: 0 });
      const alone = framesOf({ ...faithful, ...none });
      const { out, real, losses } = whole.step;
      const found = judgesPull(whole.frames, out, real, losses, eagerRunner);
      const { [PULL]: pull } = withPull(found, 1);
      expect(pull!.dataSync()[0]).toBeCloseTo(judges.norm / alone.norm, 4);
      // Where nothing holds frames to the real ones there is the gradient alone.
      const norm = judgesPull(judges.frames, out, real, judges.step.losses, eagerRunner);
      const unheld = withPull(norm, 1);
      expect(Object.keys(unheld)).toEqual([GRADIENT]);
      expect(unheld[GRADIENT]!.dataSync()[0]).toBeCloseTo(judges.norm, 4);
    });
  });
});

describe.each(CASES)('losses in micro-batches, %s,', (_name, options) => {
  it('are those in one batch to 1e-6', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const { step, outputs, flat, vectors } = setUp(options);
        const wanted = { generator: outputs, discriminators: [flat] };
        const inBatchesOf = (size: number) =>
          gradientsOfParts(wanted, judgedParts(step, { flat, vectors }, size), eagerRunner);
        const whole = inBatchesOf(T);
        for (const size of [1, 2, 3]) {
          const found = inBatchesOf(size);
          expectSameTerms(found.generator.terms, numbers(whole.generator.terms));
          found.generator.gradients.forEach((gradient, i) =>
            expect(relativeDifference(gradient, whole.generator.gradients[i]!)).toBeLessThan(1e-6),
          );
          expectSameTerms(found.discriminators.terms, numbers(whole.discriminators.terms));
          const { signals } = found.discriminators;
          expectSameTerms(signals, numbers(whole.discriminators.signals));
          // By the norm: single weights whose real and generated halves cancel round off more.
          const [judged] = found.discriminators.gradients;
          expect(distance(judged!, whole.discriminators.gradients[0]!)).toBeLessThan(1e-6);
        }
      }),
    );
  });

  it('are those of one side alone where one is wanted', () => {
    tf.tidy(() => {
      const { step, outputs, flat, vectors } = setUp(options);
      const parts = () => judgedParts(step, { flat, vectors }, T);
      const both = { generator: outputs, discriminators: [flat] };
      const one = { discriminators: [flat] };
      const expected = gradientsOfParts(both, parts(), eagerRunner).discriminators;
      const found = gradientsOfParts<'discriminators'>(one, parts(), eagerRunner);
      expect(Object.keys(found)).toEqual(['discriminators']);
      expect(numbers(found.discriminators.terms)).toEqual(numbers(expected.terms));
      expectClose(found.discriminators.gradients[0]!, expected.gradients[0]!);
    });
  });
});

describe('micro-batches', () => {
  it('cut items into parts whose shares add up to one', () => {
    expect(microBatches(5, 2)).toEqual([
      { from: 0, to: 2, share: 0.4 },
      { from: 2, to: 4, share: 0.4 },
      { from: 4, to: 5, share: 0.2 },
    ]);
    expect(microBatches(3, 8)).toEqual([{ from: 0, to: 3, share: 1 }]);
  });

  it('take the memory of one part', () => {
    tf.tidy(() => {
      const { step, outputs, flat, vectors } = setUp(CASES[0]![1]);
      const peakOf = (size: number): number =>
        trackPeak(() =>
          scoped(() =>
            gradientsOfParts(
              { generator: outputs, discriminators: [flat] },
              judgedParts(step, { flat, vectors }, size),
              eagerRunner,
            ),
          ),
        ).peakBytes;
      // So small a network's weights, which every part normalizes, weigh a good deal.
      expect(peakOf(1)).toBeLessThan(0.45 * peakOf(T));
    });
  });

  it.each([
    ['by the gradient', {}, CASES[2]![1]],
    ['approximated', { penalty: 'approximate' }, CASES[2]![1]],
    ['of raw images too', { penalty: 'approximate' }, CASES[1]![1]],
  ])('give penalties of frames and of runs as one batch does, %s', async (_how, losses, own) => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const { step, flat, vectors } = setUp({ ...own, losses: { ...own.losses, ...losses } });
        const dials = { ...step.dials, r1: tf.scalar(3), r2: tf.scalar(2) };
        const penalties = (size: number) =>
          gradientsOfParts<'discriminators'>(
            { discriminators: [flat] },
            penaltyParts({ ...step, dials }, step.out, { flat, vectors }, size),
            eagerRunner,
          ).discriminators;
        const expected = penalties(T);
        expect(Object.keys(expected.terms)).toEqual([
          ...['frame_r1', 'sequence_r1', 'frame_r2', 'sequence_r2'],
        ]);
        for (const size of [1, 2]) {
          const found = penalties(size);
          expectSameTerms(found.terms, numbers(expected.terms));
          expect(distance(found.gradients[0]!, expected.gradients[0]!)).toBeLessThan(1e-5);
        }
      }),
    );
  });

  it('give the relativistic loss and LeCam as one batch does', () => {
    tf.tidy(() => {
      const losses = { adversarial: 'relativistic' };
      const { step, outputs, flat, vectors } = setUp({ ...CASES[0]![1], losses });
      const anchors = { weight: tf.scalar(0.5), real: tf.scalar(0.1), fake: tf.scalar(-0.2) };
      const dials = { ...step.dials, lecam: { frame: anchors, sequence: anchors } };
      const of = (size: number) =>
        gradientsOfParts(
          { generator: outputs, discriminators: [flat] },
          judgedParts({ ...step, dials }, { flat, vectors }, size),
          eagerRunner,
        );
      const expected = of(T);
      const terms = ['relative', 'lecam'];
      expect(Object.keys(expected.discriminators.terms)).toEqual(
        ['frame', 'sequence'].flatMap((name) => terms.map((term) => `${name}_${term}`)),
      );
      const found = of(2);
      for (const side of ['generator', 'discriminators'] as const) {
        expectSameTerms(found[side].terms, numbers(expected[side].terms));
        found[side].gradients.forEach((own, i) => {
          expect(distance(own, expected[side].gradients[i]!)).toBeLessThan(1e-5);
        });
      }
      // There is no score at which real and generated part.
      const told = Object.keys(expected.discriminators.signals);
      expect(told.filter((name) => name.endsWith('sign'))).toEqual([]);
      expect(told).toContain('frame_real_score');
    });
  });

  it('refuse to take the gradient where noise is asked for and there is none', () => {
    tf.tidy(() => {
      const { step, flat, vectors } = setUp({
        ...CASES[0]![1],
        losses: { penalty: 'approximate' },
      });
      const bare = {
        ...{ ...step, real: { ...step.real, nudge: null } },
        dials: { ...step.dials, r1: tf.scalar(1) },
      };
      expect(() => penaltyParts(bare, step.out, { flat, vectors }, T)).toThrow(/has none/);
    });
  });

  it.each([
    [
      'feature matching alone trains both kinds of judges',
      { featureMatching: 1 },
      ['frame', 'sequence'],
    ],
    ['an adversarial loss its own', { frameAdversarial: 1 }, ['frame']],
    ['an adversarial loss its own', { sequenceAdversarial: 1 }, ['sequence']],
    ['pixels none', { reconstruction: 1 }, []],
  ])('%s', (_what, weights, kinds) => {
    tf.tidy(() => {
      const none = { frameAdversarial: 0, sequenceAdversarial: 0, featureMatching: 0 };
      const losses = { ...none, warp: 0, flowSmoothness: 0, ...weights };
      const { step, flat, vectors } = setUp({ ...CASES[0]![1], losses });
      const parts = [
        ...judgedParts(step, { flat, vectors }, T),
        ...penaltyParts(step, step.out, { flat, vectors }, T),
      ];
      const { terms } = gradientsOfParts<'discriminators'>(
        { discriminators: [flat] },
        parts,
        eagerRunner,
      ).discriminators;
      const expected = kinds.flatMap((kind) => [`${kind}_real`, `${kind}_fake`, `${kind}_r1`]);
      expect(Object.keys(terms).sort()).toEqual(expected.sort());
    });
  });

  it('refuse a part that reads what nobody asked for', () => {
    tf.tidy(() => {
      const [x, y] = [tf.scalar(1), tf.scalar(2)];
      const square = {
        xs: ['own'],
        open:
          ({ own }: NamedTensors) =>
          () => ({ terms: { square: tf.square<tf.Scalar>(own as tf.Scalar) } }),
      };
      const part = () => ({ kind: 'square', tensors: { own: y }, losses: { square } });
      const gradient = () => gradientsOfParts({ square: [x] }, [part], eagerRunner);
      expect(gradient).toThrow('no gradient is wanted in');
    });
  });
});
