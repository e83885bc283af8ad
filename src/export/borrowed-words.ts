/** What a network from elsewhere may say in its metadata of how it wants to be fed. */
import { FrameloomError } from '../base/error.js';

/** The range of numbers that a byte's 0 to 255 becomes. */
const RANGES = { '-1..1': [-1, 1], '0..1': [0, 1], '0..255': [0, 255] } as const;

/** How frames are fed to a network. */
export interface BorrowedWords {
  readonly range: readonly [black: number, white: number];
  /** Taken from each channel once it is in the range, and what is then divided by. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Frames are brought to this size; null where the file does not say. */
  readonly size: { readonly width: number; readonly height: number } | null;
  /** Frames of a window. */
  readonly frames: number | null;
  /** The output that counts, where there are several. */
  readonly output: string | null;
  /** Of a segmenter that gives ids. */
  readonly classes: number | null;
}

const PREFIX = 'frameloom.';

/** Three finite numbers; undefined where it is not that. */
function three(text: string): number[] | undefined {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  return numbers.length === 3 && numbers.every(Number.isFinite) ? numbers : undefined;
}

function whole(text: string, most: number): number | undefined {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= most ? number : undefined;
}

const MOST_SIDE = 8192;

function sizeOf(text: string): BorrowedWords['size'] | undefined {
  const sides = text.split('x').map((side) => whole(side, MOST_SIDE));
  const [width, height] = sides;
  return sides.length === 2 && width !== undefined && height !== undefined
    ? { width, height }
    : undefined;
}

interface Word<T> {
  readonly expected: string;
  /** @returns undefined for what is not expected */
  read(text: string): T | undefined;
}

const WORDS: { readonly [K in keyof BorrowedWords]: Word<NonNullable<BorrowedWords[K]>> } = {
  range: {
    expected: Object.keys(RANGES).join(', '),
    read: (text) => (text in RANGES ? RANGES[text as keyof typeof RANGES] : undefined),
  },
  mean: { expected: 'three numbers, as 0.5,0.5,0.5', read: three },
  std: {
    expected: 'three numbers above 0, as 0.5,0.5,0.5',
    read: (text) => (three(text)?.every((one) => one > 0) ? three(text) : undefined),
  },
  size: { expected: 'a size, as 299x299', read: (text) => sizeOf(text) ?? undefined },
  frames: {
    expected: 'a number of frames, 2 to 256',
    read: (text) => (text === '1' ? undefined : whole(text, 256)),
  },
  output: { expected: 'the name of an output', read: (text) => text || undefined },
  classes: { expected: 'a number of classes, 1 to 255', read: (text) => whole(text, 255) },
};

/**
 * Reads how a network wants to be fed: numbers in [−1, 1] unless it says something else.
 * @param metadata of the file; what does not begin with `frameloom.` is somebody else's
 * @param named the option and the file, for errors
 * @throws FrameloomError bad-input for a word that nobody knows, or that says what cannot be
 */
export function borrowedWords(
  metadata: Readonly<Record<string, string>>,
  named: string,
): BorrowedWords {
  const found: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(metadata)) {
    if (!key.startsWith(PREFIX)) continue;
    const name = key.slice(PREFIX.length);
    const word = Object.hasOwn(WORDS, name) ? WORDS[name as keyof BorrowedWords] : undefined;
    const isGenerator = Object.hasOwn(metadata, `${PREFIX}format`);
    if (!word) {
      throw new FrameloomError(
        'bad-input',
        isGenerator
          ? `${named} is an exported generator`
          : `${named} has ${key} in its metadata, which nothing is known of`,
        {
          hint: isGenerator
            ? 'name a network that looks at pictures'
            : `known are ${Object.keys(WORDS)
                .map((one) => PREFIX + one)
                .join(', ')}`,
        },
      );
    }
    const value = word.read(text.trim());
    if (value === undefined) {
      const said = JSON.stringify(text.slice(0, 40));
      throw new FrameloomError('bad-input', `${named} has ${key} ${said} in its metadata`, {
        hint: `expected is ${word.expected}`,
      });
    }
    found[name] = value;
  }
  return {
    ...{ range: RANGES['-1..1'], mean: [0, 0, 0], std: [1, 1, 1] },
    ...{ size: null, frames: null, output: null, classes: null },
    ...found,
  };
}
