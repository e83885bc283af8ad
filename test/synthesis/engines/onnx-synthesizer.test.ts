import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { randomStream } from '../../../src/base/random.js';
import { planCondition } from '../../../src/clips/condition-plan.js';
import { dataOptions } from '../../../src/clips/options.js';
import { exportGenerator } from '../../../src/export/index.js';
import { createGenerator, generatorOptions } from '../../../src/networks/index.js';
import { openOnnxModel, type OnnxModel } from '../../../src/synthesis/engines/onnx/model.js';
import { createOnnxSynthesizer } from '../../../src/synthesis/engines/onnx/synthesizer.js';
import type { Synthesizer } from '../../../src/synthesis/engines/synthesizer.js';
import { createTensorFlowSynthesizer } from '../../../src/synthesis/engines/tensorflow.js';

const [WIDTH, HEIGHT] = [48, 32];
const PIXELS = WIDTH * HEIGHT;
const PALETTE = { sky: [0, 0, 255], road: [90, 90, 90], car: [255, 0, 0] };
const CONDITIONS = {
  edges: {},
  blur: { condition: { kind: 'derived', preset: 'blur' } },
  labels: { condition: { kind: 'paired', content: 'labels', path: 'l.mkv', palette: PALETTE } },
  none: { condition: { kind: 'none' } },
};

let folder: string;
const opened: OnnxModel[] = [];
let made: Synthesizer[] = [];

beforeAll(async () => {
  await useBackend();
  folder = await mkdtemp(join(tmpdir(), 'frameloom-onnx-'));
});
afterEach(() => {
  made.forEach((synthesizer) => synthesizer.dispose());
  made = [];
});
afterAll(async () => {
  for (const model of opened) await model.release();
  await rm(folder, { recursive: true, force: true });
});

let files = 0;

/** One untrained generator on both engines. */
async function makeBoth(
  kind: keyof typeof CONDITIONS,
  generator: Readonly<Record<string, unknown>> = {},
): Promise<{ path: string; model: OnnxModel; onnx: Synthesizer; tensorFlow: Synthesizer }> {
  const data = dataOptions.parse({
    size: `${WIDTH}x${HEIGHT}`,
    clips: ['a.mp4'],
    ...CONDITIONS[kind],
  });
  const { layout } = await planCondition(data, { baseFolder: '/', ...data.size });
  const network = createGenerator(
    // Untrained, a flow of many pixels stirs up the frames until the last bit of a number shows.
    generatorOptions.parse({
      ...{ channels: 8, residualBlocks: 1, branchBlocks: 1, flowScalePixels: 2 },
      ...generator,
    }),
    layout.channels,
  );
  const trained = { generator: network, weights: network.layout.initialize(2), seed: 3 };
  files += 1;
  const path = join(folder, `${kind}-${files}.onnx`);
  await exportGenerator({ ...trained, layout, step: 1, pipeline: { data } }, path);
  const model = await openOnnxModel(path);
  opened.push(model);
  const onnx = createOnnxSynthesizer(model);
  const tensorFlow = createTensorFlowSynthesizer({ ...trained, layout, ...data.size });
  made.push(onnx, tensorFlow);
  return { path, model, onnx, tensorFlow };
}

/** A picture that moves, as bytes of a condition or a frame. */
function picture(name: string, t: number, channels: number, levels = 256): Uint8Array {
  const random = randomStream(9, 'eval', name);
  const shift = random.integer(0, 9);
  return Uint8Array.from({ length: PIXELS * channels }, (_, i) => {
    const [x, y] = [Math.floor(i / channels) % WIDTH, Math.floor(i / channels / WIDTH)];
    const wave = Math.sin((x + t + shift) / 5 + (i % channels)) * Math.cos((y - t) / 7);
    return Math.min(levels - 1, Math.floor(((wave + 1) / 2) * levels));
  });
}

const conditionOf = (model: OnnxModel, t: number): Uint8Array | null =>
  model.layout.content === 'none'
    ? null
    : picture(
        'condition',
        t,
        model.layout.bytesPerPixel,
        model.layout.content === 'labels' ? model.layout.channels : 256,
      );

const farthest = (a: Uint8Array, b: Uint8Array): number =>
  a.reduce((worst, byte, i) => Math.max(worst, Math.abs(byte - b[i]!)), 0);

