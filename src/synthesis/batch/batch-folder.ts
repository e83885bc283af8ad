import { dirname } from 'node:path';
import { FrameloomError, messageOf } from '../../base/error.js';
import { silentLogger, type Logger } from '../../base/log.js';
import { sweepTemporaries } from '../../base/temporaries.js';
import type { EncodeResult } from '../../video/index.js';
import type { Synthesizer } from '../engines/synthesizer.js';
import { Claims, type Claim, type ClaimedWork } from './claim.js';
import type { JobMaker } from './job.js';
import { Manifest, ManifestError, type ManifestEntry } from './manifest.js';
import type { BatchJob, Shard } from './template.js';

/** What came of a job: `there` was made before, `kept` is something else in its place, `busy` is made by another process. */
export type Outcome =
  | { readonly kind: 'kept' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'there'; readonly entry: ManifestEntry }
  | {
      readonly kind: 'made';
      readonly entry: ManifestEntry;
      readonly result: EncodeResult;
      readonly seconds: number;
    };

export interface AttemptOptions {
  /** Asked for only where there is something to make. */
  readonly synthesizer: () => Promise<Synthesizer> | Synthesizer;
  readonly signal?: AbortSignal | undefined;
  readonly onStart?: (() => void) | undefined;
  readonly onFrame?: ((done: number, total: number | null) => void) | undefined;
}

/** So many folders of outputs are cleaned up at the end, whatever happened in them. */
const CLEANED_FOLDERS = 64;

/**
 * The folder of a batch, and what keeps order in it: the manifest of what is made, the claims of those who
 * work at it, and what the dead left there. One for every process that works at the batch.
 */
export class BatchFolder {
  readonly manifest: Manifest;
  readonly #claims: Claims;
  readonly #log: Logger;
  /** Where processes may have died at their work. */
  readonly #littered = new Set<string>();

  private constructor(folder: string, manifest: Manifest, log: Logger) {
    this.manifest = manifest;
    this.#claims = new Claims(folder);
    this.#log = log;
  }

  /**
   * @param options `shared`: other machines append to the same manifest, whose disk may not know how to append
   *   by itself
   * @throws FrameloomError write-failed where the manifest can neither be read nor written
   */
  static async open(
    folder: string,
    options: { shard?: Shard | undefined; log?: Logger; shared?: boolean } = {},
  ): Promise<BatchFolder> {
    const { shard, log = silentLogger, shared = false } = options;
    const manifest = await Manifest.open(folder, { shard, log, shared });
    return new BatchFolder(folder, manifest, log);
  }

  /** Of a job that is done: what a process that died over it left of its claim. */
  clear(job: BatchJob): Promise<void> {
    return this.#claims.clear(this.manifest.key(job.output));
  }

  /**
   * Does one job, unless another process is at it. What is made and cannot be entered stays claimed until this process
   * ends, or does the job once more, for the next one to enter: nobody makes it again, or takes it for somebody else's.
   * @throws FrameloomError as generateVideo; write-failed where another process took the job over, because this
   *   one stood still
   * @throws ManifestError
   */
  async attempt(job: BatchJob, maker: JobMaker, options: AttemptOptions): Promise<Outcome> {
    const work = await maker.workOf(job);
    const claim = await this.#claims.take(work);
    if (!claim) return { kind: 'busy' };
    let isUnentered = false;
    try {
      if (claim.abandoned) await this.#sweep(dirname(job.output));
      const verdict = await maker.judge(job, work, claim);
      if (verdict === 'kept') return { kind: 'kept' };
      if (verdict === 'made') {
        const entry = this.manifest.find(job.output);
        if (entry) return { kind: 'there', entry };
      }
      return await this.#make(job, maker, work, claim, verdict === 'replace', options);
    } catch (error) {
      isUnentered = error instanceof ManifestError;
      throw error;
    } finally {
      // Not before the manifest has it: until then nobody else may begin it.
      if (isUnentered) claim.leave();
      else await claim.release().catch((error: unknown) => this.#log.warn(messageOf(error)));
    }
  }

  async #make(
    job: BatchJob,
    maker: JobMaker,
    work: ClaimedWork,
    claim: Claim,
    replace: boolean,
    { synthesizer: open, signal, onStart, onFrame }: AttemptOptions,
  ): Promise<Outcome> {
    const synthesizer = await open();
    const started = performance.now();
    onStart?.();
    const [entry, result] = await maker
      .make(job, work, {
        ...{ overwrite: replace, synthesizer },
        signal: signal ? AbortSignal.any([signal, claim.lost]) : claim.lost,
        onFrame: onFrame ?? (() => undefined),
      })
      .catch((error: unknown) => {
        throw claim.lost.aborted ? takenOver(job, error) : error;
      });
    await this.manifest.enter(entry);
    return { kind: 'made', entry, result, seconds: (performance.now() - started) / 1000 };
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

  async close(): Promise<void> {
    for (const folder of this.#littered) await sweepTemporaries(folder, this.#log);
    await this.#claims.close();
    await this.manifest.close();
  }
}

const takenOver = ({ output }: BatchJob, cause: unknown): FrameloomError =>
  new FrameloomError(
    'write-failed',
    `${output} was taken over by another process, because this one stood still for a minute`,
    { path: output, cause },
  );
