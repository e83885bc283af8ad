import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import {
  conditionToTensor,
  frameToTensor,
  labelsToTensor,
  tensorToFrame,
  valuesToBytes,
} from '../../src/clips/index.js';
import type { Frame } from '../../src/video/index.js';

beforeAll(async () => {
  await useBackend();
});

const frame = (data: Uint8Array, width: number, pixelFormat: Frame['pixelFormat']): Frame => ({
  index: 3,
  timeSeconds: 0.12,
  width,
  height: data.length / width / (pixelFormat === 'gray' ? 1 : 3),
  pixelFormat,
  data,
});

describe('bytes and tensors', () => {
  it('give every byte back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom('rgb24' as const, 'gray' as const),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(),
        async (width, format, height, seed) => {
          const channels = format === 'gray' ? 1 : 3;
          const bytes = Uint8Array.from(
            { length: width * height * channels },
            (_, i) => (seed + i * 7) % 256,
          );
          const before = tf.memory().numTensors;
          const tensor = frameToTensor(frame(bytes, width, format));
          expect(tensor.shape).toEqual([1, height, width, channels]);
          const back = await tensorToFrame(tensor, { index: 3, timeSeconds: 0.12 });
          expect(back).toEqual(frame(bytes, width, format));
          tensor.dispose();
          expect(tf.memory().numTensors).toBe(before);
        },
      ),
      { numRuns: 30 },
    );
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(valuesToBytes(Float32Array.from(all, (byte) => byte / 127.5 - 1))).toEqual(all);
  });

  it('round halves up and clamp', () => {
    const half = (byte: number): number => (byte + 0.5) / 127.5 - 1;
    expect([
      ...valuesToBytes(Float32Array.of(-2, -1, 1, 5, half(10) + 1e-6, half(10) - 1e-3)),
    ]).toEqual([0, 0, 255, 255, 11, 10]);
  });

  it('refuse NaN, and shapes that are no frame', async () => {
    expect(() => valuesToBytes(Float32Array.of(0, Number.NaN))).toThrow('holds NaN');
    const two = tf.zeros([2, 4, 4, 3]);
    await expect(tensorToFrame(two, { index: 0, timeSeconds: 0 })).rejects.toThrow('[2, 4, 4, 3]');
    two.dispose();
    expect(() => frameToTensor(frame(new Uint8Array(12), 2, 'rgba'))).toThrow('rgba');
  });

  it('spread label ids over channels', () => {
    const before = tf.memory().numTensors;
    const ids = Uint8Array.of(0, 2, 1, 2);
    const tensor = labelsToTensor(ids, [1, 2, 2], 3);
    expect(tensor.shape).toEqual([1, 2, 2, 3]);
    expect([...tensor.dataSync()]).toEqual([1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1]);
    const layout = {
      kind: 'paired',
      content: 'labels',
      channels: 3,
      bytesPerPixel: 1,
      classNames: ['a', 'b', 'c'],
      followsColour: false,
    } as const;
    // What is ignored is of no class at all.
    const ignored = labelsToTensor(Uint8Array.of(255, 1), [1, 1, 2], 3);
    expect([...ignored.dataSync()]).toEqual([0, 0, 0, 0, 1, 0]);
    ignored.dispose();
    const same = conditionToTensor(ids, [1, 2, 2], layout);
    expect([...same.dataSync()]).toEqual([...tensor.dataSync()]);
    tf.dispose([tensor, same]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
