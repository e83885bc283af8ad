import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { eagerRunner, graphRunner } from '../../src/backend/graph/index.js';
import { useBackend } from '../../src/backend/index.js';
import { randomStream } from '../../src/base/random.js';
import { registerKernels } from '../../src/kernels/index.js';
import { disposeState, initialState } from '../../src/training/model.js';
import { lossOptions } from '../../src/training/options.js';
import {
  drawSight,
  packSight,
  seen,
  seenCondition,
  sightKey,
  type Sight,
} from '../../src/training/sight.js';
import { keyOf } from '../../src/training/step-plan.js';
import { trainStep } from '../../src/training/step.js';
import { expectNoLeak, normals, relativeDifference } from '../tensors.js';
import { disposeInput, PLAN, smallModel, windowFor } from './support.js';

beforeAll(async () => {
  await useBackend({ prefer: 'tensorflow' });
  registerKernels();
});

const size = { height: 16, width: 24 };
const draw = (index: number, options: Partial<Parameters<typeof drawSight>[1]>): Sight | null =>
  drawSight(randomStream(1, 'sight', index), { blurPixels: 0, augmentation: 0, ...options }, size);

/** Sights of many draws. */
const some = (augmentation: number): Sight[] =>
  Array.from({ length: 60 }, (_, i) => draw(i, { augmentation })).filter((one) => one !== null);

/** A picture as it is seen, as numbers by row, column and channel. */
const look = (sight: Sight, picture: (row: number, column: number, c: number) => number) =>
  tf.tidy(() => {
    const x = tf.buffer([1, size.height, size.width, 3]);
    for (let i = 0; i < size.height; i += 1) {
      for (let j = 0; j < size.width; j += 1) {
        for (let c = 0; c < 3; c += 1) x.set(picture(i, j, c), 0, i, j, c);
      }
    }
    return seen(x.toTensor() as tf.Tensor4D, packSight(sight, size)).arraySync()[0]!;
  });

describe('how discriminators see', () => {
  it('is as it is where nothing is drawn, and says which graph it takes', () => {
    expect(draw(0, {})).toBeNull();
    expect(sightKey(null)).toBe('as it is');
    expect(sightKey(draw(0, { blurPixels: 1 }))).toBe('blurred');
    const drawn = Array.from({ length: 200 }, (_, i) => draw(i, { augmentation: 0.1 }));
    const share = drawn.filter((one) => one !== null).length / drawn.length;
    // 1 − 0.9³ within four deviations.
    expect(share).toBeGreaterThan(0.15);
    expect(share).toBeLessThan(0.4);
  });

  it('leaves an even grey even, wherever it is blurred and moved, but for what is moved in', () => {
    const plain = (sight: Sight): Sight => ({ ...sight, mask: sight.mask.map(() => 1) });
    for (const sight of some(1)) {
      const still = plain({ ...sight, colours: new Float32Array([1, 0, 0, 0, 1, 0, 0, 0, 1]) });
      const grey = look({ ...still, shift: new Float32Array(3) }, () => 0.5).flat(2);
      for (const value of grey) expect(Math.min(Math.abs(value), Math.abs(value - 0.5))).toBe(0);
    }
    const blurred = look(draw(0, { blurPixels: 2 })!, () => 0.5).flat(2);
    expect(Math.max(...blurred.map((value) => Math.abs(value - 0.5)))).toBeLessThan(1e-6);
  });

  it('moves pictures by whole pixels, no farther than an eighth, and conditions with them', () => {
    const moves = new Set<string>();
    for (const sight of some(1)) {
      const rows = Array.from({ length: size.height }, (_, i) =>
        sight.rows.subarray(i * size.height, (i + 1) * size.height).indexOf(1),
      );
      const by = rows.map((from, i) => i - from).filter((_, i) => rows[i]! >= 0);
      expect(new Set(by).size).toBe(1);
      expect(Math.abs(by[0]!)).toBeLessThanOrEqual(size.height / 8);
      expect(sight.moved!.rows).toEqual(sight.rows);
      moves.add(String(by[0]));
    }
    expect(moves.size).toBeGreaterThan(2);
  });

  it('cuts a half of each side out of pictures and conditions alike', () => {
    tf.tidy(() => {
      const sight = some(1).find(({ mask }) => mask.filter((one) => one === 0).length >= 90)!;
      const packed = packSight(sight, size);
      const condition = tf.ones<tf.Rank.R4>([1, size.height, size.width, 2]);
      const [image, labels] = [
        seen(tf.ones([1, 16, 24, 3]), packed),
        seenCondition(condition, packed),
      ];
      const gone = (x: tf.Tensor): number[] =>
        Array.from(x.dataSync()).map((value) => +(value === 0));
      const [ofImage, ofLabels] = [gone(image), gone(labels)];
      sight.mask.forEach((one, i) => {
        expect(ofImage[3 * i]! >= 1 - one).toBe(true);
        expect(ofLabels[2 * i]! >= 1 - one).toBe(true);
      });
    });
  });

  it('is the same whatever else is drawn, and linear but for a shift of colour', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.double({ min: -1, max: 1, noNaN: true }), (index, scale) => {
        expect(draw(index, { augmentation: 1 })).toEqual(draw(index, { augmentation: 1 }));
        tf.tidy(() => {
          const packed = packSight(draw(index, { augmentation: 1, blurPixels: 1 }), size);
          const x = normals<tf.Rank.R4>('x', [2, 16, 24, 6]);
          const zero = seen(tf.zerosLike(x), packed);
          const own = tf.mul(tf.sub(seen(x, packed), zero), scale);
          const scaled = tf.sub(seen(tf.mul(x, scale), packed), zero);
          expect(tf.max(tf.abs(tf.sub(own, scaled))).dataSync()[0]).toBeLessThan(1e-5);
        });
      }),
      { numRuns: 10 },
    );
  });
});

