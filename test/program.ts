// Frameloom as a process of its own. What is compiled is started where that is of these very sources,
// as it is once `npm test` has set up: it takes half of the processor's time that compiling at each
// start takes.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isBuilt, sourceHash } from '../scripts/setup/build.mjs';

export const root = fileURLToPath(new URL('../', import.meta.url));

const compiled = isBuilt(root, await sourceHash(root));
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** What Node has to be told before a program that imports {@link moduleAt}. */
export const NODE_WORDS: readonly string[] = compiled ? [] : ['--import', TSX];

/** Where a program finds the module of `src/PATH.ts`, from whatever folder. */
export const moduleAt = (path: string): string =>
  pathToFileURL(join(root, compiled ? `dist/${path}.js` : `src/${path}.ts`)).href;

/** Words of a shell that are Frameloom, in whatever folder. */
export const PROGRAM: readonly string[] = [
  process.execPath,
  ...NODE_WORDS,
  fileURLToPath(moduleAt('cli/main')),
];
