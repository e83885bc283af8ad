import { FrameloomError } from '../../../base/error.js';
import type { Rational } from '../../../base/rational.js';
import { removePartsOfMade } from '../../../synthesis/video/film-parts.js';
import { generateVideo, openInput } from '../../../synthesis/video/generate-video.js';
import type { OnnxThread } from '../../../synthesis/engines/thread/host.js';
import { isTemplate, planBatch, type Shard } from '../../../synthesis/batch/template.js';
import {
  assertPixelFormat,
  type ColourMatrix,
  type EncodeResult,
  type OnDamage,
} from '../../../video/index.js';
import type { Context } from '../../terminal/context.js';
import { openEngine, warnOfSeeds } from '../../engine/engine.js';
import type { EngineFlags } from '../../engine/flags.js';
import { gatherInputs } from '../../input/inputs.js';
import { checkVideoOutput, modelFiles } from '../../output/check.js';
import { outputChoice, rawInput, reportVideo, type RawFlags } from '../../output/choice.js';
import type { OutputFlags } from '../../output/flags.js';
import { createProgress } from '../../terminal/progress.js';
import { refuseStoresAlone, type QueueFlags } from './queue-flags.js';
import { refuseIdleFlags, warnOfColourFlags, warnOfIdleFlags } from './idle.js';

/** What one video is made by. */
export interface GenerateFlags extends OutputFlags, RawFlags, EngineFlags {
  input: string;
  startFrames?: number;
  actions?: string;
  seed?: number;
  sideBySide?: boolean;
  audio?: boolean;
  subtitles?: boolean;
  chapters?: boolean;
  metadata?: boolean;
  segmentFrames?: number;
  start?: number;
  duration?: number;
  onDamage?: OnDamage;
  inputMatrix?: ColourMatrix;
  inputRange?: 'limited' | 'full';
  trustFilters?: boolean;
  json?: boolean;
}

export interface GenerateAnyFlags extends Omit<GenerateFlags, 'input'>, QueueFlags {
  input?: string[];
  list?: string;
  seeds?: number[];
  jobs?: number;
  shard?: Shard;
  dryRun?: boolean;
}

/** What the flags say of the inputs, whatever is made of them. */
export function sourceSettings(
  flags: Omit<GenerateFlags, 'input' | 'output'>,
  { log, signal }: Context,
) {
  const raw = rawInput(flags);
  const sequenceFps: Rational | undefined = raw ? undefined : flags.fps;
  return {
    startFrames: flags.startFrames ?? 0,
    baseFolder: process.cwd(),
    ...{ log, signal, trustFilters: flags.trustFilters },
    ...(raw && { raw }),
    ...(flags.actions !== undefined && { actions: flags.actions }),
    ...(flags.threads !== undefined && { threads: flags.threads }),
    ...(flags.start !== undefined && { startSeconds: flags.start }),
    ...(flags.duration !== undefined && { durationSeconds: flags.duration }),
    ...(sequenceFps && { sequenceFps, fps: sequenceFps }),
    ...((flags.inputMatrix ?? flags.inputRange) && {
      colour: { colourMatrix: flags.inputMatrix, colourRange: flags.inputRange },
    }),
    ...(flags.onDamage !== undefined && { onDamage: flags.onDamage }),
  };
}

/** Where the flags lead, the same for one video and for many. */
export function generateSettings(flags: Omit<GenerateFlags, 'input'>, context: Context) {
  return {
    ...sourceSettings(flags, context),
    ...outputChoice(flags),
    ...(flags.sideBySide && { sideBySide: true }),
    ...(flags.audio !== undefined && { audio: flags.audio }),
    ...((flags.subtitles ?? flags.chapters ?? flags.metadata) && {
      carry: {
        subtitles: flags.subtitles,
        chapters: flags.chapters,
        metadata: flags.metadata,
      },
    }),
    ...(flags.segmentFrames !== undefined && { segmentFrames: flags.segmentFrames }),
  };
}

/** Generates one video with a run's averaged generator. */
export async function generateFromRun(
  folder: string,
  flags: GenerateFlags,
  context: Context,
  thread?: OnnxThread,
): Promise<EncodeResult> {
  const settings = { ...generateSettings(flags, context), reads: await modelFiles(folder) };
  const { format, outputPixelFormat, overwrite } = settings;
  const reads = [flags.input, ...settings.reads];
  const check = { format, outputPixelFormat, overwrite, reads, log: context.log };
  await checkVideoOutput(flags.output, check).catch(async (error: unknown) => {
    await removePartsOfMade(flags.output, context.log);
    throw error;
  });
  // The input is looked at while the model is loaded.
  const video = openInput({ ...settings, input: flags.input });
  // Told where it is asked for, when the model is there.
  video.catch(() => undefined);
  const closeInput = (): Promise<void> =>
    video.then(
      (opened) => opened.close(),
      () => undefined,
    );
  const engine = await openEngine(folder, flags, context, thread).catch(async (error: unknown) => {
    await closeInput();
    throw error;
  });
  const { model } = engine;
  warnOfIdleFlags(flags, [flags.input], model, context);
  await video.then(
    ({ info }) => warnOfColourFlags(flags, info, context),
    () => undefined,
  );
  if (flags.seed !== undefined) warnOfSeeds(model, context);
  const synthesizer = await engine.open().catch(async (error: unknown) => {
    await closeInput();
    await engine.close();
    throw error;
  });
  const progress = createProgress(context);
  const started = performance.now();
  /** Frames that were there when it went on. */
  let before: number | undefined;
  try {
    return await generateVideo(model, {
      ...settings,
      synthesizer,
      video,
      input: flags.input,
      output: flags.output,
      ...(flags.seed !== undefined && { seed: flags.seed }),
      onFrame: (done, total) => {
        before ??= done - 1;
        const framesPerSecond = ((done - before) * 1000) / (performance.now() - started);
        progress.update({
          done,
          unit: 'frames',
          framesPerSecond,
          ...(total !== null && { total, etaSeconds: (total - done) / framesPerSecond }),
        });
      },
    });
  } finally {
    progress.stop();
    synthesizer.dispose();
    await engine.close();
  }
}

