import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import type { RealSide } from '../../src/training/judged-parts.js';
import { disposeState, initialState } from '../../src/training/model.js';
import { assertMovingFits, pixelWeights, previousFrames } from '../../src/training/moving.js';
import { lossOptions } from '../../src/training/options.js';
import { trainStep } from '../../src/training/step.js';
import { expectClose, expectNoLeak } from '../tensors.js';
import { disposeInput, PLAN, smallModel, windowFor } from './support.js';

describe('what pixels count by what moves', () => {
  it.each(['wasm', 'cpu', 'tensorflow'] as const)(
    'is more where any channel has changed, and not by a little: on %s',
    async (prefer) => {
      await useBackend({ prefer });
      await expectNoLeak(() =>
        tf.tidy(() => {
          const before = tf.zeros<tf.Rank.R4>([1, 1, 4, 3]);
          const now = tf.tensor4d([0, 0, 0, 0.1, -0.1, 0.1, 0, -0.9, 0, 0.3, 0, 0], [1, 1, 4, 3]);
          expectClose(
            pixelWeights({ moving: 7 }, now, before)!,
            tf.tensor4d([1, 1, 8, 8], [1, 1, 4, 1]),
          );
          expect(pixelWeights({ moving: 0 }, now, before)).toBeUndefined();
          expect(pixelWeights({ moving: 7 }, now, undefined)).toBeUndefined();
        }),
      );
    },
  );

  it('is by the real frame before, and of the first of all by none', async () => {
    await useBackend({ prefer: 'tensorflow' });
    await expectNoLeak(() =>
      tf.tidy(() => {
        // Each frame is its number.
        const window = tf.tile(tf.reshape(tf.range(0, 5), [1, 5, 1, 1, 1]), [2, 1, 4, 4, 3]);
        const from = (lead: number): number[] => {
          const frames = tf.reshape(tf.slice(window, [0, lead]), [-1, 4, 4, 3]);
          const real = { window, frames } as unknown as RealSide;
          const previous = previousFrames(real);
          return [...tf.slice(previous, [1, 0, 0, 0, 0], [1, -1, 1, 1, 1]).dataSync()];
        };
        expect(from(2)).toEqual([1, 2, 3]);
        expect(from(1)).toEqual([0, 1, 2, 3]);
        expect(from(0)).toEqual([0, 0, 1, 2, 3]);
        expect(from(4)).toEqual([3]);
      }),
    );
  });

  it('is refused where nothing is weighed by it', () => {
    const fit = (losses: object) => () => assertMovingFits({ losses: lossOptions.parse(losses) });
    expect(fit({ moving: 5 })).not.toThrow();
    const none = { reconstruction: 0, rawReconstruction: 0, warp: 0 };
    expect(fit(none)).not.toThrow();
    expect(fit({ ...none, moving: 5 })).toThrow('none of the losses');
  });

  it('is alike whole and in segments, and changes the losses of colours alone', async () => {
    await useBackend({ prefer: 'tensorflow' });
    registerKernels();
    const model = smallModel();
    await expectNoLeak(async () => {
      const state = initialState(model, 1);
      const termsOf = async (moving: number, segments: number[] | null) => {
        const window = windowFor(model, { frames: 3 });
        const plan = { ...PLAN, segments, ...(segments && { judgedFrames: 1 }) };
        const step = await trainStep(model, state, window, lossOptions.parse({ moving }), plan);
        expect(step.skipped).toBeNull();
        disposeState(step.state);
        disposeInput(window);
        return { ...step.terms, pull: step.signals['generator/judges_pull']! } as Record<
          string,
          number
        >;
      };
      const plain = await termsOf(0, null);
      const [whole, parts] = [await termsOf(9, null), await termsOf(9, [1, 2])];
      const byHow = (of: typeof whole, from: typeof whole): Record<string, number> =>
        Object.fromEntries(Object.entries(of).map(([name, x]) => [name, x / from[name]!]));
      const { pull, ...terms } = byHow(whole, plain);
      expect(pull).toBeLessThan(1);
      const OF_COLOURS = ['reconstruction', 'raw_reconstruction', 'warp'];
      const namesOf = (is: (times: number) => boolean): string[] =>
        Object.keys(terms).filter((name) => is(terms[name]!));
      expect(namesOf((times) => times > 2)).toEqual(OF_COLOURS.map((name) => `generator/${name}`));
      expect(namesOf((times) => Math.abs(times - 1) > 1e-5)).toHaveLength(OF_COLOURS.length);
      for (const times of Object.values(byHow(parts, whole))) expect(times).toBeCloseTo(1, 4);
      disposeState(state);
    });
  });
});
