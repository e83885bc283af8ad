import { asGiven } from '../../base/caller.js';
import { FrameloomError, isFrameloomError, messageOf } from '../../base/error.js';
import { silentLogger, type Logger } from '../../base/log.js';
import { actionsFileOf } from '../video/input-actions.js';
import { fingerprint, isUnchanged } from '../batch/fingerprint.js';
import { createSynthesizer } from '../engines/open.js';
import type { Synthesizer } from '../engines/synthesizer.js';
import { dataOf, type AnyModel } from '../models/model.js';
import type { DatasetFolder } from './dataset-folder.js';
import type { SequenceRecord } from './head.js';
import { openFolderWriter } from './folder-writer.js';
import { checkedSamples, type GenerateDatasetOptions } from './options.js';
import type { Extra } from './names.js';
import type { SequenceJob } from './plan.js';
import { makeSequence } from './sequence.js';
import { openShardWriter } from './shard-writer.js';

/** The making of the sequences that are missing. */
export class DatasetWork {
  done = 0;
  skipped = 0;
  readonly failed: { job: SequenceJob; error: FrameloomError }[] = [];
  readonly #model: AnyModel;
  readonly #place: DatasetFolder;
  readonly #options: GenerateDatasetOptions;
  readonly #extras: readonly Extra[];

  constructor(
    model: AnyModel,
    place: DatasetFolder,
    options: GenerateDatasetOptions,
    extras: readonly Extra[],
  ) {
    this.#model = model;
    this.#place = place;
    this.#options = options;
    this.#extras = extras;
  }

  get #log(): Logger {
    return this.#options.log ?? silentLogger;
  }

  /**
   * The sequences that are still to be made; tells of the others.
   * @throws FrameloomError exists where something else is in the place of one
   */
  async unfinished(jobs: readonly SequenceJob[]): Promise<SequenceJob[]> {
    const { signal, onEvent } = this.#options;
    const queue: SequenceJob[] = [];
    for (const job of jobs) {
      if (signal?.aborted) break;
      if (await this.#isMade(job)) {
        this.skipped += 1;
        onEvent?.({ kind: 'skipped', job });
      } else {
        await this.#place.refuseForeign(job.name);
        queue.push(job);
      }
    }
    return queue;
  }

  /** Whether a sequence is there. One of the same name from elsewhere is not silently replaced. */
  async #isMade(job: SequenceJob): Promise<boolean> {
    const record = this.#place.records.get(job.name);
    if (!record) return false;
    const same = await this.#isUnchanged(job.input, record);
    if (same && record.seed === job.seed) {
      if (await this.#place.isWhole(record)) return true;
      this.#log.warn(`files of ${job.output} are missing: the sequence is made again`);
      return false;
    }
    if (record.seed === job.seed && record.input.path === job.input) {
      this.#log.info(`${job.input} has changed: its sequence is made again`);
      return false;
    }
    if (this.#options.overwrite) return false;
    throw new FrameloomError(
      'exists',
      `the sequence ${job.name} is there already, of ${record.input.path} with the seed ${record.seed}`,
      {
        path: job.output,
        hint: `name sequences with ${asGiven('--sequence-names', 'sequenceNames')}, such as {name}-{seed}, or say ${asGiven('--overwrite (-y)', 'overwrite: true')} to replace it`,
      },
    );
  }

  /** Whether an input, and what is done in it, are what a sequence was made of. */
  async #isUnchanged(input: string, record: SequenceRecord): Promise<boolean> {
    const { signal } = this.#options;
    if (!(await isUnchanged(input, record.input, signal))) return false;
    const actions = await this.#actionsOf(input);
    if (actions === null || !record.actions) return actions === null && !record.actions;
    return isUnchanged(actions, record.actions, signal);
  }

  async #actionsOf(input: string): Promise<string | null> {
    const { actions, baseFolder = process.cwd() } = this.#options;
    return actionsFileOf(this.#model, input, { actions, baseFolder });
  }

  /** Of sequences that others make, the names of those that are not there as they are to be. */
  async missing(others: readonly SequenceJob[]): Promise<string[]> {
    const names: string[] = [];
    for (const { name, input, seed } of others) {
      if (this.#options.signal?.aborted) break;
      const record = this.#place.records.get(name);
      const isThere =
        record?.seed === seed &&
        (await this.#place.isWhole(record)) &&
        (await this.#isUnchanged(input, record));
      if (!isThere) names.push(name);
    }
    return names;
  }

  /** Makes one after another with one synthesizer. */
  async run(queue: SequenceJob[]): Promise<void> {
    const { signal, openSynthesizer } = this.#options;
    const synthesizer = await (openSynthesizer?.() ??
      createSynthesizer(this.#model, { log: this.#log, signal }));
    try {
      for (let job = queue.shift(); job && !signal?.aborted; job = queue.shift()) {
        await this.#attempt(job, synthesizer);
      }
    } finally {
      synthesizer.dispose();
    }
  }

  async #attempt(job: SequenceJob, synthesizer: Synthesizer): Promise<void> {
    const { onEvent, signal } = this.#options;
    const started = performance.now();
    onEvent?.({ kind: 'started', job });
    try {
      const { frames, durationSeconds } = await this.#make(job, synthesizer);
      this.done += 1;
      const { width, height } = dataOf(this.#model).size;
      const result = { frames, durationSeconds, width, height, format: 'png' as const };
      const seconds = (performance.now() - started) / 1000;
      onEvent?.({ kind: 'done', job, result: { ...result, path: job.output }, seconds });
    } catch (error) {
      if (!signal?.aborted) this.#fail(job, error);
    }
  }

  async #make(
    job: SequenceJob,
    synthesizer: Synthesizer,
  ): Promise<{ frames: number; durationSeconds: number }> {
    const { onEvent, signal } = this.#options;
    const { name, input, seed } = job;
    // Before it is read: one that changes meanwhile is then found changed at the next call.
    const print = await fingerprint(input, signal);
    if (!print) throw new FrameloomError('not-found', `${input} does not exist`, { path: input });
    const actions = await this.#actionsOf(input);
    const told = actions === null ? undefined : await fingerprint(actions, signal);
    const columns = (this.#model.layout.actions ?? []).map(({ name: column }) => column);
    let durationSeconds = 0;
    const record = await this.#place.add(name, async (temporary) => {
      const writer =
        this.#options.format === 'webdataset'
          ? await openShardWriter(temporary, name, {
              ...{ seed, columns, samplesPerShard: checkedSamples(this.#options) },
            })
          : await openFolderWriter(temporary, name, columns);
      try {
        const { durationSeconds: duration, ...facts } = await makeSequence(this.#model, {
          ...this.#options,
          ...{ input, seed, synthesizer, writer, extras: this.#extras },
          onFrame: (done, total) => onEvent?.({ kind: 'frame', job, done, total }),
        });
        durationSeconds = duration;
        const made = {
          input: { path: input, ...print },
          ...(actions !== null && told && { actions: { path: actions, ...told } }),
        };
        return [await writer.finish(), { ...made, seed, ...facts }];
      } finally {
        await writer.close();
      }
    });
    return { frames: record.frames, durationSeconds };
  }

  #fail(job: SequenceJob, error: unknown): void {
    if (!isFrameloomError(error)) this.#log.debug(error instanceof Error ? `${error.stack}` : '');
    const told = isFrameloomError(error)
      ? error
      : new FrameloomError('write-failed', messageOf(error), { path: job.output, cause: error });
    this.failed.push({ job, error: told });
    this.#options.onEvent?.({ kind: 'failed', job, error: told });
  }
}
