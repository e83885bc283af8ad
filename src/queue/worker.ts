import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFrameloomError, messageOf } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { packageVersion } from '../base/own-package.js';
import { counted, formatDuration } from '../base/units.js';
import { BatchFolder, type Outcome } from '../synthesis/batch/batch-folder.js';
import { fingerprint } from '../synthesis/batch/fingerprint.js';
import { JobMaker, type JobSettings } from '../synthesis/batch/job.js';
import { ManifestError } from '../synthesis/batch/manifest.js';
import { filesRead } from '../synthesis/models/model.js';
import { actionsFileOf } from '../synthesis/video/input-actions.js';
import type { QueueAddress } from './address.js';
import {
  failureText,
  JOB_FORMAT,
  jobSchema,
  mayPass,
  type JobResult,
  type QueuedJob,
} from './job-schema.js';
import { Line } from './line.js';
import { loadQueueLibrary, type Job, type Queue } from './library.js';
import { changed, copyInput, sweepCopies, type InputCopy } from './input-copy.js';
import { Roots } from './roots.js';
import { isStoreAddress } from './store/address.js';
import { makeInStore } from './store/store-batch.js';
import { Store } from './store/store.js';
import { WorkerModels, type LentModel, type OpenModel } from './worker-models.js';

export interface WorkerOptions {
  readonly address: QueueAddress;
  /** How long a queue that cannot be reached is waited for. */
  readonly waitMs: number;
  /** A worker that gave no sign of life for so long loses its job to another one. */
  readonly stallMs: number;
  /** Videos made at once. */
  readonly concurrency: number;
  /** Folders that jobs may name; everything unless given. */
  readonly roots?: readonly string[] | undefined;
  /** End when nothing is queued any more, and nobody is at work. */
  readonly untilEmpty?: boolean | undefined;
  /** Run any filtergraph of a model, whatever it may do. */
  readonly trustFilters?: boolean | undefined;
  /** Processor threads of a video. */
  readonly threads?: number | undefined;
  readonly open: OpenModel;
  readonly log?: Logger | undefined;
  /** Ends it in order: what is at work is handed back. */
  readonly signal?: AbortSignal | undefined;
}

export interface WorkerSummary {
  made: number;
  /** Made before, or something else is in their place. */
  passedOver: number;
  failed: number;
  handedBack: number;
}

/** A job whose workers died so often is given up: it may be what kills them. */
const MOST_DEATHS = 5;
/** What another process is at, or another version is for, is looked at again after this. */
const BUSY_MS = 1000;
const REFUSED_MS = 10_000;
/** So that who can do nothing for a queue does not turn it round and round. */
const REFUSAL_PAUSE_MS = 1000;
const PROGRESS_EVERY_MS = 500;
const EMPTY_LOOK_MS = 500;
/** Ctrl-C waits for a queue that is away no longer than this. */
const HANDED_BACK_WITHIN_MS = 5000;

