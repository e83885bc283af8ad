import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { dataOptions } from '../../../src/clips/index.js';
import { planCondition } from '../../../src/clips/condition-plan.js';
import { exportGenerator } from '../../../src/export/index.js';
import { createGenerator, generatorOptions, type Generator } from '../../../src/networks/index.js';
import { openOnnxModel } from '../../../src/synthesis/engines/onnx/model.js';
import type { Synthesizer } from '../../../src/synthesis/engines/synthesizer.js';
import { createTensorFlowSynthesizer } from '../../../src/synthesis/engines/tensorflow.js';
import { openThreadedModel } from '../../../src/synthesis/engines/thread/model.js';
import { scratchPath } from '../../video/make-clip.js';

const [WIDTH, HEIGHT] = [24, 16];
const PIXELS = WIDTH * HEIGHT;
const data = dataOptions.parse({
  size: `${WIDTH}x${HEIGHT}`,
  clips: ['a.mp4'],
  condition: 'edges',
});
const condition = new Uint8Array(PIXELS).fill(7);
const real = Uint8Array.from({ length: 3 * PIXELS }, (_, i) => (i * 37) % 251);

beforeAll(async () => {
  await useBackend();
});

const generatorOf = (more: Record<string, unknown> = {}): Generator =>
  createGenerator(
    generatorOptions.parse({ channels: 4, residualBlocks: 1, branchBlocks: 0, ...more }),
    1,
  );

/** Weights of one that hallucinates nothing: it moves its last frame by one flow everywhere. */
function moving(generator: Generator, flow: readonly [number, number]): Float32Array {
  const weights = generator.layout.initialize(1);
  let offset = 0;
  for (const { name, shape } of generator.layout.specs) {
    const size = shape.reduce((product, side) => product * side, 1);
    const part = weights.subarray(offset, (offset += size));
    if (!name.startsWith('heads.')) continue;
    part.fill(0);
    if (name !== 'heads.bias') continue;
    // RGB and the mask of each of the four pixels of a block, then the flow.
    for (const channel of [3, 7, 11, 15]) part[channel] = -40;
    part.set(
      flow.map((pixels) => pixels / generator.options.flowScalePixels),
      16,
    );
  }
  return weights;
}

/** Looks at one frame after a real one. */
async function checkMoved(synthesizer: Synthesizer): Promise<void> {
  synthesizer.start([real], [condition]);
  const { rgb, flow, mask } = await synthesizer.nextInDetail(condition);
  expect(flow).toHaveLength(2 * PIXELS);
  expect(Math.max(...mask!)).toBeLessThan(1e-6);
  for (const [x, y] of [
    [0, 5],
    [10, 1],
    [20, 15],
  ] as const) {
    const at = y * WIDTH + x;
    expect(flow![2 * at]).toBeCloseTo(2, 4);
    expect(flow![2 * at + 1]).toBeCloseTo(-1, 4);
    // What is here now was two pixels to the right and one above.
    const from = 3 * ((y - 1) * WIDTH + x + 2);
    expect([...rgb.subarray(3 * at, 3 * at + 3)]).toEqual([...real.subarray(from, from + 3)]);
  }
}

describe('a frame in detail', () => {
  it('has the flow back to the last frame in pixels, and the mask, of every engine alike', async () => {
    const generator = generatorOf();
    const trained = { generator, weights: moving(generator, [2, -1]), seed: 1 };
    const { layout } = await planCondition(data, { baseFolder: '/', ...data.size });
    const path = scratchPath('moving.onnx');
    await exportGenerator({ ...trained, layout, step: 1, pipeline: { data } }, path);
    const [here, there] = [await openOnnxModel(path), await openThreadedModel(path)];
    const engines = [
      createTensorFlowSynthesizer({ ...trained, layout, ...data.size }),
      here.open(),
      there.open(),
    ];
    const before = tf.memory().numTensors;
    for (const engine of engines) {
      const first = await engine.nextInDetail(condition);
      expect(first).toMatchObject({ flow: null, mask: null });
      engine.reset();
      expect(await engine.next(condition)).toEqual(first.rgb);
      await checkMoved(engine);
      engine.reset();
    }
    expect(tf.memory().numTensors).toBe(before);
    for (const engine of engines) engine.dispose();
    await Promise.all([here.release(), there.release()]);
  });

  it('has neither of a generator without flow', async () => {
    const generator = generatorOf({ flow: false });
    const { layout } = await planCondition(data, { baseFolder: '/', ...data.size });
    const weights = generator.layout.initialize(1);
    const synthesizer = createTensorFlowSynthesizer({ generator, weights, layout, ...data.size });
    synthesizer.start([real], [condition]);
    expect(await synthesizer.nextInDetail(condition)).toMatchObject({ flow: null, mask: null });
    synthesizer.dispose();
  });
});
