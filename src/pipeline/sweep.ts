import { FrameloomError } from '../base/error.js';
import { parseOverride } from './overrides.js';

/** One key of a sweep and the values that it takes, as they were written. */
export interface SweepAxis {
  readonly key: string;
  readonly values: readonly string[];
}

/** One way to set the keys of a sweep. */
export interface SweepConfiguration {
  /** What sets it apart from the others: `generator.preset=tiny losses.r1=1`. */
  readonly name: string;
  /** All that is set, as `--set` takes it. */
  readonly set: readonly string[];
}

const OPENING = '[{';
const CLOSING = ']}';

/**
 * Takes `1,2,{every: 3, x: [4, 5]},"a,b"` apart at the commas that stand in no brackets and no quotes, as
 * YAML has them.
 */
export function splitValues(text: string): string[] {
  const values: string[] = [];
  let depth = 0;
  let quote: string | undefined;
  let start = 0;
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i]!;
    if (quote !== undefined) {
      // Within double quotes a backslash takes the next character for itself.
      if (character === '\\' && quote === '"') i += 1;
      else if (character === quote) quote = undefined;
    } else if ((character === '"' || character === "'") && text.slice(start, i).trim() === '') {
      quote = character;
    } else if (depth > 0 && (character === '"' || character === "'")) quote = character;
    else if (OPENING.includes(character)) depth += 1;
    else if (CLOSING.includes(character)) depth = Math.max(0, depth - 1);
    else if (character === ',' && depth === 0) {
      values.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  values.push(text.slice(start).trim());
  return values;
}

/**
 * Reads `--set KEY=VALUE,VALUE,…`.
 * @throws FrameloomError bad-option when it names no key, or a value is empty, no YAML or there twice
 */
export function parseAxis(text: string): SweepAxis {
  const equals = text.indexOf('=');
  const key = text.slice(0, Math.max(0, equals)).trim();
  const values = splitValues(text.slice(equals + 1));
  const bad = (what: string, hint: string): FrameloomError =>
    new FrameloomError('bad-option', `--set ${text}: ${what}`, { hint });
  for (const [i, value] of values.entries()) {
    if (value === '') throw bad('a value is empty', 'write it as --set losses.r1=0,1,10');
    if (values.indexOf(value) !== i) {
      throw bad(`${value} is there twice`, 'name each value once; --seeds repeats trainings');
    }
    parseOverride(`${key}=${value}`);
  }
  return { key, values };
}

/**
 * Every combination of the values, the last key's changing fastest. Keys with one value are set in all of
 * them and name none.
 * @throws FrameloomError bad-option when a key is there twice, or is the seed
 */
export function sweepConfigurations(axes: readonly SweepAxis[]): SweepConfiguration[] {
  for (const [i, { key }] of axes.entries()) {
    if (axes.findIndex((axis) => axis.key === key) !== i) {
      throw new FrameloomError('bad-option', `--set ${key} is there twice`, {
        hint: `write all of its values behind one, as --set ${key}=1,2`,
      });
    }
    if (key === 'seed') {
      throw new FrameloomError('bad-option', 'a sweep sets the seed itself', {
        hint: 'say --seeds COUNT: results are then given with their spread',
      });
    }
  }
  const texts = axes.map(({ key, values }) => values.map((value) => `${key}=${value}`));
  const combined = texts.reduce<readonly (readonly string[])[]>(
    (before, choices) => before.flatMap((one) => choices.map((choice) => [...one, choice])),
    [[]],
  );
  return combined.map((set) => {
    const named = set.filter((_, i) => axes[i]!.values.length > 1);
    return { name: named.join(' ') || 'as it is', set };
  });
}
