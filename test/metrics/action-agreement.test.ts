import { describe, expect, it } from 'vitest';
import { createActionAgreement, obedienceOf, type ActionKind } from '../../src/metrics/index.js';

const COLUMNS: readonly ActionKind[] = [
  { name: 'left', kind: 'key' },
  { name: 'steer', kind: 'axis' },
];

/** @param pairs [key seen, axis seen, key told, axis told] of each frame */
function agreementOf(pairs: readonly (readonly [number, number, number, number])[]) {
  const agreement = createActionAgreement(COLUMNS);
  for (const [key, axis, toldKey, toldAxis] of pairs) {
    agreement.add(Float32Array.of(key, axis), Float32Array.of(toldKey, toldAxis));
  }
  return agreement;
}

describe('how seen actions agree with those that were told', () => {
  it('is the mean of what is right with a key and without it, however rare it is', () => {
    const never = Array.from({ length: 100 }, (_, i) => [0.2, 0, Number(i < 5), i] as const);
    expect(agreementOf(never).scores()[0]).toBe(0.5);
    const half = never.map(([, ...rest], i) => [i === 0 || i > 52 ? 0.9 : 0.1, ...rest] as const);
    // One of five is seen, and 48 of 95 times one that is not there.
    const right = (1 / 5 + 48 / 95) / 2;
    expect(agreementOf(half).scores()[0]).toBeCloseTo(right, 12);
    expect(agreementOf(half).frames).toBe(100);
  });

  it('is the share of an axis’ variance that is seen', () => {
    const told = [-1, -0.5, 0, 0.5, 1];
    const of = (see: (value: number) => number): number | null =>
      agreementOf(told.map((value) => [0, see(value), 0, value])).scores()[1]!;
    expect(of((value) => value)).toBe(1);
    expect(of(() => 0)).toBe(0);
    expect(of((value) => value / 2)).toBeCloseTo(0.75, 12);
    expect(of((value) => -value)).toBe(-3);
  });

  it('is nothing of what never changes, and of nothing', () => {
    expect(agreementOf([[1, 0.3, 1, 0.3], [0, 0.2, 1, 0.3]]).scores()).toEqual([null, null]); // prettier-ignore
    expect(createActionAgreement(COLUMNS).scores()).toEqual([null, null]);
  });

  it('refuses other columns', () => {
    const agreement = createActionAgreement(COLUMNS);
    expect(() => agreement.add(Float32Array.of(1), Float32Array.of(1, 0))).toThrow(
      'actions of 1 and 2 columns, expected 2',
    );
  });

  it('stands together with that of real frames, keys and axes apart', () => {
    const real = agreementOf([[1, 1, 1, 1], [0, -1, 0, -1]]); // prettier-ignore
    const made = agreementOf([[1, 0, 1, 1], [1, 0, 0, -1]]); // prettier-ignore
    const found = obedienceOf(COLUMNS, { made, real, shuffled: made });
    expect(found).toEqual({
      frames: 2,
      keys: { made: 0.5, real: 1, shuffled: 0.5 },
      axes: { made: 0, real: 1, shuffled: 0 },
      columns: [
        { name: 'left', kind: 'key', made: 0.5, real: 1, shuffled: 0.5 },
        { name: 'steer', kind: 'axis', made: 0, real: 1, shuffled: 0 },
      ],
    });
    const still = agreementOf([[1, 0, 1, 0]]);
    expect(obedienceOf(COLUMNS, { made: still, real: still, shuffled: still })).toMatchObject({
      ...{ keys: null, axes: null },
    });
  });
});
