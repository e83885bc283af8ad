import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameloomError, isFrameloomError, messageOf } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { ownCommand } from '../base/own-command.js';
import { packageVersion } from '../base/own-package.js';
import { counted } from '../base/units.js';
import { assertTrusted } from '../clips/trust.js';
import {
  folderOf,
  keptWords,
  refuseInputs,
  type BatchEvent,
  type BatchOptions,
  type BatchSummary,
} from '../synthesis/batch/batch.js';
import { modelFingerprint } from '../synthesis/batch/fingerprint.js';
import type { BatchJob } from '../synthesis/batch/template.js';
import { dataOf, type AnyModel } from '../synthesis/models/model.js';
import type { QueueAddress } from './address.js';
import { openDestination, type Destination } from './destination.js';
import {
  failureOf,
  JOB_FORMAT,
  jobId,
  progressSchema,
  resultSchema,
  travelling,
  type JobResult,
  type QueuedJob,
  type QueuedModel,
} from './job-schema.js';
import { Line } from './line.js';
import { loadQueueLibrary, type Queue, type QueueEvents } from './library.js';
import { isStoreAddress } from './store/address.js';

/** What happens to the jobs of a queued batch: of one that was made, what its worker told. */
export type QueuedEvent =
  | Exclude<BatchEvent, { readonly kind: 'done' }>
  | {
      readonly kind: 'done';
      readonly job: BatchJob;
      readonly result: { readonly frames: number; readonly durationSeconds: number };
      readonly seconds: number;
    };

