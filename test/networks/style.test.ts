import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { vectorJacobian } from '../../src/autodiff/value-and-gradients.js';
import { registerKernels } from '../../src/kernels/index.js';
import { createGenerator, generatorOptions } from '../../src/networks/index.js';
import type { ParameterSpec } from '../../src/networks/parameters.js';
import { createStyleEncoder, styling } from '../../src/networks/style.js';
import { golden, type GoldenTensor } from '../metrics/pictures.js';
import { expectClose, expectNoLeak, normals, tensorOf } from '../tensors.js';

interface StyleCase {
  readonly looks: GoldenTensor;
  readonly features: GoldenTensor;
  readonly style: GoldenTensor;
  readonly output: GoldenTensor;
  readonly outputGradient: GoldenTensor;
  readonly looksGradient: GoldenTensor;
  readonly featuresGradient: GoldenTensor;
  readonly weightGradients: Readonly<Record<string, GoldenTensor>>;
}

const LAYERS = ['half', 'quarter', 'eighth', 'code', 'styling'];
const nameOf = (layer: string): string => (layer === 'styling' ? 'x.styling' : `style.${layer}`);

/** As layers read them, by the formula of the golden file. */
function weightsBy(specs: readonly ParameterSpec[]): Record<string, tf.Tensor> {
  return Object.fromEntries(
    specs
      .filter(({ gainOf }) => !gainOf)
      .map(({ name, shape }) => {
        const number = LAYERS.findIndex((layer) => name.startsWith(nameOf(layer)));
        const inputs = shape.slice(0, -1).reduce((product, size) => product * size, 1);
        const count = inputs * shape.at(-1)!;
        const value = (i: number): number =>
          name.endsWith('.bias')
            ? Math.cos(i + number) / 10
            : Math.sin(0.37 * i + number) * Math.sqrt(2 / inputs);
        return [
          name,
          tensorOf({ shape, values: Array.from({ length: count }, (_, i) => value(i)) }),
        ];
      }),
  );
}

describe.each(['tensorflow', 'wasm', 'cpu'] as const)('a look on %s', (prefer) => {
  beforeAll(async () => {
    await useBackend({ prefer });
    registerKernels();
  });

  it.each(golden<StyleCase>('style'))('equals PyTorch: $name', async (one) => {
    expect(tf.getBackend()).toBe(prefer);
    await expectNoLeak(() =>
      tf.tidy(() => {
        const channels = one.style.shape[3]!;
        const encoder = createStyleEncoder(channels);
        const film = styling('x', channels, 5);
        const weights = weightsBy([...encoder.specs, ...film.specs]);
        const looks = tensorOf<tf.Rank.R4>(one.looks);
        const features = tensorOf<tf.Rank.R4>(one.features);
        const run = (): tf.Tensor4D =>
          film.apply(weights, features, { style: encoder.encode(weights, looks) });
        const close = { rtol: 1e-4, atol: 1e-5 };
        expectClose(encoder.encode(weights, looks), one.style, close);
        expectClose(run(), one.output, close);
        const few = Object.keys(one.weightGradients);
        const xs = [looks, features, ...few.map((layer) => weights[`${nameOf(layer)}.weight`]!)];
        const { gradients } = vectorJacobian(
          () => [run()],
          xs,
          () => ({ cotangents: [tensorOf(one.outputGradient)], result: null }),
        );
        const expected = [
          one.looksGradient,
          one.featuresGradient,
          ...Object.values(one.weightGradients),
        ];
        gradients.forEach((gradient, i) => expectClose(gradient, expected[i]!, close));
      }),
    );
  });
});

describe('a generator that is told looks', () => {
  const [height, width] = [16, 24];
  const make = (more: Record<string, unknown>, conditionChannels = 1) =>
    createGenerator(
      generatorOptions.parse({ preset: 'tiny', channels: 4, ...more }),
      conditionChannels,
    );

  beforeAll(async () => {
    await useBackend({ prefer: 'tensorflow' });
    registerKernels();
  });

  it.each([
    ['features normalized by the picture', 1],
    ['weights normalized', 5],
  ])('makes another frame of another look: %s', async (_what, conditionChannels) => {
    const generator = make({ styleChannels: 3 }, conditionChannels);
    await expectNoLeak(() =>
      tf.tidy(() => {
        const parameters = generator.weights(tf.tensor1d(generator.layout.initialize(1)));
        const looks = normals<tf.Rank.R4>('looks', [2, 20, 12, 3]);
        const codes = generator.encodeStyle(parameters, looks);
        expect(codes.shape).toEqual([2, 1, 1, 3]);
        const input = {
          condition: normals<tf.Rank.R4>('condition', [2, height, width, 3 * conditionChannels]),
          history: normals<tf.Rank.R4>('history', [2, height, width, 6]),
          ...{ noise: null, hasHistory: true },
        };
        const { frame } = generator.step(parameters, { ...input, style: codes });
        // A picture and the code that is made of it are one look.
        expectClose(generator.step(parameters, { ...input, looks }).frame, frame);
        const other = generator.step(parameters, { ...input, style: tf.neg(codes) }).frame;
        expect(tf.max(tf.abs(tf.sub(frame, other))).dataSync()[0]).toBeGreaterThan(1e-3);
        expect(() => generator.step(parameters, input)).toThrow(/looks/);
        expect(() =>
          generator.step(parameters, { ...input, style: normals('x', [2, 1, 1, 4]) }),
        ).toThrow(/style/);
      }),
    );
  });

  it('has just the parameters of one that is not, and those of looks', () => {
    const [without, told] = [make({}), make({ styleChannels: 3 })];
    const own = without.layout.toNamed(without.layout.initialize(1));
    const all = told.layout.toNamed(told.layout.initialize(1));
    const more = Object.keys(all).filter((name) => !(name in own));
    expect(more.every((name) => /^style\.|\.styling\./.test(name))).toBe(true);
    expect(more).toHaveLength(11 + 2 * 4);
    for (const [name, { data }] of Object.entries(own)) expect(all[name]!.data).toEqual(data);
    const looks = normals<tf.Rank.R4>('looks', [1, 8, 8, 3]);
    expect(() => without.encodeStyle({}, looks)).toThrow(/styleChannels/);
    looks.dispose();
    expect(told.blocks(true)).toHaveLength(without.blocks(true).length + 1);
    const size = { height, width };
    expect(told.macs(size)).toBeGreaterThan(without.macs(size));
  });
});
