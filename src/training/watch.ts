import type { Logger } from '../base/log.js';
import {
  afterSnapshot,
  rollbackState,
  tripOfEvaluation,
  tripOfStep,
  type RollbackLimits,
  type RollbackState,
  type Trip,
} from './rollback.js';
import type { Evaluation, EvaluationFigures } from './evaluation.js';
import type { StabilityOptions } from './options.js';
import type { EventWriter } from './run/event-writer.js';
import type { StepLog } from './run/step-log.js';
import { anchored } from './score-anchors.js';
import type { Signals } from './signals.js';
import {
  afterEvaluation,
  afterStep,
  healthWord,
  remembered,
  returned,
  stabilityState,
  uncontrolled,
  type Act,
  type StabilityState,
} from './stability.js';
import { steadied } from './steadied.js';
import { alarmsOf } from './alarms.js';
import { limitsOf } from './stability-limits.js';
import type { TotalSteps } from './step-counts.js';
import type { SightOptions } from './sight.js';
import type { StepPlan } from './step-plan.js';

/** Watches a training by its own signals, says how it goes, and steadies it where it may. */
export interface Watch {
  /** One word, or what tips, by the last steps and the last evaluation. */
  readonly word: string;
  /** The same by the steps alone, which a resumed training knows too. */
  readonly stepWord: string;
  /**
   * Told by what data.size is divided, before each step. Where that is another number than before, gradients and pulls
   * are followed anew: of what they were at another size they may be far off.
   * @returns whether it is another than before
   */
  atSize(divideBy: number): boolean;
  /** A step's plan as it is to be taken, with so many frames. */
  steadied<P extends StepPlan & SightOptions>(plan: P, frames: number): P;
  /** How many times training goes back by itself where it tips, before it ends; 0 for never. */
  readonly mostReturns: number;
  /** The snapshot to go back to; null while that is the beginning. */
  readonly healthyStep: number | null;
  /**
   * @param step steps done, this one included
   * @returns why training has to go back; null where it need not
   */
  afterStep(signals: Signals, step: number): Promise<Trip | null>;
  /**
   * Told of a snapshot that is about to be saved because of its step.
   * @param isSound whether the last update was made
   */
  beforeSnapshot(step: number, isSound: boolean): void;
  /**
   * What is wrong with an evaluation's figures, by its word; nothing where all is well, or where they are of frames
   * larger than any that the generator was trained on yet.
   */
  alarmsOf(figures: EvaluationFigures): Record<string, string>;
  /** What an evaluation of a training that goes on will change. */
  actsOf(figures: EvaluationFigures, step: number): readonly Act[];
  /**
   * Told of an evaluation that was made because of its step, before or after a resume.
   * @returns why training has to go back; null where it need not
   */
  afterEvaluation(
    evaluation: Evaluation,
    at: { readonly step: number; readonly total: TotalSteps },
  ): Trip | null;
  /** For a snapshot. */
  saved(): { readonly stability: StabilityState; readonly rollback: RollbackState };
}

export interface WatchContext {
  readonly log: Logger;
  readonly stepLog: StepLog;
  readonly events: EventWriter;
  /** When it is believed that training has tipped. */
  readonly rollback: RollbackLimits;
  /** Times that training has gone back. */
  readonly attempt: number;
  /** Augmentation that stays, whatever an evaluation finds. */
  readonly leastAugmentation: number;
}

/** @param saved what a snapshot kept, if anything */
export function createWatch(
  options: StabilityOptions,
  saved: Readonly<Partial<Record<'stability' | 'rollback' | 'attempt', unknown>>> | null,
  { log, stepLog, events, rollback, attempt, leastAugmentation: least }: WatchContext,
): Watch {
  const limits = limitsOf(options);
  const mayAct = options !== 'off';
  const mostReturns = mayAct ? limits.rollbacks : 0;
  const goesBack = mostReturns > 0;
  const before = typeof saved?.attempt === 'number' ? saved.attempt : 0;
  const since = Math.max(0, attempt - before);
  const known = stabilityState(saved?.stability, log);
  let state = mayAct ? returned(known, since) : uncontrolled(known);
  let returning = rollbackState(saved?.rollback, log);
  let alarms: Record<string, string> = {};
  let dividedBy: number | null = null;
  const isSmall = (): boolean => dividedBy !== null && dividedBy > 1;
  return {
    get word() {
      return Object.keys(alarms)[0] ?? healthWord(state, limits);
    },
    get stepWord() {
      return healthWord(state, limits);
    },
    mostReturns,
    get healthyStep() {
      return returning.healthyStep;
    },
    atSize(divideBy) {
      const isOther = dividedBy !== null && dividedBy !== divideBy;
      dividedBy = divideBy;
      if (!isOther) return false;
      state = { ...state, signals: {}, jumping: [] };
      returning = { ...returning, norms: {}, far: 0 };
      return true;
    },
    steadied: (plan, frames) => anchored(mayAct ? steadied(plan, state, frames) : plan, state),
    async afterStep(signals, step) {
      if (!mayAct) {
        state = remembered(limits, state, signals);
        return null;
      }
      const next = afterStep(limits, state, signals, step);
      ({ state } = next);
      for (const { act, why } of next.acts) {
        log.info(`step ${step}: ${act}, ${why}`);
        await stepLog.append({ step, act, why });
        await events.text(step, 'training/act', `${act}: ${why}`);
      }
      const verdict = tripOfStep(rollback, returning, signals);
      returning = verdict.state;
      return goesBack ? verdict.trip : null;
    },
    beforeSnapshot(step, isSound) {
      returning = afterSnapshot(returning, step, isSound);
    },
    alarmsOf: (figures) => (isSmall() ? {} : alarmsOf(limits, figures)),
    actsOf: (figures, step) =>
      mayAct && !isSmall() ? afterEvaluation(limits, state, figures, { step, least }).acts : [],
    afterEvaluation(evaluation, at) {
      ({ alarms } = evaluation);
      if (isSmall()) return null;
      const { step } = at;
      if (mayAct) ({ state } = afterEvaluation(limits, state, evaluation.figures, { step, least }));
      const verdict = tripOfEvaluation(rollback, returning, evaluation, at);
      returning = verdict.state;
      return goesBack ? verdict.trip : null;
    },
    saved: () => ({ stability: state, rollback: returning }),
  };
}
