import { useBackend } from '../../src/backend/index.js';
import { planCondition } from '../../src/clips/condition-plan.js';
import { dataOptions } from '../../src/clips/index.js';
import { createGenerator, generatorOptions } from '../../src/networks/index.js';
import type { SynthesisModel } from '../../src/synthesis/index.js';

/** The smallest generator there is, untrained: what it makes is nothing, but it makes every frame. */
export async function untrainedModel(): Promise<SynthesisModel> {
  await useBackend();
  const data = dataOptions.parse({ size: '32x24', condition: 'edges' });
  const { layout } = await planCondition(data, { baseFolder: '.', ...data.size });
  const smallest = { channels: 4, residualBlocks: 1, branchBlocks: 0 };
  const generator = createGenerator(generatorOptions.parse(smallest), layout.channels);
  const weights = generator.layout.initialize(1);
  return { generator, weights, seed: 1, step: 1, data, layout };
}
