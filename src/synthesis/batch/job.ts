import { FrameloomError } from '../../base/error.js';
import { formatOf, isPictureFormat, probe, type EncodeResult } from '../../video/index.js';
import { isNumbered } from '../../video/sequence.js';
import { isExported, type AnyModel } from '../models/model.js';
import { isOrphaned, isSameSettings, isSameWork, type Claim, type ClaimedWork } from './claim.js';
import { fingerprint, glance, isRestOf, isUnchanged, type Fingerprint } from './fingerprint.js';
import { actionsFileOf } from '../video/input-actions.js';
import { generateVideo, type GenerateVideoOptions } from '../video/generate-video.js';
import type { Manifest, ManifestEntry } from './manifest.js';
import type { BatchJob } from './template.js';

/** How every video of a batch is made. */
export type JobSettings = Omit<
  GenerateVideoOptions,
  'input' | 'video' | 'output' | 'seed' | 'synthesizer' | 'onFrame'
>;

/**
 * What is to be done of a job: nothing where it is made, nothing where something else is in its
 * place, or making it, over what is there if that is known to be this batch's own.
 */
export type Verdict = 'made' | 'kept' | 'make' | 'replace';

/** The size that frames are made in, where it was chosen; null for that of the training. */
function ownSize(model: AnyModel): string | null {
  if (!isExported(model)) return null;
  const { width, height, info } = model;
  const usual = info.fixed ?? info;
  return width === usual.width && height === usual.height ? null : `${width}x${height}`;
}

/** What its file of actions holds; nothing of a model that is told none, and of an input without one. */
async function actionsOf(
  model: AnyModel,
  input: string,
  { actions, baseFolder = process.cwd(), signal }: JobSettings,
): Promise<string | null> {
  const path = await actionsFileOf(model, input, { actions, baseFolder });
  return path === null ? null : ((await fingerprint(path, signal))?.sha256 ?? null);
}

/** All but the model and the input that decides what comes of a job, as the manifest says it. */
export async function settingsOf(
  model: AnyModel,
  { seed, input }: Pick<BatchJob, 'seed' | 'input'>,
  options: JobSettings,
): Promise<ManifestEntry['settings']> {
  const actions = await actionsOf(model, input, options);
  const {
    startFrames = 0,
    sideBySide,
    audio,
    carry,
    format,
    outputPixelFormat,
    codec,
    crf,
    quality,
    preset,
    sequenceFps,
    fps,
    colour,
    onDamage,
    raw,
    startSeconds,
    durationSeconds,
  } = options;
  return {
    seed,
    startFrames,
    sideBySide: sideBySide ?? false,
    audio: audio ?? false,
    carry: carry ? JSON.stringify(carry) : null,
    format: format ?? null,
    outputPixelFormat: outputPixelFormat ?? null,
    codec: codec ?? null,
    crf: crf ?? null,
    quality: quality ?? null,
    preset: preset ?? null,
    sequenceFps: sequenceFps ? `${sequenceFps.num}/${sequenceFps.den}` : null,
    fps: fps ? `${fps.num}/${fps.den}` : null,
    colour: colour ? JSON.stringify(colour) : null,
    onDamage: onDamage ?? null,
    startSeconds: startSeconds ?? null,
    durationSeconds: durationSeconds ?? null,
    raw: raw ? JSON.stringify(raw) : null,
    size: ownSize(model),
    ...(actions !== null && { actions }),
  };
}

/** A job's own: whether it is made already, what it is of, and making it. */
export class JobMaker {
  readonly #model: AnyModel;
  readonly #manifest: Manifest;
  readonly #options: JobSettings;
  readonly #modelId: ManifestEntry['model'];
  readonly #inputs = new Map<string, Promise<Fingerprint | null>>();

  /** @param modelId names the model in the manifest */
  constructor(model: AnyModel, manifest: Manifest, modelId: string, options: JobSettings) {
    this.#model = model;
    this.#manifest = manifest;
    this.#options = options;
    this.#modelId = { step: model.step, sha256: modelId };
  }

