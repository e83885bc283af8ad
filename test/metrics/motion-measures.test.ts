import { createRequire } from 'node:module';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import {
  imageFromBytes,
  openFlow,
  tOF,
  visibleMask,
  warpImage,
  warpingError,
  type FlowEstimator,
  type FlowField,
} from '../../src/metrics/index.js';
import { golden, imageOf, paint, waves, type GoldenTensor } from './pictures.js';

const uniformFlow = (width: number, height: number, u: number, v: number): FlowField => ({
  width,
  height,
  data: Float32Array.from({ length: width * height * 2 }, (_, i) => (i % 2 === 0 ? u : v)),
});

let flow: FlowEstimator;
const listeners = (): number =>
  process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');
let listenersBefore: number;
beforeAll(async () => {
  listenersBefore = listeners();
  flow = await openFlow();
});

describe('openFlow', () => {
  it('gives what OpenCV gives in Python', () => {
    const [pair] = golden<{ from: GoldenTensor; to: GoldenTensor; flow: GoldenTensor }>(
      'farneback',
    );
    const [height, width] = pair!.from.shape as [number, number];
    const read = (bytes: GoldenTensor): ReturnType<typeof imageFromBytes> =>
      imageFromBytes(Uint8Array.from(bytes.values), { width, height, channels: 1 });
    const { data } = flow.flow(read(pair!.from), read(pair!.to));
    expect(data).toHaveLength(pair!.flow.values.length);
    const gaps = pair!.flow.values.map((value, i) => Math.abs(value - data[i]!));
    expect(Math.max(...gaps)).toBeLessThan(2e-3);
  });

  it('finds a shift, x right and y down, and is loaded once', async () => {
    const { data } = flow.flow(waves(0, 0), waves(2, -1));
    const middle = 2 * (24 * 64 + 32);
    expect(data[middle]).toBeCloseTo(2, 0);
    expect(data[middle + 1]).toBeCloseTo(-1, 0);
    expect(await openFlow()).toBe(flow);
  });

  it('leaves the handling of fatal errors to the program', () => {
    expect(listeners()).toBe(listenersBefore);
  });

  it('frees the three matrices of each flow', () => {
    const cv = createRequire(import.meta.url)('@techstark/opencv-js') as {
      Mat: { prototype: { delete(): void } };
    };
    const freed = vi.spyOn(cv.Mat.prototype, 'delete');
    flow.flow(waves(0, 0), waves(1, 0));
    expect(freed).toHaveBeenCalledTimes(3);
    expect(() => flow.flow(waves(0, 0, 32, 32), waves(0, 0))).toThrow(/different size/);
    expect(freed).toHaveBeenCalledTimes(3);
    freed.mockRestore();
  });
});

describe('warpImage', () => {
  it.each(
    golden<{ image: GoldenTensor; flow: GoldenTensor; output: GoldenTensor }>('warp').filter(
      ({ image }) => image.shape[0] === 1,
    ),
  )('agrees with grid_sample: $name', ({ image, flow: field, output }) => {
    const first = (value: GoldenTensor): GoldenTensor => ({
      ...value,
      shape: value.shape.slice(1),
    });
    const { width, height, data } = imageOf(first(field));
    const warped = warpImage(imageOf(first(image)), { width, height, data });
    output.values.forEach((value, i) => expect(warped.data[i]).toBeCloseTo(value, 5));
  });

  it('needs flow of the same size', () => {
    expect(() => warpImage(waves(0, 0), uniformFlow(8, 8, 0, 0))).toThrow(/flow of 8×8/);
  });
});

describe('warpingError', () => {
  const everywhere = new Uint8Array(64 * 48).fill(1);

  it('is near zero along the true motion and not without it', () => {
    const [previous, current] = [waves(0, 0), waves(2, 1)];
    const inner = everywhere.map((_, i) => (i % 64 > 2 && i > 64 * 2 ? 1 : 0));
    const true_ = warpingError(previous, current, uniformFlow(64, 48, -2, -1), inner);
    expect(true_).toBeLessThan(1e-12);
    const still = warpingError(previous, current, uniformFlow(64, 48, 0, 0), inner);
    expect(still).toBeGreaterThan(1e-3);
  });

  it('grows with flicker, in squared [0, 1] units', () => {
    const [dark, bright] = [paint(64, 48, () => 0), paint(64, 48, () => 0.5)];
    expect(warpingError(dark, bright, uniformFlow(64, 48, 0, 0), everywhere)).toBeCloseTo(
      0.25 ** 2,
      9,
    );
  });

  it('is null where nothing is seen in both frames', () => {
    const nowhere = new Uint8Array(64 * 48);
    expect(warpingError(waves(0, 0), waves(0, 0), uniformFlow(64, 48, 0, 0), nowhere)).toBeNull();
  });
});

describe('visibleMask', () => {
  it('keeps a motion that the way back undoes and drops one that it does not', () => {
    const there = uniformFlow(10, 8, 3, 1);
    expect(visibleMask(there, uniformFlow(10, 8, -3, -1)).every((seen) => seen === 1)).toBe(true);
    expect(visibleMask(there, uniformFlow(10, 8, 3, 1)).every((seen) => seen === 0)).toBe(true);
  });

  it('drops borders of motions', () => {
    const halves = uniformFlow(10, 8, 0, 0);
    halves.data.forEach((_, i) => {
      if (i % 2 === 0 && (i / 2) % 10 >= 5) halves.data[i] = 0.5;
    });
    const mask = visibleMask(halves, uniformFlow(10, 8, 0, 0));
    expect([...mask.slice(0, 10)]).toEqual([1, 1, 1, 1, 0, 1, 1, 1, 1, 1]);
  });
});

describe('tOF', () => {
  it('is the mean distance of the flows in pixels', () => {
    expect(tOF(uniformFlow(5, 4, 3, 0), uniformFlow(5, 4, 0, 4))).toBe(5);
    expect(tOF(uniformFlow(5, 4, 1, 2), uniformFlow(5, 4, 1, 2))).toBe(0);
    expect(() => tOF(uniformFlow(5, 4, 0, 0), uniformFlow(4, 5, 0, 0))).toThrow(/5×4 and 4×5/);
  });
});
