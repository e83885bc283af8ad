import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { eagerRunner, graphRunner, type Runner } from '../../src/backend/graph/index.js';
import { outline } from '../../src/backend/graph/outline.js';
import { record } from '../../src/backend/graph/recorder.js';
import { isCall, type Recording } from '../../src/backend/graph/recording.js';
import { nativeBackend } from '../../src/backend/native.js';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import {
  disposeState,
  initialState,
  type Model,
  type TrainingState,
} from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import type { RolloutInput } from '../../src/training/rollout.js';
import { trainStep, type StepResult } from '../../src/training/step.js';
import type { StepPlan } from '../../src/training/step-plan.js';
import { expectClose, expectNoLeak, relativeDifference } from '../tensors.js';
import { disposeInput, list, PLAN, smallModel, windowFor } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const take = (
  model: Model,
  state: TrainingState,
  input: RolloutInput,
  plan: Partial<StepPlan> = {},
  losses: Record<string, unknown> = {},
): Promise<StepResult> =>
  trainStep(model, state, input, lossOptions.parse(losses), { ...PLAN, ...plan });

/** Runs with a fresh state and input, and checks that nothing of it is left. */
const withStep = (
  model: Model,
  input: Parameters<typeof windowFor>[1],
  run: (state: TrainingState, input: RolloutInput) => Promise<void>,
): Promise<void> =>
  expectNoLeak(async () => {
    const state = initialState(model, 1);
    const window = windowFor(model, input);
    await run(state, window);
    disposeState(state);
    disposeInput(window);
  });

const ALL_TERMS = [
  'generator/frame_adversarial',
  'generator/frame_matching',
  'generator/reconstruction',
  'generator/raw_reconstruction',
  'generator/warp',
  'generator/flow_smoothness',
  'generator/sequence_adversarial',
  'generator/sequence_matching',
  'discriminator/frame_real',
  'discriminator/frame_fake',
  'discriminator/sequence_real',
  'discriminator/sequence_fake',
];

/** Numbers about a step that come with these terms. */
const signalsBeside = (terms: readonly string[]): string[] => {
  const judged = ['frame', 'sequence'].filter((kind) =>
    terms.includes(`discriminator/${kind}_real`),
  );
  const told = judged.flatMap((kind) =>
    ['pairs', 'real_score', 'fake_score', 'real_sign', 'fake_sign'].map(
      (name) => `discriminator/${kind}_${name}`,
    ),
  );
  const norms = ['generator', 'discriminator'].map((side) => `${side}/gradient_norm`);
  const ofGenerator = ['generator/gradient_by_loss', 'generator/judges_pull'];
  return [...norms, ...ofGenerator, 'discriminator/stable_rank', ...told].sort();
};

