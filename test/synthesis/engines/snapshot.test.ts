import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { randomStream } from '../../../src/base/random.js';
import { actionColumns } from '../../../src/clips/actions.js';
import { planCondition } from '../../../src/clips/condition-plan.js';
import { dataOptions } from '../../../src/clips/options.js';
import { exportGenerator } from '../../../src/export/index.js';
import { createGenerator, generatorOptions } from '../../../src/networks/index.js';
import { openOnnxModel } from '../../../src/synthesis/engines/onnx/model.js';
import type { NextOptions, Synthesizer } from '../../../src/synthesis/engines/synthesizer.js';
import { createTensorFlowSynthesizer } from '../../../src/synthesis/engines/tensorflow.js';
import { openThreadedModel } from '../../../src/synthesis/engines/thread/model.js';
import { expectNoLeak } from '../../tensors.js';
import { scratchPath } from '../../video/make-clip.js';

const SIZE = { width: 16, height: 16 };
const PIXELS = SIZE.width * SIZE.height;
const PALETTE = { sky: [0, 0, 255], road: [90, 90, 90], car: [255, 0, 0] };
const LABELS = {
  condition: { kind: 'paired', content: 'labels', path: 'l.mkv', palette: PALETTE },
};
const ACTIONS = {
  ...{ condition: { kind: 'actions', path: 'a.csv', columns: { left: 'key', steer: 'axis' } } },
};
const NONE = { condition: { kind: 'none' } };

const releases: (() => Promise<void>)[] = [];
let opened: Synthesizer[] = [];
beforeAll(() => useBackend());
afterEach(() => {
  opened.forEach((synthesizer) => synthesizer.dispose());
  opened = [];
});
afterAll(async () => {
  for (const release of releases) await release();
});

type Engine = 'tensorflow' | 'onnx' | 'thread';

/** Opens synthesizers of one untrained generator, and makes its conditions. */
async function engineOf(
  engine: Engine,
  data: object,
  options: object,
): Promise<{
  open: (seed?: number) => Synthesizer;
  condition: (t: number) => Uint8Array | null;
  told: (t: number) => NextOptions;
}> {
  const parsed = dataOptions.parse({ size: '16x16', clips: ['a.mp4'], ...data });
  const { layout } = await planCondition(parsed, { baseFolder: '/', ...SIZE });
  const generator = createGenerator(
    generatorOptions.parse({
      ...{ channels: 4, residualBlocks: 1, branchBlocks: 0, flowScalePixels: 2 },
      ...options,
    }),
    layout.channels,
    actionColumns(layout),
  );
  const weights = generator.layout.toNamed(generator.layout.initialize(2));
  // What is done changes nothing at first.
  for (const [name, { data: own }] of Object.entries(weights)) {
    if (name.includes('.acting.')) own.forEach((_, i) => (own[i] = Math.sin(i)));
  }
  const trained = { generator, weights: generator.layout.fromNamed(weights), seed: 3 };
  const told = (t: number): NextOptions =>
    layout.actions ? { actions: t % 3 === 0 ? null : { left: t % 2, steer: Math.sin(t) } } : {};
  const condition = (t: number): Uint8Array | null => {
    if (layout.content === 'none') return null;
    const random = randomStream(4, 'eval', t);
    const most = layout.content === 'labels' ? layout.channels - 1 : 255;
    return Uint8Array.from({ length: PIXELS * layout.bytesPerPixel }, () =>
      random.integer(0, most),
    );
  };
  if (engine === 'tensorflow') {
    const open = (seed = 3): Synthesizer =>
      createTensorFlowSynthesizer({ ...trained, layout, ...SIZE, seed });
    return { open, condition, told };
  }
  const path = scratchPath('generator.onnx');
  await exportGenerator({ ...trained, layout, step: 1, pipeline: { data: parsed } }, path);
  const model = await (engine === 'onnx' ? openOnnxModel(path) : openThreadedModel(path));
  releases.push(() => model.release());
  return { open: (seed) => model.open(seed), condition, told };
}

