// A training step held to PyTorch's, by a recipe that both have. Nothing of vitest: a bench holds graphics cards to it too.
import * as tf from '@tensorflow/tfjs-core';
import { eagerRunner, type Runner } from '../../src/backend/graph/index.js';
import {
  frameDiscriminatorOptions,
  generatorOptions,
  sequenceDiscriminatorOptions,
} from '../../src/networks/index.js';
import { sizeOf, type ParameterLayout } from '../../src/networks/parameters.js';
import {
  createModel,
  disposeState,
  type Model,
  type TrainingState,
} from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import type { RolloutInput } from '../../src/training/rollout.js';
import type { ScoreAnchors } from '../../src/training/score-anchors.js';
import { trainStep } from '../../src/training/step.js';
import type { StepPlan } from '../../src/training/step-plan.js';
import { disposeInput, PLAN } from './plan.js';

export interface Sums {
  readonly norm: number;
  readonly dot: number;
}

export interface Described extends Sums {
  readonly elements: readonly { readonly at: number; readonly value: number }[];
}

export interface Recipe {
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

export interface GeneratorCase extends Recipe {
  readonly macs: number;
  readonly outputs: {
    readonly frames: readonly Described[];
    readonly raws: readonly Described[];
    readonly flows: readonly (Described & { readonly t: number })[];
  };
  readonly average: Sums;
}

export interface DiscriminatorCase extends Recipe {
  readonly macs: { readonly frame: number; readonly sequence: number };
}

/** Both halves of a step: PyTorch's script makes each by itself. */
export interface GoldenStep {
  readonly generator: GeneratorCase;
  readonly discriminators: DiscriminatorCase;
}

/** How far a number of the step is from PyTorch's, and how far it may be. */
export interface Difference {
  readonly what: string;
  readonly by: number;
  readonly most: number;
}

export const RELATIVE = 1e-4;
/** A gradient that is nothing but rounding has no relative error. */
const FLOOR = 1e-7;
/** Updates that the golden Adam has made. */
const ADAM_STEP = 10;

/** The formula of the golden files' `about`. */
const waves = (count: number, seed: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => Math.sin(0.7317 * (i + 1) * (i + 1) + seed));

const scaled = (count: number, seed: number, factor: number, offset = 0): Float32Array =>
  Float32Array.from(waves(count, seed), (value) => offset + value * factor);

export function firstParameters(layout: ParameterLayout): tf.Tensor1D {
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

export function modelOf(recipe: Recipe): Model {
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

export function inputOf(recipe: Recipe): RolloutInput {
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

export const sumsOf = (values: ArrayLike<number>): Sums => {
  const sine = waves(values.length, 0.5);
  let [square, dot] = [0, 0];
  for (let i = 0; i < values.length; i += 1) {
    square += values[i]! * values[i]!;
    dot += values[i]! * sine[i]!;
  }
  return { norm: Math.sqrt(square), dot };
};

export function sumDifferences(
  values: ArrayLike<number>,
  { norm, dot }: Sums,
  what: string,
): Difference[] {
  const own = sumsOf(values);
  const most = RELATIVE * norm + FLOOR;
  return [
    { what: `norm of ${what}`, by: Math.abs(own.norm - norm), most },
    { what: `dot product of ${what}`, by: Math.abs(own.dot - dot), most },
  ];
}

function assertSame(own: unknown, golden: unknown, what: string): void {
  const [a, b] = [JSON.stringify(own), JSON.stringify(golden)];
  if (a !== b) throw new Error(`${what} are ${a} and not ${b}`);
}

/** Adam's mean was 0 and is now half of the gradient (β₁ = 0.5). */
async function changeDifferences(
  { changes }: Recipe,
  layout: ParameterLayout,
  tensors: readonly tf.Tensor1D[],
): Promise<Difference[]> {
  const described = layout.specs.map(({ name, shape }) => ({ name, shape }));
  const expected = changes.map(({ parameter, shape }) => ({ name: parameter, shape }));
  assertSame(described, expected, 'the parameters');
  const [old, now, half] = await Promise.all(tensors.map((tensor) => tensor.data()));
  const found: Difference[] = [];
  let offset = 0;
  for (const { parameter, shape, gradient, update } of changes) {
    const places = Array.from({ length: sizeOf(shape) }, (_, i) => offset + i);
    const own = places.map((at) => 2 * half![at]!);
    found.push(...sumDifferences(own, gradient, `${parameter}'s gradient`));
    // A difference of two float32: as exact as the parameter that it moved.
    const { norm } = sumsOf(places.map((at) => now![at]! - old![at]!));
    const rounding = 2 ** -24 * sumsOf(places.map((at) => old![at]!)).norm;
    const most = RELATIVE * update.norm + rounding;
    found.push({ what: `${parameter}'s update`, by: Math.abs(norm - update.norm), most });
    offset += places.length;
  }
  return found;
}

function termDifferences(
  terms: Readonly<Record<string, number>>,
  recipes: readonly Recipe[],
): Difference[] {
  const expected = Object.assign({}, ...recipes.map((recipe) => recipe.terms)) as typeof terms;
  assertSame(Object.keys(terms).sort(), Object.keys(expected).sort(), 'the terms');
  return Object.entries(expected).map(([name, value]) => ({
    what: `term ${name}`,
    by: Math.abs(terms[name]! - value),
    most: RELATIVE * Math.abs(value),
  }));
}

/**
 * Takes a golden step on the backend in use, and leaves nothing behind.
 * @param ways that it is taken in
 */
export async function takeGoldenStep(
  { generator, discriminators }: GoldenStep,
  ways: Partial<StepPlan> = {},
  runner: Runner = eagerRunner,
): Promise<Difference[]> {
  const model = modelOf(generator);
  const state = firstState(model);
  const input = inputOf(generator);
  const { judgeRaw, r1, r2, anchors, lecam: weight, penaltySigma } = generator;
  const losses = lossOptions.parse({
    ...{ adversarial: generator.adversarial, lecam: weight },
    ...(penaltySigma !== null && { penalty: 'approximate', penaltySigma }),
  });
  const lecam = weight > 0 ? { weight, anchors } : null;
  const own = { judgeRaw, r1, r2, lecam, ...ways };
  const plan: StepPlan = { ...PLAN, step: ADAM_STEP, averageShare: 0.25, ...own };
  const { state: next, terms } = await trainStep(model, state, input, losses, plan, runner);
  const mine = [state.generator, next.generator, next.generatorAdam.mean];
  const judges = [state.discriminators, next.discriminators, next.discriminatorAdam.mean];
  const found = [
    ...termDifferences(terms, [generator, discriminators]),
    ...(await changeDifferences(generator, model.generator.layout, mine)),
    ...(await changeDifferences(discriminators, model.discriminators.layout, judges)),
    ...sumDifferences(await next.average.data(), generator.average, 'the averaged generator'),
  ];
  disposeState(next);
  disposeState(state);
  disposeInput(input);
  return found;
}
