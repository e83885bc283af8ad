import { actionColumns } from '../../src/clips/actions.js';
import { planCondition } from '../../src/clips/condition-plan.js';
import { dataOptions } from '../../src/clips/options.js';
import type { ExportModel } from '../../src/export/index.js';
import { createGenerator, generatorOptions } from '../../src/networks/index.js';

export const PALETTE = { sky: [0, 0, 255], road: [90, 90, 90], car: [255, 0, 0] } as const;

/** An untrained generator with everything that an export needs; its weights are large enough to matter. */
export async function makeModel(
  generator: Readonly<Record<string, unknown>> = {},
  data: Readonly<Record<string, unknown>> = {},
): Promise<ExportModel> {
  const parsed = dataOptions.parse({
    clips: ['/home/someone/holiday.mp4'],
    size: '48x32',
    ...data,
  });
  const plan = { baseFolder: '/', ...parsed.size };
  const { layout } = await planCondition(parsed, plan);
  const network = createGenerator(
    generatorOptions.parse({ channels: 4, residualBlocks: 1, branchBlocks: 1, ...generator }),
    layout.channels,
    actionColumns(layout),
  );
  const weights = network.layout.toNamed(network.layout.initialize(5));
  // What modulates, and what acts, begins with weights of 0.
  for (const [name, { data }] of Object.entries(weights)) {
    if (/^modulation[.].*[.]weight$/.test(name)) data.forEach((_, i) => (data[i] = Math.sin(i)));
    // Equal layers of equal input are written once, and then are no weights of their own.
    const own = Math.sin(name.length) + (name.startsWith('image') ? 2 : 1);
    if (/[.]acting[.]weight$/.test(name)) data.forEach((_, i) => (data[i] = Math.sin(own * i) / 2));
  }
  const { styleChannels } = network.options;
  const style = (clip: string, sign: number) => ({
    clip,
    code: Array.from({ length: styleChannels }, (_, i) => sign * Math.cos(i)),
    deviation: Array.from({ length: styleChannels }, () => 0.1),
  });
  return {
    ...{ generator: network, layout, seed: 7, step: 42 },
    ...(styleChannels > 0 && { styles: [style('day.mp4', 1), style('night.mp4', -1)] }),
    weights: network.layout.fromNamed(weights),
    pipeline: { data: parsed },
  };
}

export const labels = {
  condition: { kind: 'paired', content: 'labels', path: '/data/labels.mkv', palette: PALETTE },
};
/** More classes than are seen one by one. */
export const manyLabels = {
  condition: {
    ...labels.condition,
    palette: Object.fromEntries(
      Array.from({ length: 14 }, (_, i) => [`class ${i}`, [i * 18, 255 - i * 9, (i * 71) % 256]]),
    ),
  },
};
/** What is done, beside any condition. */
export const keys = {
  actions: { path: '/data/keys.csv', columns: { left: 'key', right: 'key', steer: 'axis' } },
};
export const none = { condition: { kind: 'none' } };
