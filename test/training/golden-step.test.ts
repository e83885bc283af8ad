import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runRollout } from '../../src/autodiff/index.js';
import { eagerRunner, graphRunner } from '../../src/backend/graph/index.js';
import { useBackend, type BackendChoice } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { sizeOf, type ParameterLayout } from '../../src/networks/parameters.js';
import {
  frameDiscriminatorOptions,
  generatorOptions,
  sequenceDiscriminatorOptions,
} from '../../src/networks/index.js';
import {
  createModel,
  disposeState,
  type Model,
  type TrainingState,
} from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import { createRollout, sortOutputs, type RolloutInput } from '../../src/training/rollout.js';
import { trainStep, type StepResult } from '../../src/training/step.js';
import type { ScoreAnchors } from '../../src/training/score-anchors.js';
import type { StepPlan } from '../../src/training/step-plan.js';
import { warmUp } from '../../src/training/warm-up.js';
import { golden } from '../metrics/pictures.js';
import { expectNoLeak } from '../tensors.js';
import { webgpuLacks, webgpuNote } from '../webgpu.js';
import { disposeInput, list, PLAN } from './support.js';

interface Sums {
  readonly norm: number;
  readonly dot: number;
}

interface Described extends Sums {
  readonly elements: readonly { readonly at: number; readonly value: number }[];
}

interface Recipe {
  readonly height: number;
  readonly width: number;
  readonly samples: number;
  readonly frames: number;
  readonly lead: number;
  readonly warmUp: number;
  readonly coldStart: boolean;
  readonly normalization: 'weights' | 'instance';
  readonly modulation?: 'condition';
  readonly judgeRaw: boolean;
  readonly adversarial: string;
  readonly r1: number;
  readonly r2: number;
  readonly penaltySigma: number | null;
  readonly lecam: number;
  readonly anchors: ScoreAnchors;
  readonly scales: number;
  readonly antiAlias?: boolean;
  readonly temporalStrides: number[];
  readonly terms: Readonly<Record<string, number>>;
  readonly changes: readonly {
    readonly parameter: string;
    readonly shape: readonly number[];
    readonly gradient: Sums;
    readonly update: Sums;
  }[];
}

interface GeneratorCase extends Recipe {
  readonly macs: number;
  readonly outputs: {
    readonly frames: readonly Described[];
    readonly raws: readonly Described[];
    readonly flows: readonly (Described & { readonly t: number })[];
  };
  readonly average: Sums;
}

interface DiscriminatorCase extends Recipe {
  readonly macs: { readonly frame: number; readonly sequence: number };
}

/** A way that a step is made. */
interface Way {
  readonly how: string;
  readonly asGraph: boolean;
  readonly segments: number[] | null;
  readonly inStretches?: boolean;
  readonly rung?: BackendChoice;
}

/** The least of them that has all that a step is made of. */
const LEAST_WHOLE = 'from a cold start, weights normalized';

const RELATIVE = 1e-4;
/** A gradient that is nothing but rounding has no relative error. */
const FLOOR = 1e-7;
/** Updates that the golden Adam has made. */
const ADAM_STEP = 10;

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

/** The formula of the golden files' `about`. */
const waves = (count: number, seed: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => Math.sin(0.7317 * (i + 1) * (i + 1) + seed));

const scaled = (count: number, seed: number, factor: number, offset = 0): Float32Array =>
  Float32Array.from(waves(count, seed), (value) => offset + value * factor);

function firstParameters(layout: ParameterLayout): tf.Tensor1D {
  const parts = layout.specs.map(({ name, shape }, k) => {
    const count = sizeOf(shape);
    const heads = name.startsWith('heads.');
    if (name.endsWith('.weight')) {
      return scaled(count, k, (heads ? 0.3 : 2) / Math.sqrt(count / shape.at(-1)!));
    }
    return /[.](gain|gamma)$/.test(name)
      ? scaled(count, k, 0.2, 1)
      : scaled(count, k, heads ? 0.02 : 0.2);
  });
  return joined(parts);
}

