import * as tf from '@tensorflow/tfjs-core';
import {
  checkpointedGradient,
  plainGradient,
  type CarriedShare,
  type LossGradient,
} from '../autodiff/index.js';
import { prefixed, type NamedTensors, type Runner } from '../backend/graph/index.js';
import { scoped } from '../backend/scope.js';
import { framesPart } from './frames-part.js';
import {
  judgesRuns,
  type JudgedPart,
  type JudgedStep,
  type Judges,
  type Judging,
  type RealSide,
} from './judged-parts.js';
import { judgesPull } from './judges-pull.js';
import { pingPongPart } from './ping-pong.js';
import { gradientsOfParts, microBatches, type LossTerms } from './micro-batch.js';
import type { Model, TrainingState } from './model.js';
import type { LossOptions } from './options.js';
import { penaltyParts, type Generated } from './penalty-parts.js';
import { createRollout, sortOutputs, type RolloutInput } from './rollout.js';
import { runBatches, runsPart } from './runs-part.js';
import { FRAMES_BETWEEN_CUTS, type Dials, type StepPlan } from './step-plan.js';

/** One step's computation: everything of it but the tensors. */
export interface StepContext {
  readonly model: Model;
  readonly losses: LossOptions;
  readonly plan: StepPlan;
  readonly dials: Dials;
  /** How the discriminators see, among the step's inputs. */
  readonly sight: NamedTensors;
  /** Runs each piece of a step in segments. */
  readonly runner: Runner;
}

/** Both networks' gradients, of the same frames and by the same discriminators. */
export interface StepGradients {
  readonly generator: tf.Tensor1D;
  readonly discriminators: tf.Tensor1D;
  /** Weighted, named `generator/…` and `discriminator/…`. */
  readonly terms: LossTerms;
  /** Numbers about the losses that are in none: how well the discriminators tell, `discriminator/…`. */
  readonly signals: LossTerms;
  /** The last frames, as many as stand in front of a window, [N, lead, H, W, 3]; null where that is not asked for. */
  readonly left: tf.Tensor5D | null;
}

/** The last `count` of the frames that a rollout has seen and made; null where there are not as many. */
function lastFrames(
  { front }: RealSide,
  frames: readonly tf.Tensor4D[],
  count: number,
): tf.Tensor5D | null {
  const own = tf.stack(frames.slice(-count), 1) as tf.Tensor5D;
  const missing = count - own.shape[1];
  if (missing === 0) return own;
  const before = front?.shape[1] ?? 0;
  if (front === null || before < missing) return null;
  return tf.concat([tf.slice(front, [0, before - missing, 0, 0, 0]), own], 1);
}

/** How much of the gradient passes on, as a dial says. */
const carriedShare = (
  { gradientCarried: factor }: Dials,
  { endsEvery = FRAMES_BETWEEN_CUTS }: StepPlan,
): CarriedShare | undefined => factor && { factor, every: endsEvery };

/** Both losses: of at most `size` frames at a time, then of at most `size` runs of frames. */
export function judgedParts(step: JudgedStep, judges: Judges, size: number): (() => JudgedPart)[] {
  const frames = microBatches(step.out.frames.length, size).map(
    (batch) => () => framesPart(step, judges, batch),
  );
  if (!judgesRuns(step.losses)) return frames;
  const runs = runBatches(step, size).map((batch) => () => runsPart(step, judges, batch));
  return [...frames, ...runs];
}

const copied = ({ frames, raws }: Generated): Generated => ({
  frames: frames.map((frame) => tf.clone(frame)),
  raws: raws.map((raw) => tf.clone(raw)),
});

/**
 * Both losses and their gradients. The rollout is on one tape or in segments as the plan says; either
 * way the losses are none of it: they give the generator's gradient in the rollout's outputs, from which it
 * is pulled back, and the discriminators' in their weights with it, so that each frame is judged once.
 */
export function stepGradients(
  { model, losses, plan, dials, sight, runner }: StepContext,
  state: TrainingState,
  input: RolloutInput,
  real: RealSide,
): StepGradients {
  return scoped(() => {
    const { segments, stretches, judgeRaw, judgesWait } = plan;
    const judging: Judging = {
      discriminators: model.discriminators,
      real,
      losses,
      judgeRaw,
      judgesWait,
      dials,
      sight,
    };
    const judges: Judges = { flat: state.discriminators, vectors: state.spectral };
    const rollout = createRollout(model.generator, input);
    const judgedFrames = segments === null ? rollout.length : (plan.judgedFrames ?? rollout.length);
    const isPenalized = !judgesWait && (plan.r1 > 0 || plan.r2 > 0);
    type Found = Omit<StepGradients, 'generator'> & { readonly generated: Generated };
    const lossGradient: LossGradient<Found> = (outputs) => {
      const out = sortOutputs(outputs, rollout.length);
      const parts = [
        ...judgedParts({ ...judging, out }, judges, judgedFrames),
        ...(plan.thereAndBack ? [() => pingPongPart(out, losses)] : []),
      ];
      const wanted = { generator: outputs, discriminators: [judges.flat] };
      const made = gradientsOfParts(wanted, parts, runner);
      const { frames } = sortOutputs(made.generator.gradients, rollout.length);
      // Where something else pulls at the frames too, or nothing is beside them, nothing says how hard the judges do.
      const pull =
        plan.thereAndBack || plan.elsewhere ? {} : judgesPull(frames, out, real, losses, runner);
      return {
        cotangents: made.generator.gradients,
        result: {
          // Penalties come after the outputs are gone.
          generated: isPenalized && plan.r2 > 0 ? copied(out) : { frames: [], raws: [] },
          discriminators: made.discriminators.gradients[0] as tf.Tensor1D,
          terms: {
            ...prefixed('generator/', made.generator.terms),
            ...prefixed('discriminator/', made.discriminators.terms),
          } as LossTerms,
          left: plan.leaves ? lastFrames(real, out.frames, input.lead) : null,
          signals: {
            ...pull,
            // Of judges that wait the generator's half says it.
            ...prefixed('discriminator/', made.generator.signals),
            ...prefixed('discriminator/', made.discriminators.signals),
          } as LossTerms,
        },
      };
    };
    const {
      gradient: generator,
      result: { generated, ...result },
    } =
      segments === null
        ? plainGradient(rollout, state.generator, lossGradient)
        : checkpointedGradient(
            rollout,
            state.generator,
            lossGradient,
            { segments, stretches, carried: carriedShare(dials, plan) },
            runner,
          );
    if (!isPenalized) return { generator, ...result };
    // After the rollout's tape is gone: a gradient of a gradient takes a good deal itself.
    const parts = penaltyParts(judging, generated, judges, judgedFrames);
    const wanted = { discriminators: [judges.flat] };
    const { terms, gradients } = gradientsOfParts<'discriminators'>(
      wanted,
      parts,
      runner,
    ).discriminators;
    return {
      generator,
      ...result,
      discriminators: tf.add(result.discriminators, gradients[0] as tf.Tensor1D),
      terms: { ...result.terms, ...prefixed('discriminator/', terms) } as LossTerms,
    };
  });
}