/**
 * Takes jobs from a queue, one after another, until it is stopped.
 * @returns what became of them
 * @throws FrameloomError queue where the queue cannot be reached for `waitMs`; not-found without the packages, or for
 *   a folder that jobs may name; disk-full, write-failed where a manifest cannot be written
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerSummary> {
  const { address, waitMs, stallMs, concurrency, signal, log = silentLogger } = options;
  const roots = await Roots.of(options.roots);
  await sweepCopies(log);
  const { bullmq } = await loadQueueLibrary();
  const line = await Line.open(address, { waitMs, log, signal });
  const work = new Work(options, {
    roots,
    line,
    Left: bullmq.DelayedError,
    Final: bullmq.UnrecoverableError,
  });
  const connection = line.client;
  const queue = new bullmq.Queue(address.name, { connection });
  const worker = new bullmq.Worker(
    address.name,
    (job: Job, token?: string) => work.attempt(job, token),
    {
      ...{ connection, concurrency, lockDuration: stallMs, stalledInterval: stallMs },
      ...{ maxStalledCount: MOST_DEATHS, runRetryDelay: BUSY_MS, name: work.name },
    },
  );
  // What is wrong with the connection is told by the line; of a lock that was lost the disk knows better.
  const onError = (error: Error): void => log.debug(error.message);
  queue.on('error', onError);
  worker.on('error', onError);
  log.info(
    `waiting for jobs of ${address.shown} as ${work.name}, ${counted(concurrency, 'video')} at once`,
  );
  try {
    await ended(work, line, queue, options);
  } finally {
    // Before anything is handed back: it would be given to this worker at once.
    const paused = worker.pause(true);
    work.stop();
    await work.settled();
    await line
      .within(paused, AbortSignal.timeout(HANDED_BACK_WITHIN_MS))
      .catch((error: unknown) => log.debug(messageOf(error)));
    // Without a queue there is nobody to say goodbye to.
    await worker.close(line.isDown);
    await work.close();
    line.close();
  }
  return work.summary;
}

/** Waits for what ends a worker. @throws what ended it, unless it was asked to */
async function ended(
  work: Work,
  line: Line,
  queue: Queue,
  { untilEmpty, signal }: WorkerOptions,
): Promise<void> {
  const end = AbortSignal.any([line.ended, work.broken, ...(signal ? [signal] : [])]);
  for (;;) {
    await sleep(untilEmpty ? EMPTY_LOOK_MS : 2 ** 30, undefined, { signal: end }).catch(
      () => undefined,
    );
    if (end.aborted) break;
    if (!untilEmpty) continue;
    const asked = queue.getJobCounts('wait', 'prioritized', 'delayed', 'active');
    const counts = await line.within(asked).catch((error: unknown) => {
      // It was stopped while it asked.
      if (!end.aborted) throw error;
    });
    if (counts === undefined) break;
    if (Object.values(counts).every((count) => count === 0)) return;
  }
  for (const cause of [line.ended, work.broken]) if (cause.aborted) throw cause.reason;
}

/** What one job is made with. */
interface Lent {
  readonly lent: LentModel;
  readonly settings: JobSettings;
  readonly copy: InputCopy;
  readonly onFrame: (done: number, total: number | null) => void;
}

/** A job that is left to others: not a failure, and no attempt of its own. */
type Leaving = new (message?: string) => Error;

class Work {
  readonly summary: WorkerSummary = { made: 0, passedOver: 0, failed: 0, handedBack: 0 };
  readonly name = `${hostname()}:${process.pid}`;
  readonly #options: WorkerOptions;
  readonly #roots: Roots;
  readonly #line: Line;
  readonly #models: WorkerModels;
  readonly #folders = new Map<string, Promise<BatchFolder>>();
  readonly #stop = new AbortController();
  readonly #broken = new AbortController();
  readonly #told = new Set<string>();
  readonly #underWay = new Set<Promise<JobResult>>();
  readonly #Left: Leaving;
  readonly #Final: Leaving;

  constructor(
    options: WorkerOptions,
    how: { roots: Roots; line: Line; Left: Leaving; Final: Leaving },
  ) {
    this.#options = options;
    this.#roots = how.roots;
    this.#line = how.line;
    this.#models = new WorkerModels(options.open);
    this.#Left = how.Left;
    this.#Final = how.Final;
  }

