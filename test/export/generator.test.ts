import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { planCondition } from '../../src/clips/condition-plan.js';
import { dataOptions } from '../../src/clips/options.js';
import { exportGenerator, type ExportModel } from '../../src/export/index.js';
import { readMetadata } from '../../src/export/metadata.js';
import { openRuntime } from '../../src/export/runtime.js';
import { createGenerator, generatorOptions } from '../../src/networks/index.js';
import { expectNoLeak } from '../tensors.js';

const PALETTE = { sky: [0, 0, 255], road: [90, 90, 90], car: [255, 0, 0] } as const;

/** An untrained generator with everything that an export needs; its weights are large enough to matter. */
export async function makeModel(
  generator: Readonly<Record<string, unknown>> = {},
  data: Readonly<Record<string, unknown>> = {},
): Promise<ExportModel> {
  const parsed = dataOptions.parse({
    clips: ['/home/someone/holiday.mp4'],
    size: '48x32',
    ...data,
  });
  const plan = { baseFolder: '/', ...parsed.size };
  const { layout } = await planCondition(parsed.condition, plan);
  const network = createGenerator(
    generatorOptions.parse({ channels: 4, residualBlocks: 1, branchBlocks: 1, ...generator }),
    layout.channels,
  );
  return {
    ...{ generator: network, layout, seed: 7, step: 42 },
    weights: network.layout.initialize(5),
    pipeline: { data: parsed },
  };
}

const labels = {
  condition: { kind: 'paired', content: 'labels', path: '/data/labels.mkv', palette: PALETTE },
};
const none = { condition: { kind: 'none' } };

