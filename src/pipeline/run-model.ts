import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { actionColumns } from '../clips/actions.js';
import { conditionLayout } from '../clips/condition-plan.js';
import { createGenerator } from '../networks/index.js';
import type { SynthesisModel } from '../synthesis/index.js';
import { clipStylesSchema } from '../networks/clip-styles-schema.js';
import { meanStyle, type ClipStyle } from '../networks/clip-styles.js';
import { openRun } from '../training/run/run-folder.js';
import {
  readSnapshot,
  type SnapshotChoice,
  type StoredSnapshot,
} from '../training/run/snapshot-store.js';
import { parsePipeline } from './load.js';
import type { Pipeline } from './schema.js';

export interface OpenRunOptions {
  /** `latest` unless given; `best` is the one that did best on held-out frames. */
  readonly snapshot?: SnapshotChoice;
  readonly log?: Logger;
}

/** A trained model with the pipeline it was trained by. */
export interface RunModel extends SynthesisModel {
  readonly pipeline: Pipeline;
  /** As of an exported file; there is nothing to let go. */
  release(): Promise<void>;
}

/**
 * The averaged generator of a run.
 * @param folder the run's folder
 * @throws FrameloomError not-found (no run, no snapshot), bad-pipeline, bad-snapshot
 */
export async function openRunModel(
  folder: string,
  options: OpenRunOptions = {},
): Promise<RunModel> {
  const run = await openRun(folder);
  const { pipeline, baseFolder } = parsePipeline(run.pipelineYaml, run.pipeline);
  const { data } = pipeline;
  const layout = await conditionLayout(data, baseFolder);
  const generator = createGenerator(pipeline.generator, layout.channels, actionColumns(layout));
  const { snapshot: choice = 'latest', log } = options;
  const snapshot = await readSnapshot(run.snapshots, choice, log ? { log } : {});
  const styles = savedStyles(snapshot, generator.options.styleChannels);
  return {
    generator,
    ...(styles.length > 0 && { styles, style: meanStyle(styles) }),
    weights: generator.layout.fromNamed(snapshot.tensors, 'average.'),
    seed: pipeline.seed,
    step: snapshot.step,
    ...{ data, layout, pipeline },
    release: () => Promise.resolve(),
  };
}

/**
 * The looks of a snapshot's clips; none of a generator that is told none.
 * @throws FrameloomError bad-snapshot
 */
function savedStyles(
  { folder, state }: Pick<StoredSnapshot, 'folder' | 'state'>,
  channels: number,
): ClipStyle[] {
  if (channels === 0) return [];
  const { styles } = (state ?? {}) as { styles?: unknown };
  const read = clipStylesSchema.min(1).safeParse(styles);
  if (read.success && read.data.every(({ code }) => code.length === channels)) return read.data;
  throw new FrameloomError('bad-snapshot', `snapshot ${folder} does not say its clips' looks`, {
    ...{ path: folder, cause: read.error },
    hint: 'take another: --snapshot STEP',
  });
}
