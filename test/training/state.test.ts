import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { createLogger } from '../../src/base/log.js';
import type { Dataset } from '../../src/clips/index.js';
import { generatorOptions, sequenceDiscriminatorOptions } from '../../src/networks/index.js';
import { chooseOrKeep } from '../../src/training/choices.js';
import {
  assertStridesFit,
  disposeState,
  initialState,
  stateFromTensors,
  stateToTensors,
} from '../../src/training/model.js';
import { lossOptions, trainingOptions } from '../../src/training/options.js';
import { trainStep } from '../../src/training/step.js';
import { expectClose, expectNoLeak } from '../tensors.js';
import { disposeInput, list, PLAN, smallModel, windowFor } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const model = smallModel();

describe('assertStridesFit', () => {
  it('refuses runs that no window holds', () => {
    const assert = (frames: number, temporalStrides: number[], sequenceAdversarial = 1) =>
      assertStridesFit({
        generator: generatorOptions.parse({}),
        sequenceDiscriminator: sequenceDiscriminatorOptions.parse({ temporalStrides }),
        training: { frames },
        losses: { sequenceAdversarial },
      });
    // Two frames stand in front, and three that are two apart span five.
    expect(() => assert(3, [1, 2])).not.toThrow();
    expect(() => assert(2, [1, 2])).toThrow(
      'runs of 3 frames at a stride of 2 span 5 frames, and a window has 4 (2 and 2 in front)',
    );
    expect(() => assert(2, [1, 2], 0)).not.toThrow();
  });
});

describe('chooseOrKeep', () => {
  it('keeps what a snapshot has chosen from the same, and chooses anew from anything else', () => {
    let said = '';
    const log = createLogger({ write: (line) => void (said += line) });
    const size = { windowSize: { width: 32, height: 24 }, conditionChannels: 1 } as Dataset;
    const choose = (training: object, saved: unknown, dataset = size, antiAlias = false) =>
      chooseOrKeep(
        model,
        {
          training: trainingOptions.parse({ gradientCheckpointing: { every: 2 }, ...training }),
          losses: lossOptions.parse({}),
          frameDiscriminator: { judgeRaw: true, antiAlias },
          sequenceDiscriminator: { antiAlias },
        },
        dataset,
        { saved, log },
      );
    const first = choose({}, null);
    expect(first.checkpointing).toEqual({ kind: 'every', every: 2 });
    const saved = JSON.parse(JSON.stringify({ seed: 1, ...first })) as typeof first;
    const marked = { ...saved, checkpointing: { kind: 'every', every: 7 } };
    expect(choose({ steps: 9 }, marked).checkpointing).toEqual({ kind: 'every', every: 7 });
    expect(said).toBe('');
    for (const [what, again] of [
      ['training.gradientCheckpointing', choose({ gradientCheckpointing: 'off' }, marked)],
      ['training.frames', choose({ frames: 9 }, marked)],
      ['training.memoryBudget', choose({ memoryBudget: '9GiB' }, marked)],
      ['training.stability', choose({ stability: 'off' }, marked)],
      ['frameDiscriminator.antiAlias', choose({}, marked, size, true)],
      ['data.size', choose({}, marked, { ...size, windowSize: { width: 64, height: 24 } })],
    ] as const) {
      expect(again.checkpointing).not.toEqual(marked.checkpointing);
      expect(said).toContain(`chosen anew, for another ${what}`);
    }
    // Snapshots of earlier versions do not say what theirs came from.
    const old = { seed: 1, checkpointing: marked.checkpointing };
    expect(choose({ frames: 9 }, old).checkpointing).toEqual({ kind: 'every', every: 7 });
  });
});

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
      const { state } = await trainStep(model, first, input, lossOptions.parse({}), PLAN);
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
