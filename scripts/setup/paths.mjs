// Where things are: the checkout, the cache shared between checkouts, and installed packages.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder with package.json. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * The cache for what is downloaded once a machine: FRAMELOOM_CACHE, or the platform's own place. The
 * same rule as src/base/cache-folder.ts, which is not compiled yet when set-up runs.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @param {NodeJS.Platform} [platform]
 * @param {string} [home]
 */
export function cacheFolder(env = process.env, platform = process.platform, home = homedir()) {
  if (env['FRAMELOOM_CACHE']) return resolve(env['FRAMELOOM_CACHE']);
  if (env['XDG_CACHE_HOME']) return join(env['XDG_CACHE_HOME'], 'frameloom');
  if (platform === 'win32') {
    return join(env['LOCALAPPDATA'] || join(home, 'AppData', 'Local'), 'frameloom', 'Cache');
  }
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'frameloom');
  return join(home, '.cache', 'frameloom');
}

/**
 * The folder of an installed package, looked for upwards from here as Node does; undefined
 * when it is not installed.
 *
 * @param {string} name
 * @param {string} [from]
 * @returns {string | undefined}
 */
export function packageFolder(name, from = root) {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}

/**
 * Whether this is a clone, with sources to build, and not a package that came built and whose packages
 * are its host's to install.
 *
 * @param {string} [folder]
 */
export const isClone = (folder = root) => existsSync(join(folder, 'src', 'index.ts'));

/**
 * The full path of a program on PATH, or undefined.
 *
 * @param {string} name
 * @param {NodeJS.ProcessEnv} [env]
 * @param {NodeJS.Platform} [platform]
 * @returns {string | undefined}
 */
export function findProgram(name, env = process.env, platform = process.platform) {
  const endings = platform === 'win32' ? ['.exe', '.cmd', '.bat', ''] : [''];
  for (const folder of (env['PATH'] ?? env['Path'] ?? '').split(delimiter)) {
    for (const ending of folder === '' ? [] : endings) {
      const candidate = join(folder, name + ending);
      if (existsSync(candidate)) return candidate;
    }
  }
  return undefined;
}
