import * as tf from '@tensorflow/tfjs-core';
import { plainGradient } from '../../src/autodiff/index.js';
import { eagerRunner, type NamedTensors, type Runner } from '../../src/backend/graph/index.js';
import { foldTime, frameAt } from '../../src/networks/index.js';
import { adamRate, adamUpdate, averageUpdate } from '../../src/autodiff/adam.js';
import type { JudgedStep, Judges, RealSide } from '../../src/training/judged-parts.js';
import { gradientsOfParts, sumOf } from '../../src/training/micro-batch.js';
import { flattenState, stateOf, type TrainingState } from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import {
  createRollout,
  sortOutputs,
  type RolledOut,
  type RolloutInput,
} from '../../src/training/rollout.js';
import { judgedParts } from '../../src/training/step-gradients.js';
import { LEAD, type Subject } from './subject.js';

const LOSSES = lossOptions.parse({});

/** What judged frames are held against; the window's first frames stand in front. */
function realSide(frames: tf.Tensor5D, condition: tf.Tensor5D): RealSide {
  const generated = (x: tf.Tensor5D): tf.Tensor4D =>
    foldTime(tf.slice(x, [0, LEAD, 0, 0, 0], [-1, -1, -1, -1, -1]));
  return {
    window: frames,
    frames: generated(frames),
    condition: generated(condition),
    lead: LEAD,
    front: tf.slice(frames, [0, 0, 0, 0, 0], [-1, LEAD, -1, -1, -1]),
    nudge: null,
  };
}

/** What a training step's losses are made of, in one part of frames and one of runs of them. */
function partsOf({ model, plan }: Subject, judges: Judges, real: RealSide, out: RolledOut) {
  const { discriminators } = model;
  const step: JudgedStep = {
    discriminators,
    real,
    losses: LOSSES,
    out,
    judgeRaw: plan.judgeRaw,
    judgesWait: false,
    dials: { adversarialWeight: tf.scalar(1), matchingWeight: tf.scalar(1) },
    sight: {},
  };
  return judgedParts(step, judges, out.frames.length);
}

/**
 * The generator's half of a training step: rollout, losses, gradient, Adam, average. Made of the
 * functions that `trainStep` is made of, which does both halves at once.
 */
function generatorHalf(subject: Subject) {
  const { model, input, plan } = subject;
  return (tensors: NamedTensors): NamedTensors => {
    const state = stateOf(tensors);
    const [frames, condition] = [tensors.frames, tensors.condition] as tf.Tensor5D[];
    const window: RolloutInput = { ...input, frames: frames!, condition: condition! };
    const real = realSide(frames!, condition!);
    const judges = { flat: state.discriminators, vectors: state.spectral };
    const made = plainGradient(
      createRollout(model.generator, window),
      state.generator,
      (outputs) => {
        const out = sortOutputs(outputs, input.teacherForced.length);
        const parts = partsOf(subject, judges, real, out);
        const wanted = { generator: outputs };
        const own = gradientsOfParts<'generator'>(wanted, parts, eagerRunner).generator;
        return { result: sumOf(own.terms), cotangents: own.gradients };
      },
    );
    const rate = adamRate(plan.generatorLearningRate, plan, 0);
    const adam = { ...plan, ...rate };
    const next = adamUpdate(state.generator, made.gradient, state.generatorAdam, adam);
    return {
      loss: made.result,
      generator: next.parameters,
      average: averageUpdate(state.average, next.parameters, plan.averageShare),
      'generatorAdam.mean': next.state.mean,
      'generatorAdam.square': next.state.square,
    };
  };
}

/** The discriminators' half, on frames and raw images that are generated already. */
function discriminatorHalf(subject: Subject) {
  const { model, input, plan } = subject;
  const { layout, spectralNorm } = model.discriminators;
  const frames = input.teacherForced.length;
  return (tensors: NamedTensors): NamedTensors => {
    const state = stateOf(tensors);
    const flat = state.discriminators;
    const real = realSide(tensors.frames as tf.Tensor5D, tensors.condition as tf.Tensor5D);
    const made = Array.from({ length: frames }, (_, t) => tensors[`made${t}`] as tf.Tensor4D);
    const out = { frames: made, raws: made, flows: [] };
    const spectral = spectralNorm.iterate(layout.unflatten(flat), state.spectral);
    const judges = { flat, vectors: spectral };
    const parts = partsOf(subject, judges, real, out);
    const wanted = { discriminators: [flat] };
    const own = gradientsOfParts<'discriminators'>(wanted, parts, eagerRunner).discriminators;
    const rate = adamRate(plan.discriminatorLearningRate, plan, 0);
    const gradient = own.gradients[0] as tf.Tensor1D;
    const next = adamUpdate(flat, gradient, state.discriminatorAdam, { ...plan, ...rate });
    return {
      loss: sumOf(own.terms),
      spectral,
      discriminators: next.parameters,
      'discriminatorAdam.mean': next.state.mean,
      'discriminatorAdam.square': next.state.square,
    };
  };
}

/** Something to judge, by time: the real frames a little fainter. */
function fakesOf(frames: tf.Tensor5D): Readonly<Record<string, tf.Tensor4D>> {
  const count = frames.shape[1] - LEAD;
  return Object.fromEntries(
    Array.from({ length: count }, (_, t) => [
      `made${t}`,
      tf.tidy((): tf.Tensor4D => tf.mul(frameAt(frames, LEAD + t), 0.9)),
    ]),
  );
}

/** Runs one half again and again; it takes over the subject's state. @returns seconds of a run */
export function openHalf(
  subject: Subject,
  which: 'generator' | 'discriminator',
  runner: Runner,
): { run(): number; dispose(): void } {
  const half = which === 'generator' ? generatorHalf(subject) : discriminatorHalf(subject);
  const { frames, condition } = subject.input;
  const made = which === 'generator' ? {} : fakesOf(frames);
  return {
    run() {
      const state: NamedTensors = flattenState(subject.state);
      const started = performance.now();
      const inputs = { ...state, frames, condition: condition!, ...made };
      const { loss, ...next } = runner.call(`${which} ${frames.shape.join('x')}`, inputs, half);
      const [value] = loss!.dataSync();
      const seconds = (performance.now() - started) / 1000;
      if (!Number.isFinite(value)) throw new Error(`the ${which}'s loss is ${value}`);
      tf.dispose([loss!, ...Object.keys(next).map((name) => state[name]!)]);
      subject.state = stateOf({ ...state, ...next }) satisfies TrainingState;
      return seconds;
    },
    dispose: () => tf.dispose(Object.values(made)),
  };
}
