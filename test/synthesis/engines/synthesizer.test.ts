import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { randomStream } from '../../../src/base/random.js';
import type { ConditionLayout } from '../../../src/clips/index.js';
import { createGenerator, generatorOptions } from '../../../src/networks/index.js';
import type { Synthesizer } from '../../../src/synthesis/engines/synthesizer.js';
import { createTensorFlowSynthesizer } from '../../../src/synthesis/engines/tensorflow.js';
import { expectNoLeak } from '../../tensors.js';

const [WIDTH, HEIGHT] = [24, 16];
const PIXELS = WIDTH * HEIGHT;

beforeAll(async () => {
  await useBackend();
});

const layout = (content: ConditionLayout['content'], channels: number): ConditionLayout => ({
  kind: content === 'none' ? 'none' : content === 'labels' ? 'paired' : 'derived',
  content,
  channels,
  bytesPerPixel: content === 'labels' ? 1 : channels,
  classNames: [],
  followsColour: false,
});

function open(
  condition: ConditionLayout = layout('image', 1),
  more: Record<string, unknown> = {},
  seed?: number,
): Synthesizer {
  const generator = createGenerator(
    generatorOptions.parse({ channels: 4, residualBlocks: 1, branchBlocks: 0, ...more }),
    condition.channels,
  );
  const weights = generator.layout.initialize(1);
  const size = { width: WIDTH, height: HEIGHT };
  return createTensorFlowSynthesizer({
    ...{ generator, weights, layout: condition, ...size },
    ...(seed === undefined ? {} : { seed }),
  });
}

/** Bytes below `limit`, the same for the same name. */
function bytes(name: string, count: number, limit = 256): Uint8Array {
  const random = randomStream(5, 'eval', name);
  return Uint8Array.from({ length: count }, () => random.integer(0, limit - 1));
}

const conditions = (count: number) =>
  Array.from({ length: count }, (_, i) => bytes(`condition ${i}`, PIXELS));

async function run(
  synthesizer: Synthesizer,
  frames: readonly (Uint8Array | null)[],
): Promise<Uint8Array[]> {
  const made: Uint8Array[] = [];
  for (const condition of frames) made.push(await synthesizer.next(condition));
  return made;
}

