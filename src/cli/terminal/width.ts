import stringWidth from 'string-width';

/** Columns that a terminal shows a text in: two for most of East Asia and emoji, none for accents. */
export const widthOf = (text: string): number => stringWidth(text);

const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const lettersOf = (text: string): string[] =>
  Array.from(letters.segment(text), ({ segment }) => segment);

/** The longest row of letters that has room, in order. */
function fitting(all: readonly string[], columns: number): string[] {
  let width = 0;
  const end = all.findIndex((letter) => (width += widthOf(letter)) > columns);
  return end < 0 ? [...all] : all.slice(0, end);
}

/** A text cut to so many columns, with … where something is missing: of a path the front, else the end. */
export function cutToWidth(text: string, columns: number, missing: 'front' | 'end'): string {
  if (widthOf(text) <= columns) return text;
  if (columns < 1) return '';
  const all = lettersOf(text);
  if (missing === 'end') return `${fitting(all, columns - 1).join('')}…`;
  return `…${fitting(all.reverse(), columns - 1)
    .reverse()
    .join('')}`;
}
