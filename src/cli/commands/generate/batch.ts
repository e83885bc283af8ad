import { counted } from '../../../base/units.js';
import { runBatch, type BatchOptions } from '../../../synthesis/batch/batch.js';
import {
  jobsOfShard,
  outputFolder,
  planBatch,
  type Shard,
} from '../../../synthesis/batch/template.js';
import { createBatchView, jsonLine } from './batch-view.js';
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
  const summary = await runBatch(engine.model, jobs, {
    ...batch.settings,
    folder: outputFolder(template),
    shard,
    parallel: batch.jobs,
    modelId: await engine.modelId(),
    openSynthesizer: () => engine.open(),
    onEvent: (event) => {
      view.show(event);
      if (event.kind === 'failed') log.error(`${event.job.output}: ${event.error.toLine()}`);
      const line = json ? jsonLine(event) : undefined;
      if (line !== undefined) terminal.out(line);
    },
  }).finally(() => view.stop());
  const { done, skipped, kept } = summary;
  const failed = summary.failed.length;
  const left = kept === 0 ? '' : `, ${kept} left as they are (--overwrite replaces them)`;
  const seconds = (performance.now() - started) / 1000;
  terminal.out(
    json
      ? `${JSON.stringify({ status: 'summary', done, skipped, kept, failed, seconds })}\n`
      : `${counted(jobs.length, 'video')}: ${done} made, ${skipped} there already${left}, ${failed} failed\n`,
  );
  return failed > 0 ? EXIT.failed : EXIT.ok;
}
