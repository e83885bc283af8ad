import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findRepeats } from '../../src/backend/graph/repeats.js';

const alikeIn =
  (items: readonly number[]) =>
  (i: number, period: number): boolean =>
    items[i] === items[i + period];

const find = (items: readonly number[], saved: number) =>
  findRepeats(items.length, alikeIn(items), { shortest: 2, longest: 9, saved });

const anyItems = fc.array(fc.nat(2), { maxLength: 40 });
const anySaved = fc.integer({ min: 1, max: 12 });

describe('findRepeats', () => {
  it('finds repetitions only, which do not overlap, worth it, in order', () => {
    fc.assert(
      fc.property(anyItems, anySaved, (items, saved) => {
        let end = 0;
        for (const { start, period, count } of find(items, saved)) {
          expect(start).toBeGreaterThanOrEqual(end);
          end = start + count * period;
          expect(end).toBeLessThanOrEqual(items.length);
          expect(period).toBeGreaterThanOrEqual(2);
          expect((count - 1) * period).toBeGreaterThanOrEqual(saved);
          for (let i = start; i < end - period; i += 1) expect(items[i]).toBe(items[i + period]);
        }
      }),
    );
  });

  it('finds none only where there is none', () => {
    fc.assert(
      fc.property(anyItems, anySaved, (items, saved) => {
        fc.pre(find(items, saved).length === 0);
        for (let period = 2; period <= 9; period += 1) {
          const count = Math.ceil(saved / period) + 1;
          for (let start = 0; start + count * period <= items.length; start += 1) {
            const repeated = Array.from({ length: (count - 1) * period }, (_, i) => start + i);
            expect(repeated.every((i) => items[i] === items[i + period])).toBe(false);
          }
        }
      }),
    );
  });

  it('takes the repetition that saves most, then looks before and after it', () => {
    const piece = [1, 2, 3];
    const items = [7, 8, 7, 8, 7, 8, 0, ...piece, ...piece, ...piece, ...piece, 5, 5, 6, 5, 6];
    expect(find(items, 2)).toEqual([
      { start: 0, period: 2, count: 3 },
      { start: 7, period: 3, count: 4 },
      { start: 20, period: 2, count: 2 },
    ]);
    expect(find(items, 5)).toEqual([{ start: 7, period: 3, count: 4 }]);
  });
});
