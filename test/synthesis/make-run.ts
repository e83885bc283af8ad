import { join } from 'node:path';
import { parsePipeline, pipelineToYaml } from '../../src/pipeline/load.js';
import { createGenerator } from '../../src/networks/index.js';
import { startRun } from '../../src/training/run/run-folder.js';
import { saveSnapshot } from '../../src/training/run/snapshot-store.js';
import { conditionLayout } from '../../src/clips/condition-plan.js';
import { stringify } from 'yaml';
import { scratchFolder, scratchPath } from '../video/make-clip.js';

export interface RunOptions {
  /** The `data:` section; 32x24 and edges unless given. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly generator?: Readonly<Record<string, unknown>>;
  readonly training?: Readonly<Record<string, unknown>>;
  /** Decides the weights. */
  readonly seed?: number;
}

/** The folder of a run as training leaves it, of the smallest generator, its weights random. */
export async function makeRun(options: RunOptions = {}): Promise<string> {
  const { seed = 1 } = options;
  const folder = scratchPath('run');
  const yaml = stringify({
    name: 'random',
    seed,
    data: { size: '32x24', ...options.data },
    generator: { channels: 4, residualBlocks: 1, branchBlocks: 0, ...options.generator },
    training: { ...options.training },
  });
  const { pipeline, baseFolder } = parsePipeline(yaml, join(scratchFolder(), 'random.yaml'));
  const { data } = pipeline;
  const layout = await conditionLayout(data, baseFolder);
  const columns = layout.actions?.length ?? 0;
  const generator = createGenerator(pipeline.generator, layout.channels, columns);
  const run = await startRun({
    ...{ name: 'random', folder, pipelineYaml: pipelineToYaml(pipeline) },
  });
  const weights = generator.layout.toNamed(generator.layout.initialize(seed), 'average.');
  await saveSnapshot(run.snapshots, { step: 1, tensors: weights, state: {} }, { keepLast: 1 });
  await run.close();
  return folder;
}