/** Says of one video what would be made. @returns the exit code */
async function foreseeOne(
  folder: string,
  flags: GenerateFlags,
  context: Context,
  thread?: OnnxThread,
): Promise<number> {
  const { input, output, seed, json = false } = flags;
  const { inputMatrix, inputRange } = flags;
  const settings = { ...generateSettings(flags, context), json, inputMatrix, inputRange };
  const reads = [input, ...(await modelFiles(folder))];
  await checkVideoOutput(output, { ...settings, reads });
  const { foreseeVideo } = await import('./foresee.js');
  const engine = await openEngine(folder, flags, context, thread);
  try {
    warnOfIdleFlags(flags, [input], engine.model, context);
    if (seed !== undefined) warnOfSeeds(engine.model, context);
    const job = { index: 1, input, output, seed: seed ?? engine.model.seed };
    return await foreseeVideo(engine, context, job, settings);
  } finally {
    await engine.close();
  }
}

/** @throws FrameloomError bad-option for one file of actions of several inputs */
export function refuseSharedActions(
  { actions }: Pick<GenerateFlags, 'actions'>,
  inputs: readonly string[],
): void {
  if (actions === undefined || inputs.length <= 1) return;
  throw new FrameloomError('bad-option', '--actions is of one input, and there are several', {
    hint: 'leave it out: the file that the pipeline names is looked for beside each',
  });
}

/** Generates one video or many, as the flags say. @returns the exit code */
export async function generateAny(
  folder: string,
  flags: GenerateAnyFlags,
  context: Context,
  thread?: OnnxThread,
): Promise<number> {
  const { input = [], list, seeds, seed, jobs, shard, output, json = false } = flags;
  if (seed !== undefined && seeds) {
    throw new FrameloomError('bad-option', '--seed and --seeds contradict each other');
  }
  refuseStoresAlone(folder, flags);
  const inputs = await gatherInputs(input, list, context.signal, context.log);
  refuseSharedActions(flags, inputs);
  refuseIdleFlags(flags, inputs);
  if (flags.pixFmt !== undefined) await assertPixelFormat(flags.pixFmt, 'read');
  const { queue } = flags;
  const many =
    inputs.length > 1 || seeds !== undefined || shard !== undefined || queue !== undefined;
  if (!many && list === undefined && !isTemplate(output)) {
    const one = { ...flags, input: inputs[0]! };
    if (jobs !== undefined) context.log.warn('--jobs does nothing for one video');
    if (flags.dryRun) return foreseeOne(folder, one, context, thread);
    return reportVideo(flags, context, () => generateFromRun(folder, one, context, thread));
  }
  if (output === '-' || inputs.includes('-')) {
    throw new FrameloomError('bad-option', 'a pipe carries one video', {
      hint: 'give files to a batch and write files, such as -o out/{name}-{seed}.mp4',
    });
  }
  // What is wrong with the template is told before the model is loaded.
  planBatch({ inputs, seeds: seeds ?? [seed ?? 0], template: output });
  const byQueue = queue === undefined ? undefined : await import('./queued.js');
  const place = byQueue ? await byQueue.localModel(folder) : folder;
  const reads = [...(await modelFiles(place)), ...(list === undefined ? [] : [list])];
  const settings = { ...generateSettings(flags, context), reads };
  const { outputPixelFormat } = settings;
  if (outputPixelFormat !== undefined) await assertPixelFormat(outputPixelFormat);
  const { generateBatch } = await import('./batch.js');
  const engine = await openEngine(place, flags, context, thread);
  warnOfIdleFlags(flags, inputs, engine.model, context);
  if (seed !== undefined || seeds) warnOfSeeds(engine.model, context);
  try {
    const { foreseeVideos } = await import('./foresee.js');
    const work = flags.dryRun ? foreseeVideos : generateBatch;
    return await work(engine, context, {
      settings,
      inputs,
      seeds: seeds ?? [seed ?? engine.model.seed],
      template: output,
      json,
      ...(shard && { shard }),
      ...(jobs !== undefined && { jobs }),
      ...(byQueue &&
        queue !== undefined && {
          queued: byQueue.queuedBy(folder, engine.model.step, { ...flags, queue }),
        }),
    });
  } finally {
    await engine.close();
  }
}