describe('trainStep', () => {
  const model = smallModel();

  it('moves every part of the state, leaves the old one, and reports each term', async () => {
    await withStep(model, {}, async (state, input) => {
      const before = list(state).map((tensor) => tensor.dataSync().slice());
      const tensors = tf.memory().numTensors;
      const { state: next, terms } = await take(model, state, input);
      expect(tf.memory().numTensors - tensors).toBe(list(next).length);
      expect(Object.keys(terms)).toEqual(ALL_TERMS);
      expect(Object.values(terms).every(Number.isFinite)).toBe(true);
      list(state).forEach((tensor, i) => expect(tensor.dataSync()).toEqual(before[i]));
      list(next).forEach((tensor, i) => expect(tensor.dataSync()).not.toEqual(before[i]));
      disposeState(next);
    });
  });

  it('averages the generator by its share', async () => {
    await withStep(model, {}, async (state, input) => {
      const { state: next } = await take(model, state, input, { averageShare: 0.25 });
      tf.tidy(() => {
        const expected = tf.add(tf.mul(state.average, 0.75), tf.mul(next.generator, 0.25));
        expectClose(next.average, expected, { rtol: 1e-5, atol: 1e-7 });
      });
      disposeState(next);
    });
  });

  it('gives the same state bit by bit for the same inputs', async () => {
    await withStep(model, {}, async (state, input) => {
      const [a, b] = [await take(model, state, input), await take(model, state, input)];
      expect(a.terms).toEqual(b.terms);
      list(a.state).forEach((tensor, i) => expectClose(tensor, list(b.state)[i]!));
      [a, b].forEach((result) => disposeState(result.state));
    });
  });

  it.each([
    ['with history', { frames: 3 }],
    [
      'from a cold start with teacher forcing',
      { frames: 3, coldStart: true, teacherForced: [false, true, false] },
    ],
    ['without memory', { frames: 3, model: smallModel({ historyFrames: 0, flow: false }) }],
  ])('gives the same state with gradient checkpointing, %s', async (_how, how) => {
    const model = 'model' in how ? how.model : smallModel();
    await withStep(model, how, async (state, input) => {
      const plain = await take(model, state, input);
      const blocks = model.generator.blocks(true).length;
      for (const how of [
        { segments: [1, 1, 1] },
        { segments: [1, 2] },
        { segments: [1, 1, 1], stretches: [2, blocks - 3, 1] },
      ]) {
        const other = await take(model, state, input, how);
        for (const [name, value] of Object.entries(plain.terms)) {
          expect(Math.abs(other.terms[name]! - value)).toBeLessThanOrEqual(1e-5 * Math.abs(value));
        }
        // Adam's first step is a sign: a gradient near 0 may flip it. The moments show the gradient.
        for (const key of ['generatorAdam', 'discriminatorAdam'] as const) {
          expect(relativeDifference(other.state[key].mean, plain.state[key].mean)).toBeLessThan(
            1e-5,
          );
          expect(relativeDifference(other.state[key].square, plain.state[key].square)).toBeLessThan(
            1e-5,
          );
        }
        expect(
          relativeDifference(other.state.discriminators, plain.state.discriminators),
        ).toBeLessThan(1e-5);
        disposeState(other.state);
      }
      disposeState(plain.state);
    });
  });

  it('shortens a gradient that is far longer than its loss, and leaves any other to the bit', async () => {
    // The scores of fresh discriminators are near 0, and so is this loss, but not its gradient.
    const none = { reconstruction: 0, rawReconstruction: 0, warp: 0, flowSmoothness: 0 };
    const hinge = { ...none, adversarial: 'hinge', featureMatching: 0 };
    await withStep(model, {}, async (state, input) => {
      const taken = async (explodesAbove: number | null) => {
        const made = await take(model, state, input, { explodesAbove }, hinge);
        const { state: next, terms, signals } = made;
        const values = list(next).map((tensor) => [...tensor.dataSync()]);
        const loss = Object.entries(terms).reduce(
          (sum, [name, value]) => sum + (name.startsWith('generator/') ? Math.abs(value) : 0),
          0,
        );
        const mean = tf.tidy(() => tf.norm(next.generatorAdam.mean).dataSync()[0]!);
        disposeState(next);
        return { values, signals, loss, mean };
      };
      const { values, signals, loss, mean } = await taken(null);
      const { 'generator/gradient_norm': norm, ...others } = signals;
      expect((others['generator/gradient_by_loss']! * loss) / norm!).toBeCloseTo(1, 6);
      expect(await taken((1.01 * norm!) / loss)).toEqual({ values, signals, loss, mean });
      const short = await taken((0.99 * norm!) / loss);
      expect(norm! / loss).toBeGreaterThan(1.5);
      expect(short.mean / mean).toBeCloseTo(loss / norm!, 5);
      // The norm that is told is the one before, and nothing else has changed.
      expect(short.signals).toEqual(signals);
      const [, , discriminators] = short.values;
      expect(discriminators).toEqual(values[2]);
    });
  });

  it.each([
    ['a batch of two', { samples: 2 }, {}, {}, ALL_TERMS],
    ['the hinge loss', {}, {}, { adversarial: 'hinge' }, ALL_TERMS],
    ['the non-saturating loss', {}, {}, { adversarial: 'non-saturating' }, ALL_TERMS],
    [
      'the gradient penalty',
      {},
      { r1: 10 },
      {},
      [...ALL_TERMS, 'discriminator/frame_r1', 'discriminator/sequence_r1'],
    ],
    ['one frame', { frames: 1 }, {}, {}, ALL_TERMS],
    ['a warm-up', { warmUp: 3 }, {}, {}, ALL_TERMS],
    ['a warm-up from nothing', { warmUp: 1, coldStart: true }, {}, {}, ALL_TERMS],
    ['the composed frame alone judged', {}, { judgeRaw: false }, {}, ALL_TERMS],
    [
      'one cold frame, which has no neighbours',
      { frames: 1, coldStart: true },
      {},
      {},
      ALL_TERMS.filter((name) => !/sequence|warp|flow/.test(name)),
    ],
    [
      'terms that are turned off',
      {},
      {},
      { sequenceAdversarial: 0, warp: 0, flowSmoothness: 0 },
      // What matches the features of sequences trains their judges too.
      ALL_TERMS.filter((name) => !/sequence_adversarial|warp|flow/.test(name)),
    ],
  ] as [
    string,
    Parameters<typeof windowFor>[1],
    Partial<StepPlan>,
    Record<string, unknown>,
    string[],
  ][])('works with %s', async (_what, window, plan, losses, expected) => {
    await withStep(model, window, async (state, input) => {
      const { state: next, terms, signals } = await take(model, state, input, plan, losses);
      expect(Object.keys(terms).sort()).toEqual([...expected].sort());
      expect(Object.values(terms).every(Number.isFinite)).toBe(true);
      expect(Object.values(signals).every(Number.isFinite)).toBe(true);
      expect(Object.keys(signals).sort()).toEqual(signalsBeside(expected));
      for (const tensor of list(next)) {
        expect([...tensor.dataSync()].every(Number.isFinite)).toBe(true);
      }
      disposeState(next);
    });
  });

  it.each([
    ['without condition, with noise', { noiseChannels: 2 }, 0, {}],
    ['without flow', { flow: false }, 1, {}],
    ['without spectral norm, which knows the ranks', {}, 1, { spectralNorm: false }],
  ] as const)('works %s', async (_what, generator, condition, judges) => {
    const other = smallModel(generator, condition, judges);
    await withStep(other, {}, async (state, input) => {
      const { state: next, terms, signals } = await take(other, state, input);
      expect('discriminator/stable_rank' in signals).toBe(!('spectralNorm' in judges));
      expect(Object.values(terms).every(Number.isFinite)).toBe(true);
      expect('generator/warp' in terms).toBe(!('flow' in generator));
      disposeState(next);
    });
  });

  // Of twelve frames each is a call of a function in the graph, there and back.
  it.each([
    [3, 3],
    [12, 1],
  ])('gives the same numbers as one graph of %i frames, step after step', async (frames, steps) => {
    const runner = graphRunner();
    await withStep(model, { frames }, async (first, input) => {
      let [eager, graph] = [first, first];
      for (let step = 0; step < steps; step += 1) {
        const averageShare = 0.5 / (step + 1);
        const plan = { ...PLAN, step, averageShare };
        const a = await trainStep(model, eager, input, lossOptions.parse({}), plan);
        const b = await trainStep(
          ...([model, graph, input, lossOptions.parse({}), plan, runner] as const),
        );
        for (const [name, value] of Object.entries(a.terms)) {
          expect(Math.abs(b.terms[name]! - value)).toBeLessThanOrEqual(1e-4 * Math.abs(value));
        }
        for (const name of ['generator', 'average', 'discriminators'] as const) {
          expect(relativeDifference(b.state[name], a.state[name])).toBeLessThan(1e-4);
        }
        for (const name of ['generatorAdam', 'discriminatorAdam'] as const) {
          expect(relativeDifference(b.state[name].mean, a.state[name].mean)).toBeLessThan(1e-4);
        }
        if (step > 0) [eager, graph].forEach(disposeState);
        [eager, graph] = [a.state, b.state];
      }
      [eager, graph].forEach(disposeState);
    });
    runner.dispose();
  });

  it.each([
    ['a batch of two, micro-batches', { samples: 2, frames: 3 }, { judgedFrames: 2 }, {}, model],
    ['the hinge loss', {}, {}, { adversarial: 'hinge' }, model],
    ['the non-saturating loss', {}, {}, { adversarial: 'non-saturating' }, model],
    [
      'both gradient penalties through instance norm',
      ...([
        {},
        { r1: 10, r2: 5 },
        {},
        smallModel({}, 1, { layers: 2, instanceNorm: true }),
      ] as const),
    ],
    ['teacher forcing', { coldStart: true, teacherForced: [false, true] }, {}, {}, model],
    ['a warm-up', { warmUp: 2 }, {}, {}, model],
    ['noise and no condition', {}, {}, {}, smallModel({ noiseChannels: 2 }, 0)],
    ['no flow', {}, {}, {}, smallModel({ flow: false })],
    [
      'no memory, after a warm-up',
      ...([{ warmUp: 1 }, {}, {}, smallModel({ historyFrames: 0, flow: false })] as const),
    ],
  ] as [
    string,
    Parameters<typeof windowFor>[1],
    Partial<StepPlan>,
    Record<string, unknown>,
    Model,
  ][])(
    'gives the same numbers as one graph of pieces with %s',
    async (_what, window, plan, losses, own) => {
      const runner = graphRunner();
      await withStep(own, window, async (state, input) => {
        const segments = input.teacherForced.map(() => 1);
        const how = { ...PLAN, segments, ...plan };
        const options = lossOptions.parse(losses);
        const eager = await trainStep(own, state, input, options, how);
        const graph = await trainStep(own, state, input, options, how, runner);
        for (const [name, value] of Object.entries(eager.terms)) {
          expect(Math.abs(graph.terms[name]! - value)).toBeLessThanOrEqual(1e-4 * Math.abs(value));
        }
        for (const name of ['generatorAdam', 'discriminatorAdam'] as const) {
          const [a, b] = [eager, graph].map((made) => made.state[name].mean);
          expect(relativeDifference(b!, a!)).toBeLessThan(1e-4);
        }
        disposeState(eager.state);
        disposeState(graph.state);
      });
      runner.dispose();
    },
  );

  it('needs no new graph for another draw of teacher forcing', async () => {
    const keysOf = async (teacherForced: readonly boolean[]): Promise<string[]> => {
      const keys = new Set<string>();
      const runner: Runner = {
        call: (key, inputs, f) => {
          keys.add(`${key} ${Object.keys(inputs).join(' ')}`);
          return eagerRunner.call(key, inputs, f);
        },
        dispose: () => undefined,
      };
      await withStep(model, { frames: 8, teacherForced }, async (state, input) => {
        const plan = { ...PLAN, segments: teacherForced.map(() => 1) };
        const losses = lossOptions.parse({});
        disposeState((await trainStep(model, state, input, losses, plan, runner)).state);
      });
      return [...keys].sort();
    };
    // A piece depends on whether its frame and the next one are forced: both draws have every case.
    const draw = (text: string): boolean[] => Array.from(text, (frame) => frame === 'x');
    expect(await keysOf(draw('-xx--x--'))).toEqual(await keysOf(draw('--x-xx--')));
  });

  it('records frames and their ways back as functions', async () => {
    await withStep(model, { frames: 12 }, async (state, input) => {
      const recorded: Recording[] = [];
      const recorder: Runner = {
        call: (key, inputs, f) => {
          const names = Object.keys(inputs);
          const run = (own: tf.Tensor[]): tf.Tensor[] =>
            Object.values(f(Object.fromEntries(names.map((name, i) => [name, own[i]!]))));
          recorded.push(outline(record(nativeBackend()!, Object.values(inputs), run)));
          return eagerRunner.call(key, inputs, f);
        },
        dispose: () => undefined,
      };
      const { state: next } = await trainStep(
        model,
        state,
        input,
        lossOptions.parse({}),
        PLAN,
        recorder,
      );
      disposeState(next);
      const { functions, nodes } = recorded.at(-1)!;
      const calls = nodes.filter(isCall);
      // All but the first frames and the last, whose neighbours are others.
      expect(functions).toHaveLength(2);
      for (const own of functions) {
        expect(calls.filter(({ callee }) => callee === own).length).toBeGreaterThanOrEqual(9);
      }
    });
  });

  it('lowers what it trains on', async () => {
    await withStep(model, { frames: 2 }, async (first, input) => {
      const losses = { frameAdversarial: 0, sequenceAdversarial: 0, featureMatching: 0 };
      const plan = { generatorLearningRate: 2e-3 };
      // Reconstruction alone: the discriminators have nothing to do but need one term.
      let state = first;
      const errors: number[] = [];
      for (let step = 0; step < 6; step += 1) {
        const result = await take(
          model,
          state,
          input,
          { ...plan, step },
          { ...losses, frameAdversarial: 1e-6 },
        );
        if (state !== first) disposeState(state);
        state = result.state;
        errors.push(result.terms['generator/reconstruction']!);
      }
      if (state !== first) disposeState(state);
      expect(errors.at(-1)!).toBeLessThan(0.98 * errors[0]!);
    });
  });

  it('leaves nothing behind when the window does not fit the model', async () => {
    await withStep(model, {}, async (state, input) => {
      const wrong = tf.tidy(() => tf.zeros<tf.Rank.R5>([1, 5, 16, 24, 2]));
      await expect(take(model, state, { ...input, condition: wrong })).rejects.toMatchObject({
        code: 'bad-shape',
      });
      wrong.dispose();
    });
  });
});
