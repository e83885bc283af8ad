import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as web from 'onnxruntime-web';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { generatorToOnnx, readByLayers } from '../../src/export/generator-graph.js';
import { exportGenerator, EXPORT_TARGETS } from '../../src/export/index.js';
import type { OnnxProgram } from '../../src/export/feeds.js';
import { readMetadata, type ExportedInfo } from '../../src/export/metadata.js';
import { openRuntime } from '../../src/export/runtime.js';
import { assertRunsOn, TARGETS } from '../../src/export/targets.js';
import { openOnnxModel } from '../../src/synthesis/index.js';
import { keys, labels, makeModel, none } from './make-model.js';
import { checkOnnx } from './onnx-check.js';

let folder: string;
beforeAll(async () => {
  await useBackend();
  folder = await mkdtemp(join(tmpdir(), 'frameloom-targets-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const INFO: ExportedInfo = {
  ...{ version: '0', step: 0, seed: 0, width: 48, height: 32, pipeline: null },
  generator: { historyFrames: 1, conditionFrames: 1, noiseChannels: 0, flow: false },
  condition: {
    ...{ kind: 'none', content: 'none', channels: 0, bytesPerPixel: 0, classNames: [] },
    followsColour: false,
  },
  ...{
    weights: null,
    layers: null,
    precision: 'float32',
    compute: 'float32',
    fixed: null,
    target: null,
  },
  ...{ input: null, ffmpeg: null, author: null, licence: null },
};
const FIXED = { samples: 2, width: 24, height: 16 };
const SIZES = { batch: 2, height: 16, width: 24, 'height/4': 4, 'width/4': 6 };

describe('a target', () => {
  // Each way that the options of a generator can change which ops it is made of.
  it.each<[string, Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>]>([
    ['everything', { noiseChannels: 3 }, labels],
    [
      'as little as can be',
      { flow: false, historyFrames: 1, residualBlocks: 0, branchBlocks: 0 },
      {},
    ],
    ['no condition', { noiseChannels: 5, historyFrames: 1, conditionFrames: 1 }, none],
    ['no flow, a long past', { flow: false, historyFrames: 4, noiseChannels: 1 }, labels],
    ['odd numbers of channels', { channels: 5, historyFrames: 3, conditionFrames: 7 }, {}],
    ['normalized weights and positions', { normalization: 'weights', positions: true }, labels],
    ['modulation', { modulation: 'condition', noiseChannels: 2 }, {}],
    ['looks', { styleChannels: 3 }, {}],
    ['exact copies, the past shown to the decoder', { exactCopies: true, skip: true }, {}],
    ['actions', {}, keys],
    ['a large preset', { preset: 'large', residualBlocks: undefined }, {}],
  ])('has every op that it is given, well formed, of %s', async (_, options, data) => {
    const { generator, weights, pipeline } = await makeModel(options, data);
    const flow = options.flow !== false;
    const read = await readByLayers(generator, weights as Float32Array);
    for (const target of EXPORT_TARGETS) {
      const { half, fixed: needed, opset } = TARGETS[target];
      for (const compute of half ? (['float32', 'float16'] as const) : (['float32'] as const)) {
        for (const fixed of needed ? [FIXED] : [null, FIXED]) {
          const precision = compute;
          const info = { ...INFO, ...pipeline.data.size, target, compute, precision, fixed };
          const { file, opCounts } = generatorToOnnx(generator, read, info);
          const model = checkOnnx(file, SIZES);
          expect(Number(model.opsetImport[0]!.version)).toBe(opset);
          expect(() => assertRunsOn(target, Object.keys(opCounts))).not.toThrow();
          // Of one size, nothing asks for it.
          const asks = ['Gather', 'Range', 'Shape'].map((op) => opCounts[op] ?? 0);
          const gathered = target === 'opencv' && flow ? 4 : 0;
          // The warp, and the places of each encoder's pixels.
          const placed = options.positions === true ? 2 : 0;
          const grids = (flow ? 1 : 0) + placed;
          expect(asks).toEqual(fixed ? [gathered, 0, 0] : [2 * grids, 2 * grids, grids]);
          expect(opCounts).not.toHaveProperty('SpaceToDepth');
        }
      }
    }
  });

  it('is refused an op that it lacks', () => {
    expect(() => assertRunsOn('opencv', ['Conv', 'GridSample'])).toThrow(
      'opencv has no GridSample',
    );
  });

  it('of browsers has what onnxruntime-web computes on WebGPU', async () => {
    const place = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
    const source = await readFile(join(place, 'ort.all.js'), 'utf8');
    const [, rules = ''] = /WEBGPU_OP_RESOLVE_RULES = [^[]*\[([\s\S]*?)\]\);/.exec(source) ?? [];
    const known = new Set([...rules.matchAll(/\["(\w+)", \[/g)].map(([, op]) => op!));
    expect(known.size).toBeGreaterThan(80);
    expect(known).not.toContain('SpaceToDepth');
    // Those two move no numbers.
    const missing = [...TARGETS.web.ops].filter((op) => !known.has(op));
    expect(missing.sort()).toEqual(['Reshape', 'Shape']);
  });
});

/** All that a file makes of numbers that are the same each time. */
async function outputsOf({ session, Tensor }: OnnxProgram, hasHistory: number) {
  const sizes: Readonly<Record<string, number>> = { batch: 1, height: 32, width: 48 };
  const feeds = session.inputMetadata.map((input, i) => {
    const told = input.isTensor ? input.shape : [];
    const shape = told.map((size) => (typeof size === 'string' ? sizes[size]! : size));
    const count = shape.reduce((a, b) => a * b, 1);
    const wave = Float32Array.from({ length: count }, (_, j) => Math.sin(j * 0.37 + i));
    const values = input.name === 'has_history' ? wave.fill(hasHistory) : wave;
    return [input.name, new Tensor('float32', values, shape)] as const;
  });
  const made = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(
    Object.entries(made).map(([name, { data }]) => [name, data as Float32Array]),
  );
}

describe('an export for a target', () => {
  it.each([
    ['web', { target: 'web', size: { width: 24, height: 16 } }, [1, 24, 16]],
    ['unity', { target: 'unity', batch: 2 }, [2, 48, 32]],
    ['opencv', { target: 'opencv' }, [1, 48, 32]],
    ['opencv in batches', { target: 'opencv', batch: 3 }, [3, 48, 32]],
  ] as const)(
    'makes the frames of TensorFlow.js: %s',
    async (name, options, [samples, width, height]) => {
      const path = join(folder, `${name}.onnx`);
      const result = await exportGenerator(
        await makeModel({ noiseChannels: 3 }, labels),
        path,
        options,
      );
      expect(result.comparison.maxDifference).toBeLessThan(1e-3);
      expect(result.fixed).toEqual({ samples, width, height });
      const info = readMetadata(await readFile(path), path);
      expect(info).toMatchObject({
        ...{ target: options.target, fixed: { samples, width, height } },
        ...{ width: 48, height: 32 },
      });
      const { session } = await openRuntime(await readFile(path), path);
      const told = session.inputMetadata.map((one) => [one.name, one.isTensor ? one.shape : []]);
      expect(Object.fromEntries(told)).toEqual({
        condition: [samples, 9, height, width],
        history: [samples, 6, height, width],
        noise: [samples, 3, height / 4, width / 4],
        has_history: options.target === 'opencv' ? [1, 1, 1, 1] : [],
      });
      await session.release();
    },
  );

  it('is opened at its own size, and at no other; in batches not at all', async () => {
    const path = join(folder, 'opened.onnx');
    const model = await makeModel({ noiseChannels: 3 }, labels);
    const size = { width: 24, height: 16 };
    await exportGenerator(model, path, { target: 'opencv', size });
    const opened = await openOnnxModel(path, { threads: 1 });
    expect(opened).toMatchObject(size);
    const frame = await opened.open().next(new Uint8Array(24 * 16));
    expect(frame).toHaveLength(3 * 24 * 16);
    await opened.release();
    await expect(openOnnxModel(path, { width: 64, height: 64 })).rejects.toMatchObject({
      ...{ code: 'bad-input', message: `${path} is for 24x16 alone, not 64x64` },
    });
    await exportGenerator(model, path, { size, batch: 2, overwrite: true });
    await expect(openOnnxModel(path)).rejects.toMatchObject({
      ...{ code: 'bad-input', message: `${path} makes 2 frames at once` },
    });
  });

  it('is the same of one size as of any, but for rounding', async () => {
    const model = await makeModel();
    const [open, fixed] = [join(folder, 'open.onnx'), join(folder, 'fixed.onnx')];
    const free = await exportGenerator(model, open);
    const size = { width: 48, height: 32 };
    const folded = await exportGenerator(model, fixed, { size });
    const count = ({ ops }: typeof free): number => Object.values(ops).reduce((a, b) => a + b);
    expect(count(free) - count(folded)).toBe(19);
    expect(folded.ops).not.toHaveProperty('Shape');
    const [any, one] = await Promise.all(
      [open, fixed].map(async (path) =>
        outputsOf(await openRuntime(await readFile(path), path), 1),
      ),
    );
    const far = Object.entries(any!).map(([name, values]) =>
      values.reduce((most, value, i) => Math.max(most, Math.abs(value - one![name]![i]!)), 0),
    );
    // Of one size ONNX Runtime adds up what is constant beforehand, which rounds otherwise.
    expect(Math.max(...far)).toBeLessThan(1e-5);
  });

  it('is run by onnxruntime-web, which makes the frames of onnxruntime-node', async () => {
    web.env.wasm.numThreads = 1;
    web.env.logLevel = 'fatal';
    const path = join(folder, 'browser.onnx');
    const size = { width: 24, height: 16 };
    await exportGenerator(await makeModel(), path, { target: 'web', size });
    const file = await readFile(path);
    for (const hasHistory of [0, 1]) {
      const session = await web.InferenceSession.create(file, { executionProviders: ['wasm'] });
      const made = await outputsOf({ session, Tensor: web.Tensor } as OnnxProgram, hasHistory);
      const native = await outputsOf(await openRuntime(file, path), hasHistory);
      expect(Object.keys(made).sort()).toEqual(Object.keys(native).sort());
      for (const [name, values] of Object.entries(made)) {
        const worst = values.reduce(
          (most, value, i) => Math.max(most, Math.abs(value - native[name]![i]!)),
          0,
        );
        expect(worst, `the difference of ${name}`).toBeLessThan(1e-4);
      }
    }
  });

  it.each([
    [{ target: 'opencv', precision: 'float16' }, 'opencv does not compute in float16'],
    [{ size: { width: 30, height: 16 } }, 'a frame cannot be 30x16'],
    [{ size: { width: 16_384, height: 16_384 } }, 'a frame cannot be 16384x16384'],
    [{ batch: 0 }, 'a batch cannot be of 0'],
    [{ batch: 1.5 }, 'a batch cannot be of 1.5'],
    [
      { target: 'opencv', size: { width: 2048, height: 2048 }, batch: 5 },
      '5 x 2048x2048 are more pixels than this target counts',
    ],
  ] as const)('is refused: %j', async (options, message) => {
    const exporting = exportGenerator(await makeModel(), join(folder, 'never.onnx'), options);
    await expect(exporting).rejects.toMatchObject({ code: 'bad-option', message });
  });
});

describe('the check of the standard', () => {
  it('finds what ONNX Runtime may let pass', async () => {
    const { generator, weights } = await makeModel();
    const { file } = generatorToOnnx(
      generator,
      await readByLayers(generator, weights as Float32Array),
      INFO,
    );
    expect(() => checkOnnx(file, SIZES)).not.toThrow();
    const text = Buffer.from(file).toString('latin1');
    const changed = (from: string, to: string) => Buffer.from(text.replace(from, to), 'latin1');
    expect(() => checkOnnx(changed('blocksize', 'blocksixe'), SIZES)).toThrow('takes no attribute');
    expect(() => checkOnnx(changed('"\x07Sigmoid', '"\x07Sigmoix'), SIZES)).toThrow('no op of');
    expect(() => checkOnnx(file, { ...SIZES, batch: 3, height: 18 })).toThrow();
  });
});
