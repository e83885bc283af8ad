import { FrameloomError } from './error.js';

/** An exact frame rate in frames per second, `num / den`, reduced. */
export interface Rational {
  readonly num: number;
  readonly den: number;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value > 0;

const notARate = (given: string): FrameloomError =>
  new FrameloomError('bad-option', `${given} is not a frame rate`, {
    hint: 'give two positive whole numbers, such as 30000/1001',
  });

/** @throws FrameloomError bad-option unless both are positive safe integers. */
export function rational(num: number, den = 1): Rational {
  if (!isWhole(num) || !isWhole(den)) throw notARate(`${num}/${den}`);
  const divisor = gcd(num, den);
  return { num: num / divisor, den: den / divisor };
}

/**
 * Reads `25`, `29.97` or `30000/1001`. Decimals of the NTSC family become their exact fractions,
 * others are read to a millionth.
 * @throws FrameloomError bad-option, quoting the text
 */
export function parseRational(text: string): Rational {
  // From programs without types, anything may come.
  if (typeof text !== 'string') throw notARate(String(text));
  const fraction = /^(\d+)\s*[/:]\s*(\d+)$/.exec(text.trim());
  const [num, den] = fraction
    ? [Number(fraction[1]), Number(fraction[2])]
    : fractionOf(Number(text));
  if (!isWhole(num) || !isWhole(den)) throw notARate(`"${text}"`);
  return rational(num, den);
}

function fractionOf(value: number): [num: number, den: number] {
  if (Number.isInteger(value)) return [value, 1];
  const ntsc = Math.round(value) * 1000;
  if (ntsc > 0 && Math.abs(ntsc / 1001 - value) < 0.005) return [ntsc, 1001];
  return [Math.round(value * 1_000_000), 1_000_000];
}

export const rationalToNumber = (value: Rational): number => value.num / value.den;

export const formatRational = (value: Rational): string =>
  value.den === 1 ? String(value.num) : `${value.num}/${value.den}`;
