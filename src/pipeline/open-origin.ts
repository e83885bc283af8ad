import { useBackend } from '../backend/index.js';
import { FrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { actionColumns } from '../clips/actions.js';
import { conditionLayout } from '../clips/condition-plan.js';
import { readWeights } from '../export/read-weights.js';
import { weightsHash } from '../export/weights-hash.js';
import { createGenerator } from '../networks/index.js';
import { describeExported, readExported } from '../synthesis/models/exported-model.js';
import { originCondition, type Origin } from '../training/run/origin.js';
import { openRun } from '../training/run/run-folder.js';
import { readSnapshot, type SnapshotChoice } from '../training/run/snapshot-store.js';
import { parsePipeline } from './load.js';
import { pipelineSchema } from './schema.js';
import { originPlace } from './shipped.js';

export interface OpenOriginOptions {
  /** Which of a run's snapshots: `latest` unless given; `best` did best on held-out frames; or a step. */
  readonly snapshot?: SnapshotChoice | undefined;
  readonly log?: Logger | undefined;
}

/**
 * Opens what a new training may start from: a run's folder, whose averaged generator and discriminators are taken,
 * or an `.onnx` file that `frameloom export` wrote, which holds a generator alone, such a one that comes along by its name
 * (`street-outlines`). All of it is read here.
 * A backend is loaded for an exported file, the best there is unless `useBackend` has chosen one.
 *
 * @throws FrameloomError not-found (no run, no snapshot, no file), bad-option (a snapshot of a file), bad-pipeline,
 *   bad-snapshot, bad-input (no exported generator, or a damaged one), untrusted, backend
 */
export async function openOrigin(word: string, options: OpenOriginOptions = {}): Promise<Origin> {
  const place = originPlace(word);
  return /\.onnx$/i.test(place) ? originOfFile(place, options) : originOfRun(place, options);
}

async function originOfRun(
  place: string,
  { snapshot: choice = 'latest', log = silentLogger }: OpenOriginOptions,
): Promise<Origin> {
  const run = await openRun(place);
  const { pipeline, baseFolder } = parsePipeline(run.pipelineYaml, run.pipeline);
  const { condition } = pipeline.data;
  const layout = await conditionLayout(pipeline.data, baseFolder);
  const { step, tensors: all } = await readSnapshot(run.snapshots, choice, { log });
  const tensors = Object.fromEntries(
    Object.entries(all).filter(([name]) => /^(average|discriminators)\.|^spectral$/.test(name)),
  );
  return {
    kind: 'run',
    ...{ place, step, tensors },
    pipeline: pipeline.name,
    weights: weightsHash(tensors, 'average.'),
    precision: 'float32',
    generator: pipeline.generator,
    condition: originCondition(condition, layout),
    judges: { frame: pipeline.frameDiscriminator, sequence: pipeline.sequenceDiscriminator },
  };
}

async function originOfFile(place: string, { snapshot, log }: OpenOriginOptions): Promise<Origin> {
  if (snapshot !== undefined) {
    throw new FrameloomError('bad-option', `${place} holds one snapshot`, {
      hint: 'name the run’s folder instead',
    });
  }
  const file = await readExported(place);
  const { info, layout, step } = describeExported(file, place);
  const parsed = pipelineSchema.safeParse(info.pipeline);
  if (!parsed.success) {
    throw new FrameloomError('bad-input', `${place} was exported by another Frameloom`, {
      path: place,
      hint: 'export the run again',
      cause: parsed.error,
    });
  }
  const { name, generator: options, data } = parsed.data;
  await useBackend({ native: true, ...(log && { log }) });
  const named = readWeights(
    file,
    createGenerator(options, layout.channels, actionColumns(layout)),
    info,
    place,
  );
  const isHalf = info.precision === 'float16' || info.compute === 'float16';
  return {
    kind: 'export',
    ...{ place, step },
    pipeline: name,
    weights: weightsHash(named),
    precision: isHalf ? 'float16' : 'float32',
    generator: options,
    condition: originCondition(data.condition, layout),
    judges: null,
    tensors: Object.fromEntries(
      Object.entries(named).map(([key, tensor]) => [`average.${key}`, tensor]),
    ),
  };
}
