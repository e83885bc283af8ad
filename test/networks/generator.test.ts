import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { runInOrder } from '../../src/backend/graph/index.js';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels, warp } from '../../src/kernels/index.js';
import {
  createGenerator,
  generatorOptions,
  type Generator,
  type GeneratorInput,
} from '../../src/networks/index.js';
import { expectClose, expectNoLeak, normals } from '../tensors.js';

const [HEIGHT, WIDTH] = [16, 24];

beforeAll(async () => {
  await useBackend();
  registerKernels();
});

const tiny = (more: Record<string, unknown> = {}, conditionChannels = 1): Generator =>
  createGenerator(
    generatorOptions.parse({ preset: 'tiny', channels: 4, ...more }),
    conditionChannels,
  );

/** An input that fits the generator; the caller disposes of it. */
function inputOf(generator: Generator, more: Partial<GeneratorInput> = {}): GeneratorInput {
  const { conditionChannels, options } = generator;
  const { conditionFrames, historyFrames, noiseChannels } = options;
  return {
    condition:
      conditionChannels > 0
        ? normals('condition', [2, HEIGHT, WIDTH, conditionChannels * conditionFrames])
        : null,
    history:
      historyFrames > 0
        ? tf.tanh(normals<tf.Rank.R4>('history', [2, HEIGHT, WIDTH, 3 * historyFrames]))
        : null,
    hasHistory: true,
    noise: noiseChannels > 0 ? normals('noise', [2, HEIGHT / 4, WIDTH / 4, noiseChannels]) : null,
    ...more,
  };
}

const weightsOf = (generator: Generator) =>
  generator.layout.unflatten(tf.tensor1d(generator.layout.initialize(1)));

const range = (x: tf.Tensor): [number, number] => [
  tf.min(x).dataSync()[0]!,
  tf.max(x).dataSync()[0]!,
];

