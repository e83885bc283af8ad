import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { silentLogger, type Logger } from '../../src/base/log.js';
import { TOLERANCES } from '../../src/export/export-generator.js';
import { exportGenerator } from '../../src/export/index.js';
import { readMetadata } from '../../src/export/metadata.js';
import { openRuntime } from '../../src/export/runtime.js';
import { expectNoLeak } from '../tensors.js';
import { keys, labels, makeModel, manyLabels, none, PALETTE } from './make-model.js';
import { checkOnnx } from './onnx-check.js';

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
    ['many classes, embedded', {}, manyLabels],
    ['no condition but noise', { noiseChannels: 2 }, none],
    ['no flow', { flow: false }, {}],
    ['one frame of past, one of condition', { historyFrames: 1, conditionFrames: 1 }, {}],
    ['a long past', { historyFrames: 4, conditionFrames: 2 }, {}],
    ['modulation by outlines', { modulation: 'condition', residualBlocks: 2 }, {}],
    ['modulation by classes, and noise', { modulation: 'condition', noiseChannels: 2 }, labels],
    ['no past', { historyFrames: 0, conditionFrames: 1, flow: false }, {}],
    ['looks', { styleChannels: 3 }, {}],
    ['looks of classes', { styleChannels: 1 }, labels],
    ['actions alone', { conditionFrames: 2 }, { ...none, ...keys }],
    [
      'actions beside classes, looks and noise',
      { styleChannels: 2, noiseChannels: 2 },
      { ...labels, ...keys },
    ],
    [
      'actions, a place and the past shown to the decoder',
      { conditionFrames: 1, historyFrames: 1, positions: true, skip: true },
      { ...none, ...keys },
    ],
    [
      'exact copies, of a place',
      { conditionFrames: 1, historyFrames: 1, positions: true, exactCopies: true },
      {},
    ],
    ['some of a longer past', { historyFrames: 16, historyAges: [1, 2, 16], skip: true }, {}],
    ['looks, modulated', { styleChannels: 2, modulation: 'condition' }, {}],
    ['the tiny preset', { preset: 'tiny', channels: undefined }, { size: '64x64' }],
  ])('writes what computes the same, of %s', async (name, generator, data) => {
    const path = join(folder, `${name}.onnx`);
    const model = await makeModel(generator, data);
    await expectNoLeak(async () => {
      const result = await exportGenerator(model, path);
      expect(result.comparison.maxDifference).toBeLessThan(1e-3);
      expect(result.comparison.frames).toBe(10);
      const { flow, historyFrames } = model.generator.options;
      expect(Object.keys(result.comparison.outputs).sort()).toEqual([
        ...(flow ? ['flow', 'frame', 'mask'] : ['frame']),
        ...(historyFrames > 0 ? ['next_history'] : []),
        'raw',
      ]);
      expect(result.ops.GridSample).toBe(flow ? 1 : undefined);
      const file = await readFile(path);
      expect(result.bytes).toBe(file.length);
      const sizes = { batch: 2, height: 36, width: 20, 'height/4': 9, 'width/4': 5 };
      const { graph } = checkOnnx(file, sizes);
      expect(graph!.node).toHaveLength(Object.values(result.ops).reduce((a, b) => a + b));
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
    const { version, pipeline, condition, ...told } = readMetadata(file, path);
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect(told).toEqual({
      step: 42,
      seed: 7,
      width: 48,
      height: 32,
      generator: { historyFrames: 2, conditionFrames: 3, noiseChannels: 3, flow: true },
      weights: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      layers: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      ...{ precision: 'float32', compute: 'float32', target: 'onnxruntime', fixed: null },
      input: 'label maps, nearest pixels at 48x32, what is over at the edges cut off',
      ...{ ffmpeg: null, author: null, licence: null },
    });
    expect(condition).toMatchObject({
      kind: 'paired',
      content: 'labels',
      channels: 3,
      bytesPerPixel: 1,
      classNames: ['sky', 'road', 'car'],
      followsColour: false,
    });
    expect(pipeline).toMatchObject({
      data: { clips: ['holiday.mp4'], condition: { path: 'labels.mkv', palette: PALETTE } },
    });
    expect(file.includes('/home/someone')).toBe(false);
    expect(file.includes('/data/')).toBe(false);
  });

  it('says whose it is and what made its conditions, where that is told', async () => {
    const path = join(folder, 'mine.onnx');
    const model = await makeModel({}, { fit: 'pad', condition: 'edges' });
    const about = { author: 'A. Person', licence: 'CC-BY-4.0' };
    const pipeline = { ...model.pipeline, about };
    await exportGenerator({ ...model, pipeline }, path, { ffmpeg: '7.1' });
    expect(readMetadata(await readFile(path), path)).toMatchObject({
      ...{ ...about, ffmpeg: '7.1' },
      input:
        "edges of the frame at 48x32, black bars around it, by ffmpeg's filters format=gray,edgedetect=low=0.05:high=0.15,format=gray",
    });
  });

  it('stores weights by halves, computes by halves, and lets them differ by more', async () => {
    const model = await makeModel({ channels: 16, flowScalePixels: 1 });
    const made = (precision: 'float32' | 'float16' | 'float16-weights') =>
      exportGenerator(model, join(folder, `${precision}.onnx`), { precision });
    const whole = await made('float32');
    for (const half of [await made('float16-weights'), await made('float16')]) {
      expect(half.bytes / whole.bytes).toBeLessThan(0.55);
      expect(half.comparison.outputs.frame).toBeGreaterThan(whole.comparison.outputs.frame!);
      expect(half.comparison.outputs.frame).toBeLessThan(1e-2);
      const file = await readFile(half.path);
      const { graph } = checkOnnx(file, { batch: 1, height: 24, width: 32 });
      const told = readMetadata(file, half.path);
      const casts = graph!.node.filter(({ opType }) => opType === 'Cast').map(({ input }) => input);
      const widened = casts.filter(([input]) => input!.endsWith('.half')).length;
      const computes = half.precision === 'float16';
      expect(told.precision).toBe('float16');
      expect(told.compute).toBe(computes ? 'float16' : 'float32');
      // By halves: in at the borders, out before the picture. Two and two count pixels of the warp.
      expect([widened, casts.length - widened]).toEqual(computes ? [0, 3 + 4] : [10, 4]);
    }
    expect(TOLERANCES).toEqual({ float32: 1e-3, 'float16-weights': 1e-2, float16: 5e-2 });
  });

  it('stops when it is told to, and leaves no file', async () => {
    const path = join(folder, 'stopped.onnx');
    const stop = new AbortController();
    const exporting = exportGenerator(await makeModel(), path, { signal: stop.signal });
    stop.abort();
    await expect(exporting).rejects.toMatchObject({ code: 'cancelled' });
    const late = new AbortController();
    const log: Logger = { ...silentLogger, debug: () => late.abort() };
    const compared = exportGenerator(await makeModel(), path, { signal: late.signal, log });
    await expect(compared).rejects.toMatchObject({ code: 'cancelled' });
    expect(await readdir(folder)).not.toContain('stopped.onnx');
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
    expect(() => readMetadata(new Uint8Array(), 'x.onnx')).toThrow('x.onnx is empty (0 bytes)');
    // A model of version 7 of the format, and nothing else.
    expect(() => readMetadata(Uint8Array.of(8, 7), 'x.onnx')).toThrow(
      'x.onnx was not exported by this Frameloom',
    );
  });
});
