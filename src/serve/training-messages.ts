/**
 * What the page is told of a training that is under way, as JSON on the WebSocket of `API.training`. On connecting
 * come one `progress`, one `curves` with everything so far, and of events, samples and snapshots those that there
 * are, oldest first; then whatever is new. All of it is read from the run's folder. Nothing of Node is imported.
 */
export type TrainingMessage =
  TrainingProgress | TrainingCurvesMessage | TrainingEvent | TrainingSample | TrainingSnapshot;

/** How far the training is. Sent at most twice a second. */
export interface TrainingProgress {
  readonly type: 'progress';
  /** The run's folder, as it was named. */
  readonly run: string;
  /** The pipeline's name. */
  readonly pipeline: string;
  /**
   * `starting` before the first step (clips are read, graphs recorded); `ended` in order, `lost` when its process is gone
   * without having said so.
   */
  readonly state: 'starting' | 'training' | 'evaluating' | 'ended' | 'lost';
  /** Steps done. */
  readonly step: number;
  /** Steps in all; null while that is not known, as of a training by the clock. */
  readonly steps: number | null;
  /** Of minutes or steps, whichever ends first, the share that is done, 0–1; null where neither is known. */
  readonly share: number | null;
  readonly etaSeconds: number | null;
  readonly framesPerSecond: number | null;
  /** What is being done, where it is no step: `reading clips 2/3`, `held-out frames 40/120`. */
  readonly doing: string | null;
  /** The training's own word of how it goes, such as `healthy`; null before the first. */
  readonly health: string | null;
  /** Where it ended: why, and the command that goes on with what was learned. */
  readonly ending: { readonly why: string; readonly next: readonly string[] } | null;
}

/** Numbers over steps. */
export interface TrainingCurvesMessage {
  readonly type: 'curves';
  /**
   * Points are put behind those that there are; with `replace` they stand for all there were, as when a training goes
   * back to an earlier step.
   */
  readonly replace: boolean;
  readonly curves: readonly TrainingCurve[];
}

export interface TrainingCurve {
  /** The name in the log, the same in every message. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** What was measured on held-out frames, what is minimized, and what the control of the training goes by. */
  readonly group: 'held-out' | 'losses' | 'signals';
  readonly points: readonly (readonly [step: number, value: number])[];
}

/** Something that happened. */
export interface TrainingEvent {
  readonly type: 'event';
  readonly step: number;
  /** `alarm`: a measure looks bad; `act`: the training did something about it; `back`: it went back to a snapshot. */
  readonly kind: 'alarm' | 'act' | 'back' | 'ended';
  /** One word, such as `flicker`. */
  readonly word: string;
  readonly text: string;
}

/** A picture of samples: rows of condition, generated and real frames. */
export interface TrainingSample {
  readonly type: 'sample';
  readonly step: number;
  /** PNG, by `GET` with the token. */
  readonly path: string;
}

/** Weights that can be played with: a session that is opened from now on takes them. */
export interface TrainingSnapshot {
  readonly type: 'snapshot';
  readonly step: number;
  /** How good it is on held-out frames, higher is better; null where that was not measured. */
  readonly score: number | null;
}
