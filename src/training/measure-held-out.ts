import { isFrameloomError } from '../base/error.js';
import type { Dataset } from '../clips/index.js';
import { createGenerator, type Generator } from '../networks/index.js';
import { longestRollout } from '../synthesis/evaluate/behaviour.js';
import { chooseRollouts } from '../synthesis/evaluate/choose-rollouts.js';
import { evaluateHeldOut } from '../synthesis/evaluate/held-out.js';
import { measureInfluence } from '../synthesis/evaluate/influence.js';
import { measureDrift } from '../synthesis/evaluate/long-rollout.js';
import { figuresOf, type EvaluationFigures } from './evaluation.js';
import type { Model, TrainingState } from './model.js';
import type { LossOptions, TrainingOptions } from './options.js';
import { measureOverfitting, sampleScored } from './overfitting.js';

/** Of a training, what measuring it on held-out frames takes. */
export interface MeasuredTraining {
  readonly pipeline: {
    readonly seed: number;
    readonly training: TrainingOptions;
    readonly losses: LossOptions;
  };
  readonly model: Model;
  readonly dataset: Dataset;
  /** Ends measuring at once, and nothing is known then. */
  readonly signal?: AbortSignal | undefined;
  /** How far an evaluation is. */
  readonly onEvaluation?: ((done: number, total: number) => void) | undefined;
}

export interface MeasureOptions {
  /** Frames of the rollout that slopes are measured over; 0 for none. */
  readonly longFrames?: number;
  /** The end of the time too: what is not measured by then of what is measured beside the score stays unknown. */
  readonly signal?: AbortSignal | undefined;
}

const boundsOf = (training: TrainingOptions) => ({
  framesPerSegment: training.evaluateFrames,
  mostFrames: training.evaluateTotalFrames,
});

/** Held-out frames that an evaluation scores. */
export const evaluationFrames = (dataset: Dataset, training: TrainingOptions): number =>
  chooseRollouts(dataset.heldOut(), boundsOf(training)).reduce(
    (sum, rollout) => sum + rollout.frames,
    0,
  );

/** The averaged generator, which evaluates, samples and generates. */
export const averageOf = (
  { model, pipeline }: Pick<MeasuredTraining, 'model' | 'pipeline'>,
  state: TrainingState,
) => ({ generator: model.generator, weights: state.average, seed: pipeline.seed });

/**
 * The generator without what is only done where it generates. A frame that is held says nothing of what was learned:
 * a generator that knows nothing yet would be called frozen, and no dots would be seen.
 */
const asTrained = ({ options, conditionChannels, actionColumns }: Generator): Generator =>
  createGenerator({ ...options, holdStill: false }, conditionChannels, actionColumns);

/**
 * What the averaged generator does in closed loop on held-out frames, without holding what is still, and what the discriminators make of these.
 * @throws FrameloomError cancelled, bad-data where nothing is held out; as reading and generating do
 */
export async function measureHeldOut(
  context: MeasuredTraining,
  state: TrainingState,
  { longFrames = 0, signal }: MeasureOptions = {},
): Promise<EvaluationFigures> {
  const { dataset, pipeline, model, onEvaluation } = context;
  const { training, losses } = pipeline;
  const bounds = boundsOf(training);
  const trained = { ...averageOf(context, state), generator: asTrained(model.generator) };
  const scored = evaluationFrames(dataset, training);
  const total = scored + longFrames;
  const judged = sampleScored(scored);
  const { rows } = await evaluateHeldOut(dataset, trained, {
    ...bounds,
    onScored: judged.add,
    ...(signal && { signal }),
    ...(onEvaluation && { onFrame: (done) => onEvaluation(done, total) }),
  });
  const [rollout] = chooseRollouts(dataset.heldOut(), bounds);
  const influence = await measureInfluence(dataset, trained, rollout!, signal);
  const overfitting = await measureOverfitting(
    model,
    state,
    dataset,
    losses,
    judged.frames,
    signal,
  );
  let done = scored;
  const onFrame = (): void => onEvaluation?.((done += 1), total);
  const how = { frames: longFrames, signal, onFrame };
  const drift =
    longFrames === 0
      ? null
      : await inTime(context, () => measureDrift(dataset, trained, longestRollout(dataset)!, how));
  return figuresOf(rows.generated, { ...influence, overfitting, drift });
}

/** What is measured; null where the time was over before. A score that is known already is not lost by that. */
async function inTime<T>(
  { signal }: Pick<MeasuredTraining, 'signal'>,
  measure: () => Promise<T>,
): Promise<T | null> {
  try {
    return await measure();
  } catch (error) {
    if (signal?.aborted || !isFrameloomError(error, 'cancelled')) throw error;
    return null;
  }
}