const joined = (parts: readonly Float32Array[]): tf.Tensor1D =>
  tf.tensor1d(Float32Array.from(parts.flatMap((part) => [...part])));

const firstSquares = (layout: ParameterLayout): tf.Tensor1D =>
  joined(layout.specs.map(({ shape }) => scaled(sizeOf(shape), 0.25, 0.5e-4, 1e-4)));

function firstState({ generator, discriminators }: Model): TrainingState {
  const weights = firstParameters(generator.layout);
  const judges = firstParameters(discriminators.layout);
  return {
    generator: weights,
    average: tf.mul(weights, 0.5),
    generatorAdam: { mean: tf.zerosLike(weights), square: firstSquares(generator.layout) },
    discriminators: judges,
    discriminatorAdam: {
      mean: tf.zerosLike(judges),
      square: firstSquares(discriminators.layout),
    },
    spectral: joined(
      discriminators.spectralNorm.layout.specs.map(({ shape }) => scaled(sizeOf(shape), 0.75, 1)),
    ),
  };
}

function modelOf(recipe: Recipe): Model {
  const { scales, antiAlias, temporalStrides, judgeRaw, normalization, modulation } = recipe;
  const judge = { channels: 4, layers: 3, scales, antiAlias };
  return createModel(
    {
      generator: generatorOptions.parse({
        ...{ channels: 4, residualBlocks: 1, branchBlocks: 1 },
        normalization,
        ...(modulation && { modulation }),
        positions: normalization === 'weights',
      }),
      frameDiscriminator: frameDiscriminatorOptions.parse({ ...judge, judgeRaw }),
      sequenceDiscriminator: sequenceDiscriminatorOptions.parse({ ...judge, temporalStrides }),
    },
    1,
  );
}

function inputOf(recipe: Recipe): RolloutInput {
  const { samples, frames, lead, height, width, coldStart } = recipe;
  const timed = (times: number, channels: number, seed: number, factor: number): tf.Tensor5D => {
    const count = samples * times * height * width * channels;
    return tf.tensor5d(scaled(count, seed, factor), [samples, times, height, width, channels]);
  };
  const window = (channels: number, seed: number): tf.Tensor5D =>
    timed(lead + recipe.warmUp + frames, channels, seed, 0.9);
  return {
    frames: window(3, 1.25),
    condition: window(1, 1.75),
    noise: null,
    ...{ lead, warmUp: recipe.warmUp, coldStart, visibleFrom: coldStart ? lead : 0 },
    teacherForced: Array.from({ length: frames }, () => false),
    ...(recipe.penaltySigma !== null && { nudge: timed(lead + frames, 3, 2.25, 1) }),
  };
}

const sumsOf = (values: ArrayLike<number>): Sums => {
  const sine = waves(values.length, 0.5);
  let [square, dot] = [0, 0];
  for (let i = 0; i < values.length; i += 1) {
    square += values[i]! * values[i]!;
    dot += values[i]! * sine[i]!;
  }
  return { norm: Math.sqrt(square), dot };
};

function expectSums(values: ArrayLike<number>, { norm, dot }: Sums, what: string): void {
  const own = sumsOf(values);
  expect(Math.abs(own.norm - norm), `norm of ${what}`).toBeLessThanOrEqual(RELATIVE * norm + FLOOR);
  expect(Math.abs(own.dot - dot), `dot product of ${what}`).toBeLessThanOrEqual(
    RELATIVE * norm + FLOOR,
  );
}