export const PRIORITIES = ['high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];
/** For BullMQ, which takes lower numbers first. */
const PRIORITY_NUMBERS: Readonly<Record<Priority, number>> = { high: 1, normal: 10, low: 100 };

export interface SubmitOptions extends Omit<
  BatchOptions,
  'shard' | 'parallel' | 'openSynthesizer' | 'onEvent'
> {
  readonly address: QueueAddress;
  /** How long a queue that cannot be reached is waited for. */
  readonly waitMs: number;
  /** How workers open the model. */
  readonly model: Omit<QueuedModel, 'sha256' | 'step'>;
  readonly priority?: Priority | undefined;
  /** Leave when all is queued. */
  readonly detach?: boolean | undefined;
  readonly onEvent?: ((event: QueuedEvent) => void) | undefined;
}

export interface SubmitSummary extends BatchSummary {
  /** Left to the workers: with `detach`. */
  readonly queued: number;
}

/** What failed by a machine is tried so often, the first time after this long, then twice as long each time. */
const ATTEMPTS = 5;
const BACK_OFF_MS = 1000;
/** Results are there for as long for who asks what became of a batch. */
const KEPT_SECONDS = 3 * 24 * 3600;
/** Events may be lost with a connection: so often all that is open is looked at. */
const LOOKED_EVERY_MS = 10_000;
/** Ctrl-C waits for a queue that is away no longer than this. */
const WITHDRAWN_WITHIN_MS = 5000;

/**
 * `runBatch` by the workers of a queue: their outputs and manifest are those that it makes on one machine. What is made
 * is skipped here; all else is queued, once however often it is submitted. When the signal ends it, what no worker has
 * begun is withdrawn.
 *
 * @throws FrameloomError as runBatch; queue where the queue cannot be reached for `waitMs`; not-found without
 *   the packages bullmq and ioredis
 */
export async function submitBatch(
  model: AnyModel,
  jobs: readonly BatchJob[],
  options: SubmitOptions,
): Promise<SubmitSummary> {
  const { log = silentLogger, signal, address, waitMs } = options;
  assertTrusted(dataOf(model).condition, options.trustFilters ?? false);
  await refuseInputs(model, jobs, options);
  const { bullmq } = await loadQueueLibrary();
  const modelId = options.modelId ?? (await modelFingerprint(model));
  const line = await Line.open(address, { waitMs, log, signal });
  try {
    const folder = options.folder ?? folderOf(jobs);
    const destination = await openDestination(model, jobs, options, { folder, modelId });
    const connection = line.client;
    const queue = new bullmq.Queue(address.name, { connection });
    const events = new bullmq.QueueEvents(address.name, { connection: connection.duplicate() });
    // What is wrong with the connection is told by the line.
    const onError = (error: Error): void => log.debug(error.message);
    queue.on('error', onError);
    events.on('error', onError);
    const how = { destination, queue, line, modelId };
    const submission = new Submission(model, options, how);
    try {
      await line.within(events.waitUntilReady());
      submission.listen(events);
      return await submission.run(jobs);
    } finally {
      await events.close().catch((error: unknown) => log.debug(messageOf(error)));
      await queue.close();
      await destination.close();
    }
  } finally {
    line.close();
  }
}

interface Open {
  readonly job: BatchJob;
  readonly queued: QueuedJob;
  active: boolean;
  checking: boolean;
  /** Something more was heard of it meanwhile. */
  again: boolean;
}

class Submission {
  #done = 0;
  #skipped = 0;
  #kept = 0;
  readonly #failed: { job: BatchJob; error: FrameloomError }[] = [];
  /** What is queued and not yet heard of, by its id. */
  readonly #open = new Map<string, Open>();
  readonly #told = new Set<string>();
  readonly #options: SubmitOptions;
  readonly #destination: Destination;
  readonly #queue: Queue;
  readonly #line: Line;
  readonly #shared: Pick<QueuedJob, 'model' | 'folder' | 'settings'>;
  /** Called when nothing is open any more. */
  #wake: (() => void) | undefined;

  constructor(
    model: AnyModel,
    options: SubmitOptions,
    how: { destination: Destination; queue: Queue; line: Line; modelId: string },
  ) {
    this.#options = options;
    this.#destination = how.destination;
    this.#queue = how.queue;
    this.#line = how.line;
    this.#shared = {
      model: { ...options.model, sha256: how.modelId, step: model.step },
      folder: how.destination.folder,
      settings: settingsFor(options),
    };
  }

  listen(events: QueueEvents): void {
    events.on('active', ({ jobId: id }) => this.#started(id));
    events.on('progress', ({ jobId: id, data }) => this.#progress(id, data));
    events.on('completed', ({ jobId: id }) => this.#look([id]));
    events.on('failed', ({ jobId: id }) => this.#look([id]));
    // What happened while it was away was told to nobody.
    this.#line.client.on('ready', () => this.#look([...this.#open.keys()]));
  }

  async run(jobs: readonly BatchJob[]): Promise<SubmitSummary> {
    const { signal, detach = false } = this.#options;
    const timer = setInterval(() => this.#look([...this.#open.keys()]), LOOKED_EVERY_MS);
    try {
      await this.#enqueueAll(jobs);
      if (this.#open.size > 0) await this.#tellOfWorkers();
      // What was there before may have ended before this listened.
      this.#look([...this.#open.keys()]);
      while (!detach && this.#open.size > 0) {
        await this.#line.within(new Promise<void>((resolve) => (this.#wake = resolve)));
      }
    } catch (error) {
      if (signal?.aborted) throw await this.#stopped(jobs.length);
      throw error;
    } finally {
      clearInterval(timer);
    }
    return {
      ...{ done: this.#done, skipped: this.#skipped, kept: this.#kept, failed: this.#failed },
      queued: this.#open.size,
    };
  }

  async #enqueueAll(jobs: readonly BatchJob[]): Promise<void> {
    const { signal } = this.#options;
    for (const job of jobs) {
      signal?.throwIfAborted();
      if (await this.#destination.isMade(job)) {
        this.#skipped += 1;
        this.#tell({ kind: 'skipped', job });
        continue;
      }
      let queued: QueuedJob;
      try {
        queued = await this.#queuedOf(job);
      } catch (error) {
        signal?.throwIfAborted();
        this.#fail(job, asOurs(error, job));
        continue;
      }
      const id = jobId(queued);
      this.#open.set(id, { job, queued, active: false, checking: false, again: false });
      await this.#line.within(this.#add(id, queued));
    }
  }

  /** @throws FrameloomError not-found where the input is missing */
  async #queuedOf(job: BatchJob): Promise<QueuedJob> {
    const { input } = job;
    const identity = await this.#destination.identityOf(job);
    const path = isStoreAddress(input) ? input : resolve(input);
    const output = this.#destination.placeOf(job.output);
    return {
      ...{ format: JOB_FORMAT, version: packageVersion() },
      ...this.#shared,
      input: { path, name: input, identity },
      ...{ output, index: job.index, seed: job.seed },
    };
  }

  /** Puts it into the queue, unless it is there; what ended there before is begun anew. */
  async #add(id: string, queued: QueuedJob): Promise<void> {
    const state = await this.#queue.getJobState(id);
    if (state === 'completed' || state === 'failed') await this.#queue.remove(id);
    await this.#queue.add('video', queued, {
      jobId: id,
      priority: PRIORITY_NUMBERS[this.#options.priority ?? 'normal'],
      attempts: ATTEMPTS,
      backoff: { type: 'exponential', delay: BACK_OFF_MS, jitter: 0.5 },
      removeOnComplete: { age: KEPT_SECONDS },
      removeOnFail: { age: KEPT_SECONDS },
    });
  }

  async #tellOfWorkers(): Promise<void> {
    const { shown } = this.#options.address;
    // Some hosts of Redis do not tell who is there.
    const workers = await this.#line
      .within(this.#queue.getWorkersCount())
      .catch((error: unknown) => {
        if (this.#line.ended.aborted || this.#options.signal?.aborted) throw error;
        this.#log.debug(messageOf(error));
        return undefined;
      });
    const count = `${counted(this.#open.size, 'video')} queued at ${shown}`;
    if (workers === 0) {
      this.#log.warn(
        `${count}, and no worker there: ${ownCommand('worker', '--queue', shown)} starts one`,
      );
    } else
      this.#log.info(
        workers === undefined ? count : `${count}, ${counted(workers, 'worker')} there`,
      );
  }

  #started(id: string): void {
    const open = this.#open.get(id);
    if (!open) return;
    open.active = true;
    this.#tell({ kind: 'started', job: open.job });
  }

  #progress(id: string, data: unknown): void {
    const open = this.#open.get(id);
    const progress = progressSchema.safeParse(data).data;
    if (!open || !progress) return;
    if ('done' in progress) {
      // Its beginning may have been before this was listening.
      if (!open.active) this.#started(id);
      this.#tell({ kind: 'frame', job: open.job, ...progress });
    } else this.#warnOnce(progress.refused);
  }

  /** Asks the queue what became of jobs. */
  #look(ids: readonly string[]): void {
    for (const id of ids) {
      const open = this.#open.get(id);
      if (!open) continue;
      if (open.checking) {
        open.again = true;
        continue;
      }
      [open.checking, open.again] = [true, false];
      this.#check(id, open)
        .catch((error: unknown) => {
          // The line tells of a queue that is away, and then all is looked at again.
          this.#log.debug(messageOf(error));
        })
        .finally(() => {
          open.checking = false;
          if (open.again) this.#look([id]);
        });
    }
  }

  async #check(id: string, open: Open): Promise<void> {
    const state = await this.#queue.getJobState(id);
    if (state === 'unknown') {
      if (this.#options.signal?.aborted) return;
      this.#warnOnce('the queue has lost jobs, or somebody withdrew them: they are queued again');
      return this.#add(id, open.queued);
    }
    open.active = state === 'active';
    if (state === 'delayed') {
      // Told when nobody listened, perhaps.
      const progress = progressSchema.safeParse((await this.#queue.getJob(id))?.progress).data;
      if (progress && 'refused' in progress) this.#warnOnce(progress.refused);
    }
    if (state !== 'completed' && state !== 'failed') return;
    const found = await this.#queue.getJob(id);
    if (!found || !this.#open.delete(id)) return;
    const { job } = open;
    if (state === 'failed') this.#fail(job, failureOf(found.failedReason, job.output));
    else this.#take(job, resultSchema.safeParse(found.returnvalue).data);
    if (this.#open.size === 0) this.#wake?.();
  }

  /** @param result undefined where what the worker said of it is not understood */
  #take(job: BatchJob, result: JobResult | undefined): void {
    if (!result) {
      const why = `what its worker said of ${job.output} is not understood`;
      return this.#fail(job, new FrameloomError('queue', why, { path: job.output }));
    }
    const { kind, entry, seconds } = result;
    if (kind === 'kept' || entry === null) {
      this.#kept += 1;
      this.#log.warn(keptWords(job.output));
      this.#tell({ kind: 'kept', job });
      return;
    }
    this.#done += 1;
    this.#destination.made(entry);
    const { frames, durationSeconds } = entry;
    this.#tell({ kind: 'done', job, result: { frames, durationSeconds }, seconds });
  }

  #fail(job: BatchJob, error: FrameloomError): void {
    this.#failed.push({ job, error });
    this.#tell({ kind: 'failed', job, error });
  }

  /** Takes back what nobody has begun. @returns what ends the batch */
  async #stopped(total: number): Promise<FrameloomError> {
    const open = [...this.#open.keys()];
    const removed = Promise.all(open.map((id) => this.#queue.remove(id)));
    removed.catch((error: unknown) => this.#log.debug(messageOf(error)));
    const late = sleep(WITHDRAWN_WITHIN_MS, undefined, { ref: false });
    const counts = await Promise.race([removed.catch(() => undefined), late]);
    const made = this.#done + this.#skipped;
    const withdrawn = counts?.filter((count) => count === 1).length ?? 0;
    const left = open.length - withdrawn;
    const rest =
      counts === undefined
        ? `; ${open.length} could not be withdrawn, since the queue is away, and stay queued`
        : `; ${withdrawn} withdrawn${left === 0 ? '' : `, ${left} that workers are at go on`}`;
    return new FrameloomError('cancelled', `stopped with ${made} of ${total} videos made${rest}`, {
      hint: 'the same command goes on from there',
    });
  }

  #warnOnce(words: string): void {
    if (this.#told.has(words)) return;
    this.#told.add(words);
    this.#log.warn(words);
  }

  #tell(event: QueuedEvent): void {
    this.#options.onEvent?.(event);
  }

  get #log(): Logger {
    return this.#options.log ?? silentLogger;
  }
}

/** Of the options, those that say how a video is made, for a machine whose current folder is another. */
function settingsFor(options: SubmitOptions): QueuedJob['settings'] {
  const { actions, baseFolder = process.cwd() } = options;
  const { startFrames, startSeconds, durationSeconds, raw, sequenceFps, fps, colour } = options;
  const { onDamage, format, outputPixelFormat, codec, crf, quality, preset } = options;
  const { overwrite, sideBySide, audio, carry, segmentFrames } = options;
  return travelling({
    ...{ startFrames, startSeconds, durationSeconds, raw, sequenceFps, fps, colour },
    ...{ onDamage, format, outputPixelFormat, codec, crf, quality, preset },
    ...{ overwrite, sideBySide, carry, segmentFrames },
    ...(audio !== undefined && { audio }),
    baseFolder: resolve(baseFolder),
    actions: actions === undefined ? undefined : resolve(baseFolder, actions),
  });
}

const asOurs = (error: unknown, { output }: BatchJob): FrameloomError =>
  isFrameloomError(error)
    ? error
    : new FrameloomError('bad-input', messageOf(error), { path: output, cause: error });
