import { FrameloomError } from '../base/error.js';
import { ownCommand } from '../base/own-command.js';
import type { LossOptions, TrainingOptions } from './options.js';
import type { Trip } from './rollback.js';
import type { RunPaths } from './run/run-folder.js';

/** Of a pipeline, what is changed where nothing else has helped. */
export interface AdvisedPipeline {
  readonly losses: LossOptions;
  readonly training: Pick<TrainingOptions, 'optimizer' | 'coldStartFraction'>;
}

const half = (value: number): number => Number((value / 2).toPrecision(3));

/** Keys and their new values, by what tipped. */
const CHANGES: Readonly<Record<string, (pipeline: AdvisedPipeline) => Record<string, number>>> = {
  // Judges that a small generator cannot answer are answered with a halftone.
  dots: ({ losses }) => ({
    'losses.frameAdversarial': half(losses.frameAdversarial),
    'losses.sequenceAdversarial': half(losses.sequenceAdversarial),
  }),
  boiling: ({ training }) => ({
    'training.optimizer.discriminatorLearningRate': half(
      training.optimizer.discriminatorLearningRate,
    ),
  }),
  // Who judges sequences is who sees that nothing moves.
  frozen: ({ losses }) => ({ 'losses.sequenceAdversarial': 2 * losses.sequenceAdversarial || 1 }),
  // A window without a history leaves nothing but the condition to go by.
  'condition ignored': ({ training }) => ({
    'training.coldStartFraction': Math.min(1, Math.max(0.5, 2 * training.coldStartFraction)),
  }),
};
const LOWER_RATES = ({ training: { optimizer } }: AdvisedPipeline): Record<string, number> => ({
  'training.optimizer.generatorLearningRate': half(optimizer.generatorLearningRate),
  'training.optimizer.discriminatorLearningRate': half(optimizer.discriminatorLearningRate),
});

export interface Diagnosis {
  readonly trip: Trip;
  /** After which it tipped. */
  readonly step: number;
  /** How many times it went back. */
  readonly returns: number;
  /** The step that it would go back to. */
  readonly toStep: number;
}

/** Ends a training that tips again and again: by what, when, and which key to change, as a command line. */
export function endOfTraining(
  { trip, step, returns, toStep }: Diagnosis,
  pipeline: AdvisedPipeline,
  run: Pick<RunPaths, 'folder' | 'pipeline'>,
): FrameloomError {
  const changes = (CHANGES[trip.word] ?? LOWER_RATES)(pipeline);
  const keys = Object.keys(changes);
  const sets = keys.flatMap((key) => ['--set', `${key}=${changes[key]}`]);
  const words =
    toStep === 0
      ? ['train', run.pipeline]
      : ['train', '--resume', '--run', run.folder, '--snapshot', String(toStep)];
  return new FrameloomError(
    'diverged',
    `training went back ${returns} times and tipped again at step ${step}: ${trip.word}, ${trip.why}`,
    {
      hint: `change ${keys.join(' and ')}: ${ownCommand(...words, ...sets)}`,
      path: run.folder,
    },
  );
}
