import { FrameloomError } from '../../../base/error.js';
import { ownCommand } from '../../../base/own-command.js';
import { generateDataset } from '../../../synthesis/dataset/generate-dataset.js';
import { planSequences } from '../../../synthesis/dataset/plan.js';
import { jobsOfShard } from '../../../synthesis/batch/template.js';
import type { OnnxThread } from '../../../synthesis/engines/thread/host.js';
import { openEngine, warnOfSeeds } from '../../engine/engine.js';
import { gatherInputs } from '../../input/inputs.js';
import { modelFiles } from '../../output/check.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';
import { nextLines } from '../../terminal/next.js';
import { createBatchView, jsonLine } from './batch-view.js';
import type { DatasetFlags } from './dataset-flags.js';
import { sourceSettings, type GenerateAnyFlags } from './run.js';

/**
 * Generates a data set, as the flags say.
 * @returns the exit code: 1 where a sequence failed
 */
export async function generateIntoDataset(
  place: string,
  flags: Omit<GenerateAnyFlags, 'output'> & DatasetFlags & { readonly dataset: string },
  context: Context,
  thread?: OnnxThread,
): Promise<number> {
  const { input = [], list, seeds, seed, jobs, dataset: folder, json = false } = flags;
  const { terminal, log, signal } = context;
  if (seed !== undefined && seeds) {
    throw new FrameloomError('bad-option', '--seed and --seeds contradict each other');
  }
  const inputs = await gatherInputs(input, list, signal, log);
  if (inputs.includes('-')) {
    throw new FrameloomError('bad-option', 'a data set is made of files: a pipe has no name', {
      hint: 'write what comes through the pipe into a file first',
    });
  }
  const names = flags.sequenceNames;
  const planned = planSequences({ inputs, folder, names, seeds: seeds ?? [seed ?? 0] });
  const count = jobsOfShard(planned, flags.shard).length;
  if (flags.shard) log.info(`${count} of ${planned.length} sequences are of this shard`);
  if (jobs !== undefined && count === 1) log.warn('--jobs does nothing for one sequence');
  const reads = [...(await modelFiles(place)), ...(list === undefined ? [] : [list])];
  const engine = await openEngine(place, flags, context, thread);
  const { model } = engine;
  if (seed !== undefined || seeds) warnOfSeeds(model, context);
  const view = createBatchView(context, count);
  const started = performance.now();
  try {
    const summary = await generateDataset(model, {
      ...sourceSettings(flags, context),
      ...{ inputs, folder, reads, format: flags.datasetFormat, with: flags.with },
      seeds: seeds ?? [seed ?? model.seed],
      sequenceNames: names,
      samplesPerShard: flags.shardSamples,
      shard: flags.shard,
      parallel: jobs,
      overwrite: flags.overwrite,
      modelId: await engine.modelId(),
      openSynthesizer: () => engine.open(),
      onEvent: (event) => {
        view.show(event);
        if (event.kind === 'failed') log.error(`${event.job.output}: ${event.error.toLine()}`);
        const line = json ? jsonLine(event) : undefined;
        if (line !== undefined) terminal.out(line);
      },
    }).finally(() => view.stop());
    const { manifest, pipeline, sequences, frames, done, skipped } = summary;
    const failed = summary.failed.length;
    const seconds = (performance.now() - started) / 1000;
    const numbers = { sequences, frames, done, skipped, failed };
    if (json) {
      terminal.out(
        `${JSON.stringify({ status: 'summary', folder, manifest, pipeline, ...numbers, seconds })}\n`,
      );
    } else {
      const made = `${done} made, ${skipped} there already, ${failed} failed`;
      terminal.out(
        `${folder}: ${sequences} sequence${sequences === 1 ? '' : 's'}, ${frames} frames: ${made}\n`,
      );
      if (pipeline !== null) terminal.out(nextLines([ownCommand('check', pipeline)]));
    }
    if (failed === 0) return EXIT.ok;
    log.error(
      `${folder} is unfinished: mend the inputs that failed or leave them out, and call this again`,
    );
    return EXIT.failed;
  } finally {
    view.stop();
    await engine.close();
  }
}