describe('createTensorFlowSynthesizer', () => {
  it.each([
    ['an image condition', layout('image', 1), PIXELS, 256],
    ['a colour condition', layout('image', 3), 3 * PIXELS, 256],
    ['labels', layout('labels', 5), PIXELS, 5],
    ['no condition but noise', layout('none', 0), 0, 256],
  ] as const)(
    'makes rgb24 frames from %s, the same each time',
    async (_what, kind, size, limit) => {
      await expectNoLeak(async () => {
        const inputs = [0, 1, 2].map((i) => (size === 0 ? null : bytes(`${i}`, size, limit)));
        // Without a condition noise is all that drives a first frame.
        const more = { noiseChannels: size === 0 ? 2 : 0 };
        const [first, second] = [open(kind, more), open(kind, more)];
        const frames = await run(first, inputs);
        expect(frames.map((frame) => frame.length)).toEqual(Array(3).fill(3 * PIXELS));
        expect(await run(second, inputs)).toEqual(frames);
        expect(frames[0]).not.toEqual(frames[2]);
        first.dispose();
        second.dispose();
      });
    },
  );

  it('makes each frame from those before it', async () => {
    await expectNoLeak(async () => {
      const synthesizer = open();
      const [a, b, c] = conditions(3);
      const [, , third] = await run(synthesizer, [a!, b!, c!]);
      synthesizer.reset();
      const [, , other] = await run(synthesizer, [b!, a!, c!]);
      expect(other).not.toEqual(third);
      synthesizer.dispose();
    });
  });

  it('begins anew after a reset', async () => {
    await expectNoLeak(async () => {
      const synthesizer = open();
      const frames = await run(synthesizer, conditions(4));
      synthesizer.reset();
      expect(await run(synthesizer, conditions(4))).toEqual(frames);
      synthesizer.dispose();
    });
  });

  it('draws its noise by the seed', async () => {
    await expectNoLeak(async () => {
      const noisy = { noiseChannels: 2 };
      const synthesizer = open(layout('image', 1), noisy, 7);
      const frames = await run(synthesizer, conditions(2));
      synthesizer.reset();
      expect(await run(synthesizer, conditions(2))).toEqual(frames);
      synthesizer.reset(8);
      const others = await run(synthesizer, conditions(2));
      expect(others[0]).not.toEqual(frames[0]);
      synthesizer.reset();
      expect(await run(synthesizer, conditions(2))).toEqual(others);
      const same = open(layout('image', 1), noisy, 8);
      expect(await run(same, conditions(2))).toEqual(others);
      same.dispose();
      synthesizer.dispose();
    });
  });

  it('goes on from its own frames as if it had never stopped', async () => {
    await expectNoLeak(async () => {
      const all = conditions(5);
      const whole = open();
      const frames = await run(whole, all);
      const resumed = open();
      // The history passes through bytes here: half a level of 255 away at most.
      resumed.start(frames.slice(0, 3), all.slice(0, 3));
      const rest = await run(resumed, all.slice(3));
      rest.forEach((frame, i) => {
        const worst = frame.reduce(
          (most, byte, j) => Math.max(most, Math.abs(byte - frames[3 + i]![j]!)),
          0,
        );
        expect(worst).toBeLessThanOrEqual(16);
      });
      const cold = open();
      expect((await run(cold, all.slice(3)))[0]).not.toEqual(rest[0]);
      [whole, resumed, cold].forEach((synthesizer) => synthesizer.dispose());
    });
  });

  it('starts from fewer frames than its history, and from none as cold', async () => {
    await expectNoLeak(async () => {
      const synthesizer = open();
      const [condition] = conditions(1);
      const cold = await synthesizer.next(condition!);
      synthesizer.start([], []);
      expect(await synthesizer.next(condition!)).toEqual(cold);
      synthesizer.start([bytes('real', 3 * PIXELS)], [condition!]);
      expect(await synthesizer.next(condition!)).not.toEqual(cold);
      synthesizer.dispose();
    });
  });

  it('refuses bytes of another size, and goes on after', async () => {
    await expectNoLeak(async () => {
      const synthesizer = open();
      const [a, b] = conditions(2);
      const expected = await run(synthesizer, [a!, b!]);
      synthesizer.reset();
      await synthesizer.next(a!);
      const bad = (message: string) =>
        expect.objectContaining({ code: 'bad-input', message }) as Error;
      await expect(synthesizer.next(a!.subarray(1))).rejects.toThrow(
        bad('a condition has 383 bytes, expected 384'),
      );
      await expect(synthesizer.next(null)).rejects.toThrow(
        bad('this generator needs a condition for each frame'),
      );
      expect(await synthesizer.next(b!)).toEqual(expected[1]);
      expect(() => synthesizer.start([new Uint8Array(5)], [a!])).toThrow(
        bad('a frame has 5 bytes, expected 1152'),
      );
      expect(() => synthesizer.start([bytes('real', 3 * PIXELS)], [new Uint8Array(7)])).toThrow(
        bad('a condition has 7 bytes, expected 384'),
      );
      synthesizer.dispose();
    });
  });

  it('holds no more tensors after 20 frames than after 3', async () => {
    await expectNoLeak(async () => {
      const synthesizer = open();
      await run(synthesizer, conditions(3));
      const before = tf.memory().numTensors;
      const bytesBefore = tf.memory().numBytes;
      await run(synthesizer, conditions(20));
      expect(tf.memory().numTensors).toBe(before);
      expect(tf.memory().numBytes).toBe(bytesBefore);
      synthesizer.dispose();
    });
  });
});
