import type { Logger } from '../base/log.js';
import type { Dataset } from '../clips/index.js';
import { evaluateHeldOut, sampleRows } from '../synthesis/evaluate/held-out.js';
import type { Checkpointing } from './auto-checkpointing.js';
import { stateToTensors, type Model, type TrainingState } from './model.js';
import type { EventWriter } from './run/event-writer.js';
import type { Run } from './run/run-folder.js';
import { saveSnapshot } from './run/snapshot-store.js';
import type { StepLog } from './run/step-log.js';
import { composeStrip, writeStrip } from './run/strip.js';
import type { TrainingOptions } from './options.js';

/** What a training leaves behind on its way, and from what. */
export interface StockContext {
  readonly pipeline: { readonly seed: number; readonly training: TrainingOptions };
  readonly run: Run;
  readonly log: Logger;
  readonly model: Model;
  readonly dataset: Dataset;
  readonly checkpointing: Checkpointing;
  readonly stepLog: StepLog;
  readonly events: EventWriter;
  readonly resumedFromStep: number | null;
}

/**
 * Samples, evaluations and snapshots that are due after a step; at the end of a training, those that
 * the last step was not due for.
 */
export async function takeStock(
  context: StockContext,
  state: TrainingState,
  step: number,
  ending: boolean,
): Promise<void> {
  const { training } = context.pipeline;
  const now = (everySteps: number): boolean => step > 0 && (step % everySteps === 0) !== ending;
  if (now(training.sampleEverySteps)) await sample(context, state, step);
  const evaluates = now(training.evaluateEverySteps) && context.dataset.heldOut().length > 0;
  const score = evaluates ? await evaluate(context, state, step, ending) : undefined;
  // The best snapshot is chosen by its score, so what was measured is kept.
  if (now(training.snapshotEverySteps) || (!ending && score !== undefined)) {
    await save(context, state, step, score);
  }
}

const averageOf = ({ model, pipeline }: StockContext, state: TrainingState) => ({
  generator: model.generator,
  weights: state.average,
  seed: pipeline.seed,
});

async function sample(context: StockContext, state: TrainingState, step: number): Promise<void> {
  const rows = await sampleRows(context.dataset, averageOf(context, state));
  if (rows.length === 0) return;
  const name = `step-${String(step).padStart(7, '0')}.png`;
  await writeStrip(`${context.run.samples}/${name}`, rows);
  await context.events.image(step, 'samples/condition_generated_real', composeStrip(rows));
}

/** Logs and returns the score, which is the structural similarity. */
async function evaluate(
  context: StockContext,
  state: TrainingState,
  step: number,
  ending: boolean,
): Promise<number> {
  const { dataset, pipeline, stepLog, events, log } = context;
  const { rows } = await evaluateHeldOut(dataset, averageOf(context, state), {
    framesPerSegment: pipeline.training.evaluateFrames,
  });
  const { psnr, ssim } = rows.generated;
  // An uninterrupted training would not have this line: a resumed one takes it out again.
  await stepLog.append({ step, heldOut: { psnr, ssim }, ...(ending && { ending }) });
  await events.scalars(step, { 'held_out/psnr': psnr, 'held_out/ssim': ssim });
  log.info(`step ${step}: held-out PSNR ${psnr.toFixed(2)} dB, SSIM ${ssim.toFixed(3)}`);
  return ssim;
}

async function save(
  context: StockContext,
  state: TrainingState,
  step: number,
  score: number | undefined,
): Promise<void> {
  const { pipeline, run, stepLog, log, model, checkpointing, resumedFromStep } = context;
  await stepLog.sync();
  await saveSnapshot(
    run.snapshots,
    {
      step,
      tensors: await stateToTensors(model, state),
      state: { seed: pipeline.seed, checkpointing },
    },
    {
      keepLast: pipeline.training.keepSnapshots,
      log,
      ...(score !== undefined && { score }),
      ...(resumedFromStep !== null && { resumedFromStep }),
    },
  );
}
