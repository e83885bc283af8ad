import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { ParameterLayout, type ParameterSpec } from '../../src/networks/index.js';
import { expectClose, expectNoLeak, tensorOf } from '../tensors.js';

beforeAll(async () => {
  await useBackend();
});

const SPECS: ParameterSpec[] = [
  { name: 'stem.weight', shape: [3, 3, 2, 4], init: { normal: 0.5 } },
  { name: 'stem.bias', shape: [4], init: { constant: 0 } },
  { name: 'norm.gamma', shape: [4], init: { constant: 1 } },
];
const layout = new ParameterLayout(SPECS);

describe('ParameterLayout', () => {
  it('counts every number', () => {
    expect(layout.size).toBe(3 * 3 * 2 * 4 + 4 + 4);
    expect(new ParameterLayout([]).size).toBe(0);
  });

  it('refuses one name twice', () => {
    expect(() => new ParameterLayout([...SPECS, SPECS[0]!])).toThrow('one name');
  });

  it('initializes as the specification says', () => {
    const named = layout.toNamed(layout.initialize(3));
    const weight = named['stem.weight']!.data;
    const deviation = Math.sqrt(weight.reduce((sum, w) => sum + w * w, 0) / weight.length);
    expect(deviation).toBeGreaterThan(0.35);
    expect(deviation).toBeLessThan(0.65);
    expect([...named['stem.bias']!.data]).toEqual([0, 0, 0, 0]);
    expect([...named['norm.gamma']!.data]).toEqual([1, 1, 1, 1]);
  });

  it('starts blocks of output channels alike where it is asked to', () => {
    const init = { normal: 1, alike: { blocks: 3, channels: 2 } };
    const one = new ParameterLayout([{ name: 'heads.weight', shape: [1, 2, 7], init }]);
    const [first, second] = [one.initialize(1).subarray(0, 7), one.initialize(1).subarray(7)];
    for (const row of [first, second]) {
      expect([row[2], row[3], row[4], row[5]]).toEqual([row[0], row[1], row[0], row[1]]);
      expect(new Set(row).size).toBe(3);
    }
    expect(first).not.toEqual(second);
  });

  it('initializes by the seed and the name alone', () => {
    expect(layout.initialize(3)).toEqual(layout.initialize(3));
    expect(layout.initialize(3)).not.toEqual(layout.initialize(4));
    const added: ParameterSpec = { name: 'new.weight', shape: [5], init: { normal: 1 } };
    const grown = new ParameterLayout([SPECS[0]!, added, ...SPECS.slice(1)]);
    const { 'new.weight': fresh, ...others } = grown.toNamed(grown.initialize(3));
    expect(others).toEqual(layout.toNamed(layout.initialize(3)));
    expect(fresh!.data).toHaveLength(5);
  });

  it('comes back from named arrays, whatever their order', () => {
    const flat = layout.initialize(1);
    const named = layout.toNamed(flat, 'average.');
    expect(Object.keys(named)).toEqual(SPECS.map(({ name }) => `average.${name}`));
    expect(named['average.stem.weight']!.shape).toEqual([3, 3, 2, 4]);
    const shuffled = Object.fromEntries(Object.entries(named).reverse());
    expect(layout.fromNamed(shuffled, 'average.')).toEqual(flat);
    // A copy: writing to it leaves the vector alone.
    named['average.stem.weight']!.data.fill(9);
    expect(flat).not.toContain(9);
  });

  it('says which parameter of a snapshot does not fit', () => {
    const named = layout.toNamed(layout.initialize(1), 'g.');
    const without = (name: string) =>
      Object.fromEntries(Object.entries(named).filter(([key]) => key !== name));
    expect(() => layout.fromNamed(without('g.stem.bias'), 'g.')).toThrow(
      expect.objectContaining({
        code: 'bad-snapshot',
        message: 'parameter g.stem.bias is missing, expected [4]',
      }),
    );
    const wider = { ...named, 'g.norm.gamma': { shape: [5], data: new Float32Array(5) } };
    expect(() => layout.fromNamed(wider, 'g.')).toThrow(
      'parameter g.norm.gamma is [5], expected [4]',
    );
  });

  it('refuses a parameter of as many numbers in another shape', () => {
    const named = layout.toNamed(layout.initialize(1));
    const turned = { shape: [3, 3, 4, 2], data: named['stem.weight']!.data };
    expect(() => layout.fromNamed({ ...named, 'stem.weight': turned })).toThrow(
      'parameter stem.weight is [3, 3, 4, 2], expected [3, 3, 2, 4]',
    );
  });

  it('unflattens into named views, and their gradients flow back into one vector', async () => {
    await expectNoLeak(() =>
      tf.tidy(() => {
        const flat = tf.tensor1d(layout.initialize(2));
        const named = layout.toNamed(layout.initialize(2));
        const views = layout.unflatten(flat);
        for (const [name, { shape, data }] of Object.entries(named)) {
          expectClose(views[name]!, { shape, values: data });
        }
        const gradient = tf.grad((x) => {
          const { 'stem.weight': weight, 'norm.gamma': gamma } = layout.unflatten(x as tf.Tensor1D);
          return tf.add(tf.sum(tf.square(weight!)), tf.sum(tf.mul(gamma!, 3)));
        })(flat);
        const expected = layout.fromNamed({
          'stem.weight': {
            shape: [3, 3, 2, 4],
            data: named['stem.weight']!.data.map((value) => 2 * value),
          },
          'stem.bias': { shape: [4], data: new Float32Array(4) },
          'norm.gamma': { shape: [4], data: new Float32Array(4).fill(3) },
        });
        expectClose(gradient, { shape: [layout.size], values: expected }, { rtol: 1e-6 });
      }),
    );
  });

  it('unflattens nothing into nothing', () => {
    tf.tidy(() => {
      const none = tensorOf<tf.Rank.R1>({ shape: [0], values: [] });
      expect(new ParameterLayout([]).unflatten(none)).toEqual({});
    });
  });
});