  /** Aborted where this worker can do no more, with what is to be told. */
  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  get #log(): Logger {
    return this.#options.log ?? silentLogger;
  }

  /** Ends what is at work, which hands it back. */
  stop(): void {
    this.#stop.abort();
  }

  /** @returns what BullMQ keeps of it @throws what makes BullMQ try again, give it up or leave it */
  attempt(job: Job, token: string | undefined): Promise<JobResult> {
    const attempt = this.#attempt(job, token);
    this.#underWay.add(attempt);
    const over = (): void => void this.#underWay.delete(attempt);
    attempt.then(over, over);
    return attempt;
  }

  /** Waits for what is at work. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  async #attempt(job: Job, token: string | undefined): Promise<JobResult> {
    const why = this.#refusal(job.data);
    if (why !== undefined) return this.#refuse(job, token, why);
    const { data: queued, error } = jobSchema.safeParse(job.data);
    if (!queued)
      throw new this.#Final(failureText(new Error(`no job of Frameloom: ${error.message}`)));
    let outcome: Outcome;
    try {
      outcome = await this.#make(job, queued);
    } catch (cause) {
      return this.#end(job, token, queued, cause);
    }
    if (outcome.kind === 'busy') {
      // Its worker gave the queue no sign of life, and lives: stopped, or cut off.
      this.#once(`${queued.output}: another process is at it, and is waited for`);
      return this.#leave(job, token, BUSY_MS);
    }
    const worker = this.name;
    if (outcome.kind === 'kept') {
      this.summary.passedOver += 1;
      this.#log.info(`${queued.output}: left as it is, since the batch did not make it`);
      return { kind: 'kept', entry: null, seconds: 0, worker };
    }
    const { entry } = outcome;
    if (outcome.kind === 'there') {
      this.summary.passedOver += 1;
      this.#log.info(`${queued.output}: there already`);
      return { kind: 'made', entry, seconds: 0, worker };
    }
    this.summary.made += 1;
    const { seconds } = outcome;
    this.#log.info(
      `${queued.output}: ${counted(entry.frames, 'frame')} in ${formatDuration(seconds)}`,
    );
    return { kind: 'made', entry, seconds, worker };
  }

  /** Another version may make other frames of the same job, and a batch is of one kind. */
  #refusal(data: unknown): string | undefined {
    const { format, version } = (data ?? {}) as Partial<Record<string, unknown>>;
    const own = packageVersion();
    if (format === JOB_FORMAT && version === own) return undefined;
    if (typeof version !== 'string') return undefined;
    return `jobs of version ${version} are left to others by ${this.name}, which is Frameloom ${own}`;
  }

  async #refuse(job: Job, token: string | undefined, why: string): Promise<never> {
    this.#once(why);
    await job.updateProgress({ refused: why });
    await sleep(REFUSAL_PAUSE_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    return this.#leave(job, token, REFUSED_MS);
  }

  #once(words: string): void {
    if (!this.#told.has(words)) this.#log.warn(words);
    this.#told.add(words);
  }

  async #leave(job: Job, token: string | undefined, forMs: number): Promise<never> {
    const { signal } = this.#stop;
    const late = new AbortController();
    const limit = (): void => void setTimeout(() => late.abort(), HANDED_BACK_WITHIN_MS).unref();
    if (signal.aborted) limit();
    else signal.addEventListener('abort', limit, { once: true });
    // Where the queue is away, or has given it to another already, there is nothing to hand back.
    await this.#line
      .within(job.moveToDelayed(Date.now() + forMs, token), late.signal)
      .catch((error: unknown) => this.#log.debug(messageOf(error)));
    signal.removeEventListener('abort', limit);
    throw new this.#Left();
  }

  async #make(job: Job, queued: QueuedJob): Promise<Outcome> {
    const { trustFilters, threads } = this.#options;
    const { model: wanted, input, output, folder } = queued;
    const { baseFolder = dirname(input.path), actions } = queued.settings;
    const inStore = isStoreAddress(folder);
    await this.#roots.assert(wanted.place, input.path, output, folder, actions);
    const lent = await this.#models.lend(wanted);
    let copy: InputCopy | undefined;
    try {
      // What the model names beside them.
      const beside = await actionsFileOf(lent.model, input.path, { actions, baseFolder });
      await this.#roots.assert(...filesRead(lent.model, baseFolder), beside ?? undefined);
      const settings: JobSettings = {
        // Each value is checked where it is used, as if it had been given here.
        ...(queued.settings as JobSettings),
        ...{ trustFilters, threads, log: this.#log },
      };
      copy = await copyInput(input, inStore, this.#stop.signal);
      const at: Lent = { lent, settings, copy, onFrame: this.#progressOf(job) };
      return await (inStore ? this.#makeInStore(queued, at) : this.#makeOnDisk(queued, at));
    } finally {
      await copy?.remove();
      await lent.giveBack();
    }
  }

  async #makeOnDisk(queued: QueuedJob, { lent, settings, copy, onFrame }: Lent): Promise<Outcome> {
    const { model: wanted, input, output, folder, index, seed } = queued;
    const signal = this.#stop.signal;
    const place = await this.#folderOf(folder);
    const maker = new JobMaker(lent.model, place.manifest, wanted.sha256, settings);
    const job = { index, input: copy.path, inputName: input.name, output, seed, folder };
    if (!copy.isCopy) {
      const { sha256 } = (await maker.workOf(job)).input;
      if (sha256 !== input.identity) throw changed(input);
    }
    return place.attempt(job, maker, { signal, onFrame, synthesizer: () => lent.synthesizer() });
  }

  async #makeInStore(queued: QueuedJob, { lent, settings, copy, onFrame }: Lent): Promise<Outcome> {
    const { model, input, output, folder, seed } = queued;
    if (!copy.isCopy && (await fingerprint(copy.path))?.sha256 !== input.identity) {
      throw changed(input);
    }
    const job = {
      ...{
        input: copy.path,
        inputName: input.name,
        identity: input.identity,
        output,
        folder,
        seed,
      },
      model: { step: model.step, sha256: model.sha256 },
    };
    const store = await Store.open();
    const synthesizer = () => lent.synthesizer();
    const how = {
      ...settings,
      signal: this.#stop.signal,
      folder: copy.folder,
      synthesizer,
      onFrame,
    };
    return makeInStore(store, lent.model, job, how);
  }

  /** Tells how far it is, now and then; what is not told harms nobody. */
  #progressOf(job: Job): (done: number, total: number | null) => void {
    let told = performance.now();
    return (done, total) => {
      const now = performance.now();
      if (now - told < PROGRESS_EVERY_MS) return;
      told = now;
      job
        .updateProgress({ done, total })
        .catch((error: unknown) => this.#log.debug(messageOf(error)));
    };
  }

  /** Says what the end of an attempt means for its job. */
  async #end(
    job: Job,
    token: string | undefined,
    queued: QueuedJob,
    error: unknown,
  ): Promise<never> {
    if (error instanceof ManifestError) {
      // Its line is entered by the next one, when this process and its claim are gone.
      this.#broken.abort(error.cause);
      return this.#leave(job, token, BUSY_MS);
    }
    if (this.#stop.signal.aborted) {
      this.summary.handedBack += 1;
      this.#log.info(`${queued.output}: handed back`);
      return this.#leave(job, token, 0);
    }
    const words = isFrameloomError(error) ? error.toLine() : messageOf(error);
    const attempts = job.opts.attempts ?? 1;
    const isLast = !mayPass(error) || job.attemptsMade + 1 >= attempts;
    if (!isLast) {
      this.#log.warn(`${queued.output}: attempt ${job.attemptsMade + 1} of ${attempts}: ${words}`);
      throw new Error(failureText(error));
    }
    this.summary.failed += 1;
    this.#log.error(`${queued.output}: ${words}`);
    throw new this.#Final(failureText(error));
  }

  #folderOf(folder: string): Promise<BatchFolder> {
    const known = this.#folders.get(folder);
    if (known) return known;
    const opened = BatchFolder.open(folder, { log: this.#log, shared: true });
    this.#folders.set(folder, opened);
    // A disk that was away may be back for the next one.
    opened.catch(() => this.#folders.delete(folder));
    return opened;
  }

  async close(): Promise<void> {
    await this.#models.close();
    for (const folder of this.#folders.values()) await (await folder).close();
  }
}