describe('the generator', () => {
  it.each([
    ['with condition', {}, 1],
    ['with one-hot labels', {}, 5],
    ['without condition', {}, 0],
    ['with noise', { noiseChannels: 3 }, 1],
    ['modulated by its condition, with noise', { modulation: 'condition', noiseChannels: 3 }, 1],
    ['with one frame of history and condition', { historyFrames: 1, conditionFrames: 1 }, 1],
    ['with no residual blocks', { residualBlocks: 0, branchBlocks: 0 }, 1],
    ['with its past shown to the decoder', { skip: true, positions: true }, 1],
    ['with exact copies', { exactCopies: true }, 1],
    ['with some of a longer past', { historyFrames: 5, historyAges: [1, 2, 5], skip: true }, 1],
  ])(
    'makes a frame, a raw image, a flow and a mask in range: %s',
    async (_what, more, channels) => {
      const generator = tiny(more, channels);
      await expectNoLeak(() =>
        tf.tidy(() => {
          const input = inputOf(generator);
          const { frame, raw, flow, mask } = generator.step(weightsOf(generator), input);
          expect([frame.shape, raw.shape]).toEqual(Array(2).fill([2, HEIGHT, WIDTH, 3]));
          expect(flow!.shape).toEqual([2, HEIGHT, WIDTH, 2]);
          expect(mask!.shape).toEqual([2, HEIGHT, WIDTH, 1]);
          for (const image of [frame, raw]) {
            const [low, high] = range(image);
            expect(low).toBeGreaterThanOrEqual(-1);
            expect(high).toBeLessThanOrEqual(1);
            expect(high - low).toBeGreaterThan(1e-3);
          }
          const [low, high] = range(mask!);
          expect(low).toBeGreaterThanOrEqual(0);
          expect(high).toBeLessThanOrEqual(1);
        }),
      );
    },
  );

  it('composes the raw image and the warped newest frame by the mask', () => {
    const generator = tiny();
    tf.tidy(() => {
      const input = inputOf(generator);
      const { frame, raw, flow, mask } = generator.step(weightsOf(generator), input);
      const newest = tf.slice(input.history!, [0, 0, 0, 0], [-1, -1, -1, 3]);
      const moved = warp(newest, flow!);
      const expected = tf.add(tf.mul(mask!, raw), tf.mul(tf.sub(1, mask!), moved));
      expectClose(frame, expected, { atol: 1e-6 });
    });
  });

  it('sees those frames of its past that it is to, and is what it would be of them alone', async () => {
    const aged = tiny({ historyFrames: 5, historyAges: [1, 3, 5], skip: true });
    const plain = tiny({ historyFrames: 3, skip: true });
    // As many weights, and the same ones: a longer past costs no arithmetic.
    expect(aged.layout.specs).toEqual(plain.layout.specs);
    expect(aged.macs({ height: HEIGHT, width: WIDTH })).toBe(
      plain.macs({ height: HEIGHT, width: WIDTH }),
    );
    await expectNoLeak(() =>
      tf.tidy(() => {
        const input = inputOf(aged);
        const ago = (age: number): tf.Tensor4D =>
          tf.slice(input.history!, [0, 0, 0, 3 * (age - 1)], [-1, -1, -1, 3]);
        const seen = { ...input, history: tf.concat([ago(1), ago(3), ago(5)], 3) };
        const made = aged.step(weightsOf(aged), input);
        const same = plain.step(weightsOf(plain), seen);
        for (const what of ['frame', 'raw', 'flow', 'mask'] as const) {
          expect(made[what]!.dataSync()).toEqual(same[what]!.dataSync());
        }
      }),
    );
  });

  it.each([
    [{ historyFrames: 3, historyAges: [1, 2] }, 'set generator.historyFrames to 2'],
    [{ historyFrames: 2, historyAges: [1, 4] }, 'set generator.historyFrames to 4'],
    [{ historyFrames: 0, flow: false, historyAges: [1] }, 'set generator.historyFrames to 1'],
  ])('refuses ages of another past: %j', (more, hint) => {
    expect(() => tiny(more)).toThrow(
      expect.objectContaining({
        code: 'bad-option',
        hint,
        path: 'generator.historyAges',
      }) as Error,
    );
  });

  it.each([[[2, 3]], [[1, 3, 2]], [[1, 1]], [[]], [[1, 17]], [[1, 1.5]]])(
    'refuses ages that are none: %j',
    (historyAges) => {
      const more = { historyFrames: historyAges.at(-1) ?? 2, historyAges };
      expect(generatorOptions.safeParse(more).success).toBe(false);
    },
  );

  it('moves by whole pixels where copies are exact, and learns as if it did not', async () => {
    const generator = tiny({ exactCopies: true, flowScalePixels: 4 });
    await expectNoLeak(() =>
      tf.tidy(() => {
        const input = inputOf(generator);
        const weights = weightsOf(generator);
        /** Heads that say the same everywhere, of each pixel: picture, mask, flow. */
        const headsOf = (flow: number, mask: number): Record<string, tf.Tensor> => ({
          ...weights,
          'heads.weight': tf.zerosLike(weights['heads.weight']!),
          'heads.bias': tf.tile(tf.tensor1d([0, 0, 0, mask, flow / 4, 0]), [4]),
        });
        const stepBy = (flow: number, mask = -4) => generator.step(headsOf(flow, mask), input);
        const newest = tf.slice(input.history!, [0, 0, 0, 0], [-1, -1, -1, 3]);
        const inside = (x: tf.Tensor, by: number): tf.Tensor =>
          tf.slice(x, [0, 0, by, 0], [-1, -1, WIDTH - 4, -1]);
        for (const flow of [1.7, 2, 2.3]) {
          expectClose(inside(stepBy(flow).frame, 0), inside(newest, 2), { atol: 1e-6 });
        }
        // In the middle between two pixels it is neither, so that rounding off moves nothing by a whole one.
        const between = tf.div(tf.add(inside(newest, 1), inside(newest, 2)), 2);
        expectClose(inside(stepBy(1.5).frame, 0), between, { atol: 1e-5 });
        expect(stepBy(2, 4).frame.dataSync()).toEqual(stepBy(2, 4).raw.dataSync());
        // The flow is told as it was, and both it and a mask that is cut off can be learned.
        expect(tf.max(stepBy(1.7).flow!).dataSync()[0]).toBeCloseTo(1.7, 5);
        const loss = (flow: tf.Tensor, mask: tf.Tensor): tf.Scalar => {
          const own = tf.concat([tf.zeros([3]), mask, flow, tf.zeros([1])]);
          const heads = { ...headsOf(0, 0), 'heads.bias': tf.tile<tf.Tensor>(own, [4]) };
          return tf.mean(tf.square(generator.step(heads, input).frame));
        };
        for (const slope of tf.grads(loss)([tf.tensor1d([2.1 / 4]), tf.tensor1d([-4])])) {
          expect(Math.abs(slope.dataSync()[0]!)).toBeGreaterThan(1e-6);
        }
      }),
    );
  });

  it('holds what is still to the bit, in what is generated and not in training', async () => {
    const generator = tiny();
    const same = (channels: number, times: number): tf.Tensor4D => {
      const one = tf.tanh(normals<tf.Rank.R4>('still', [2, HEIGHT, WIDTH, channels]));
      return tf.concat(
        Array.from({ length: times }, () => one),
        3,
      );
    };
    await expectNoLeak(() =>
      tf.tidy(() => {
        const input = inputOf(generator, { condition: same(1, 3), history: same(3, 2) });
        const weights = weightsOf(generator);
        const newest = tf.slice(input.history!, [0, 0, 0, 0], [-1, -1, -1, 3]);
        const { frame, flow, mask } = generator.step(weights, input);
        expect(frame.dataSync()).toEqual(newest.dataSync());
        for (const none of [flow!, mask!]) expect(tf.max(tf.abs(none)).dataSync()[0]).toBe(0);
        for (const other of [tiny({ holdStill: false }), tiny({}, 5)]) {
          const condition = same(other.conditionChannels, 3);
          const moved = other.step(weightsOf(other), { ...input, condition });
          expect(moved.frame.dataSync()).not.toEqual(newest.dataSync());
        }
        const trained = runInOrder(generator.blocks(true), weights, {}, input);
        expect(trained.frame!.dataSync()).not.toEqual(newest.dataSync());
      }),
    );
  });

  it.each([
    [{ flow: false }, 1],
    [{ historyFrames: 1 }, 1],
    [{ conditionFrames: 1 }, 1],
    [{}, 0],
  ] as const)('cannot hold what nothing shows to be still: %j of %d channels', (more, channels) => {
    expect(() => tiny({ holdStill: true, ...more }, channels)).toThrow(
      expect.objectContaining({ code: 'bad-option', path: 'generator.holdStill' }),
    );
  });

  it('leaves a first frame as it was hallucinated, with nothing to warp', () => {
    const generator = tiny();
    tf.tidy(() => {
      const history = tf.zeros<tf.Rank.R4>([2, HEIGHT, WIDTH, 6]);
      const input = inputOf(generator, { history, hasHistory: false });
      const { frame, raw, flow, mask } = generator.step(weightsOf(generator), input);
      expect(frame).toBe(raw);
      expect([flow, mask]).toEqual([null, null]);
    });
  });

  it('makes a frame of its condition alone where it has no memory', async () => {
    const generator = tiny({ historyFrames: 0, conditionFrames: 1, flow: false }, 3);
    expect(generator.layout.specs.map(({ name }) => name).join(' ')).not.toContain('history');
    await expectNoLeak(() =>
      tf.tidy(() => {
        const input = inputOf(generator);
        expect(input.history).toBeNull();
        const { frame, raw, flow, mask } = generator.step(weightsOf(generator), input);
        expect(frame.shape).toEqual([2, HEIGHT, WIDTH, 3]);
        expect([frame === raw, flow, mask]).toEqual([true, null, null]);
        const other = inputOf(generator, { condition: tf.neg(input.condition!) });
        const { frame: made } = generator.step(weightsOf(generator), other);
        expect(tf.mean(tf.abs(tf.sub(made, frame))).dataSync()[0]).toBeGreaterThan(1e-3);
      }),
    );
    const memoryless = { historyFrames: 0, flow: false };
    expect(() => tiny(memoryless, 0)).toThrow('makes nothing of no condition');
    expect(() => tiny({ historyFrames: 0 }, 3)).toThrow('no last frame that flow could move');
    expect(() => tiny({ ...memoryless, exactCopies: true }, 3)).toThrow(
      expect.objectContaining({ code: 'bad-option', path: 'generator.exactCopies' }),
    );
    expect(() => tiny({ ...memoryless, skip: true }, 3)).toThrow(
      expect.objectContaining({ code: 'bad-option', path: 'generator.skip' }),
    );
  });

  it('has no flow and no mask when flow is off', () => {
    const generator = tiny({ flow: false });
    tf.tidy(() => {
      const { frame, raw, flow, mask } = generator.step(weightsOf(generator), inputOf(generator));
      expect(frame).toBe(raw);
      expect([flow, mask]).toEqual([null, null]);
      expect(generator.layout.specs.some(({ name }) => name.startsWith('flow'))).toBe(false);
    });
  });

  it.each([
    ['of outlines', {}, 1],
    ['of classes', { noiseChannels: 2 }, 5],
    ['without memory', { historyFrames: 0, flow: false }, 1],
  ] as const)('is modulated by its condition, at first by nothing: %s', async (_what, more, of) => {
    const [plain, modulated] = [tiny(more, of), tiny({ ...more, modulation: 'condition' }, of)];
    await expectNoLeak(() =>
      tf.tidy(() => {
        const input = inputOf(plain);
        const frame = plain.step(weightsOf(plain), input).frame.dataSync();
        const weights = weightsOf(modulated);
        expect(modulated.step(weights, input).frame.dataSync()).toEqual(frame);
        for (const map of ['scale', 'shift']) {
          const weight = tf.fill(weights[`modulation.${map}.weight`]!.shape, 0.1);
          const moved = { ...weights, [`modulation.${map}.weight`]: weight };
          expect(modulated.step(moved, input).frame.dataSync()).not.toEqual(frame);
        }
      }),
    );
  });

  it.each([
    [{}, 0, 'no condition'],
    [{ residualBlocks: 0, branchBlocks: 0 }, 1, 'no residual blocks'],
  ] as const)('cannot be modulated: %j of %d channels', (more, channels, message) => {
    expect(() => tiny({ modulation: 'condition', ...more }, channels)).toThrow(
      expect.objectContaining({
        ...{ code: 'bad-option', path: 'generator.modulation' },
        message: expect.stringContaining(message) as string,
      }),
    );
  });

  it('depends on its condition, its history and its noise', () => {
    const generator = tiny({ noiseChannels: 2 });
    tf.tidy(() => {
      const weights = weightsOf(generator);
      const input = inputOf(generator);
      const frame = (more: Partial<GeneratorInput>) =>
        generator.step(weights, { ...input, ...more }).frame.dataSync();
      const plain = frame({});
      expect(frame({})).toEqual(plain);
      for (const part of ['condition', 'history', 'noise'] as const) {
        expect(frame({ [part]: tf.neg(input[part]!) })).not.toEqual(plain);
      }
    });
  });

  it('makes each sample of a batch by itself', () => {
    const generator = tiny();
    tf.tidy(() => {
      const weights = weightsOf(generator);
      const input = inputOf(generator);
      const both = generator.step(weights, input).frame;
      const second = (x: tf.Tensor4D | null) => tf.slice(x!, [1, 0, 0, 0], [1, -1, -1, -1]);
      const alone = generator.step(weights, {
        ...input,
        condition: second(input.condition),
        history: second(input.history),
      });
      expectClose(alone.frame, second(both), { rtol: 1e-4, atol: 1e-5 });
    });
  });

  it.each([
    ['history', { history: [2, HEIGHT, WIDTH, 3] }, 'history has shape [2, 16, 24, 3]'],
    ['condition', { condition: [2, HEIGHT, WIDTH, 4] }, 'condition has shape [2, 16, 24, 4]'],
    ['batch', { condition: [1, HEIGHT, WIDTH, 3] }, 'condition has shape [1, 16, 24, 3]'],
    ['noise', { noise: [2, 16, 24, 2] }, 'noise has shape [2, 16, 24, 2], expected [2, 4, 6, 2]'],
    ['missing condition', { condition: null }, 'condition has shape [], expected [2, 16, 24, 3]'],
    ['missing noise', { noise: null }, 'noise has shape []'],
    ['size', { history: [2, 18, 24, 6] }, 'frames of 24×18 do not divide by 4'],
  ])('refuses a wrong %s', async (_what, shapes, message) => {
    const generator = tiny({ noiseChannels: 2 });
    await expectNoLeak(() =>
      tf.tidy(() => {
        const replaced = Object.fromEntries(
          Object.entries(shapes).map(([key, shape]) => [key, shape && tf.zeros(shape)]),
        );
        const input = { ...inputOf(generator), ...replaced };
        expect(() => generator.step(weightsOf(generator), input)).toThrow(
          expect.objectContaining({
            code: 'bad-shape',
            message: expect.stringContaining(message) as string,
          }),
        );
      }),
    );
  });

  it.each([-1, 1.5, Number.NaN])('cannot have a condition of %d channels', (channels) => {
    expect(() => tiny({}, channels)).toThrow(expect.objectContaining({ code: 'bad-option' }));
  });

  it('grows with its preset, and numbers override it', () => {
    const size = (more: Record<string, unknown>) =>
      createGenerator(generatorOptions.parse(more), 1).layout.size;
    const sizes = (['tiny', 'small', 'base', 'large'] as const).map((preset) => size({ preset }));
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(size({ preset: 'large', channels: 12, residualBlocks: 2, branchBlocks: 1 })).toBe(
      sizes[0],
    );
  });

  it('counts multiply-accumulates as by hand', () => {
    const [height, width, c, d] = [8, 12, 4, 16];
    const full = height * width;
    const [half, quarter] = [full / 4, full / 16];
    const wide = 2 * c;
    const encoder = (inputs: number) => half * 9 * (4 * inputs) * wide + quarter * 9 * wide * d;
    const residual = quarter * 2 * 9 * d * d;
    const decoder = quarter * 9 * d * wide + half * 9 * wide * (4 * (3 + 1) + 2);
    const noise = quarter * 5 * d;
    // Condition: 3 frames of 1 channel; history: 2 of 3. One block shared, one of the image's own.
    const expected = encoder(3) + encoder(6) + noise + 2 * residual + decoder;
    const generator = tiny({ residualBlocks: 1, branchBlocks: 1, noiseChannels: 5 });
    expect(generator.macs({ height, width })).toBe(expected);
  });

  it('takes two convolutions at half of the resolution to show the decoder its past', () => {
    const [size, half, wide] = [{ height: 16, width: 24 }, 8 * 12, 8];
    const more = tiny({ skip: true }).macs(size) - tiny().macs(size);
    // Two frames of three channels, folded into four times as many; then both halves.
    expect(more).toBe(half * 9 * (4 * 6 * wide + 2 * wide * wide));
  });

  it('takes a twenty-seventh more of its residual blocks to modulate three of them', () => {
    const [size, more] = [
      { height: 16, width: 24 },
      { residualBlocks: 2, branchBlocks: 1 },
    ];
    const macs = (other: Record<string, unknown>): number => tiny({ ...more, ...other }).macs(size);
    const blocks = macs({}) - macs({ residualBlocks: 0, branchBlocks: 0 });
    expect(macs({ modulation: 'condition' }) - macs({})).toBe(blocks / 27);
  });

  it('has the parameters of the snapshots that there are, where the condition is of outlines', () => {
    const { layout } = tiny({ residualBlocks: 1, branchBlocks: 0 });
    const norm = (name: string): string[] => [`${name}.gamma`, `${name}.beta`];
    const encoder = (name: string): string[] =>
      ['stem', 'down'].flatMap((part) => [
        `${name}.${part}.weight`,
        ...norm(`${name}.${part}.norm`),
      ]);
    expect(layout.specs.map(({ name }) => name)).toEqual([
      ...encoder('condition'),
      ...encoder('history'),
      ...['1', '2'].flatMap((part) => [
        `trunk.0.conv${part}.weight`,
        ...norm(`trunk.0.norm${part}`),
      ]),
      ...['decoder.up.weight', ...norm('decoder.up.norm'), 'heads.weight', 'heads.bias'],
    ]);
  });

  it('embeds many classes, each of three frames by the same numbers', () => {
    const [size, options] = [
      { height: 8, width: 12 },
      { residualBlocks: 0, branchBlocks: 0 },
    ];
    const [few, many] = [tiny(options, 12), tiny(options, 20)];
    expect(many.macs(size) - few.macs(size)).toBe(3 * (8 * 12) * 20 * 12);
    expect(many.layout.size - few.layout.size).toBe(20 * 12);
  });
});
