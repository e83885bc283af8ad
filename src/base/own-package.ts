import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder with Frameloom's package.json: of src/base/ and of dist/base/ alike. */
export const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Whether this is a clone with its sources, and not an installed package. */
export const isClone = (root = packageRoot): boolean => existsSync(join(root, 'src', 'index.ts'));

/** The line that sets Frameloom up, or `--ffmpeg` alone, to be copied into a shell. */
export function setupCommand(what: '' | '--ffmpeg' = '', clone = isClone()): string {
  const words = clone ? ['npm run setup', what && `-- ${what}`] : ['npx frameloom setup', what];
  return words.filter((word) => word !== '').join(' ');
}

/** How the program is called from a shell, in front of a command's name. */
export const PROGRAM = 'npx frameloom';
