import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, parseBytes } from '../../src/base/units.js';

describe('parseBytes', () => {
  it.each([
    ['1048576', 2 ** 20],
    ['512MiB', 512 * 2 ** 20],
    ['2 GiB', 2 ** 31],
    ['1.5kib', 1536],
    ['1.5 GB', 1.5e9],
    ['7 b', 7],
    ['  3MB ', 3e6],
    ['0', 0],
    [4096, 4096],
  ])('reads %s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each(['', 'much', '-1', '1 TiB', '1..5MB', '5 M B', '1e3'])('refuses "%s"', (text) => {
    expect(() => parseBytes(text)).toThrow(
      expect.objectContaining({
        code: 'bad-option',
        message: `"${text}" is not a size in bytes`,
      }),
    );
  });

  it.each([-1, Number.NaN, Infinity])('refuses the number %d', (value) => {
    expect(() => parseBytes(value)).toThrow(expect.objectContaining({ code: 'bad-option' }));
  });

  it('reads back what formatBytes writes, as exactly as that says it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (bytes) => {
        expect(Math.abs(parseBytes(formatBytes(bytes)) - bytes)).toBeLessThanOrEqual(
          bytes < 2 ** 10 ? 0 : 0.06 * bytes,
        );
      }),
    );
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [3.25 * 2 ** 20, '3.3 MiB'],
    [2.5 * 2 ** 30, '2.50 GiB'],
  ])('writes %d', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [-3, '0s'],
    [59.4, '59s'],
    [59.6, '1m00s'],
    [185, '3m05s'],
    [3599.7, '1h00m'],
    [7620, '2h07m'],
    [Number.NaN, '?'],
    [Infinity, '?'],
  ])('writes %d', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});
