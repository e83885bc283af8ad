import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import { filesRead } from '../../../src/synthesis/models/model.js';
import { makeRun } from '../make-run.js';

describe('the files that a model is read from', () => {
  it('are a palette by its path, and none that lies in the pipeline itself', async () => {
    const model = await openRunModel(await makeRun());
    const labels = { kind: 'paired', path: '{name}.png', content: 'labels', toleranceLevels: 0 };
    const withPalette = (palette: unknown) =>
      ({ ...model, data: { ...model.data, condition: { ...labels, palette } } }) as typeof model;
    expect(filesRead(model, '/base')).toEqual([]);
    expect(filesRead(withPalette({ road: [1, 2, 3] }), '/base')).toEqual([]);
    expect(filesRead(withPalette('colours.yaml'), '/base')).toEqual([
      resolve('/base', 'colours.yaml'),
    ]);
  });
});
