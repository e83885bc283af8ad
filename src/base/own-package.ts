import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownCommand } from './own-command.js';

/** The folder with Frameloom's package.json: of src/base/ and of dist/base/ alike. */
export const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Frameloom's own version. */
export const packageVersion = (): string =>
  (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string })
    .version;

/** Whether this is a clone with its sources, and not an installed package. */
export const isClone = (root = packageRoot): boolean => existsSync(join(root, 'src', 'index.ts'));

/** The line that sets Frameloom up, or brings ffmpeg or WebGPU alone, to be copied into a shell. */
export function setupCommand(what?: '--ffmpeg' | '--webgpu', clone = isClone()): string {
  if (!clone) return ownCommand('setup', ...(what === undefined ? [] : [what]));
  return what === undefined ? 'npm run setup' : `npm run setup -- ${what}`;
}