const KINDS: readonly (readonly [string, object, object])[] = [
  ['edges', {}, { historyFrames: 3, conditionFrames: 3 }],
  ['edges', {}, { historyFrames: 1, conditionFrames: 1 }],
  ['edges', {}, { historyFrames: 0, conditionFrames: 2, flow: false }],
  ['labels', LABELS, { historyFrames: 2, conditionFrames: 2, noiseChannels: 2 }],
  ['none', NONE, { noiseChannels: 3 }],
  ['actions', ACTIONS, { conditionFrames: 3 }],
];
const CASES = KINDS.flatMap(([name, data, options]) =>
  (['tensorflow', 'onnx', 'thread'] as const).map(
    (engine) => [engine, name, options, data] as const,
  ),
);

describe('snapshot and restore', () => {
  it.each(CASES)('%s of %s %j goes on byte for byte', async (engine, _name, options, data) => {
    const { open, condition, told } = await engineOf(engine, data, options);
    const start = (seed?: number): Synthesizer => {
      const synthesizer = open(seed);
      opened.push(synthesizer);
      return synthesizer;
    };
    const run = async (synthesizer: Synthesizer, from: number, to: number) => {
      const made: Uint8Array[] = [];
      for (let t = from; t < to; t += 1) made.push(await synthesizer.next(condition(t), told(t)));
      return made;
    };
    const whole = await run(start(), 0, 10);
    for (const at of [0, 1, 5]) {
      const first = start();
      const frames = await run(first, 0, at);
      const state = await first.snapshot();
      // Another seed and another past, which are both forgotten.
      const second = start(99);
      await run(second, 20, 22);
      second.restore(state);
      frames.push(...(await run(second, at, 10)));
      expect(frames).toEqual(whole);
      // Taking it changed nothing.
      expect(await run(first, at, 10)).toEqual(whole.slice(at));
    }
  });

  it.each(['tensorflow', 'onnx', 'thread'] as const)(
    '%s takes it after the frames asked for before, and before those asked for after',
    async (engine) => {
      const { open, condition } = await engineOf(engine, {}, { historyFrames: 2 });
      const [first, second] = [open(), open()];
      opened.push(first, second);
      await first.next(condition(0));
      const making = first.next(condition(1));
      const taken = first.snapshot();
      await making;
      const third = await first.next(condition(2));
      second.restore(await taken);
      expect(await second.next(condition(2))).toEqual(third);
    },
  );

  it.each(['tensorflow', 'onnx', 'thread'] as const)(
    '%s goes on from real frames too',
    async (engine) => {
      const { open, condition } = await engineOf(engine, {}, { conditionFrames: 3 });
      const [first, second] = [open(), open()];
      opened.push(first, second);
      const real = [1, 2].map((t) => Uint8Array.from({ length: 3 * PIXELS }, (_, i) => i * t));
      first.start(real, [condition(0)!, condition(1)!]);
      second.restore(await first.snapshot());
      const made = [await first.next(condition(2)), await first.next(condition(3))];
      expect([await second.next(condition(2)), await second.next(condition(3))]).toEqual(made);
    },
  );

  it.each(['tensorflow', 'onnx', 'thread'] as const)(
    '%s refuses the state of another generator, and keeps its own',
    async (engine) => {
      const { open, condition } = await engineOf(engine, {}, { historyFrames: 2 });
      const { open: openOther, condition: other } = await engineOf(
        engine,
        {},
        {
          historyFrames: 3,
        },
      );
      const [synthesizer, twin, stranger] = [open(), open(), openOther()];
      opened.push(synthesizer, twin, stranger);
      await stranger.next(other(0));
      const state = await stranger.snapshot();
      await Promise.all([synthesizer.next(condition(0)), twin.next(condition(0))]);
      expect(() => synthesizer.restore(state)).toThrow(
        expect.objectContaining({ code: 'bad-shape' }),
      );
      expect(await synthesizer.next(condition(1))).toEqual(await twin.next(condition(1)));
    },
  );

  it('leaves no tensor behind', async () => {
    await expectNoLeak(async () => {
      const { open, condition } = await engineOf('tensorflow', {}, { conditionFrames: 3 });
      const synthesizer = open();
      for (let t = 0; t < 3; t += 1) await synthesizer.next(condition(t));
      const state = await synthesizer.snapshot();
      synthesizer.restore(state);
      await synthesizer.next(condition(3));
      synthesizer.restore(state);
      synthesizer.dispose();
    });
  });
});
