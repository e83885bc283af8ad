import type { View } from './arrange.js';

/** A choice of the person that the browser keeps; where it may keep nothing, it lasts as long as the page. */
interface Remembered<T> {
  get(): T;
  set(value: T): void;
}

function kept<T>(name: string, first: T, isValid: (value: unknown) => boolean): Remembered<T> {
  const key = `frameloom.${name}`;
  let value = first;
  try {
    const text = localStorage.getItem(key);
    const found: unknown = text === null ? undefined : JSON.parse(text);
    if (isValid(found)) value = found as T;
  } catch {
    // A private window may keep nothing, and what was kept may be of another version: as at the first time.
  }
  return {
    get: () => value,
    set: (to) => {
      value = to;
      try {
        localStorage.setItem(key, JSON.stringify(to));
      } catch {
        // Then it is forgotten with the page.
      }
    },
  };
}

const oneOf =
  (...values: readonly string[]) =>
  (value: unknown): boolean =>
    typeof value === 'string' && values.includes(value);
const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isShare = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= 1;

export type Theme = 'auto' | 'light' | 'dark';

/** What a person chose before. */
export const remembered = {
  view: kept<View>('view', 'split', oneOf('split', 'over', 'solo')),
  opacity: kept('opacity', 0.4, isShare),
  smooth: kept('smooth', false, isFlag),
  theme: kept<Theme>('theme', 'auto', oneOf('auto', 'light', 'dark')),
  /** Whether somebody has drawn already: then nobody needs to be told how. */
  hasDrawn: kept('drawn', false, isFlag),
  /** Keys and pads of actions, by the columns' names. */
  mapping: kept<Readonly<Record<string, readonly string[]>>>(
    'mapping',
    {},
    (value) => typeof value === 'object' && value !== null,
  ),
};
