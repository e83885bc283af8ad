import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { probeWebgpu, tensorMemory, useBackend } from '../../src/backend/index.js';
import { factsOf, openAdapter, type GpuAdapter } from '../../src/backend/webgpu/dawn.js';
import { loadWebgpu, webgpuAdapter, whyNotByItself } from '../../src/backend/webgpu/load.js';
import type { WebgpuBackend } from '../../src/backend/webgpu/watched.js';
import { createLogger } from '../../src/base/log.js';
import { labelsToTensor } from '../../src/clips/index.js';
import { registerKernels, warp } from '../../src/kernels/index.js';
import { expectClose, expectNoLeak, normals, type PlainTensor } from '../tensors.js';
import { webgpuLacks, webgpuNote } from '../webgpu.js';

const on = async (prefer: 'webgpu' | 'cpu', make: () => tf.Tensor): Promise<PlainTensor> => {
  await useBackend({ prefer });
  const tensor = tf.tidy(make);
  const values = await tensor.data();
  tensor.dispose();
  return { shape: tensor.shape, values: values.slice() };
};

/** Held to plain JavaScript, and the same bytes a second time. */
async function expectAlike(make: () => tf.Tensor): Promise<PlainTensor> {
  const expected = await on('cpu', make);
  const [made, again] = [await on('webgpu', make), await on('webgpu', make)];
  expect(again).toEqual(made);
  expectClose(made, expected, { rtol: 1e-5, atol: 1e-5 });
  return made;
}

const idsOf = (count: number, rows: number): tf.Tensor1D =>
  tf.tensor1d(
    Array.from({ length: count }, (_, i) => ((i * i + 3 * i) % (rows + 1)) - 1),
    'int32',
  );

describe('the rung', () => {
  it('is taken by name alone, and never where the card is the processor', async () => {
    await expect(loadWebgpu(false)).rejects.toMatchObject({ code: 'backend' });
    const software = { vendor: 'google', architecture: 'swiftshader', device: '' };
    const info = { ...software, description: 'SwiftShader driver 5.0.0' };
    const adapter = { info, limits: {} } as unknown as GpuAdapter;
    expect(factsOf(adapter).isSoftware).toBe(true);
    const card = { info: { ...info, description: 'NVIDIA H100' }, limits: {} };
    expect(factsOf(card as unknown as GpuAdapter).isSoftware).toBe(false);
  });
});

