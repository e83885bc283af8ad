import { existsSync, realpathSync } from 'node:fs';
import { basename, delimiter, dirname, isAbsolute, join, relative } from 'node:path';

/** Where a process was started, as far as it decides how Frameloom is called there. */
export interface Start {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The program that Node was told to run. */
  readonly script: string | undefined;
  readonly platform: NodeJS.Platform;
}

const thisStart = (): Start => ({
  env: process.env,
  cwd: process.cwd(),
  script: process.argv[1],
  platform: process.platform,
});

const PLAIN_WORD = /^[\w@%+=:,./-]+$/;

/** A word as it is typed: quoted where the shell would read more into it. */
export function quoteWord(word: string, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32') {
    return /^[\w@+=:,./\\-]+$/.test(word) ? word : `"${word.replaceAll('"', '""')}"`;
  }
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

const truePath = (path: string): string | undefined => {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
};

/** Whether the shell finds this very program by its name alone. */
function isOnPath({ env, script, platform }: Start): boolean {
  const folders = (env.PATH ?? env.Path ?? '').split(delimiter).filter(isAbsolute);
  if (platform === 'win32') {
    return folders.some((folder) => existsSync(join(folder, 'frameloom.cmd')));
  }
  const own = script === undefined ? undefined : truePath(script);
  if (own === undefined) return false;
  return folders.some((folder) => truePath(join(folder, 'frameloom')) === own);
}

/** Whether a folder is one in which `npx frameloom` runs Frameloom without fetching it. */
function isInstalledFor(folder: string): boolean {
  for (let place = folder; ; place = dirname(place)) {
    if (existsSync(join(place, 'node_modules', '.bin', 'frameloom'))) return true;
    // A clone: its own program is known to npx by the package file.
    if (existsSync(join(place, 'package.json')) && existsSync(join(place, 'dist/cli/main.js'))) {
      return true;
    }
    if (dirname(place) === place) return false;
  }
}

/** How Frameloom is called from where this process was started. */
export function ownName(start: Start = thisStart()): string {
  const { env, cwd, script, platform } = start;
  const agent = env.npm_config_user_agent;
  if (agent !== undefined || env.npm_execpath !== undefined) {
    // A package manager puts its own folder into PATH, which the user's shell does not know.
    const name = /^(yarn|pnpm|bun)\//.exec(agent ?? '')?.[1] ?? 'npm';
    return (
      { yarn: 'yarn frameloom', pnpm: 'pnpm exec frameloom', bun: 'bunx frameloom' }[name] ??
      'npx frameloom'
    );
  }
  if (isOnPath(start)) return 'frameloom';
  if (script === undefined || isInstalledFor(cwd)) return 'npx frameloom';
  if (basename(script) !== 'main.js') return 'npx frameloom';
  const short = relative(cwd, script);
  const shown = short.startsWith('..') ? script : short;
  return `node ${quoteWord(shown, platform)}`;
}

/**
 * A command line of Frameloom's that can be copied into the shell that this process was started in.
 * @param words its words, each quoted where it has to be
 */
export const ownCommand = (...words: readonly string[]): string =>
  [ownName(), ...words.map((word) => quoteWord(word))].join(' ');
