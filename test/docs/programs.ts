// Code blocks as programs: what they use of the reader's own comes from given.ts.
import { join } from 'node:path';
import { ENTRIES } from '../api/report.js';
import { root } from '../program.js';
import type { Block } from './blocks.js';
import * as given from './given.js';

/** Where a block's program stands, for imports and messages. */
export const programPath = ({ place, language }: Block): string =>
  join(root, 'test/docs', `${place.replace(/\W+/g, '-')}.${language}`);

const declares = (code: string, name: string): boolean =>
  new RegExp(`\\b(const|let|function\\*?|class)\\s+${name}\\b|[{,]\\s*${name}\\s*[,}].*=\\s`).test(
    code,
  );

/** Names of given.ts that a block uses and does not make. */
const givenTo = (code: string): string[] =>
  Object.keys(given).filter(
    (name) => new RegExp(`(?<![.\\w])${name}\\b(?!\\s*:)`).test(code) && !declares(code, name),
  );

/** The program; an export makes a module of it. */
export function programOf({ code }: Block): string {
  const names = givenTo(code);
  const brought =
    names.length === 0 ? 'export {};' : `import { ${names.join(', ')} } from './given.js';`;
  return `${brought}\n${code}\n`;
}

/** The same with other texts in the place of some, and the package's entries by path: to be run. */
export function runnable(block: Block, replaced: Readonly<Record<string, string>> = {}): string {
  let program = programOf(block).replaceAll(
    "'./given.js'",
    JSON.stringify(join(root, 'test/docs/given.ts')),
  );
  for (const [entry, path] of Object.entries(ENTRIES)) {
    program = program.replaceAll(`'${entry}'`, JSON.stringify(join(root, path)));
  }
  for (const [written, used] of Object.entries(replaced)) {
    if (!program.includes(written)) throw new Error(`${block.place} does not say ${written}`);
    program = program.replaceAll(written, used);
  }
  return program;
}
