/** Words of a flag, as benches take them. */

/** Words with commas between them, each one of those that there are. */
export function among<T extends string>(flag: string, text: string, known: readonly T[]): T[] {
  return text.split(',').map((word) => {
    const found = known.find((name) => name === word);
    if (found === undefined) throw new Error(`--${flag} ${word}: there are ${known.join(', ')}`);
    return found;
  });
}

/** A whole number from 1. */
export function counted(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`--${flag} ${text}: give a whole number from 1`);
  }
  return value;
}

/** Whole numbers from 1 with commas between them. */
export const numbers = (flag: string, text: string): number[] =>
  text.split(',').map((word) => counted(flag, word));

/** A number above 0. */
export function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) {
    throw new Error(`--${flag} ${text}: give a number above 0`);
  }
  return value;
}

/** A command line for the benches: what is for the program that it names, and what is not. */
export interface Forwarded {
  /** The one program that is named by `--only`; undefined where none is, or several are. */
  readonly alone: string | undefined;
  /** All flags but that one, and what stands behind a `--` as it stands. */
  readonly words: readonly string[];
}

/** Finds the program that is named alone, whose flags nobody else has to know. */
export function forwardedTo(programs: readonly string[], args: readonly string[]): Forwarded {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const words: string[] = [];
  let only: string | undefined;
  for (let i = 0; i < end; i += 1) {
    const word = args[i]!;
    if (word === '--only') only = args[(i += 1)];
    else if (word.startsWith('--only=')) only = word.slice('--only='.length);
    else words.push(word);
  }
  const alone = programs.find((name) => name === only);
  return { alone, words: [...words, ...args.slice(end + 1)] };
}
