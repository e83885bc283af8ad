import { FrameloomError, isFrameloomError, messageOf } from '../base/error.js';
import { silentLogger } from '../base/log.js';
import type { EncodeResult } from '../video/index.js';
import { openSynthesizer, type AnyModel } from './any-model.js';
import { fingerprint, isUnchanged, modelFingerprint, type Fingerprint } from './fingerprint.js';
import { generateVideo, type GenerateVideoOptions } from './generate-video.js';
import { Manifest, removeLeftovers, type ManifestEntry } from './manifest.js';
import type { Synthesizer } from './synthesizer.js';
import type { BatchJob, Shard } from './template.js';

/** What happens to the jobs of a batch. */
export type BatchEvent =
  | { readonly kind: 'skipped' | 'started'; readonly job: BatchJob }
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

export interface BatchOptions extends Omit<
  GenerateVideoOptions,
  'input' | 'output' | 'seed' | 'synthesizer' | 'onFrame'
> {
  /** Where the manifest lies: `outputFolder` of the template. */
  readonly folder: string;
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
  readonly skipped: number;
  readonly failed: readonly { readonly job: BatchJob; readonly error: FrameloomError }[];
}

/**
 * Makes many videos with one model. What the manifest knows as made, of the same input by the same
 * model and settings, and that is still there, is skipped; each further one is entered when it is in
 * place. A job that fails does not stop the others.
 *
 * @throws FrameloomError cancelled, when all that was begun is cleaned up; write-failed, disk-full
 *   where the manifest cannot be written
 */
export async function runBatch(
  model: AnyModel,
  jobs: readonly BatchJob[],
  options: BatchOptions,
): Promise<BatchSummary> {
  const { log = silentLogger, shard, signal } = options;
  const manifest = await Manifest.open(options.folder, { shard, log });
  const sha256 = options.modelId ?? (await modelFingerprint(model));
  const batch = new Batch(model, manifest, { ...options, modelId: sha256 });
  try {
    await removeLeftovers(jobs.map(({ output }) => output));
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
    return { done: batch.done, skipped: batch.skipped, failed: batch.failed };
  } finally {
    await manifest.close();
  }
}

class Batch {
  done = 0;
  skipped = 0;
  readonly failed: { job: BatchJob; error: FrameloomError }[] = [];
  readonly #model: AnyModel;
  readonly #manifest: Manifest;
  readonly #options: BatchOptions;
  readonly #modelId: ManifestEntry['model'];
  readonly #inputs = new Map<string, Promise<Fingerprint | null>>();

  constructor(
    model: AnyModel,
    manifest: Manifest,
    options: BatchOptions & { readonly modelId: string },
  ) {
    this.#model = model;
    this.#manifest = manifest;
    this.#options = options;
    this.#modelId = { step: model.step, sha256: options.modelId };
  }

  #settings({ seed }: BatchJob): ManifestEntry['settings'] {
    const { startFrames, audio, format, outputPixelFormat, sequenceFps, raw } = this.#options;
    return {
      seed,
      startFrames,
      audio: audio ?? false,
      format: format ?? null,
      outputPixelFormat: outputPixelFormat ?? null,
      sequenceFps: sequenceFps ? `${sequenceFps.num}/${sequenceFps.den}` : null,
      raw: raw ? JSON.stringify(raw) : null,
    };
  }

  /** The jobs that are still to be done; tells of the others. */
  async unfinished(jobs: readonly BatchJob[]): Promise<BatchJob[]> {
    const queue: BatchJob[] = [];
    for (const job of jobs) {
      if (this.#options.signal?.aborted) break;
      if (await this.#isMade(job)) {
        this.skipped += 1;
        this.#options.onEvent?.({ kind: 'skipped', job });
      } else {
        queue.push(job);
      }
    }
    return queue;
  }

  async #isMade(job: BatchJob): Promise<boolean> {
    const entry = this.#manifest.find(job.output);
    if (entry?.model.sha256 !== this.#modelId.sha256) return false;
    const settings = this.#settings(job);
    const same = Object.entries(settings).every(([key, value]) => entry.settings[key] === value);
    return (
      same && (await isUnchanged(job.input, entry.input)) && isUnchanged(job.output, entry.made)
    );
  }

  /** Does one job after another, with one synthesizer. */
  async work(queue: BatchJob[]): Promise<void> {
    const { signal } = this.#options;
    const synthesizer = await (this.#options.openSynthesizer?.() ?? openSynthesizer(this.#model));
    try {
      for (let job = queue.shift(); job && !signal?.aborted; job = queue.shift()) {
        await this.#attempt(job, synthesizer);
      }
    } finally {
      synthesizer.dispose();
    }
  }

  async #attempt(job: BatchJob, synthesizer: Synthesizer): Promise<void> {
    const { onEvent, signal, log = silentLogger } = this.#options;
    const started = performance.now();
    onEvent?.({ kind: 'started', job });
    let entry: ManifestEntry;
    let result: EncodeResult;
    try {
      [entry, result] = await this.#make(job, synthesizer);
    } catch (error) {
      if (signal?.aborted) return;
      if (!isFrameloomError(error)) log.debug(error instanceof Error ? `${error.stack}` : '');
      const told = isFrameloomError(error)
        ? error
        : new FrameloomError('write-failed', messageOf(error), { path: job.output, cause: error });
      this.failed.push({ job, error: told });
      onEvent?.({ kind: 'failed', job, error: told });
      return;
    }
    await this.#manifest.add(entry);
    this.done += 1;
    const seconds = (performance.now() - started) / 1000;
    onEvent?.({ kind: 'done', job, result, seconds });
  }

  async #make(job: BatchJob, synthesizer: Synthesizer): Promise<[ManifestEntry, EncodeResult]> {
    const { onEvent } = this.#options;
    // Before it is read: one that changes meanwhile is then found changed at the next call.
    const input = await this.#inputOf(job.input);
    const result = await generateVideo(this.#model, {
      ...this.#options,
      input: job.input,
      output: job.output,
      seed: job.seed,
      synthesizer,
      onFrame: (done, total) => onEvent?.({ kind: 'frame', job, done, total }),
    });
    const made = await fingerprint(job.output);
    if (!input || !made) {
      const path = input ? job.output : job.input;
      throw new FrameloomError('not-found', `${path} is gone`, { path });
    }
    const entry = {
      output: this.#manifest.key(job.output),
      model: this.#modelId,
      settings: this.#settings(job),
      input: { path: job.input, ...input },
      made,
      frames: result.frames,
      durationSeconds: result.durationSeconds,
    };
    return [entry, result];
  }

  /** Read once, however many seeds there are. */
  #inputOf(path: string): Promise<Fingerprint | null> {
    const known = this.#inputs.get(path) ?? fingerprint(path);
    this.#inputs.set(path, known);
    return known;
  }
}
