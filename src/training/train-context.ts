import type { Group } from '../backend/group/index.js';
import type { Logger } from '../base/log.js';
import type { DataOptions, OpeningProgress } from '../clips/index.js';
import type {
  FrameDiscriminatorOptions,
  GeneratorOptions,
  SequenceDiscriminatorOptions,
} from '../networks/index.js';
import type { LossOptions, TrainingOptions } from './options.js';
import type { Run } from './run/run-folder.js';
import type { SnapshotChoice } from './run/snapshot-store.js';
import type { TrainEnding } from './budget.js';

/** The sections of a pipeline that training reads. */
export interface TrainingPipeline {
  readonly name: string;
  readonly seed: number;
  readonly data: DataOptions;
  readonly generator: GeneratorOptions;
  readonly frameDiscriminator: FrameDiscriminatorOptions;
  readonly sequenceDiscriminator: SequenceDiscriminatorOptions;
  readonly losses: LossOptions;
  readonly training: TrainingOptions;
}

export interface TrainProgress {
  /** Steps done. */
  readonly step: number;
  /**
   * All of them; while minutes decide and are not counted yet, the most that they may be, which is without
   * end where the pipeline asks for minutes alone.
   */
  readonly steps: number;
  /** Frames trained on a second, over the last steps. */
  readonly framesPerSecond: number;
  readonly etaSeconds: number;
  /** Since the first step of this call began. */
  readonly elapsedSeconds: number;
  /** `healthy`, or what tips: `judges win`, `gradients explode`, `dots`, `frozen`, `boiling` … */
  readonly health: string;
  /** The weighted loss terms of the last step. */
  readonly terms: Readonly<Record<string, number>>;
  readonly tensorBytes: number;
  readonly residentBytes: number;
}

export interface TrainContext {
  /**
   * The run's folder, opened by `startRun`; its `resumed` says whether to go on. Null in processes of a group other than
   * the first, which keep nothing.
   */
  readonly run: Run | null;
  /** The processes that train together, each with `training.batch` windows of a step; this one alone unless given. */
  readonly group?: Group | null;
  /** Folder that relative clip paths start from. */
  readonly baseFolder: string;
  readonly log?: Logger;
  /**
   * The snapshot that a resumed run goes on from; the latest unless given. What came after it is kept in a
   * folder aside.
   */
  readonly snapshot?: SnapshotChoice;
  /** Ends training with a snapshot. */
  readonly signal?: AbortSignal;
  /** Ends it after so many minutes; a new run then has the steps that fit into them. */
  readonly maxMinutes?: number;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** How far the clips are looked at and read, before the first step. */
  readonly onOpening?: (progress: OpeningProgress) => void;
  /** Told when all of them are. */
  readonly onOpened?: () => void;
  /** How far an evaluation on held-out frames is. */
  readonly onEvaluation?: (done: number, total: number) => void;
  /** Where scans of clips are kept between runs. */
  readonly cacheFolder?: string;
  /** Run any filtergraph of the pipeline, not only those that can do no more than change pictures. */
  readonly trustFilters?: boolean;
}

export interface TrainResult {
  readonly ending: TrainEnding;
  /** Steps done in all. */
  readonly step: number;
  /** Share of the time spent waiting for data, 0 to 1. */
  readonly waitingShare: number;
}
