/** Text that is HTML already: what it was made of has been escaped. */
export class Markup {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

/** What may stand in a template: text and numbers are escaped, lists joined, null and false are nothing. */
export type Fill = Markup | string | number | null | undefined | false | readonly Fill[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Text as it may stand between tags and in quoted attributes of HTML and SVG. Control characters, which are in no
 * document, are shown as a replacement.
 */
export const escapeText = (text: string): string =>
  text
    // eslint-disable-next-line no-control-regex
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '\ufffd')
    .replace(/[&<>"']/g, (character) => ENTITIES[character]!);

function filled(value: Fill): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(filled).join('');
  return escapeText(String(value));
}

/**
 * HTML or SVG of a template; whatever is put into it is escaped unless it came from here. Attributes are written in
 * quotes: `<a title="${name}">`.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Fill[]): Markup {
  return new Markup(parts.reduce((text, part, i) => `${text}${filled(values[i - 1])}${part}`));
}
