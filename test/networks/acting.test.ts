import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { vectorJacobian } from '../../src/autodiff/value-and-gradients.js';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import { acting, ACTION_FEATURES, createActionEncoder } from '../../src/networks/acting.js';
import {
  actionsAt,
  createDiscriminator,
  createGenerator,
  generatorOptions,
} from '../../src/networks/index.js';
import type { ParameterSpec } from '../../src/networks/parameters.js';
import { golden, type GoldenTensor } from '../metrics/pictures.js';
import { expectClose, expectNoLeak, normals, tensorOf } from '../tensors.js';

interface ActingCase {
  readonly actions: GoldenTensor;
  readonly features: GoldenTensor;
  readonly told: GoldenTensor;
  readonly output: GoldenTensor;
  readonly outputGradient: GoldenTensor;
  readonly actionsGradient: GoldenTensor;
  readonly featuresGradient: GoldenTensor;
  readonly firstGradient: GoldenTensor;
}

const COLUMNS = 3;
const FRAMES = 2;
const LAYERS = ['actions.first', 'actions.second', 'x.acting'];

/** As the golden files say. */
const weightsBy = (
  specs: readonly ParameterSpec[],
  layers: readonly string[] = LAYERS,
): Record<string, tf.Tensor> =>
  Object.fromEntries(
    specs.map(({ name, shape }) => {
      const number = layers.findIndex((layer) => name.startsWith(`${layer}.`));
      const count = shape.reduce((product, size) => product * size, 1);
      const inputs = count / shape.at(-1)!;
      const value = (i: number): number =>
        name.endsWith('.bias')
          ? Math.cos(i + number) / 10
          : Math.sin(0.37 * i + number) * Math.sqrt(2 / inputs);
      const values = Array.from({ length: count }, (_, i) => value(i));
      return [name, tensorOf({ shape, values })];
    }),
  );

describe.each(['tensorflow', 'wasm', 'cpu'] as const)('what was done on %s', (prefer) => {
  beforeAll(async () => {
    await useBackend({ prefer });
    registerKernels();
  });

  it.each(golden<ActingCase>('acting'))('equals PyTorch: $name', async (one) => {
    expect(tf.getBackend()).toBe(prefer);
    await expectNoLeak(() =>
      tf.tidy(() => {
        const encoder = createActionEncoder(COLUMNS, FRAMES);
        const film = acting('x', 5);
        const weights = weightsBy([...encoder.specs, ...film.specs]);
        const actions = tensorOf<tf.Rank.R4>(one.actions);
        const features = tensorOf<tf.Rank.R4>(one.features);
        const run = (): tf.Tensor4D =>
          film.apply(weights, features, { actions: encoder.encode(weights, actions) });
        const close = { rtol: 1e-4, atol: 1e-5 };
        expect(encoder.inputs).toBe(FRAMES * (COLUMNS + 1));
        expectClose(encoder.encode(weights, actions), one.told, close);
        expectClose(run(), one.output, close);
        const { gradients } = vectorJacobian(
          () => [run()],
          [actions, features, weights['actions.first.weight']!],
          () => ({ cotangents: [tensorOf(one.outputGradient)], result: null }),
        );
        const expected = [one.actionsGradient, one.featuresGradient, one.firstGradient];
        gradients.forEach((gradient, i) => expectClose(gradient, expected[i]!, close));
      }),
    );
  });
});

interface ToldJudgeCase {
  readonly x: GoldenTensor;
  readonly actions: GoldenTensor;
  readonly others: GoldenTensor;
  readonly logits: GoldenTensor;
  readonly otherLogits: GoldenTensor;
  readonly cotangent: GoldenTensor;
  readonly xGradient: GoldenTensor;
  readonly toldGradient: GoldenTensor;
}

