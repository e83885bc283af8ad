import { FrameloomError } from './error.js';

/** An exact frame rate in frames per second, `num / den`, reduced. */
export interface Rational {
  readonly num: number;
  readonly den: number;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** @throws FrameloomError bad-option unless both are positive safe integers. */
export function rational(num: number, den = 1): Rational {
  if (!Number.isSafeInteger(num) || !Number.isSafeInteger(den) || num <= 0 || den <= 0) {
    throw new FrameloomError('bad-option', `${num}/${den} is not a frame rate`, {
      hint: 'give two positive whole numbers, such as 30000/1001',
    });
  }
  const divisor = gcd(num, den);
  return { num: num / divisor, den: den / divisor };
}

/**
 * Reads `25`, `29.97` or `30000/1001`. Decimals of the NTSC family become their exact fractions.
 * @throws FrameloomError bad-option
 */
export function parseRational(text: string): Rational {
  const fraction = /^(\d+)\s*[/:]\s*(\d+)$/.exec(text.trim());
  if (fraction) return rational(Number(fraction[1]), Number(fraction[2]));
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) return rational(Number.NaN);
  if (Number.isInteger(value)) return rational(value);
  const ntsc = Math.round(value) * 1000;
  if (Math.abs(ntsc / 1001 - value) < 0.005) return rational(ntsc, 1001);
  return rational(Math.round(value * 1_000_000), 1_000_000);
}

export const rationalToNumber = (value: Rational): number => value.num / value.den;

export const formatRational = (value: Rational): string =>
  value.den === 1 ? String(value.num) : `${value.num}/${value.den}`;
