import type { OpeningProgress } from '../../clips/types.js';
import type { Context } from '../terminal/context.js';
import { createProgress } from '../terminal/progress.js';

/** What is over before anybody wonders needs no words. */
const SHOWN_AFTER_MS = 1500;

const UNITS: Readonly<Record<OpeningProgress['stage'], string>> = {
  looking: 'clips looked at',
  reading: 'clips read',
};

/** Shows how far the opening of a dataset is, where that takes its time. */
export function createOpeningProgress(context: Context): {
  update(progress: OpeningProgress): void;
  stop(): void;
} {
  const started = performance.now();
  const view = createProgress(context);
  return {
    update({ stage, done, total, broken, etaSeconds }) {
      if (performance.now() - started < SHOWN_AFTER_MS) return;
      const unit = broken === 0 ? UNITS[stage] : `${UNITS[stage]}, ${broken} broken`;
      view.update({ done, total, unit, ...(etaSeconds !== null && { etaSeconds }) });
    },
    stop: () => view.stop(),
  };
}
