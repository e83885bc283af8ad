import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Rational } from '../../src/base/rational.js';
import { OutputTimes, type OutputTimesOptions } from '../../src/video/output-times.js';

const RATES = [
  { num: 25, den: 1 },
  { num: 30_000, den: 1001 },
  { num: 24_000, den: 1001 },
  { num: 60, den: 1 },
  { num: 12, den: 5 },
] as const;
const rates = fc.constantFrom(...RATES);

/** Seconds at which frames with these times are written. */
function written(times: readonly number[], options: OutputTimesOptions): number[] {
  const output = new OutputTimes(options);
  const { num, den } = output.timeBase;
  return times.map((time) => (output.place(time).tick * num) / den);
}

describe('the times of what is written', () => {
  it('are exactly those of a constant rate, however a container rounded them', () => {
    fc.assert(
      fc.property(
        rates,
        fc.constantFrom(1000, 600, 90_000, 1e9),
        fc.double({ min: 0, max: 1e5, noNaN: true }),
        (fps, grain, start) => {
          const output = new OutputTimes({ fps, kind: 'kept' });
          for (let i = 0; i < 500; i += 1) {
            const rounded = Math.round(((i * fps.den) / fps.num) * grain) / grain;
            const { tick } = output.place(start + rounded);
            // In whole numbers: i / fps = tick / ticks a second.
            expect(tick * fps.num).toBe(i * fps.den * output.timeBase.den);
          }
          expect(output.furthestSeconds).toBeLessThan(0.001);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('are kept within half a frame, in order, none twice, long gaps too', () => {
    fc.assert(
      fc.property(
        rates,
        fc.constantFrom(0, 0.001),
        fc.array(fc.double({ min: 0.001, max: 20, noNaN: true }), { minLength: 1, maxLength: 60 }),
        (fps, smallestGapSeconds, gaps) => {
          const times = [7];
          for (const gap of gaps) times.push((times.at(-1) ?? 0) + gap);
          const out = written(times, { fps, kind: 'kept', smallestGapSeconds });
          out.forEach((time, i) => {
            expect(Math.abs(time - ((times[i] ?? 0) - 7))).toBeLessThanOrEqual(
              (0.5 * fps.den) / fps.num,
            );
            if (i === 0) return;
            expect(time - (out[i - 1] ?? 0)).toBeGreaterThan(0);
            expect(time - (out[i - 1] ?? 0)).toBeGreaterThanOrEqual(smallestGapSeconds - 1e-9);
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keep a minimal distance where the container needs one, and that is known afterwards', () => {
    const fps = { num: 100, den: 1 };
    const output = new OutputTimes({ fps, kind: 'kept', smallestGapSeconds: 0.02 });
    const places = [0, 0.01, 0.02, 0.03].map((time) => output.place(time).tick);
    expect(places.map((tick) => tick / output.timeBase.den)).toEqual([0, 0.02, 0.04, 0.06]);
    expect(output.furthestSeconds).toBeCloseTo(0.03);
  });

  it('that say nothing are those of the nominal rate', () => {
    const fps = { num: 25, den: 1 };
    const even = [0, 0.04, 0.08, 0.12];
    for (const kind of ['kept', 'constant', 'none'] as const) {
      for (const time of [Number.NaN, Infinity, 0, 5]) {
        expect(written([time, time, time, time], { fps, kind })).toEqual(even);
      }
    }
  });

  it('that begin anew go on behind what is there', () => {
    const fps = { num: 25, den: 1 };
    const times = [0, 0.04, 0.08, 0, 0.04, 1.04];
    expect(written(times, { fps, kind: 'kept' })).toEqual([0, 0.04, 0.08, 0.12, 0.16, 1.16]);
    const late = [Number.NaN, 3, 3.04];
    expect(written(late, { fps, kind: 'kept' })).toEqual([0, 0.04, 0.08]);
  });

  it('are filled up with repeats where the rate is constant by nature, and no frame is lost', () => {
    fc.assert(
      fc.property(
        rates,
        fc.array(fc.double({ min: 0.0001, max: 3, noNaN: true }), { maxLength: 40 }),
        (fps, gaps) => {
          const output = new OutputTimes({ fps, kind: 'constant' });
          let time = 0;
          let written = 0;
          let furthestBehind = 0;
          for (const gap of [0, ...gaps]) {
            time += gap;
            const { tick, repeats } = output.place(time);
            expect(repeats).toBe(tick - written);
            written = tick + 1;
            furthestBehind = Math.max(
              furthestBehind,
              Math.round((time * fps.num) / fps.den) - tick,
            );
          }
          // Never before its time; behind it only where frames are closer than the rate.
          expect(furthestBehind).toBeLessThanOrEqual(0);
          expect(output.endSeconds).toBeCloseTo((written * fps.den) / fps.num);
        },
      ),
      { numRuns: 200 },
    );
    const output = new OutputTimes({ fps: { num: 25, den: 1 }, kind: 'constant' });
    expect([0, 0.04, 0.2].map((time) => output.place(time))).toEqual([
      { tick: 0, repeats: 0 },
      { tick: 1, repeats: 0 },
      { tick: 5, repeats: 3 },
    ]);
  });

  it('are of coarser ticks where there is a pause that 32 bits of finer ones do not hold', () => {
    const clock = { finest: 10_000, mostTicks: 2 ** 30, mayReorder: true };
    const ticksOf = (longestPauseSeconds?: number, fps: Rational = RATES[0]): number =>
      new OutputTimes({ fps, kind: 'kept', clock, longestPauseSeconds }).timeBase.den;
    expect([ticksOf(), ticksOf(3600), ticksOf(1e6)]).toEqual([10_000, 10_000, 1050]);
    // A rate that no such ticks are exactly of.
    expect([ticksOf(3600, RATES[1]), ticksOf(1e6, RATES[1])]).toEqual([30_000, 1073]);
    expect(() => ticksOf(1e8)).toThrow('longer than');
    fc.assert(
      fc.property(rates, fc.double({ min: 1, max: 1e7, noNaN: true }), (fps, pause) => {
        const options = { fps, kind: 'kept', clock, longestPauseSeconds: pause } as const;
        const out = written([0, pause, pause + 1, 2 * pause + 1], options);
        expect(out[1]).toBeCloseTo(pause, 1);
        expect(out[3]! - out[2]!).toBeCloseTo(pause, 1);
      }),
    );
  });

  it('of a last frame that is shown longer are kept, by repeats where there is one rate', () => {
    const fps = RATES[0];
    const end = (kind: 'kept' | 'constant', lastFrameSeconds: number): unknown[] => {
      const output = new OutputTimes({ fps, kind, lastFrameSeconds });
      [0, 0.04].forEach((time) => output.place(time));
      return [output.endSeconds, output.endRepeats];
    };
    expect(end('kept', 0.5)).toEqual([0.54, 0]);
    expect(end('constant', 0.4)).toEqual([0.44, 9]);
    // Rounded, or of an old muxer that did not know.
    expect(end('kept', 0.041)).toEqual([0.08, 0]);
    expect(end('kept', 0)).toEqual([0.08, 0]);
  });

  it('do not matter to numbered pictures', () => {
    expect(written([0, 5, 9], { fps: { num: 25, den: 1 }, kind: 'none' })).toEqual([0, 0.04, 0.08]);
    expect(new OutputTimes({ fps: { num: 25, den: 1 }, kind: 'none' }).endSeconds).toBe(0);
  });
});