describe.skipIf(webgpuLacks !== null)(`WebGPU${webgpuNote}`, () => {
  const lines: string[] = [];

  beforeAll(async () => {
    const log = createLogger({ write: (line) => void lines.push(line.trimEnd()) });
    await useBackend({ prefer: 'webgpu', log });
    registerKernels();
  });

  afterAll(async () => {
    await useBackend({ prefer: 'cpu' });
  });

  it('says what it runs on, and whose memory that has', async () => {
    const { name, adapter } = await useBackend({ prefer: 'webgpu' });
    expect([name, adapter]).toEqual(['webgpu', webgpuAdapter()]);
    expect(adapter!.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(2 ** 27);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('backend: webgpu (webgpu was asked for) on ');
    expect(lines[0]!.startsWith('warning: ')).toBe(adapter!.isSoftware);
    expect(tensorMemory().where).toBe(adapter!.isSoftware ? 'machine' : 'card');
    expect(Reflect.get(Reflect.get(globalThis, 'navigator') ?? {}, 'gpu')).toBeUndefined();
  });

  it('is passed over where nobody names it', async () => {
    expect(whyNotByItself()).toContain('by name alone');
    expect(whyNotByItself({ ...webgpuAdapter()!, isSoftware: true })).toContain('the processor');
    const { adapter, passedOver } = await probeWebgpu();
    expect({ adapter, passedOver }).toEqual({ adapter: webgpuAdapter(), passedOver: null });
    await useBackend({ prefer: 'cpu' });
    const asked = await probeWebgpu();
    expect(asked).toEqual({ adapter, passedOver: whyNotByItself(adapter!) });
    await useBackend({ prefer: 'webgpu' });
  });

  it('pads five axes and six', async () => {
    await expectAlike(() =>
      tf.pad(
        normals('five', [2, 3, 2, 4, 2]),
        [0, 1, 0, 0, 0].map((side) => [side, 2 * side]),
        7,
      ),
    );
    await expectAlike(() =>
      tf.pad(
        normals('six', [2, 2, 3, 2, 2, 2]),
        [0, 1, 0, 0, 1, 0].map((side) => [side, 0]),
      ),
    );
  });

  it.each([7, 8, 12, 30])('adds up %i tensors', async (count) => {
    await expectAlike(() =>
      tf.addN(Array.from({ length: count }, (_, i) => normals(`part ${i}`, [3, 5]))),
    );
  });

  it('pulls averages back by what was inside', async () => {
    await expectAlike(() => {
      const pool = (x: tf.Tensor) => tf.avgPool(x as tf.Tensor4D, 3, 2, 'same');
      const x = normals<tf.Rank.R4>('x', [1, 5, 6, 2]);
      return tf.grad((value) => tf.sum(tf.mul(pool(value), pool(x))))(x);
    });
  });

  it('knows the labels of a map', async () => {
    await expectAlike(() => labelsToTensor(Uint8Array.of(2, 0, 255, 1), [1, 1, 2, 2], 3));
  });

  it('sums segments to the bit, whichever thread comes first', async () => {
    const made = await expectAlike(() =>
      tf.unsortedSegmentSum(normals('rows', [900, 3]), idsOf(900, 7), 7),
    );
    expect(made.shape).toEqual([7, 3]);
    await expectAlike(() => tf.unsortedSegmentSum(normals('one', [40]), idsOf(40, 3), 5));
    await expectAlike(() => tf.unsortedSegmentSum(normals('deep', [20, 2, 3]), idsOf(20, 4), 4));
    // Adding in float32 would lose the small one beside the large ones, which cancel.
    const exact = await on('webgpu', () =>
      tf.unsortedSegmentSum(tf.tensor1d([3e8, 1, -3e8, 1e-30]), tf.tensor1d([0, 0, 0, 1], 'int32'), 3),
    ); // prettier-ignore
    expect([...(exact.values as Float32Array)]).toEqual([1, 0, 0]);
  });

  it.each([NaN, Infinity, -Infinity])('does not hide %d in a sum of segments', async (value) => {
    const made = await on('webgpu', () =>
      tf.unsortedSegmentSum(tf.tensor1d([1, value, 2]), tf.tensor1d([0, 0, 1], 'int32'), 2),
    );
    expect([...(made.values as Float32Array)]).toEqual([NaN, NaN]);
  });

  it('pulls warped pictures back the same each time', async () => {
    await expectAlike(() => {
      const flow = tf.mul<tf.Tensor4D>(normals('flow', [1, 6, 8, 2]), 4);
      const image = normals<tf.Rank.R4>('image', [1, 6, 8, 3]);
      return tf.grad((x) => tf.sum(tf.square(warp(x as tf.Tensor4D, flow))))(image);
    });
  });

  it('multiplies long matrices, whose parts TF.js adds up in any order', async () => {
    await expectAlike(() =>
      tf.mul(tf.matMul(normals('a', [12, 2050]), normals('b', [2050, 16])), 0.01),
    );
    await expectAlike(() =>
      tf.mul(tf.matMul(normals('c', [2001, 13]), normals('d', [2001, 11]), true), 0.01),
    );
  });

  it('leaves nothing behind, on the card neither', async () => {
    await useBackend({ prefer: 'webgpu' });
    const backend = tf.backend() as WebgpuBackend;
    const held: number[][] = [];
    await expectNoLeak(async () => {
      for (let i = 0; i < 6; i += 1) {
        const sum = tf.tidy(() => {
          const x = normals<tf.Rank.R4>('x', [1, 8, 8, 4]);
          return tf.sum(tf.relu(tf.mul(tf.add(x, 1), x)));
        });
        await sum.data();
        sum.dispose();
        const { numBytesUsed, numBytesAllocated } = backend.bufferManager;
        held.push([numBytesUsed, numBytesAllocated]);
      }
    });
    expect(held.slice(3)).toEqual([held[2], held[2], held[2]]);
    // Sizes that do not come again are not kept for ever.
    for (let i = 1; i <= 40; i += 1) {
      const sum = tf.tidy(() => tf.sum(tf.add(tf.zeros([20_000 + i]), 1)));
      await sum.data();
      sum.dispose();
    }
    expect(backend.bufferManager.numBytesAllocated).toBeLessThan(40 * 80_000);
  });

  it('is not read without waiting', async () => {
    await useBackend({ prefer: 'webgpu' });
    const x = tf.tidy(() => tf.add(tf.ones([3]), 1));
    expect(() => x.dataSync()).toThrow(
      expect.objectContaining({ code: 'backend', hint: expect.stringContaining('await') as string }),
    ); // prettier-ignore
    expect([...(await x.data())]).toEqual([2, 2, 2]);
    // Here it lies now.
    expect([...x.dataSync()]).toEqual([2, 2, 2]);
    x.dispose();
  });

  it('makes what WebGPU refuses an error of what is read next, and of all after', async () => {
    await useBackend({ prefer: 'webgpu' });
    const x = tf.tidy(() => tf.add(tf.ones([3]), 1));
    const { device } = tf.backend() as unknown as {
      device: { createShaderModule(descriptor: { code: string }): unknown };
    };
    // Dawn writes it on the standard output too, unless that is prevented.
    const written = vi.spyOn(process.stdout, 'write');
    device.createShaderModule({ code: 'fn broken( {' });
    const refused = {
      code: 'backend',
      message: expect.stringContaining('WebGPU refused') as string,
    };
    await expect(x.data()).rejects.toMatchObject(refused);
    expect(() => tf.tidy(() => tf.add(x, 1))).toThrow(expect.objectContaining(refused));
    expect(written).not.toHaveBeenCalled();
    x.dispose();
    await expect(openAdapter()).resolves.toBeDefined();
  });
});