describe('a step that is seen so', () => {
  const model = smallModel();

  it.each([
    ['on one tape', {}],
    ['in segments and micro-batches', { segments: [1, 1], judgedFrames: 1 }],
  ])('gives the same numbers recorded as op by op, %s', async (_how, memory) => {
    const runner = graphRunner();
    await expectNoLeak(async () => {
      const state = initialState(model, 1);
      const input = windowFor(model, {});
      const { height, width } = { height: input.frames.shape[2], width: input.frames.shape[3] };
      const options = { blurPixels: 1, augmentation: 1 };
      const sight = drawSight(randomStream(1, 'sight', 0), options, { height, width });
      const plan = { ...PLAN, ...memory, r1: 1, sight };
      const ways = [
        [plan, eagerRunner],
        [plan, runner],
        [{ ...plan, sight: null }, eagerRunner],
      ] as const;
      const [eager, graph, plain] = await Promise.all(
        ways.map(([own, by]) => trainStep(model, state, input, lossOptions.parse({}), own, by)),
      );
      for (const side of ['generator', 'discriminators'] as const) {
        const [a, b] = [graph!.state[side], eager!.state[side]];
        expect(relativeDifference(a, b)).toBeLessThan(1e-5);
      }
      const { terms } = eager!;
      for (const [name, value] of Object.entries(graph!.terms)) {
        expect(Math.abs(value - terms[name]!)).toBeLessThan(1e-4 * Math.abs(terms[name]!));
      }
      // What is held to the real frames themselves is not seen by anyone.
      expect(terms['generator/reconstruction']).toBe(plain!.terms['generator/reconstruction']);
      for (const name of ['generator/frame_matching', 'discriminator/sequence_real']) {
        expect(terms[name]).not.toBeCloseTo(plain!.terms[name]!, 4);
      }
      for (const made of [eager!, graph!, plain!]) disposeState(made.state);
      disposeState(state);
      disposeInput(input);
    });
    runner.dispose();
  });

  it('is one graph for all draws of a kind', () => {
    const input = windowFor(model, {});
    const key = (sight: Sight | null): string =>
      keyOf(input, lossOptions.parse({}), { ...PLAN, sight });
    expect(new Set([...some(1), ...some(0.2)].map(key)).size).toBeLessThanOrEqual(2);
    expect(key(null)).not.toBe(key(draw(0, { blurPixels: 1 })));
    disposeInput(input);
  });
});
