import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evenSegments } from '../../src/autodiff/index.js';

describe('evenSegments', () => {
  it('covers the rollout by segments of at most so many steps, the short one first', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.integer({ min: 1, max: 40 }), (length, every) => {
        const segments = evenSegments(length, every);
        expect(segments.reduce((sum, steps) => sum + steps, 0)).toBe(length);
        expect(segments).toHaveLength(Math.ceil(length / every));
        expect(segments.every((steps) => steps >= 1)).toBe(true);
        expect(segments.slice(1).every((steps) => steps === every)).toBe(true);
      }),
    );
  });
});
