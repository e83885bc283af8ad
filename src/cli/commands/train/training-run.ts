import { existsSync } from 'node:fs';
import { readFile, rm, rmdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { FrameloomError, messageOf } from '../../../base/error.js';
import { silentLogger, type Logger } from '../../../base/log.js';
import { writeFileAtomic } from '../../../base/outputs.js';
import { loadPipeline, pipelineToYaml } from '../../../pipeline/load.js';
import { openOrigin } from '../../../pipeline/open-origin.js';
import { resumePipeline } from '../../../pipeline/resume.js';
import type { Pipeline } from '../../../pipeline/schema.js';
import { openRun, startRun, type Run } from '../../../training/run/run-folder.js';
import { listSnapshots, type SnapshotChoice } from '../../../training/run/snapshot-store.js';

export interface TrainingRunFlags {
  clip?: readonly string[] | undefined;
  /** The folder of keyframes, of a new run. */
  keyframes?: string | undefined;
  set?: readonly string[];
  /** The run's folder. */
  run?: string;
  resume?: boolean;
  /** What a new run starts from: a run's folder, or an exported file. */
  from?: string;
  /** Which snapshot of it, or to go back to. */
  snapshot?: SnapshotChoice;
}

/** A pipeline and the locked folder that it is trained in; the caller closes the run. */
export interface TrainingRun {
  readonly pipeline: Pipeline;
  readonly run: Run;
  /**
   * Takes a new run in which nothing was trained away again: its folder would only be in the way of
   * the next try. A folder that was there before stays.
   */
  discardUntrained: () => Promise<void>;
  /**
   * Puts an old run's pipeline back, and what is decided by it, where nothing was trained by what --set and --clip made of
   * it: a mistyped clip would be in the way of the next try too. Never rejects: a failure is told in the log.
   */
  putBack: () => Promise<void>;
}

/**
 * Makes the run that `train` works in: a new one with the file's pipeline, or an old one with its
 * own pipeline, changed by --set and --clip.
 * @param path the pipeline's file; not needed to go on with a run that is named, which holds its own
 * @throws FrameloomError as loadPipeline, startRun and resumePipeline do
 */
export async function openTrainingRun(
  path: string | undefined,
  flags: TrainingRunFlags,
  options: { root?: string; log?: Logger } = {},
): Promise<TrainingRun> {
  const changes = { clips: flags.clip ?? [], set: flags.set ?? [], keyframes: flags.keyframes };
  if (path === undefined) return goOn(flags, options);
  // Whole before anything is made: what is missing or damaged leaves no run behind.
  const { from: place, snapshot } = flags;
  const { log } = options;
  const from = place === undefined ? undefined : await openOrigin(place, { snapshot, log });
  const { pipeline } = await loadPipeline(path, { ...changes, ...(from && { from }) });
  const had = flags.run !== undefined && existsSync(flags.run);
  const run = await startRun({
    ...options,
    name: pipeline.name,
    pipelineYaml: pipelineToYaml(pipeline),
    resume: flags.resume ?? false,
    ...(from && { from: { ...from, place: resolve(from.place) } }),
    ...(flags.run === undefined ? {} : { folder: flags.run }),
  });
  const nothing = (): Promise<void> => Promise.resolve();
  if (!run.resumed) {
    return { pipeline, run, discardUntrained: () => discardUntrained(run, had), putBack: nothing };
  }
  return resumed(run, changes, options, pipeline.name);
}

/** Goes on with a run by what it holds itself. */
async function goOn(
  flags: TrainingRunFlags,
  options: { root?: string; log?: Logger },
): Promise<TrainingRun> {
  const { run: folder, resume = false, clip = [], set = [] } = flags;
  if (!resume || folder === undefined) {
    throw new FrameloomError('bad-option', 'the pipeline is missing', {
      hint: 'name its file, or a run to go on with: --resume --run FOLDER',
    });
  }
  const run = await startRun({ ...options, name: '', pipelineYaml: '', resume, folder });
  return resumed(run, { clips: clip, set }, options);
}

/** @param asked the pipeline that was named beside the run */
async function resumed(
  run: Run,
  changes: { clips: readonly string[]; set: readonly string[] },
  options: { root?: string; log?: Logger },
  asked?: string,
): Promise<TrainingRun> {
  try {
    const { pipelineYaml } = await openRun(run.folder);
    const pipeline = resumePipeline(pipelineYaml, run.pipeline, { ...changes, ...options });
    if (asked !== undefined && asked !== pipeline.name) {
      throw new FrameloomError(
        'bad-option',
        `${run.folder} is a run of ${pipeline.name}, not of ${asked}`,
        { path: run.folder, hint: 'leave the pipeline out: the run holds its own' },
      );
    }
    const yaml = pipelineToYaml(pipeline);
    const putBack = await remember([run.pipeline, run.schedule, run.keyframes]);
    await run.writePipeline(yaml);
    const { log = silentLogger } = options;
    return {
      ...{ pipeline, run },
      discardUntrained: () => Promise.resolve(),
      putBack: async () => {
        try {
          await putBack();
          if (yaml === pipelineYaml) return;
          log.info(
            `${run.folder} has its own pipeline again: nothing was trained by what was said`,
          );
        } catch (error) {
          log.warn(`${run.folder} keeps the changed pipeline: ${messageOf(error)}`);
        }
      },
    };
  } catch (error) {
    await run.close();
    throw error;
  }
}

/** What files hold, to be written into them again: one that was not there is gone then. */
async function remember(paths: readonly string[]): Promise<() => Promise<void>> {
  const contents = await Promise.all(
    paths.map(async (path) => ({ path, bytes: existsSync(path) ? await readFile(path) : null })),
  );
  return async () => {
    for (const { path, bytes } of contents) {
      if (bytes === null) await rm(path, { force: true });
      else await writeFileAtomic(path, bytes);
    }
  };
}

async function discardUntrained(run: Run, keepFolder: boolean): Promise<void> {
  // The first line is written before the first snapshot or sample.
  const logBytes = existsSync(run.log) ? (await stat(run.log)).size : 0;
  if (logBytes > 0 || existsSync(run.returns)) return;
  if ((await listSnapshots(run.snapshots)).length > 0) return;
  // One by one: what is not ours stays.
  const { pipeline, origin, originTensors, log, schedule, keyframes } = run;
  const { snapshots, samples, exports, events } = run;
  const files = [pipeline, origin, originTensors, log, schedule, keyframes];
  for (const path of [...files, snapshots, samples, exports, events]) {
    await rm(path, { recursive: true, force: true });
  }
  await run.close();
  // Fails where it holds something else, which is then a reason to keep it.
  if (!keepFolder) await rmdir(run.folder).catch(() => undefined);
}
