import type { Logger } from '../base/log.js';
import { loadPipeline, pipelineToYaml } from '../pipeline/load.js';
import { resumePipeline } from '../pipeline/resume.js';
import type { Pipeline } from '../pipeline/schema.js';
import { openRun, startRun, type Run } from '../training/run/run-folder.js';

export interface TrainingRunFlags {
  clip?: readonly string[];
  set?: readonly string[];
  /** The run's folder. */
  run?: string;
  resume?: boolean;
}

/** A pipeline and the locked folder that it is trained in; the caller closes the run. */
export interface TrainingRun {
  readonly pipeline: Pipeline;
  readonly run: Run;
}

/**
 * Makes the run that `train` works in: a new one with the file's pipeline, or an old one with its
 * own pipeline, changed by --set and --clip.
 * @throws FrameloomError as loadPipeline, startRun and resumePipeline do
 */
export async function openTrainingRun(
  path: string,
  flags: TrainingRunFlags,
  options: { root?: string; log?: Logger } = {},
): Promise<TrainingRun> {
  const changes = { clips: flags.clip ?? [], set: flags.set ?? [] };
  const { pipeline } = await loadPipeline(path, changes);
  const run = await startRun({
    ...options,
    name: pipeline.name,
    pipelineYaml: pipelineToYaml(pipeline),
    resume: flags.resume ?? false,
    ...(flags.run === undefined ? {} : { folder: flags.run }),
  });
  if (!run.resumed) return { pipeline, run };
  try {
    const { pipelineYaml } = await openRun(run.folder);
    const resumed = resumePipeline(pipelineYaml, run.pipeline, { ...changes, ...options });
    await run.writePipeline(pipelineToYaml(resumed));
    return { pipeline: resumed, run };
  } catch (error) {
    await run.close();
    throw error;
  }
}
