import { FrameloomError, isFrameloomError, messageOf } from '../../base/error.js';
import { silentLogger } from '../../base/log.js';
import { assertTrusted } from '../../clips/trust.js';
import { dataOf, type AnyModel } from '../models/model.js';
import { totalFrames } from '../video/input-checks.js';
import { checkRoom, checkVideo, openInput } from '../video/generate-video.js';
import { folderOf, refuseInputs, type BatchOptions } from './batch.js';
import { modelFingerprint } from './fingerprint.js';
import { assertFree, formatOf, isPictureFormat } from '../../video/index.js';
import { JobMaker, type Verdict } from './job.js';
import { Manifest } from './manifest.js';
import type { BatchJob } from './template.js';

/** What would become of a job. */
export interface Foreseen {
  readonly job: BatchJob;
  /** `fail` where its input cannot be used. */
  readonly verdict: Verdict | 'fail';
  /** Frames that would be made; null where that is not known, or nothing would be. */
  readonly frames: number | null;
  readonly error?: FrameloomError;
}

/**
 * What `runBatch` would do with each job, one after the other: inputs are looked at, and nothing is written.
 * @throws FrameloomError as runBatch does before its first job
 */
export async function* foreseeBatch(
  model: AnyModel,
  jobs: readonly BatchJob[],
  options: Omit<BatchOptions, 'parallel' | 'openSynthesizer' | 'onEvent'> = {},
): AsyncGenerator<Foreseen, void, undefined> {
  const { log = silentLogger, shard, signal, fps } = options;
  assertTrusted(dataOf(model).condition, options.trustFilters ?? false);
  await refuseInputs(model, jobs, options);
  const folder = options.folder ?? folderOf(jobs);
  const manifest = await Manifest.open(folder, { shard, log, readOnly: true });
  const maker = new JobMaker(
    model,
    manifest,
    options.modelId ?? (await modelFingerprint(model)),
    options,
  );
  for (const job of jobs) {
    signal?.throwIfAborted();
    const verdict = await maker.foresee(job);
    if (verdict === 'made' || verdict === 'kept') {
      yield { job, verdict, frames: null };
      continue;
    }
    try {
      const pictures = isPictureFormat(formatOf(job.output, options.format));
      await assertFree(job.output, pictures, { overwrite: verdict === 'replace' });
      const video = await openInput({ ...options, input: job.input });
      await video.close();
      checkVideo(video, model, options);
      const frames = totalFrames(video.info, fps);
      await checkRoom({ output: job.output, format: options.format }, frames);
      yield { job, verdict, frames };
    } catch (error) {
      signal?.throwIfAborted();
      const told = isFrameloomError(error)
        ? error
        : new FrameloomError('bad-input', messageOf(error), { path: job.input, cause: error });
      yield { job, verdict: 'fail', frames: null, error: told };
    }
  }
}
