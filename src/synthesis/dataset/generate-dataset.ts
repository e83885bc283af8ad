import { join } from 'node:path';
import { asGiven } from '../../base/caller.js';
import { FrameloomError } from '../../base/error.js';
import { silentLogger, type Logger } from '../../base/log.js';
import { assertTrusted } from '../../clips/trust.js';
import { modelFingerprint } from '../batch/fingerprint.js';
import { shardOf } from '../batch/template.js';
import { dataOf, filesRead, type AnyModel } from '../models/model.js';
import { DatasetFolder } from './dataset-folder.js';
import { MANIFEST, PIPELINE, recordPath } from './dataset-state.js';
import { DatasetWork } from './dataset-work.js';
import { headOf, type SequenceRecord } from './head.js';
import type { DatasetFormat } from './names.js';
import {
  extrasOf,
  settingsOf,
  type DatasetSummary,
  type GenerateDatasetOptions,
} from './options.js';
import type { Part } from './parts.js';
import { pipelineText, withoutActions } from './pipeline-text.js';
import { planSequences, refuseInside } from './plan.js';

/**
 * Generates from many inputs into one folder that other trainings read: the frames, the conditions that
 * they were made from (labels as ids), and the flow and mask that they were composed by, paired by number.
 * Each sequence is put in place whole, and the manifest last; the same call goes on where one was stopped,
 * and adds what is new. A sequence that fails does not stop the others, but then there is no manifest; nor is
 * there one of a shard before the other shards' sequences are in the folder too.
 *
 * @throws FrameloomError bad-option where two sequences would have one name, a part is asked for that the
 *   generator has not, an input lies in the folder, or another process is writing it; exists for a folder
 *   of other things or other work; untrusted, as generateVideo; cancelled; disk-full, write-failed
 */
export async function generateDataset(
  model: AnyModel,
  options: GenerateDatasetOptions,
): Promise<DatasetSummary> {
  const {
    folder,
    baseFolder = process.cwd(),
    format = 'folders',
    log = silentLogger,
    signal,
  } = options;
  const { inputs, reads = [], overwrite = false } = options;
  const seeds = options.seeds ?? [model.seed];
  assertTrusted(dataOf(model).condition, options.trustFilters ?? false);
  const extras = extrasOf(model, options.with);
  const planned = planSequences({ inputs, seeds, folder, names: options.sequenceNames });
  if (planned.length === 0) throw new FrameloomError('bad-option', 'there is no input');
  // By the sequence's name alone: machines may have the folder at different places.
  const { shard } = options;
  const isMine = ({ name }: { readonly name: string }): boolean =>
    !shard || shardOf(name, shard.count) === shard.index;
  const jobs = planned.filter(isMine);
  await refuseInside([...inputs, ...reads, ...filesRead(model, baseFolder)], folder);
  const hasCondition = model.layout.content !== 'none';
  const parts: readonly Part[] = [
    'image',
    ...(hasCondition ? ['condition' as const] : []),
    ...extras,
    ...(model.layout.actions ? ['actions' as const] : []),
  ];
  const modelId = options.modelId ?? (await modelFingerprint(model));
  const settings = settingsOf({ ...options, format });
  const head = await headOf(model, { format, parts, modelId, baseFolder, settings });
  const place = await DatasetFolder.open(folder, head, { log, overwrite });
  try {
    const work = new DatasetWork(model, place, { ...options, format }, extras);
    const queue = await work.unfinished(jobs);
    if (queue.length > 0) await place.begin();
    const workers = Array.from({ length: Math.min(options.parallel ?? 1, queue.length) }, () =>
      work.run(queue),
    );
    // All of them are heard before the first failure is told: none may go on writing behind it.
    const ends = await Promise.allSettled(workers);
    const records = [...place.records.values()];
    if (signal?.aborted) {
      throw new FrameloomError(
        'cancelled',
        `stopped with ${work.done + work.skipped} of ${jobs.length} sequences made; there is no ${MANIFEST} until all are`,
        { hint: 'the same command goes on from there' },
      );
    }
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    const { done, skipped, failed } = work;
    const missing = await work.missing(planned.filter((job) => !isMine(job)));
    const damaged = await damagedOf(place, new Set(planned.map(({ name }) => name)), log);
    const isWhole = failed.length + missing.length + damaged === 0 && records.length > 0;
    const trains = format === 'folders' && records.length > 0;
    if (isWhole && !place.isFinished) {
      warnOfRates(records, log);
      const { actions } = dataOf(model);
      if (actions) warnOfActions(records, format, log);
      await place.finish(trains ? pipelineText(folder, head, records, actions) : null);
    } else if (!isWhole) {
      await place.begin();
    }
    return {
      manifest: isWhole ? join(folder, MANIFEST) : null,
      pipeline: isWhole && trains ? join(folder, PIPELINE) : null,
      sequences: records.length,
      frames: records.reduce((sum, { frames }) => sum + frames, 0),
      ...{ done, skipped, failed, missing },
    };
  } finally {
    await place.close();
  }
}

/** How many of an earlier call's sequences, which this one does not make again, have lost files since. */
async function damagedOf(
  place: DatasetFolder,
  planned: ReadonlySet<string>,
  log: Logger,
): Promise<number> {
  let damaged = 0;
  for (const record of place.records.values()) {
    if (planned.has(record.name) || (await place.isWhole(record))) continue;
    damaged += 1;
    log.warn(
      `files of the sequence ${record.name} are missing: give its input, ${record.input.path}, again, or remove ${recordPath(record.name)}`,
    );
  }
  return damaged;
}

/** Pictures have no rate of their own, so that one training takes them all for one. */
function warnOfRates(records: readonly { readonly fps: string }[], log: Logger): void {
  const rates = new Set(records.map(({ fps }) => fps));
  if (rates.size < 2) return;
  log.warn(
    `the sequences have ${[...rates].join(', ')} frames a second, and pictures say nothing of it: to train on them alike make all at one rate with ${asGiven('--fps', 'fps')}`,
  );
}

/** A pipeline reads actions of all its clips or of none. */
function warnOfActions(
  records: readonly SequenceRecord[],
  format: DatasetFormat,
  log: Logger,
): void {
  const silent = format === 'folders' ? withoutActions(records) : [];
  if (silent.length === 0) return;
  log.warn(
    `nobody says what is done in ${silent.length} of ${records.length} sequences, ${silent[0]!.name} the first: ${PIPELINE} reads no actions (give a CSV file beside each input)`,
  );
}