/** Adam's mean was 0 and is now half of the gradient (β₁ = 0.5). */
function expectChanges(
  { changes }: Recipe,
  layout: ParameterLayout,
  before: tf.Tensor1D,
  after: tf.Tensor1D,
  mean: tf.Tensor1D,
): void {
  const described = layout.specs.map(({ name, shape }) => ({ name, shape }));
  expect(described).toEqual(changes.map(({ parameter, shape }) => ({ name: parameter, shape })));
  const [old, now, half] = [before, after, mean].map((tensor) => tensor.dataSync());
  let offset = 0;
  for (const { parameter, shape, gradient, update } of changes) {
    const places = Array.from({ length: sizeOf(shape) }, (_, i) => offset + i);
    const own = places.map((at) => 2 * half![at]!);
    expectSums(own, gradient, `${parameter}'s gradient`);
    // A difference of two float32: as exact as the parameter that it moved.
    const moved = places.map((at) => now![at]! - old![at]!);
    const rounding = 2 ** -24 * sumsOf(places.map((at) => old![at]!)).norm;
    const norm = sumsOf(moved).norm;
    expect(Math.abs(norm - update.norm), `${parameter}'s update`).toBeLessThanOrEqual(
      RELATIVE * update.norm + rounding,
    );
    offset += places.length;
  }
}

function expectTerms(terms: Readonly<Record<string, number>>, recipes: readonly Recipe[]): void {
  const expected = Object.assign({}, ...recipes.map((recipe) => recipe.terms)) as typeof terms;
  expect(new Set(Object.keys(terms))).toEqual(new Set(Object.keys(expected)));
  for (const [name, value] of Object.entries(expected)) {
    expect(Math.abs(terms[name]! - value), `term ${name}`).toBeLessThanOrEqual(
      RELATIVE * Math.abs(value),
    );
  }
}

/**
 * Recording a graph takes seconds, and that it gives what its kernels give op by op is held for each way of a step in
 * step.test.ts: here are one with history, and one of all that judges are held back by.
 */
const AS_GRAPH: ReadonlySet<string> = new Set([
  'with history',
  'both penalties approximated, after a warm-up, a batch of two, two temporal strides',
  'relativistic, with LeCam and both gradient penalties',
]);

const judgeCases = golden<DiscriminatorCase>('discriminator-step');
const cases = golden<GeneratorCase>('generator-step').map((generator, i) => ({
  name: generator.name,
  generator,
  discriminators: judgeCases[i]!,
}));

