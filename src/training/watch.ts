import type { Logger } from '../base/log.js';
import { motionRatio, type RolloutMeasures } from '../metrics/index.js';
import type { Influence } from '../synthesis/evaluate/influence.js';
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
  /** @returns what is wrong, by its word; nothing where all is well */
  afterEvaluation(
    measures: RolloutMeasures,
    influence: Influence,
    step: number,
  ): Record<string, string>;
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
    afterEvaluation(measures, { conditionUse, diversity }, step) {
      const { checkerRatio } = measures;
      const motion = motionRatio(measures);
      alarms = alarmsOf(limits, { checkerRatio, motionRatio: motion, conditionUse, diversity });
      for (const [word, why] of Object.entries(alarms)) log.warn(`step ${step}: ${word}, ${why}`);
      return alarms;
    },
    saved: () => state,
  };
}
