import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  writeSafetensors,
  type StoredTensor,
} from '../../../src/training/run/safetensors.js';

const encode = (...args: Parameters<typeof encodeSafetensors>): Buffer =>
  Buffer.concat(encodeSafetensors(...args));

/** A file of any header, so that damaged ones can be made. */
function file(header: unknown, valueBytes: number): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([prefix, text, Buffer.alloc(valueBytes)]);
}

const f32 = (begin: number, end: number, shape: number[]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

const tensor = fc
  .array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
  .chain((shape): fc.Arbitrary<StoredTensor> => {
    const length = shape.reduce((a, b) => a * b, 1);
    const exactly = { minLength: length, maxLength: length };
    return fc.oneof(
      fc.float32Array(exactly).map((data) => ({ shape, data, dtype: 'F32' as const })),
      fc.int32Array(exactly).map((data) => ({ shape, data, dtype: 'I32' as const })),
    );
  });

describe('safetensors', () => {
  it('writes the bytes that the reference implementation writes', () => {
    // python: safetensors.numpy.save({'b': np.array([[1, 2], [3, 4]], np.float32),
    //   'a': np.array([7], np.int32)}, metadata={'k': 'v'}).hex()   (safetensors 0.8.0)
    const golden =
      '90000000000000007b225f5f6d657461646174615f5f223a7b226b223a2276227d2c2262223a7b226474797065223a22463332222c227368617065223a5b322c325d2c22646174615f6f666673657473223a5b302c31365d7d2c2261223a7b226474797065223a22493332222c227368617065223a5b315d2c22646174615f6f666673657473223a5b31362c32305d7d7d202020202020200000803f00000040000040400000804007000000';
    const bytes = encode(
      {
        b: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
        a: { shape: [1], data: Int32Array.of(7) },
      },
      { k: 'v' },
    );
    expect(bytes.toString('hex')).toBe(golden);
  });

  it('gives any tensors back', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), tensor), (tensors) => {
        const back = decodeSafetensors(encode(tensors)).tensors;
        expect(Object.keys(back).sort()).toEqual(Object.keys(tensors).sort());
        for (const [name, { shape, data }] of Object.entries(tensors)) {
          expect(back[name]?.shape).toEqual(shape);
          expect(back[name]?.data).toEqual(data);
        }
      }),
    );
  });

  it('gives equal bytes for equal tensors named in another order', () => {
    const a = { shape: [1], data: Float32Array.of(1) };
    const b = { shape: [1], data: Float32Array.of(2) };
    expect(encode({ a, b }, { x: '1', y: '2' })).toEqual(encode({ b, a }, { y: '2', x: '1' }));
  });

  it('aligns the values to eight bytes', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 12 }), (name) => {
        const header = encode({
          [name]: { shape: [], data: Float32Array.of(1) },
        }).readBigUInt64LE();
        expect(Number(header) % 8).toBe(0);
      }),
    );
  });

  it('stores float16 rounded to nearest even and widens it back', () => {
    const data = Float32Array.of(1, 1 / 3, 65504, -0, 1 + 2 ** -11, Infinity, NaN);
    const back = decodeSafetensors(encode({ x: { shape: [7], data, dtype: 'F16' } })).tensors.x;
    expect(back?.dtype).toBe('F16');
    expect(back?.data).toEqual(Float32Array.of(1, 0.333251953125, 65504, -0, 1, Infinity, NaN));
  });

  it('refuses data that are not as long as the shape', () => {
    const tensors = { x: { shape: [2], data: Float32Array.of(1) } };
    expect(() => encode(tensors)).toThrow(expect.objectContaining({ code: 'bad-shape' }));
  });

  it.each([
    ['a short file', Buffer.alloc(5), 'only 5 bytes'],
    ['a header longer than the file', Buffer.from([99, 0, 0, 0, 0, 0, 0, 0]), 'inside its header'],
    ['a huge header', Buffer.alloc(8, 0xff), 'header claims'],
    ['a header that is not JSON', file('{"a"', 0), 'not JSON'],
    ['a header that is a list', file([], 0), 'not a JSON object'],
    ['an unknown type', file({ a: { ...f32(0, 4, [1]), dtype: 'F99' } }, 4), 'described wrongly'],
    ['a negative size', file({ a: f32(0, 4, [-1]) }, 4), 'described wrongly'],
    ['an unknown key', file({ a: { ...f32(0, 4, [1]), x: 1 } }, 4), 'described wrongly'],
    ['metadata of numbers', file({ __metadata__: { a: 1 } }, 0), 'metadata'],
    ['an overlap', file({ a: f32(0, 8, [2]), b: f32(4, 12, [2]) }, 12), 'overlaps'],
    ['a hole', file({ a: f32(0, 4, [1]), b: f32(8, 12, [1]) }, 12), 'hole'],
    ['a wrong length', file({ a: f32(0, 8, [1]) }, 8), 'its shape needs 4'],
    ['truncated values', file({ a: f32(0, 8, [2]) }, 6), 'holds 6 bytes'],
    ['a remainder', file({ a: f32(0, 8, [2]) }, 10), 'holds 10 bytes'],
  ])('refuses %s', (_what, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(
      expect.objectContaining({
        code: 'bad-snapshot',
        message: expect.stringContaining(message) as string,
      }),
    );
  });

  it('never does anything but decode or refuse, whatever a bit does', () => {
    const sound = encode({ a: { shape: [2, 3], data: new Float32Array(6) } });
    fc.assert(
      fc.property(fc.nat(sound.length * 8 - 1), (bit) => {
        const bytes = Buffer.from(sound);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        let code = 'none';
        try {
          decodeSafetensors(bytes);
        } catch (error) {
          code = (error as { code: string }).code;
        }
        expect(['none', 'bad-snapshot']).toContain(code);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps a tensor that is named like a prototype', () => {
    const back = decodeSafetensors(
      encode(Object.fromEntries([['__proto__', { shape: [], data: Float32Array.of(3) }]])),
    );
    expect(Object.keys(back.tensors)).toEqual(['__proto__']);
  });

  it('writes and reads a file, and never over another', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'frameloom-'));
    try {
      const path = join(folder, 'x.safetensors');
      const tensors = { x: { shape: [3], data: Float32Array.of(1, 2, 3) } };
      await writeSafetensors(path, tensors);
      expect((await readSafetensors(path)).tensors.x?.data).toEqual(tensors.x.data);
      await expect(writeSafetensors(path, tensors)).rejects.toThrow('EEXIST');
      await expect(readSafetensors(join(folder, 'none'))).rejects.toMatchObject({
        code: 'not-found',
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
