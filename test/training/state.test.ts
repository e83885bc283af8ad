import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import {
  disposeState,
  initialState,
  stateFromTensors,
  stateToTensors,
} from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import { trainStep } from '../../src/training/step.js';
import { expectClose, expectNoLeak } from '../tensors.js';
import { disposeInput, list, PLAN, smallModel, windowFor } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const model = smallModel();

describe('initialState', () => {
  it('is a function of the seed, the average at the weights', async () => {
    await expectNoLeak(() => {
      const [a, b, c] = [initialState(model, 1), initialState(model, 1), initialState(model, 2)];
      for (const key of ['generator', 'discriminators', 'spectral'] as const) {
        expectClose(a[key], b[key]);
        expect(a[key].dataSync()).not.toEqual(c[key].dataSync());
      }
      expectClose(a.average, a.generator);
      expect(a.generator.size).toBe(model.generator.layout.size);
      [a, b, c].forEach(disposeState);
    });
  });
});

describe('stateToTensors', () => {
  it('comes back exactly, after a step that changed all of it', async () => {
    await expectNoLeak(async () => {
      const first = initialState(model, 1);
      const input = windowFor(model);
      const { state } = trainStep(model, first, input, lossOptions.parse({}), PLAN);
      const tensors = await stateToTensors(model, state);
      const again = stateFromTensors(model, tensors);
      expect(list(state)).toHaveLength(8);
      list(again).forEach((tensor, i) => expectClose(tensor, list(state)[i]!));
      expect(await stateToTensors(model, again)).toEqual(tensors);
      [first, state, again].forEach(disposeState);
      disposeInput(input);
    });
  });

  it('names every parameter, of the generator, of its average and of the discriminators', async () => {
    const state = initialState(model, 1);
    const tensors = await stateToTensors(model, state);
    disposeState(state);
    for (const { name, shape } of model.generator.layout.specs) {
      expect(tensors[`generator.${name}`]!.shape).toEqual(shape);
      expect(tensors[`average.${name}`]!.shape).toEqual(shape);
    }
    for (const { name } of model.discriminators.layout.specs) {
      expect(tensors).toHaveProperty([`discriminators.${name}`]);
    }
  });

  it('is refused by another network and when a part is missing, leaving nothing behind', async () => {
    await expectNoLeak(async () => {
      const state = initialState(model, 1);
      const tensors = await stateToTensors(model, state);
      disposeState(state);
      const bad = expect.objectContaining({ code: 'bad-snapshot' }) as Error;
      expect(() => stateFromTensors(smallModel({ channels: 8 }), tensors)).toThrow(bad);
      for (const part of [
        'spectral',
        'optimizer.generator.mean',
        'optimizer.discriminators.square',
      ]) {
        const missing = Object.fromEntries(
          Object.entries(tensors).filter(([name]) => name !== part),
        );
        expect(() => stateFromTensors(model, missing)).toThrow(`${part} is missing`);
      }
    });
  });
});