  /** Whether the manifest has it, of what is asked for, and it is still there. */
  async isMade(job: BatchJob): Promise<boolean> {
    const entry = this.#manifest.find(job.output);
    if (entry?.model.sha256 !== this.#modelId.sha256) return false;
    const settings = await settingsOf(this.#model, job, this.#options);
    const { signal } = this.#options;
    return (
      isSameSettings(entry.settings, settings) &&
      (await isUnchanged(job.input, entry.input, signal)) &&
      isUnchanged(job.output, entry.made, signal)
    );
  }

  /**
   * All that decides what comes of a job.
   * @throws FrameloomError not-found where the input is missing
   */
  async workOf(job: BatchJob): Promise<ClaimedWork> {
    // Before it is read: one that changes meanwhile is then found changed at the next call.
    const input = await this.#inputOf(job.input);
    if (!input)
      throw new FrameloomError('not-found', `${job.input} does not exist`, { path: job.input });
    return {
      output: this.#manifest.key(job.output),
      model: this.#modelId,
      settings: await settingsOf(this.#model, job, this.#options),
      input: { path: job.inputName ?? job.input, ...input },
      before: await glance(job.output),
    };
  }

  /** Numbered pictures, put in place one by one: what is there need not be all of them. */
  #isNumbered({ output }: BatchJob): boolean {
    return isNumbered(output) && isPictureFormat(formatOf(output, this.#options.format));
  }

  /** Whether somebody made it since the list was gone through, or died between file and manifest. */
  async judge(job: BatchJob, work: ClaimedWork, claim: Claim): Promise<Verdict> {
    await this.#manifest.refresh();
    if (await this.isMade(job)) return 'made';
    const now = await glance(job.output);
    if (!now) return 'make';
    const { abandoned } = claim;
    const orphaned = abandoned !== undefined && isOrphaned(abandoned, now);
    if (orphaned && !abandoned.orphaned && isSameWork(abandoned, work) && !this.#isNumbered(job)) {
      // A file is renamed into place when it is whole: only its line is missing.
      await this.#enter(job, work);
      return 'made';
    }
    const ours = this.#options.overwrite === true || orphaned || (await this.#isOurs(job));
    return ours ? 'replace' : 'kept';
  }

  /** What would become of a job; nothing is read of its input, and nothing written. */
  async foresee(job: BatchJob): Promise<Verdict> {
    if (await this.isMade(job)) return 'made';
    if (!(await glance(job.output))) return 'make';
    const ours = this.#options.overwrite === true || (await this.#isOurs(job));
    return ours ? 'replace' : 'kept';
  }

  /** Whether what is there is what the manifest says was made, of other work than is asked for. */
  async #isOurs(job: BatchJob): Promise<boolean> {
    const entry = this.#manifest.find(job.output);
    if (!entry) return false;
    if (await isUnchanged(job.output, entry.made)) return true;
    return this.#isNumbered(job) && isRestOf(job.output, entry.made);
  }

  async #enter(job: BatchJob, { output, model, settings, input }: ClaimedWork): Promise<void> {
    const made = await this.#printOf(job);
    const { frameCount, durationSeconds } = await probe(job.output, { count: true });
    await this.#manifest.enter({
      ...{ output, model, settings, input, made },
      ...{ frames: frameCount ?? 0, durationSeconds: durationSeconds ?? 0 },
    });
  }

  async #printOf({ output }: BatchJob): Promise<Fingerprint> {
    const made = await fingerprint(output);
    if (made) return made;
    throw new FrameloomError('not-found', `${output} is gone`, { path: output });
  }

  /** Makes it. @returns its line for the manifest too. @throws FrameloomError as generateVideo */
  async make(
    job: BatchJob,
    work: ClaimedWork,
    how: Required<Pick<GenerateVideoOptions, 'overwrite' | 'synthesizer' | 'signal' | 'onFrame'>>,
  ): Promise<[ManifestEntry, EncodeResult]> {
    const { signal } = this.#options;
    const result = await generateVideo(this.#model, {
      ...this.#options,
      input: job.input,
      output: job.output,
      seed: job.seed,
      ...how,
      signal: signal ? AbortSignal.any([signal, how.signal]) : how.signal,
    });
    const made = await this.#printOf(job);
    const { frames, durationSeconds } = result;
    const { output, model, settings, input } = work;
    return [{ output, model, settings, input, made, frames, durationSeconds }, result];
  }

  /** Read once, however many seeds there are. */
  #inputOf(path: string): Promise<Fingerprint | null> {
    const known = this.#inputs.get(path) ?? fingerprint(path, this.#options.signal);
    this.#inputs.set(path, known);
    return known;
  }
}
