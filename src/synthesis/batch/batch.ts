import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asGiven } from '../../base/caller.js';
import { FrameloomError, isFrameloomError, messageOf } from '../../base/error.js';
import { silentLogger, type Logger } from '../../base/log.js';
import { assertTrusted } from '../../clips/trust.js';
import { formatOf, isPictureFormat, KeptFiles, type EncodeResult } from '../../video/index.js';
import { dataOf, filesRead, type AnyModel } from '../models/model.js';
import { BatchFolder } from './batch-folder.js';
import { JobMaker, type JobSettings } from './job.js';
import { ManifestError } from './manifest.js';
import { removePartsOfMade } from '../video/film-parts.js';
import { modelFingerprint } from './fingerprint.js';
import { createSynthesizer } from '../engines/open.js';
import type { Synthesizer } from '../engines/synthesizer.js';
import type { BatchJob, Shard } from './template.js';

/** What happens to the jobs of a batch. */
export type BatchEvent =
  /** `kept`: something that this batch did not make is in its place, and stays there. */
  | { readonly kind: 'skipped' | 'kept' | 'started'; readonly job: BatchJob }
  | {
      readonly kind: 'frame';
      readonly job: BatchJob;
      readonly done: number;
      readonly total: number | null;
    }
  | {
      readonly kind: 'done';
      readonly job: BatchJob;
      readonly result: EncodeResult;
      readonly seconds: number;
    }
  | { readonly kind: 'failed'; readonly job: BatchJob; readonly error: FrameloomError };

export interface BatchOptions extends JobSettings {
  /** Where the manifest lies; the folder of the jobs' template unless given. */
  readonly folder?: string | undefined;
  readonly shard?: Shard | undefined;
  /** Videos made at once, of one model. 1 unless given. */
  readonly parallel?: number | undefined;
  /** Names the model in the manifest, where it has run by another engine: `modelFingerprint`. */
  readonly modelId?: string | undefined;
  /** What runs the model, one for each video made at once; its own engine unless given. */
  readonly openSynthesizer?: (() => Promise<Synthesizer> | Synthesizer) | undefined;
  readonly onEvent?: ((event: BatchEvent) => void) | undefined;
}

export interface BatchSummary {
  readonly done: number;
  /** Made before. */
  readonly skipped: number;
  /** Not made, because something else is in their place: `overwrite` replaces it. */
  readonly kept: number;
  readonly failed: readonly { readonly job: BatchJob; readonly error: FrameloomError }[];
}

/**
 * Makes many videos with one model. What the manifest knows as made, of the same input by the same
 * model and settings, and that is still there, is skipped; each further one is entered when it is in
 * place. What was made of other work is made anew; what the manifest knows nothing of stays, with a
 * warning, unless `overwrite` is set. A job that fails does not stop the others.
 *
 * @throws FrameloomError bad-option where an output is a file that is read; untrusted for a filtergraph that could do more than change pictures;
 *   cancelled, when all that was begun is cleaned up; write-failed, disk-full
 *   where the manifest cannot be written
 */
export async function runBatch(
  model: AnyModel,
  jobs: readonly BatchJob[],
  options: BatchOptions = {},
): Promise<BatchSummary> {
  const { log = silentLogger, shard, signal } = options;
  // Once for all: no job of it could be made.
  assertTrusted(dataOf(model).condition, options.trustFilters ?? false);
  await refuseInputs(model, jobs, options);
  const folder = options.folder ?? folderOf(jobs);
  const place = await BatchFolder.open(folder, { shard, log });
  const sha256 = options.modelId ?? (await modelFingerprint(model));
  const batch = new Batch(model, place, { ...options, modelId: sha256 });
  try {
    place.mayBeLittered(jobs);
    const queue = await batch.unfinished(jobs);
    const workers = Array.from({ length: Math.min(options.parallel ?? 1, queue.length) }, () =>
      batch.work(queue),
    );
    // All of them are heard before the first failure is told: none may go on writing behind it.
    const ends = await Promise.allSettled(workers);
    if (signal?.aborted) {
      throw new FrameloomError(
        'cancelled',
        `stopped with ${batch.done + batch.skipped} of ${jobs.length} videos made`,
        { hint: 'the same command goes on from there' },
      );
    }
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    const { done, skipped, kept, failed } = batch;
    return { done, skipped, kept, failed };
  } finally {
    await place.close();
  }
}

/**
 * The folder of the template that they were planned by.
 * @throws FrameloomError bad-option where they are of several, or were planned otherwise
 */
export function folderOf(jobs: readonly BatchJob[]): string {
  const [folder, ...more] = new Set(jobs.map((job) => job.folder ?? dirname(job.output)));
  if (more.length === 0) return folder ?? '.';
  throw new FrameloomError('bad-option', `the videos lie in ${more.length + 1} folders`, {
    hint: 'say by folder where their manifest is to lie, or plan them by one template',
  });
}

