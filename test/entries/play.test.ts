import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-common';
import * as web from 'onnxruntime-web';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { randomStream } from '../../src/base/random.js';
import { openCheckedModel, openModel, type PlayModel } from '../../src/entries/play.js';
import type { OnnxRuntime } from '../../src/export/feeds.js';
import { exportGenerator } from '../../src/export/index.js';
import { openRunModel } from '../../src/pipeline/run-model.js';
import { openOnnxModel } from '../../src/synthesis/engines/onnx/model.js';
import { root } from '../program.js';
import { makeRun } from '../synthesis/make-run.js';
import { failure, largestDifference } from '../video/frames.js';
import { scratchPath } from '../video/make-clip.js';
import { moduleGraph } from './graph.js';

const SIZE = { width: 16, height: 16 };
const PIXELS = SIZE.width * SIZE.height;
let path: string;
let file: Uint8Array;
let model: PlayModel;

beforeAll(async () => {
  await useBackend();
  path = scratchPath('generator.onnx');
  const run = await makeRun({ data: { size: '16x16' }, generator: { noiseChannels: 2 } });
  await exportGenerator(await openRunModel(run), path);
  file = await readFile(path);
  web.env.wasm.numThreads = 1;
  model = await openModel(file, web);
});
afterAll(() => model.release());
afterEach(() => vi.unstubAllGlobals());

const conditions = ['a', 'b', 'c', 'd'].map((name) => {
  const random = randomStream(4, 'eval', name);
  return Uint8Array.from({ length: PIXELS }, () => random.integer(0, 255));
});

describe('frameloom/play', () => {
  it('imports nothing of Node, and no package that does', () => {
    const { outside, files } = moduleGraph(join(root, 'src/entries/play.ts'), true);
    expect([...outside.keys()].sort()).toEqual([
      ...['@bufbuild/protobuf/wire', '@noble/hashes/sha2.js', '@noble/hashes/utils.js'],
      ...['pure-rand/distribution/uniformFloat64', 'pure-rand/distribution/uniformInt'],
      ...['pure-rand/generator/xoroshiro128plus', 'zod'],
    ]);
    expect(files.length).toBeLessThan(32);
    expect(files.filter((path) => path.includes('/video/'))).toEqual([]);
  });

  it('makes in onnxruntime-web the frames that onnxruntime-node makes', async () => {
    expect(model).toMatchObject({ ...SIZE, seed: 1, step: 1, layout: { bytesPerPixel: 1 } });
    const node = await openOnnxModel(path, { threads: 1 });
    const [here, there] = [model.open(7), node.open(7)];
    const made: Uint8Array[] = [];
    for (const condition of conditions) {
      const frame = await here.next(condition);
      expect(largestDifference(frame, await there.next(condition))).toBeLessThanOrEqual(1);
      made.push(frame);
    }
    expect(largestDifference(made[0]!, made[3]!)).toBeGreaterThan(1);
    // The state goes along, from one to the other too.
    here.restore(await there.snapshot());
    const moved = await here.nextInDetail(conditions[0]!);
    const same = await there.nextInDetail(conditions[0]!);
    expect(largestDifference(moved.rgb, same.rgb)).toBeLessThanOrEqual(1);
    expect(moved.flow).toHaveLength(2 * PIXELS);
    expect(largestDifference(moved.flow!, same.flow!)).toBeLessThan(1e-3);
    here.start([made[0]!], [conditions[0]!]);
    there.start([made[0]!], [conditions[0]!]);
    const [on, off] = [await here.next(conditions[1]!), await there.next(conditions[1]!)];
    expect(largestDifference(on, off)).toBeLessThanOrEqual(1);
    here.dispose();
    there.dispose();
    await node.release();
  });

  it('says what is wrong with a file, a size or a condition', async () => {
    const wrong = await Promise.all([
      failure(openModel(new Uint8Array(100), web)),
      failure(openModel(file, web, { width: 30 })),
      failure(openModel(file, web, { signal: AbortSignal.abort() })),
      failure(openModel(file.subarray(0, file.length / 2), web)),
      failure(model.open().next(new Uint8Array(3))),
      failure(openModel(file, {} as typeof web)),
    ]);
    expect(wrong.map((error) => (error as { code: string }).code)).toEqual([
      ...['bad-input', 'bad-input', 'cancelled', 'bad-input', 'bad-input', 'bad-option'],
    ]);
    // A page has the file as an ArrayBuffer.
    const other = await openModel(new Uint8Array(file).buffer, web, { width: 32, height: 8 });
    expect(await other.open().next(new Uint8Array(32 * 8))).toHaveLength(3 * 32 * 8);
    await other.release();
  });
});

/**
 * ONNX Runtime with a card that computes something else.
 * @param change what becomes of an output's numbers there
 */
