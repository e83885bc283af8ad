import type { Dataset } from '../../../clips/index.js';
import { openFlow } from '../../../metrics/index.js';
import type { RunModel } from '../../../pipeline/run-model.js';
import { measureBehaviour, type Behaviour } from '../../../synthesis/evaluate/behaviour.js';
import type { Rollout } from '../../../synthesis/evaluate/choose-rollouts.js';
import { FRAMES_OF_A_LOOK } from '../../../synthesis/models/looks.js';
import type { Networks } from '../../../synthesis/evaluate/networks/networks.js';
import type { ScoredFrame } from '../../../synthesis/evaluate/rollout-video.js';
import type { SharedInverseDynamics } from '../../../synthesis/evaluate/obedience.js';
import type { SharedSegmenter } from '../../../synthesis/evaluate/segmenter.js';
import {
  evaluateHeldOut,
  openFaithfulness,
  type Evaluation,
  type FaithfulnessJudge,
  openObedience,
  type ObedienceJudge,
} from '../../../synthesis/index.js';
import type { Context } from '../../terminal/context.js';
import { createProgress } from '../../terminal/progress.js';

export const STRIP_MOMENTS = 6;

/** Training frames that the baselines are made of: more change neither mean nor lookup much. */
const MOST_TRAINING_FRAMES = 5000;

/** What a run is measured on. */
export interface MeasuredOn {
  readonly dataset: Dataset;
  readonly rollouts: readonly Rollout[];
  /** Real frames that baselines and judges learn from. */
  readonly training: Dataset;
  /** Whether the baselines are measured; where others have been measured with them, they are known. */
  readonly baselines: boolean;
  /** What sees label maps in frames, the same for all runs that are compared. */
  readonly segmenter: SharedSegmenter;
  /** What sees in frames what was done, the same for all runs that are compared. */
  readonly dynamics: SharedInverseDynamics;
  /** Networks that were named; null where none was. */
  readonly networks: Networks | null;
  /** Frames of the rollout that slopes are measured over. */
  readonly longFrames?: number | undefined;
  readonly trustFilters?: boolean | undefined;
  readonly onScored?: ((frame: ScoredFrame) => Promise<void>) | undefined;
}

export interface OneEvaluation extends Evaluation {
  readonly behaviour: Behaviour | null;
}

/**
 * Measures one run's generator, with all that there is to measure, and shows how far it is.
 * @throws FrameloomError as evaluateHeldOut and measureBehaviour do
 */
export async function evaluateOne(
  model: RunModel,
  { dataset, rollouts, training, baselines, onScored, networks, ...how }: MeasuredOn,
  context: Context,
): Promise<OneEvaluation> {
  const { signal, log } = context;
  const progress = createProgress(context);
  const frames = rollouts.reduce((sum, rollout) => sum + rollout.frames, 0);
  if (model.generator.options.styleChannels > 0) {
    log.info(
      `each clip is made in its own look, that of ${FRAMES_OF_A_LOOK} of its real frames before what is held out`,
    );
  }
  const looking = networks?.judge({ dataset, frames, seed: model.seed, signal, log }) ?? null;
  let judge: FaithfulnessJudge | null = null;
  let obedience: ObedienceJudge | null = null;
  try {
    if (!looking?.seesLabels) {
      judge = await openFaithfulness({
        ...{ data: model.data, dataset, training, seed: model.seed },
        ...{ frames, segmenter: how.segmenter, trustFilters: how.trustFilters, signal },
        onTraining: (done, total) =>
          progress.update({ done, total, unit: 'steps of the segmenter' }),
      });
    }
    obedience = await openObedience({
      ...{ dataset, training, seed: model.seed, signal },
      dynamics: how.dynamics,
      onTraining: (done, total) =>
        progress.update({ done, total, unit: 'steps of the inverse dynamics' }),
    });
    const evaluation = await evaluateHeldOut(dataset, model, {
      baselines,
      coldStart: true,
      training,
      flow: await openFlow(),
      faithfulness: judge,
      obedience,
      networks: looking,
      stripMoments: STRIP_MOMENTS,
      mostTrainingFrames: MOST_TRAINING_FRAMES,
      rollouts,
      ...(onScored && { onScored }),
      signal,
      onFrame: (done, total) => progress.update({ done, total, unit: 'frames' }),
    });
    let made = 0;
    const behaviour = await measureBehaviour(dataset, model, {
      signal,
      ...(how.longFrames !== undefined && { frames: how.longFrames }),
      onFrame: () => progress.update({ done: (made += 1), unit: 'frames of a long rollout' }),
    });
    return { ...evaluation, behaviour };
  } finally {
    progress.stop();
    await judge?.close();
    obedience?.close();
  }
}
