import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** A variable that is set to nothing is not set. */
const set = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

/**
 * Where everything that can be made again is kept, the same for set-up (`scripts/setup/paths.mjs`,
 * which runs before there is anything compiled) and for scans of clips: FRAMELOOM_CACHE, else
 * `frameloom` in XDG_CACHE_HOME, else the platform's own place.
 */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  home = homedir(),
): string {
  const own = set(env.FRAMELOOM_CACHE);
  if (own !== undefined) return resolve(own);
  const users = set(env.XDG_CACHE_HOME);
  if (users !== undefined) return join(users, 'frameloom');
  if (platform === 'win32') {
    return join(set(env.LOCALAPPDATA) ?? join(home, 'AppData', 'Local'), 'frameloom', 'Cache');
  }
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'frameloom');
  return join(home, '.cache', 'frameloom');
}