function withCard(change: (numbers: Float32Array, run: number) => void) {
  const opened: string[] = [];
  const released: string[] = [];
  const runtime: OnnxRuntime = {
    Tensor: web.Tensor,
    InferenceSession: {
      async create(bytes, options) {
        const [device] = options?.executionProviders as string[];
        opened.push(device!);
        const session = await web.InferenceSession.create(bytes, {
          ...options,
          executionProviders: ['wasm'],
        });
        let runs = 0;
        const own: Pick<InferenceSession, 'run' | 'release'> = {
          async run(...call: [InferenceSession.FeedsType]) {
            const outputs = await session.run(...call);
            if (device === 'webgpu') {
              for (const tensor of Object.values(outputs)) {
                change(tensor.data as Float32Array, runs);
              }
            }
            runs += 1;
            return outputs;
          },
          async release() {
            released.push(device!);
            await session.release();
          },
        };
        return new Proxy(session, {
          get: (target, key) =>
            key === 'run' || key === 'release' ? own[key] : (Reflect.get(target, key) as unknown),
        });
      },
    },
  };
  return { runtime, opened, released };
}

const CASES: readonly (readonly [
  string,
  (numbers: Float32Array, run: number) => void,
  RegExp | null,
])[] = [
  ['a rounding apart', (numbers) => numbers.forEach((x, i) => (numbers[i] = x + 1e-5)), null],
  [
    'other ones',
    (numbers) => numbers.forEach((x, i) => (numbers[i] = x * 0.9)),
    /^WebGPU makes other frames than WebAssembly \(by \d+ of 255\): WebAssembly is used$/,
  ],
  [
    'other ones from the third on',
    (numbers, run) => numbers.forEach((x, i) => (numbers[i] = run < 2 ? x : 0.5)),
    /^WebGPU makes other frames/,
  ],
  // What onnxruntime-web gave for outputs that it was handed.
  ['left unfilled', (numbers) => void numbers.fill(0), /^WebGPU makes other frames/],
  [
    'NaN',
    (numbers) => void (numbers[7] = Number.NaN),
    /^WebGPU cannot be used: .*NaN.*: WebAssembly is used$/,
  ],
];

describe('openCheckedModel', () => {
  it.each(CASES)('where the frames of the card are %s', async (_what, change, warning) => {
    const { runtime, opened, released } = withCard(change);
    const warnings: string[] = [];
    const model = await openCheckedModel(file, runtime, {
      onWarning: (message) => void warnings.push(message),
    });
    expect(opened.toSorted()).toEqual(['wasm', 'webgpu']);
    const [used, other] = warning ? ['wasm', 'webgpu'] : ['webgpu', 'wasm'];
    expect([model.device, warnings.length, released]).toEqual([used, warning ? 1 : 0, [other]]);
    expect(warnings.join()).toMatch(warning ?? /^$/);
    expect(await model.open().next(new Uint8Array(256))).toHaveLength(768);
    await model.release();
    expect(released.toSorted()).toEqual(['wasm', 'webgpu']);
  });

  it('uses WebAssembly where there is no card, and says with how many threads', async () => {
    const warnings: string[] = [];
    const onWarning = (message: string): void => void warnings.push(message);
    const model = await openCheckedModel(file, web, { onWarning });
    expect([model.device, model.threads]).toEqual(['wasm', 1]);
    expect(warnings).toEqual([
      expect.stringMatching(/^WebGPU cannot be used: .*: WebAssembly is used$/) as string,
    ]);
    await model.release();
  });

  it('says that a page without isolation has one thread, where more were to be had', async () => {
    vi.stubGlobal('crossOriginIsolated', false);
    const warnings: string[] = [];
    // ONNX Runtime Web takes back what it cannot have.
    const env = { wasm: { numThreads: 4 } };
    const runtime = {
      ...{ Tensor: web.Tensor, env },
      InferenceSession: {
        create: (...call: Parameters<OnnxRuntime['InferenceSession']['create']>) => {
          env.wasm.numThreads = 1;
          return web.InferenceSession.create(...call);
        },
      },
    };
    const onWarning = (message: string): void => void warnings.push(message);
    const model = await openCheckedModel(file, runtime, { device: 'wasm', onWarning });
    expect(model.threads).toBe(1);
    expect(warnings).toEqual([
      expect.stringContaining('Cross-Origin-Embedder-Policy: require-corp') as string,
    ]);
    await model.release();
    // Who asked for one thread is told nothing.
    const again = await openCheckedModel(file, runtime, { device: 'wasm', onWarning });
    expect(warnings).toHaveLength(1);
    await again.release();
  });

  it('says what is wrong with a file as openModel does', async () => {
    const onWarning = (): never => expect.fail('nothing is to be warned of');
    const { runtime } = withCard(() => undefined);
    const wrong = await Promise.all([
      failure(openCheckedModel(new Uint8Array(9), runtime, { onWarning })),
      failure(openCheckedModel(file, runtime, { onWarning, width: 30 })),
      failure(openCheckedModel(file, runtime, { onWarning, signal: AbortSignal.abort() })),
      failure(openCheckedModel(file, runtime, { onWarning, device: 'cuda' as 'wasm' })),
    ]);
    expect(wrong.map((error) => (error as { code: string }).code)).toEqual([
      ...['bad-input', 'bad-input', 'cancelled', 'bad-option'],
    ]);
  });
});