let folder: string;
beforeAll(async () => {
  await useBackend();
  folder = await mkdtemp(join(tmpdir(), 'frameloom-export-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('exportGenerator', () => {
  it.each([
    ['edges', {}, {}],
    ['labels', {}, labels],
    ['labels and noise', { noiseChannels: 3 }, labels],
    ['no condition but noise', { noiseChannels: 2 }, none],
    ['no flow', { flow: false }, {}],
    ['one frame of past, one of condition', { historyFrames: 1, conditionFrames: 1 }, {}],
    ['a long past', { historyFrames: 4, conditionFrames: 2 }, {}],
    ['the tiny preset', { preset: 'tiny', channels: undefined }, { size: '64x64' }],
  ])('writes what computes the same, of %s', async (name, generator, data) => {
    const path = join(folder, `${name}.onnx`);
    const model = await makeModel(generator, data);
    await expectNoLeak(async () => {
      const result = await exportGenerator(model, path);
      expect(result.comparison.maxDifference).toBeLessThan(1e-3);
      expect(result.comparison.frames).toBe(10);
      const { flow } = model.generator.options;
      expect(Object.keys(result.comparison.outputs).sort()).toEqual(
        flow ? ['flow', 'frame', 'mask', 'next_history', 'raw'] : ['frame', 'next_history', 'raw'],
      );
      expect(result.ops.GridSample).toBe(flow ? 1 : undefined);
      expect(result.bytes).toBe((await readFile(path)).length);
    });
  });

  it('names what goes in and out, of any batch and size', async () => {
    const path = join(folder, 'names.onnx');
    await exportGenerator(await makeModel({ noiseChannels: 3 }, labels), path);
    const { session } = await openRuntime(await readFile(path), path);
    const shapes = (list: typeof session.inputMetadata) =>
      Object.fromEntries(list.map((one) => [one.name, one.isTensor ? one.shape : []]));
    expect(shapes(session.inputMetadata)).toEqual({
      condition: ['batch', 9, 'height', 'width'],
      history: ['batch', 6, 'height', 'width'],
      noise: ['batch', 3, 'height/4', 'width/4'],
      has_history: [],
    });
    expect(shapes(session.outputMetadata)).toEqual({
      frame: ['batch', 3, 'height', 'width'],
      raw: ['batch', 3, 'height', 'width'],
      flow: ['batch', 2, 'height', 'width'],
      mask: ['batch', 1, 'height', 'width'],
      next_history: ['batch', 6, 'height', 'width'],
    });
    await session.release();
  });

  it('makes a first frame of the hallucinated image alone', async () => {
    const path = join(folder, 'first.onnx');
    await exportGenerator(await makeModel(), path);
    const { session, Tensor } = await openRuntime(await readFile(path), path);
    const [width, height] = [24, 16];
    const planes = (channels: number) =>
      new Tensor(
        'float32',
        Float32Array.from({ length: channels * width * height }, (_, i) => Math.sin(i)),
        [1, channels, height, width],
      );
    const run = (hasHistory: number) =>
      session.run({
        condition: planes(3),
        history: planes(6),
        has_history: new Tensor('float32', Float32Array.of(hasHistory), []),
      });
    const [first, later] = [await run(0), await run(1)];
    const numbers = (value: (typeof first)[string] | undefined) => value!.data as Float32Array;
    expect(numbers(first.frame)).toEqual(numbers(first.raw));
    expect(new Set(numbers(first.mask))).toEqual(new Set([1]));
    expect(new Set(numbers(first.flow))).toEqual(new Set([0]));
    expect(numbers(later.raw)).toEqual(numbers(first.raw));
    expect(numbers(later.frame)).not.toEqual(numbers(later.raw));
    // The next history is the frame before the newest of the past.
    const size = 3 * width * height;
    expect(numbers(later.next_history).slice(0, size)).toEqual(numbers(later.frame));
    expect(numbers(later.next_history).slice(size)).toEqual(numbers(planes(6)).slice(0, size));
    await session.release();
  });

  it('tells of the training, and nothing of the machine', async () => {
    const path = join(folder, 'told.onnx');
    await exportGenerator(await makeModel({ noiseChannels: 3 }, labels), path);
    const file = await readFile(path);
    const { version, pipeline, ...told } = readMetadata(file, path);
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect(told).toEqual({
      step: 42,
      seed: 7,
      width: 48,
      height: 32,
      generator: { historyFrames: 2, conditionFrames: 3, noiseChannels: 3, flow: true },
      condition: {
        kind: 'paired',
        content: 'labels',
        channels: 3,
        bytesPerPixel: 1,
        classNames: ['sky', 'road', 'car'],
        followsColour: false,
      },
      weights: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      precision: 'float32',
    });
    expect(pipeline).toMatchObject({
      data: { clips: ['holiday.mp4'], condition: { path: 'labels.mkv', palette: PALETTE } },
    });
    expect(file.includes('/home/someone')).toBe(false);
    expect(file.includes('/data/')).toBe(false);
  });

  it('stores weights by halves, and lets them differ by more', async () => {
    const model = await makeModel({ channels: 16, flowScalePixels: 1 });
    const whole = await exportGenerator(model, join(folder, 'whole.onnx'));
    const half = await exportGenerator(model, join(folder, 'half.onnx'), { halfWeights: true });
    expect(half.bytes / whole.bytes).toBeLessThan(0.55);
    expect(half.comparison.outputs.frame).toBeGreaterThan(whole.comparison.outputs.frame!);
    expect(half.comparison.outputs.frame).toBeLessThan(1e-2);
    expect([whole.tolerance, half.tolerance]).toEqual([1e-3, 1e-2]);
  });

  it('leaves no file when the frames differ, and keeps an older one', async () => {
    const model = await makeModel();
    const own = await mkdtemp(join(folder, 'own-'));
    const path = join(own, 'generator.onnx');
    const refused = exportGenerator(model, path, { tolerance: 1e-12 });
    await expect(refused).rejects.toThrow(
      expect.objectContaining({
        code: 'backend',
        message: expect.stringMatching(
          /^the exported \w+ is \S+ from TensorFlow\.js's, more than 1e-12; nothing was written$/,
        ) as string,
      }) as Error,
    );
    expect(await readdir(own)).toEqual([]);
    await exportGenerator(model, path);
    const before = await readFile(path);
    await expect(exportGenerator(model, path)).rejects.toMatchObject({ code: 'exists', path });
    const stricter = exportGenerator(model, path, { tolerance: 1e-12, overwrite: true });
    await expect(stricter).rejects.toMatchObject({ code: 'backend' });
    expect(await readdir(own)).toEqual(['generator.onnx']);
    expect(await readFile(path)).toEqual(before);
  });

  it('refuses a generator that makes NaN', async () => {
    const model = await makeModel();
    const weights = (model.weights as Float32Array).slice();
    weights[3] = Number.NaN;
    await expect(
      exportGenerator({ ...model, weights }, join(folder, 'nan.onnx')),
    ).rejects.toMatchObject({ code: 'diverged', message: 'the generator to export makes NaN' });
  });
});

describe('readMetadata', () => {
  it('refuses what is no ONNX file, and what is of something else', () => {
    expect(() => readMetadata(Buffer.from('not a model'), 'x.onnx')).toThrow(
      expect.objectContaining({ code: 'bad-input', path: 'x.onnx' }) as Error,
    );
    expect(() => readMetadata(new Uint8Array(), 'x.onnx')).toThrow(
      'x.onnx was not exported by this Frameloom',
    );
  });
});
