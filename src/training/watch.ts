import type { Logger } from '../base/log.js';
import type { Evaluation, EvaluationFigures } from './evaluation.js';
import type { StabilityOptions } from './options.js';
import type { EventWriter } from './run/event-writer.js';
import type { StepLog } from './run/step-log.js';
import {
  afterStep,
  alarmsOf,
  healthWord,
  stabilityLimits,
  stabilityState,
  steadied,
  type Signals,
  type StabilityState,
} from './stability.js';
import type { StepPlan } from './step-plan.js';

/** Watches a training by its own signals, says how it goes, and steadies it where it may. */
export interface Watch {
  /** One word, or what tips, by the last steps and the last evaluation. */
  readonly word: string;
  /** The same by the steps alone, which a resumed training knows too. */
  readonly stepWord: string;
  /** A step's plan as it is to be taken. */
  steadied<P extends StepPlan>(plan: P): P;
  /** @param step steps done, this one included */
  afterStep(signals: Signals, step: number): Promise<void>;
  /** What is wrong with an evaluation's figures, by its word; nothing where all is well. */
  alarmsOf(figures: EvaluationFigures): Record<string, string>;
  /** Told of an evaluation that was made because of its step, before or after a resume. */
  afterEvaluation(evaluation: Evaluation): void;
  /** For a snapshot. */
  saved(): StabilityState;
}

/** @param saved what a snapshot kept, if anything */
export function createWatch(
  options: StabilityOptions,
  saved: unknown,
  { log, stepLog, events }: { log: Logger; stepLog: StepLog; events: EventWriter },
): Watch {
  const limits = stabilityLimits.parse(typeof options === 'string' ? {} : options);
  const mayAct = options !== 'off';
  let state = stabilityState(saved);
  let alarms: Record<string, string> = {};
  return {
    get word() {
      return Object.keys(alarms)[0] ?? healthWord(state, limits);
    },
    get stepWord() {
      return healthWord(state, limits);
    },
    steadied: (plan) => (mayAct ? steadied(plan, state) : plan),
    async afterStep(signals, step) {
      const next = afterStep(limits, state, signals, step);
      state = mayAct ? next.state : { ...next.state, judgesWait: false, actedAt: null };
      if (!mayAct) return;
      for (const { act, why } of next.acts) {
        log.info(`step ${step}: ${act}, ${why}`);
        await stepLog.append({ step, act, why });
        await events.text(step, 'training/act', `${act}: ${why}`);
      }
    },
    alarmsOf: (figures) => alarmsOf(limits, figures),
    afterEvaluation(evaluation) {
      ({ alarms } = evaluation);
    },
    saved: () => state,
  };
}
