import { FrameloomError, type ErrorCode } from '../../../base/error.js';
import { counted } from '../../../base/units.js';
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
import { warnOfIdleFlags } from './idle.js';
import type { DatasetFlags } from './dataset-flags.js';
import { refuseSharedActions, sourceSettings, type GenerateAnyFlags } from './run.js';

/** Whose failures an input is the cause of. */
const OF_INPUTS: ReadonlySet<ErrorCode> = new Set([
  ...(['bad-input', 'bad-data', 'bad-option', 'bad-shape', 'not-found'] as const),
]);

/** What to do before the same call can do more. */
export function adviceOn(failed: readonly { readonly error: FrameloomError }[]): string {
  const others = failed.filter(({ error }) => !OF_INPUTS.has(error.code));
  const inputs = 'mend the inputs that failed or leave them out';
  if (others.length === 0) return inputs;
  const hints = new Set(others.map(({ error }) => error.hint ?? 'look at what failed above'));
  return [...hints, ...(others.length < failed.length ? [inputs] : [])].join('; ');
}

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
  refuseSharedActions(flags, inputs);
  if (inputs.includes('-')) {
    throw new FrameloomError('bad-option', 'a data set is made of files: a pipe has no name', {
      hint: 'write what comes through the pipe into a file first',
    });
  }
  const names = flags.sequenceNames;
  const planned = planSequences({ inputs, folder, names, seeds: seeds ?? [seed ?? 0] });
  const count = jobsOfShard(planned, flags.shard).length;
  if (flags.shard)
    log.info(
      `${count} of ${counted(planned.length, 'sequence')}: shard ${flags.shard.index}/${flags.shard.count}`,
    );
  if (jobs !== undefined && count === 1) log.warn('--jobs does nothing for one sequence');
  const reads = [...(await modelFiles(place)), ...(list === undefined ? [] : [list])];
  const engine = await openEngine(place, flags, context, thread);
  const { model } = engine;
  warnOfIdleFlags(flags, inputs, model, context);
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
    const missing = summary.missing.length;
    const failed = summary.failed.length;
    const seconds = (performance.now() - started) / 1000;
    const numbers = { sequences, frames, done, skipped, failed, missing };
    if (json) {
      terminal.out(
        `${JSON.stringify({ status: 'summary', folder, manifest, pipeline, ...numbers, seconds })}\n`,
      );
    } else {
      const made = `${done} made, ${skipped} there already, ${failed} failed`;
      terminal.out(
        `${folder}: ${counted(sequences, 'sequence')}, ${counted(frames, 'frame')}: ${made}\n`,
      );
      if (missing > 0) {
        log.info(
          `${missing} of ${planned.length} sequences are of other shards and not there yet: whichever is made last writes dataset.json`,
        );
      }
      if (pipeline !== null) terminal.out(nextLines([ownCommand('check', pipeline)]));
    }
    if (failed === 0) return EXIT.ok;
    log.error(`${folder} is unfinished: ${adviceOn(summary.failed)}, and call this again`);
    return EXIT.failed;
  } finally {
    view.stop();
    await engine.close();
  }
}