describe.each(['tensorflow', 'wasm', 'cpu'] as const)(
  'a judge of what was done on %s',
  (prefer) => {
    beforeAll(async () => {
      await useBackend({ prefer });
      registerKernels();
    });

    it.each(golden<ToldJudgeCase>('told-judge'))('equals PyTorch: $name', async (one) => {
      await expectNoLeak(() =>
        tf.tidy(() => {
          const options = {
            channels: 3,
            layers: 1,
            scales: 1,
            instanceNorm: false,
            antiAlias: false,
          };
          const judge = createDiscriminator('j', 6, { ...options, told: 4 });
          const layers = ['j.scale0.0', 'j.scale0.1', 'j.scale0.logits'];
          const all = [...layers, 'j.scale0.told.first', 'j.scale0.told.second'];
          const weights = weightsBy(judge.layout.specs, all);
          const [x, actions, others] = [one.x, one.actions, one.others].map((own) =>
            tensorOf<tf.Rank.R4>(own),
          ) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
          const run = () => judge.judge(weights, x, { actions, others })[0]!;
          const close = { rtol: 1e-4, atol: 1e-5 };
          expectClose(run().logits, one.logits, close);
          expectClose(run().otherLogits!, one.otherLogits, close);
          expect(judge.judge(weights, x, { actions })[0]).not.toHaveProperty('otherLogits');
          expect(() => judge.judge(weights, x)).toThrow(/actions/);
          const { gradients } = vectorJacobian(
            () => {
              const { logits, otherLogits } = run();
              return [tf.sub(logits, tf.mul(otherLogits!, 0.5))];
            },
            [x, weights['j.scale0.told.first.weight']!],
            () => ({ cotangents: [tensorOf(one.cotangent)], result: null }),
          );
          [one.xGradient, one.toldGradient].forEach((expected, i) =>
            expectClose(gradients[i]!, expected, close),
          );
        }),
      );
    });
  },
);

describe('a generator that is told what is done', () => {
  const [height, width] = [16, 24];
  const make = (columns: number, more: Record<string, unknown> = {}, conditionChannels = 0) =>
    createGenerator(
      generatorOptions.parse({ preset: 'tiny', channels: 4, ...more }),
      conditionChannels,
      columns,
    );

  beforeAll(async () => {
    await useBackend({ prefer: 'tensorflow' });
    registerKernels();
  });

  it('begins as one that is not told, with all its weights, for less than a hundredth more arithmetic', async () => {
    const [without, told] = [make(0, {}, 1), make(3, {}, 1)];
    const [own, all] = [without, told].map(({ layout }) => layout.toNamed(layout.initialize(1)));
    const more = Object.keys(all!).filter((name) => !(name in own!));
    expect(more.every((name) => /^actions\.|\.acting\./.test(name))).toBe(true);
    expect(more).toHaveLength(4 + 2 * 4);
    for (const [name, { data }] of Object.entries(own!)) expect(all![name]!.data).toEqual(data);
    const size = { height: 64, width: 96 };
    const [before, after] = [make(0, { channels: 12 }), make(3, { channels: 12 })];
    expect(after.macs(size) / before.macs(size)).toBeLessThan(1.01);
    await expectNoLeak(() =>
      tf.tidy(() => {
        const input = {
          condition: normals<tf.Rank.R4>('condition', [2, height, width, 3]),
          history: normals<tf.Rank.R4>('history', [2, height, width, 6]),
          ...{ noise: null, hasHistory: true },
        };
        const run = (generator: typeof told, actions?: tf.Tensor4D) =>
          generator.step(generator.weights(tf.tensor1d(generator.layout.initialize(1))), {
            ...input,
            ...(actions && { actions }),
          }).frame;
        const actions = normals<tf.Rank.R4>('actions', [2, 1, 1, 12]);
        expectClose(run(told, actions), run(without), { atol: 1e-5 });
        expect(() => run(told)).toThrow(/actions/);
        expect(() => run(told, normals('x', [2, 1, 1, 4]))).toThrow(/actions/);
        const weights = told.layout.toNamed(told.layout.initialize(1));
        for (const [name, { data }] of Object.entries(weights)) {
          if (name.includes('.acting.')) data.forEach((_, i) => (data[i] = Math.sin(i)));
        }
        const parameters = told.weights(tf.tensor1d(told.layout.fromNamed(weights)));
        const [one, other] = [actions, tf.neg<tf.Tensor4D>(actions)].map(
          (own) => told.step(parameters, { ...input, actions: own }).frame,
        );
        expect(tf.max(tf.abs(tf.sub(one!, other!))).dataSync()[0]).toBeGreaterThan(1e-3);
      }),
    );
  });

  it('refuses to hold what is still, and is told nothing of frames that there were none of', () => {
    expect(() => make(1, { holdStill: true }, 1)).toThrow(/where a key may move it/);
    expect(ACTION_FEATURES).toBe(32);
    tf.tidy(() => {
      const actions = tf.tensor3d([
        [
          [1, 1],
          [2, 1],
          [3, 1],
          [4, 1],
        ],
      ]);
      const at = (t: number, first: number): number[] => [
        ...actionsAt(actions, t, 3, first).dataSync(),
      ];
      expect(at(3, 0)).toEqual([2, 1, 3, 1, 4, 1]);
      expect(at(1, 0)).toEqual([0, 0, 1, 1, 2, 1]);
      expect(at(3, 3)).toEqual([0, 0, 0, 0, 4, 1]);
    });
  });
});