describe('createOnnxSynthesizer', () => {
  it.each([
    ['edges', {}],
    ['blur', { historyFrames: 1, conditionFrames: 1 }],
    ['labels', { historyFrames: 3 }],
    ['none', { noiseChannels: 2 }],
    ['edges', { flow: false }],
    ['blur', { historyFrames: 0, conditionFrames: 1, flow: false }],
  ] as const)('makes the 20 frames of %s that TensorFlow.js makes, %j', async (kind, options) => {
    const { model, onnx, tensorFlow } = await makeBoth(kind, options);
    const both = async (t: number): Promise<[Uint8Array, Uint8Array]> => [
      await onnx.next(conditionOf(model, t)),
      await tensorFlow.next(conditionOf(model, t)),
    ];
    let worst = 0;
    for (let t = 0; t < 20; t += 1) worst = Math.max(worst, farthest(...(await both(t))));
    expect(worst).toBeLessThanOrEqual(2);
    // From real frames, fewer than it remembers, and after a reset with another seed.
    const frames = [picture('frame', 0, 3)];
    const conditions = conditionOf(model, 0) === null ? null : [conditionOf(model, 0)!];
    for (const synthesizer of [onnx, tensorFlow]) synthesizer.start(frames, conditions);
    for (let t = 1; t < 4; t += 1) expect(farthest(...(await both(t)))).toBeLessThanOrEqual(2);
    for (const synthesizer of [onnx, tensorFlow]) synthesizer.reset(99);
    for (let t = 0; t < 3; t += 1) expect(farthest(...(await both(t)))).toBeLessThanOrEqual(2);
  });

  it('makes a frame without memory the same, whatever came before it', async () => {
    const { model, onnx, tensorFlow } = await makeBoth('blur', {
      ...{ historyFrames: 0, conditionFrames: 1, flow: false },
    });
    for (const synthesizer of [onnx, tensorFlow]) {
      const first = await synthesizer.next(conditionOf(model, 5));
      synthesizer.start([picture('frame', 0, 3)], [conditionOf(model, 1)!]);
      await synthesizer.next(conditionOf(model, 2));
      expect(await synthesizer.next(conditionOf(model, 5))).toEqual(first);
    }
  });

  it('lets several synthesizers share a model', async () => {
    const { model } = await makeBoth('edges');
    const [a, b] = [createOnnxSynthesizer(model), createOnnxSynthesizer(model)];
    const alone: Uint8Array[] = [];
    for (let t = 0; t < 3; t += 1) alone.push(await a.next(conditionOf(model, t)));
    a.reset();
    for (let t = 0; t < 3; t += 1) {
      const [fromA, fromB] = await Promise.all([
        a.next(conditionOf(model, t)),
        b.next(conditionOf(model, t + 5)),
      ]);
      expect(fromA).toEqual(alone[t]);
      expect(fromB).not.toEqual(alone[t]);
    }
  });

  it('refuses bytes of another size and goes on after, and takes two at once', async () => {
    const { model, onnx } = await makeBoth('edges');
    const [first, second] = [conditionOf(model, 0)!, conditionOf(model, 1)!];
    await onnx.next(first);
    const expected = await onnx.next(second);
    onnx.reset();
    await onnx.next(first);
    await expect(onnx.next(first.subarray(1))).rejects.toMatchObject({
      code: 'bad-input',
      message: `a condition has ${PIXELS - 1} bytes, expected ${PIXELS}`,
    });
    await expect(onnx.next(null)).rejects.toThrow(
      'this generator needs a condition for each frame',
    );
    expect(await onnx.next(second)).toEqual(expected);
    expect(() => onnx.start([new Uint8Array(5)], null)).toThrow(
      `a frame has 5 bytes, expected ${3 * PIXELS}`,
    );
    onnx.reset();
    // The second waits for the first.
    expect((await Promise.all([onnx.next(first), onnx.next(second)]))[1]).toEqual(expected);
  });

  it('takes another size than it was trained at', async () => {
    const { path } = await makeBoth('edges');
    const model = await openOnnxModel(path, { width: 64, height: 16, threads: 1 });
    opened.push(model);
    const frame = await createOnnxSynthesizer(model).next(new Uint8Array(64 * 16).fill(200));
    expect(frame.length).toBe(64 * 16 * 3);
    expect(new Set(frame).size).toBeGreaterThan(10);
    await expect(openOnnxModel(path, { width: 30 })).rejects.toMatchObject({
      code: 'bad-input',
      message: `a frame cannot be 30x${HEIGHT}`,
    });
  });
});

describe('openOnnxModel', () => {
  it('knows what it was trained for', async () => {
    const { model } = await makeBoth('labels', { historyFrames: 3 });
    expect(model).toMatchObject({
      ...{ width: WIDTH, height: HEIGHT, seed: 3, step: 1, device: 'cpu' },
      layout: { content: 'labels', classNames: Object.keys(PALETTE) },
      data: { condition: { palette: PALETTE } },
    });
  });

  it('says what is wrong with a file', async () => {
    await expect(openOnnxModel(join(folder, 'absent.onnx'))).rejects.toMatchObject({
      code: 'not-found',
    });
    const { path } = await makeBoth('edges');
    const file = await readFile(path);
    const damaged = join(folder, 'damaged.onnx');
    await writeFile(damaged, file.subarray(0, file.length - 100));
    await expect(openOnnxModel(damaged)).rejects.toMatchObject({
      code: 'bad-input',
      path: damaged,
    });
  });

  it('refuses a device that is not there', async () => {
    const { path } = await makeBoth('edges');
    const absent = process.platform === 'win32' ? 'coreml' : 'dml';
    await expect(openOnnxModel(path, { device: absent })).rejects.toMatchObject({
      code: 'backend',
      message: `ONNX Runtime cannot use ${absent} on this machine`,
    });
  });
});

describe('the engine', () => {
  it('loads no TensorFlow', async () => {
    const seen = new Set<string>();
    const packages = new Set<string>();
    const walk = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      const text = await readFile(path, 'utf8');
      for (const [, what, from] of text.matchAll(/^(?:import|export) (.*?)from '([^']+)'/gms)) {
        if (what!.startsWith('type ')) continue;
        if (from!.startsWith('.'))
          await walk(resolve(dirname(path), from!.replace(/\.js$/, '.ts')));
        else packages.add(from!);
      }
    };
    await walk(
      fileURLToPath(new URL('../../../src/synthesis/engines/onnx/synthesizer.ts', import.meta.url)),
    );
    await walk(
      fileURLToPath(new URL('../../../src/synthesis/engines/onnx/model.ts', import.meta.url)),
    );
    expect(seen.size).toBeGreaterThan(8);
    expect([...packages].filter((name) => name.startsWith('@tensorflow/'))).toEqual([]);
  });
});