/** What is said of an output that stays as it is. */
export const keptWords = (output: string): string =>
  `${output} is there, not made by this batch, and is left as it is (${asGiven('--overwrite', 'overwrite: true')} replaces it)`;

/** An output that is read by another job is lost to it as surely as by its own. */
export async function refuseInputs(
  model: AnyModel,
  jobs: readonly BatchJob[],
  { baseFolder = process.cwd(), reads = [], format }: BatchOptions,
): Promise<void> {
  const inputs = jobs.map(({ input }) => input);
  const read = await KeptFiles.of([...inputs, ...filesRead(model, baseFolder), ...reads]);
  for (const { output } of jobs)
    await read.refuse(output, isPictureFormat(formatOf(output, format)));
}

/** How often it is looked whether another process has finished what it works at. */
const LOOKED_EVERY_MS = 500;

class Batch {
  done = 0;
  skipped = 0;
  kept = 0;
  readonly failed: { job: BatchJob; error: FrameloomError }[] = [];
  readonly #model: AnyModel;
  readonly #maker: JobMaker;
  readonly #place: BatchFolder;
  readonly #options: BatchOptions;

  constructor(
    model: AnyModel,
    place: BatchFolder,
    options: BatchOptions & { readonly modelId: string },
  ) {
    this.#model = model;
    this.#place = place;
    this.#options = options;
    this.#maker = new JobMaker(model, place.manifest, options.modelId, options);
  }

  /** The jobs that are still to be done; tells of the others. */
  async unfinished(jobs: readonly BatchJob[]): Promise<BatchJob[]> {
    const queue: BatchJob[] = [];
    for (const job of jobs) {
      if (this.#options.signal?.aborted) break;
      if (await this.#maker.isMade(job)) {
        await this.#place.clear(job);
        await this.#skip(job);
      } else {
        queue.push(job);
      }
    }
    return queue;
  }

  /** Does one job after another, with one synthesizer. */
  async work(queue: BatchJob[]): Promise<void> {
    const { signal } = this.#options;
    const synthesizer = await (this.#options.openSynthesizer?.() ??
      createSynthesizer(this.#model, { log: this.#log }));
    try {
      /** In a row, what others are working at. */
      let busy = 0;
      for (let job = queue.shift(); job && !signal?.aborted; job = queue.shift()) {
        busy = (await this.#attempt(job, synthesizer)) ? 0 : busy + 1;
        if (busy === 0) continue;
        // Last, when everything else is done: whether it was finished, or its process died.
        queue.push(job);
        if (busy < queue.length) continue;
        busy = 0;
        await sleep(LOOKED_EVERY_MS, undefined, { signal }).catch(() => undefined);
        await this.#place.manifest.refresh();
      }
    } finally {
      synthesizer.dispose();
    }
  }

  /** @returns false where another process is at it */
  async #attempt(job: BatchJob, synthesizer: Synthesizer): Promise<boolean> {
    const { onEvent } = this.#options;
    try {
      const outcome = await this.#place.attempt(job, this.#maker, {
        synthesizer: () => synthesizer,
        onStart: () => onEvent?.({ kind: 'started', job }),
        onFrame: (done, total) => onEvent?.({ kind: 'frame', job, done, total }),
      });
      if (outcome.kind === 'busy') return false;
      if (outcome.kind === 'there') await this.#skip(job);
      else if (outcome.kind === 'kept') this.#keep(job);
      else {
        this.done += 1;
        const { result, seconds } = outcome;
        onEvent?.({ kind: 'done', job, result, seconds });
      }
    } catch (error) {
      if (error instanceof ManifestError) throw error.cause;
      if (!this.#options.signal?.aborted) this.#fail(job, error);
    }
    return true;
  }

  async #skip(job: BatchJob): Promise<void> {
    await removePartsOfMade(job.output, this.#log);
    this.skipped += 1;
    this.#options.onEvent?.({ kind: 'skipped', job });
  }

  #keep(job: BatchJob): void {
    this.kept += 1;
    this.#log.warn(keptWords(job.output));
    this.#options.onEvent?.({ kind: 'kept', job });
  }

  #fail(job: BatchJob, error: unknown): void {
    const { onEvent } = this.#options;
    if (!isFrameloomError(error)) this.#log.debug(error instanceof Error ? `${error.stack}` : '');
    const told = isFrameloomError(error)
      ? error
      : new FrameloomError('write-failed', messageOf(error), { path: job.output, cause: error });
    this.failed.push({ job, error: told });
    onEvent?.({ kind: 'failed', job, error: told });
  }

  get #log(): Logger {
    return this.#options.log ?? silentLogger;
  }
}
