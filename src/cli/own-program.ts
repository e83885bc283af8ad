import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How this program is started as it runs now, from its sources too. */
export function ownProgram(): { readonly program: string; readonly words: readonly string[] } {
  const extension = extname(fileURLToPath(import.meta.url));
  const main = fileURLToPath(new URL(`./main${extension}`, import.meta.url));
  return { program: process.execPath, words: [...process.execArgv, main] };
}
