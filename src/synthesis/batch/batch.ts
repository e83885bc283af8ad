import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asGiven } from '../../base/caller.js';
import { FrameloomError, isFrameloomError, messageOf } from '../../base/error.js';
import { silentLogger, type Logger } from '../../base/log.js';
import { sweepTemporaries } from '../../base/temporaries.js';
import { assertTrusted } from '../../clips/trust.js';
import { formatOf, isPictureFormat, KeptFiles, type EncodeResult } from '../../video/index.js';
import { dataOf, filesRead, type AnyModel } from '../models/model.js';
import { JobMaker, type JobSettings } from './job.js';
import { Claims, type Claim, type ClaimedWork } from './claim.js';
import { removePartsOfMade } from '../video/film-parts.js';
import { modelFingerprint } from './fingerprint.js';
import { Manifest } from './manifest.js';
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
  const manifest = await Manifest.open(folder, { shard, log });
  const sha256 = options.modelId ?? (await modelFingerprint(model));
  const batch = new Batch(model, manifest, { ...options, folder, modelId: sha256 });
  try {
    batch.mayBeLittered(jobs);
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
    await batch.close();
    await manifest.close();
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

/** So many folders of outputs are cleaned up at the end, whatever happened in them. */
const CLEANED_FOLDERS = 64;

/** How often it is looked whether another process has finished what it works at. */
const LOOKED_EVERY_MS = 500;

/** The manifest cannot be written: no failure of a job, but of the batch. */
class ManifestError extends Error {
  constructor(cause: unknown) {
    super('the manifest cannot be written', { cause });
  }
}

class Batch {
  done = 0;
  skipped = 0;
  kept = 0;
  readonly failed: { job: BatchJob; error: FrameloomError }[] = [];
  readonly #model: AnyModel;
  readonly #maker: JobMaker;
  readonly #manifest: Manifest;
  readonly #options: BatchOptions;
  readonly #claims: Claims;
  /** Where processes may have died at their work. */
  readonly #littered = new Set<string>();

  constructor(
    model: AnyModel,
    manifest: Manifest,
    options: BatchOptions & { readonly modelId: string; readonly folder: string },
  ) {
    this.#model = model;
    this.#manifest = manifest;
    this.#options = options;
    this.#maker = new JobMaker(model, manifest, options.modelId, options);
    this.#claims = new Claims(options.folder);
  }

  /** The jobs that are still to be done; tells of the others. */
  async unfinished(jobs: readonly BatchJob[]): Promise<BatchJob[]> {
    const queue: BatchJob[] = [];
    for (const job of jobs) {
      if (this.#options.signal?.aborted) break;
      if (await this.#maker.isMade(job)) {
        await this.#claims.clear(this.#manifest.key(job.output));
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
        await this.#manifest.refresh();
      }
    } finally {
      synthesizer.dispose();
    }
  }

  /** @returns false where another process is at it */
  async #attempt(job: BatchJob, synthesizer: Synthesizer): Promise<boolean> {
    let claim: Claim | undefined;
    try {
      const work = await this.#maker.workOf(job);
      claim = await this.#claims.take(work);
      if (!claim) return false;
      if (claim.abandoned) await this.#sweep(dirname(job.output));
      const verdict = await this.#maker.judge(job, work, claim);
      if (verdict === 'made') await this.#skip(job);
      else if (verdict === 'kept') this.#keep(job);
      else await this.#work(job, work, verdict === 'replace', synthesizer);
    } catch (error) {
      if (error instanceof ManifestError) throw error.cause;
      if (!this.#options.signal?.aborted) this.#fail(job, error);
    } finally {
      // Not before the manifest has it: until then nobody else may begin it.
      await claim?.release().catch((error: unknown) => this.#log.warn(messageOf(error)));
    }
    return true;
  }

  async #work(
    job: BatchJob,
    work: ClaimedWork,
    replace: boolean,
    synthesizer: Synthesizer,
  ): Promise<void> {
    const { onEvent } = this.#options;
    const started = performance.now();
    onEvent?.({ kind: 'started', job });
    const onFrame = (done: number, total: number | null): void =>
      onEvent?.({ kind: 'frame', job, done, total });
    const [entry, result] = await this.#maker.make(job, work, replace, synthesizer, onFrame);
    await this.#manifest.add(entry).catch((cause: unknown) => {
      throw new ManifestError(cause);
    });
    this.done += 1;
    const seconds = (performance.now() - started) / 1000;
    onEvent?.({ kind: 'done', job, result, seconds });
  }

  async #skip(job: BatchJob): Promise<void> {
    await removePartsOfMade(job.output, this.#log);
    this.skipped += 1;
    this.#options.onEvent?.({ kind: 'skipped', job });
  }

  #keep(job: BatchJob): void {
    this.kept += 1;
    this.#log.warn(
      `${job.output} is there, not made by this batch, and is left as it is (${asGiven('--overwrite', 'overwrite: true')} replaces it)`,
    );
    this.#options.onEvent?.({ kind: 'kept', job });
  }

  /** Also of jobs that others have done since: nobody opens those again. */
  mayBeLittered(jobs: readonly BatchJob[]): void {
    const folders = new Set(jobs.map(({ output }) => dirname(output)));
    for (const folder of [...folders].slice(0, CLEANED_FOLDERS)) this.#littered.add(folder);
  }

  /** What a dead process left beside its output; once more at the end, since its ffmpeg lives longer. */
  async #sweep(folder: string): Promise<void> {
    this.#littered.add(folder);
    await sweepTemporaries(folder, this.#log);
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

  async close(): Promise<void> {
    for (const folder of this.#littered) await sweepTemporaries(folder, this.#log);
    await this.#claims.close();
  }
}
