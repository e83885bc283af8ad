import { counted } from '../../../base/units.js';
import { runBatch, type BatchOptions, type BatchSummary } from '../../../synthesis/batch/batch.js';
import {
  jobsOfShard,
  outputFolder,
  planBatch,
  type Shard,
} from '../../../synthesis/batch/template.js';
import { createBatchView, jsonLine } from './batch-view.js';
import type { QueuedEvent } from '../../../queue/submit.js';
import type { Queued } from './queued.js';
import type { Context } from '../../terminal/context.js';
import type { Engine } from '../../engine/engine.js';
import { EXIT } from '../../terminal/exit-code.js';

export interface BatchCommand {
  /** What every video is made by. */
  readonly settings: Omit<
    BatchOptions,
    'folder' | 'shard' | 'parallel' | 'onEvent' | 'openSynthesizer' | 'modelId'
  >;
  readonly inputs: readonly string[];
  readonly seeds: readonly number[];
  readonly template: string;
  readonly shard?: Shard;
  readonly jobs?: number;
  readonly json: boolean;
  /** Made by the workers of a queue, and not here. */
  readonly queued?: Queued;
}

/**
 * Makes a batch and tells of it.
 * @returns the exit code: 1 where a video failed
 * @throws FrameloomError bad-option where two videos would be one file; as runBatch
 */
export async function generateBatch(
  engine: Engine,
  context: Context,
  batch: BatchCommand,
): Promise<number> {
  const { terminal, log } = context;
  const { inputs, seeds, template, shard, json } = batch;
  const all = planBatch({ inputs, seeds, template });
  const jobs = jobsOfShard(all, shard);
  if (shard) {
    log.info(
      `${jobs.length} of ${counted(all.length, 'video')}: shard ${shard.index}/${shard.count}`,
    );
  }
  const view = createBatchView(context, jobs.length);
  const started = performance.now();
  const common = {
    ...batch.settings,
    folder: outputFolder(template),
    modelId: await engine.modelId(),
    onEvent: (event: QueuedEvent): void => {
      view.show(event);
      if (event.kind === 'failed') log.error(`${event.job.output}: ${event.error.toLine()}`);
      const line = json ? jsonLine(event) : undefined;
      if (line !== undefined) terminal.out(line);
    },
  };
  const work = async (): Promise<BatchSummary & { queued?: number }> => {
    if (!batch.queued) {
      const openSynthesizer = () => engine.open();
      return runBatch(engine.model, jobs, {
        ...common,
        shard,
        parallel: batch.jobs,
        openSynthesizer,
      });
    }
    const { submitBatch } = await import('./queued.js');
    return submitBatch(engine.model, jobs, { ...common, ...batch.queued });
  };
  const summary = await work().finally(() => view.stop());
  const { done, skipped, kept, queued = 0 } = summary;
  const failed = summary.failed.length;
  const left = kept === 0 ? '' : `, ${kept} left as they are (--overwrite replaces them)`;
  const seconds = (performance.now() - started) / 1000;
  terminal.out(
    json
      ? `${JSON.stringify({ status: 'summary', done, skipped, kept, failed, ...(batch.queued && { queued }), seconds })}\n`
      : `${counted(jobs.length, 'video')}: ${done} made, ${skipped} there already${left}, ${failed} failed${queued === 0 ? '' : `, ${queued} queued`}\n`,
  );
  return failed > 0 ? EXIT.failed : EXIT.ok;
}
