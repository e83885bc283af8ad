import { counted } from '../../../base/units.js';
import { foreseeBatch, type Foreseen } from '../../../synthesis/batch/foresee.js';
import {
  jobsOfShard,
  outputFolder,
  planBatch,
  type BatchJob,
} from '../../../synthesis/batch/template.js';
import { dataOf } from '../../../synthesis/models/model.js';
import { checkRoom, checkVideo, openInput } from '../../../synthesis/video/generate-video.js';
import { totalFrames, warnOfRate } from '../../../synthesis/video/input-checks.js';
import { filesOf } from '../../../video/sequence.js';
import type { Engine } from '../../engine/engine.js';
import { EXIT } from '../../terminal/exit-code.js';
import type { Context } from '../../terminal/context.js';
import type { BatchCommand } from './batch.js';
import { warnOfColourFlags, type ColourFlags } from './idle.js';

const WORDS: Readonly<Record<Foreseen['verdict'], string>> = {
  make: 'would make',
  replace: 'would replace',
  made: 'is there already:',
  kept: 'would leave as it is:',
  fail: 'would fail:',
};

function tell({ job, verdict, frames, error }: Foreseen, json: boolean, context: Context): void {
  const { terminal } = context;
  if (json) {
    const why = error && { code: error.code, message: error.message, hint: error.hint ?? null };
    const more = { ...(frames !== null && { frames }), ...(why && { error: why }) };
    terminal.out(`${JSON.stringify({ status: `would-${verdict}`, ...job, ...more })}\n`);
    return;
  }
  const length = frames === null ? '' : `, ${counted(frames, 'frame')}`;
  const why = error ? `: ${error.toLine()}` : ` from ${job.input}${length}`;
  terminal.out(`${WORDS[verdict]} ${job.output}${why}\n`);
}

/**
 * Says what would become of each job, and writes nothing.
 * @returns the exit code: 1 where one would fail
 * @throws FrameloomError as generateBatch, before anything is made
 */
export async function foreseeVideos(
  engine: Engine,
  context: Context,
  batch: BatchCommand,
): Promise<number> {
  const { inputs, seeds, template, shard, json } = batch;
  const jobs = jobsOfShard(planBatch({ inputs, seeds, template }), shard);
  const counts = { make: 0, replace: 0, made: 0, kept: 0, fail: 0 };
  let total = 0;
  const options = {
    ...batch.settings,
    ...{ folder: outputFolder(template), shard, modelId: await engine.modelId() },
  };
  for await (const foreseen of foreseeBatch(engine.model, jobs, options)) {
    counts[foreseen.verdict] += 1;
    total += foreseen.frames ?? 0;
    tell(foreseen, json, context);
  }
  const { make, replace, made, kept, fail } = counts;
  context.terminal.out(
    json
      ? `${JSON.stringify({ status: 'summary', ...counts, frames: total })}\n`
      : `${counted(jobs.length, 'video')}: ${make + replace} would be made (${counted(total, 'frame')}), ${made} there already, ${kept} left as they are, ${fail} would fail; nothing was written\n`,
  );
  return fail > 0 ? EXIT.failed : EXIT.ok;
}

/**
 * The same of one video, whose output has been looked at.
 * @throws FrameloomError as generateVideo of the input
 */
export async function foreseeVideo(
  engine: Engine,
  context: Context,
  job: BatchJob,
  settings: BatchCommand['settings'] & ColourFlags & { readonly json: boolean },
): Promise<number> {
  const { model } = engine;
  const video = await openInput({ ...settings, input: job.input });
  await video.close();
  checkVideo(video, model, settings);
  warnOfColourFlags(settings, video.info, context);
  if (settings.fps === undefined) warnOfRate(dataOf(model).fps, video.info, context.log);
  const frames = totalFrames(video.info, settings.fps);
  await checkRoom({ output: job.output, format: settings.format }, frames);
  // What is there and not to be replaced was an error before.
  const isThere = (await filesOf(job.output)).length > 0;
  tell({ job, verdict: isThere ? 'replace' : 'make', frames }, settings.json, context);
  return EXIT.ok;
}
