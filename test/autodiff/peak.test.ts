import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { inPhase, trackPeak } from '../../src/autodiff/index.js';
import { useBackend } from '../../src/backend/index.js';
import { expectNoLeak } from '../tensors.js';

beforeAll(() => useBackend({ prefer: 'tensorflow' }));

/** A tensor of so many bytes. */
const bytes = (count: number): tf.Tensor => tf.zeros([count / 4]);

describe('trackPeak', () => {
  it('says the most that was alive at once, beyond what was before', async () => {
    await expectNoLeak(() => {
      const before = bytes(4000);
      const { peakBytes, result } = trackPeak(() => {
        bytes(800).dispose();
        const [a, b] = [bytes(400), bytes(1200)];
        tf.dispose([a, b]);
        before.dispose();
        bytes(2000).dispose();
        return 7;
      });
      expect(peakBytes).toBe(1600);
      expect(result).toBe(7);
    });
  });

  it('counts data once that several tensors share', async () => {
    await expectNoLeak(() => {
      const { peakBytes } = trackPeak(() =>
        tf
          .tidy(() => {
            const x = bytes(800);
            return [tf.clone(x), tf.clone(x)];
          })
          .forEach((tensor) => tensor.dispose()),
      );
      expect(peakBytes).toBe(800);
    });
  });

  it('tells the phases apart, what is alive from an earlier one in it', async () => {
    await expectNoLeak(() => {
      const { phases, peakBytes } = trackPeak(() => {
        const first = inPhase('first', () => bytes(400));
        bytes(40).dispose();
        inPhase('second', () => {
          inPhase('within', () => bytes(1000).dispose());
          bytes(100).dispose();
        });
        first.dispose();
      });
      const peaks = Object.entries(phases).map(([name, phase]) => [name, phase.peakBytes]);
      expect(Object.fromEntries(peaks)).toEqual({ '': 440, first: 400, second: 500, within: 1400 });
      expect(peakBytes).toBe(1400);
      expect(phases.second!.timeline).toEqual([400, 400, 500]);
      const seconds = Object.values(phases).map((phase) => phase.seconds);
      expect(Math.min(...seconds)).toBeGreaterThanOrEqual(0);
    });
  });

  it('may be nested, and stops listening when its function throws', async () => {
    await expectNoLeak(() => {
      const tensor = bytes(400);
      const outer = trackPeak(() => {
        expect(() =>
          trackPeak(() => {
            throw new Error('broken');
          }),
        ).toThrow('broken');
        const inner = trackPeak(() => bytes(800).dispose());
        expect(inner.peakBytes).toBe(800);
        bytes(1200).dispose();
      });
      expect(outer.peakBytes).toBe(1200);
      tensor.dispose();
    });
  });
});