describe.each(cases)('a training step $name', ({ generator, discriminators, name }) => {
  it('has a golden file for each half', () => {
    expect(discriminators.name).toBe(name);
  });

  it('costs the multiply-accumulates that PyTorch counts', () => {
    const model = modelOf(generator);
    const size = { height: generator.height, width: generator.width };
    expect(model.generator.macs(size)).toBe(generator.macs);
    expect(model.discriminators.macs(size)).toEqual(discriminators.macs);
  });

  it('rolls out the same frames', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const model = modelOf(generator);
        const flat = firstParameters(model.generator.layout);
        const { input } = warmUp(model.generator, flat, inputOf(generator), eagerRunner);
        const rollout = createRollout(model.generator, input);
        const { outputs } = runRollout(rollout, rollout.weights(flat));
        const made = sortOutputs(outputs, generator.frames);
        const expectDescribed = (x: tf.Tensor, { elements, ...sums }: Described, what: string) => {
          const values = x.dataSync();
          expectSums(values, sums, what);
          for (const { at, value } of elements) {
            expect(Math.abs(values[at]! - value), `${what} at ${at}`).toBeLessThanOrEqual(RELATIVE);
          }
        };
        const { frames, raws, flows } = generator.outputs;
        frames.forEach((x, t) => expectDescribed(made.frames[t]!, x, `frame ${t}`));
        raws.forEach((x, t) => expectDescribed(made.raws[t]!, x, `raw image ${t}`));
        expect(made.flows.map(({ t }) => t)).toEqual(flows.map(({ t }) => t));
        flows.forEach((x, i) => expectDescribed(made.flows[i]!.flow, x, `flow ${x.t}`));
      }),
    );
  });

  const ways: Way[] = [{ how: 'op by op', asGraph: false, segments: null }];
  const isModulated = generator.modulation !== undefined;
  if (generator.frames > 1) {
    const how = 'op by op, checkpointed in segments of 1 and 2';
    ways.push({ how, asGraph: false, segments: [1, 2] });
  }
  if (AS_GRAPH.has(name)) {
    ways.push({ how: 'as a graph', asGraph: true, segments: null });
  }
  // Recording pieces takes longest: in stretches of a step with history. A batch in pieces, and exact penalties, are
  // in step.test.ts. Blocks that pass something on do so op by op.
  const each = Array.from({ length: generator.frames }, () => 1);
  if (name === 'with history') {
    const how = 'as a graph of stretches of blocks';
    ways.push({ how, asGraph: true, segments: each, inStretches: true });
  }
  if (isModulated && generator.frames === 1) {
    const how = 'op by op, in stretches of blocks';
    ways.push({ how, asGraph: false, segments: each, inStretches: true });
  }

  // The lower rungs take seconds for the least of them, which has all that a step is made of, and for a single frame.
  const onLowerRungs = name === LEAST_WHOLE || (isModulated && generator.frames === 1);
  if (onLowerRungs) {
    ways.push({ how: 'on WebAssembly', asGraph: false, segments: null, rung: 'wasm' });
    ways.push({ how: 'in plain JavaScript', asGraph: false, segments: null, rung: 'cpu' });
  }

  const expectGolden = async ({ asGraph, segments, inStretches, rung = 'tensorflow' }: Way) => {
    await useBackend({ prefer: rung });
    onTestFinished(async () => {
      await useBackend({ prefer: 'tensorflow' });
    });
    const runner = asGraph ? graphRunner() : eagerRunner;
    expect(runner === eagerRunner).toBe(!asGraph);
    await expectNoLeak(async () => {
      const model = modelOf(generator);
      const state = firstState(model);
      const input = inputOf(generator);
      const { judgeRaw, r1, r2, anchors, lecam: weight, penaltySigma } = generator;
      const losses = lossOptions.parse({
        ...{ adversarial: generator.adversarial, lecam: weight },
        ...(penaltySigma !== null && { penalty: 'approximate', penaltySigma }),
      });
      const lecam = weight > 0 ? { weight, anchors } : null;
      const blocks = model.generator.blocks(true).length;
      const stretches = inStretches ? [2, blocks - 3, 1] : null;
      // In segments, the judges' work is in batches too.
      const ways = {
        ...{ segments, stretches, judgeRaw, r1, r2, lecam },
        ...(segments && { judgedFrames: 2 }),
      };
      const plan: StepPlan = { ...PLAN, step: ADAM_STEP, averageShare: 0.25, ...ways };
      const { state: next, terms }: StepResult = await trainStep(
        ...([model, state, input, losses, plan, runner] as const),
      );
      // What has been read once lies here, whichever card it was made on.
      await Promise.all([...list(state), ...list(next)].map((tensor) => tensor.data()));
      expectTerms(terms, [generator, discriminators]);
      expectChanges(
        ...([generator, model.generator.layout, state.generator, next.generator] as const),
        next.generatorAdam.mean,
      );
      expectChanges(
        ...([discriminators, model.discriminators.layout] as const),
        ...([state.discriminators, next.discriminators, next.discriminatorAdam.mean] as const),
      );
      expectSums(next.average.dataSync(), generator.average, 'the averaged generator');
      disposeState(next);
      disposeState(state);
      disposeInput(input);
    });
    runner.dispose();
  };

  it.each(ways)('gives the same terms and gradients $how', (way) => expectGolden(way));

  // Its shaders take longest: all steps are in bench/webgpu.ts.
  if (name === LEAST_WHOLE) {
    const onCard: Way = { how: 'on WebGPU', asGraph: false, segments: null, rung: 'webgpu' };
    it.skipIf(webgpuLacks !== null)(
      `gives the same terms and gradients on WebGPU${webgpuNote}`,
      () => expectGolden(onCard),
    );
  }
});
