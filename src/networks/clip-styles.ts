import { asGiven } from '../base/caller.js';
import { FrameloomError } from '../base/error.js';
import { randomStream } from '../base/random.js';

/** The look of a clip that a generator was trained on, as the numbers that it is told by. */
export interface ClipStyle {
  /** The clip's file name, and where several are called so which of them: `street.mp4 (2)`. */
  readonly clip: string;
  /** The mean of some of its frames' codes, styleChannels numbers in [−1, 1]. */
  readonly code: readonly number[];
  /** How far these lie from it, number by number. */
  readonly deviation: readonly number[];
}

/** Clips whose looks are kept. */
export const MOST_STYLES = 64;

/** The look in the middle of all: what is generated with where none is asked for. */
export const meanStyle = (styles: readonly ClipStyle[]): Float32Array =>
  Float32Array.from(styles[0]?.code ?? [], (_, i) =>
    styles.reduce((sum, { code }) => sum + code[i]! / styles.length, 0),
  );

/**
 * A look that is drawn: a mixture of those of the clips, each with a share of its own, and as far from it as their frames
 * are from theirs. What lies between looks that were trained on is met by no picture, but is still near to some.
 */
export function drawnStyle(styles: readonly ClipStyle[], seed: number): Float32Array {
  const random = randomStream(seed, 'style', 'drawn');
  // Normalized exponentials are uniform over all mixtures.
  const weights = styles.map(() => -Math.log(1 - random.uniform()));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return Float32Array.from(styles[0]?.code ?? [], (_, i) => {
    const off = random.normal();
    const drawn = styles.reduce(
      (sum, { code, deviation }, at) =>
        sum + (weights[at]! / whole) * (code[i]! + off * deviation[i]!),
      0,
    );
    return Math.min(1, Math.max(-1, drawn));
  });
}

/** The look of a clip by its name, with or without what is behind its last dot; undefined where there is none of it. */
export const knownStyle = (styles: readonly ClipStyle[], name: string): ClipStyle | undefined =>
  styles.find(({ clip }) => clip === name) ??
  styles.find(({ clip }) => clip.replace(/\.[^.]*$/, '') === name);

/** Names of looks, in a line. */
export const styleNames = (styles: readonly ClipStyle[]): string =>
  styles.map(({ clip }) => clip).join(', ');

/**
 * The look of a clip by its name.
 * @throws FrameloomError bad-option where there is none of that name
 */
export function namedStyle(styles: readonly ClipStyle[], name: string): Float32Array {
  const found = knownStyle(styles, name);
  if (found) return Float32Array.from(found.code);
  throw new FrameloomError(
    'bad-option',
    styles.length === 0
      ? 'this generator is told no look: its training had no generator.styleChannels'
      : `there is no look ${JSON.stringify(name)}`,
    {
      hint:
        styles.length === 0
          ? `leave ${asGiven('--style', 'style')} out, or train with generator.styleChannels`
          : `there is ${styleNames(styles)}`,
    },
  );
}

/**
 * Refuses a code of another generator.
 * @throws FrameloomError bad-call
 */
export function assertStyle(style: ArrayLike<number> | null | undefined, channels: number): void {
  if ((style?.length ?? 0) === channels && Array.from(style ?? []).every(Number.isFinite)) return;
  throw new FrameloomError(
    'bad-call',
    channels === 0
      ? 'this generator is told no look, and was given one'
      : `this generator is told a look by ${channels} numbers, and was given ${style?.length ?? 'none'}`,
    { hint: 'openModel gives a model with a look of its training' },
  );
}
