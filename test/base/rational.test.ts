import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatRational,
  parseRational,
  rational,
  rationalToNumber,
} from '../../src/base/rational.js';

const whole = fc.integer({ min: 1, max: 1_000_000 });

describe('rational', () => {
  it('is reduced and keeps its value', () => {
    fc.assert(
      fc.property(whole, whole, fc.integer({ min: 1, max: 1000 }), (num, den, factor) => {
        const value = rational(num * factor, den * factor);
        expect(value).toEqual(rational(num, den));
        expect(value.num * den).toBe(num * value.den);
        expect(value.num).toBeLessThanOrEqual(num);
      }),
    );
  });

  it.each([
    [0, 1],
    [25, 0],
    [-25, 1],
    [29.97, 1],
    [Number.NaN, 1],
    [2 ** 53, 1],
  ])('refuses %d/%d', (num, den) => {
    expect(() => rational(num, den)).toThrow(
      expect.objectContaining({
        code: 'bad-option',
        message: `${num}/${den} is not a frame rate`,
      }),
    );
  });
});

describe('parseRational', () => {
  it.each([
    ['25', 25, 1],
    ['30000/1001', 30000, 1001],
    [' 50 / 2 ', 25, 1],
    ['24:1', 24, 1],
    ['12.5', 25, 2],
    ['23.976', 24000, 1001],
    ['23.98', 24000, 1001],
    ['29.97', 30000, 1001],
    ['47.952', 48000, 1001],
    ['59.94', 60000, 1001],
    ['119.88', 120000, 1001],
    ['0.1', 1, 10],
    ['14.985', 15000, 1001],
    ['0.004', 1, 250],
  ])('reads %s', (text, num, den) => {
    expect(parseRational(text)).toEqual({ num, den });
  });

  it('reads back what it formats', () => {
    fc.assert(
      fc.property(whole, whole, (num, den) => {
        const value = rational(num, den);
        expect(parseRational(formatRational(value))).toEqual(value);
      }),
    );
  });

  it('stays near a decimal that is not of the NTSC family', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.5, max: 240, noNaN: true }), (value) => {
        const read = rationalToNumber(parseRational(value.toFixed(4)));
        expect(Math.abs(read - value)).toBeLessThan(0.0051);
      }),
    );
  });

  it.each([
    'abc',
    '',
    '   ',
    '-25',
    '0',
    '0/1',
    '25/0',
    '1/2/3',
    'Infinity',
    'NaN',
    '1e400',
    '1e-9',
  ])('refuses "%s" by the text that was given', (text) => {
    expect(() => parseRational(text)).toThrow(
      expect.objectContaining({ code: 'bad-option', message: `"${text}" is not a frame rate` }),
    );
  });
});
