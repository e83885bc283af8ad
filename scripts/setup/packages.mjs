// npm packages: installed exactly as package-lock.json says, and only when they are not yet.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLine, run } from './run.mjs';
import { SetupError, say } from './say.mjs';

/**
 * @typedef {{ version?: string, resolved?: string, integrity?: string, optional?: boolean, devOptional?: boolean, peer?: boolean, link?: boolean }} Locked
 * @typedef {{ packages?: Record<string, Locked> }} LockFile
 */

/**
 * Why the installed packages are not those of the lock file; undefined when they are. Contents are
 * compared and not dates, because a git checkout touches dates.
 *
 * @param {LockFile} wanted package-lock.json
 * @param {LockFile | undefined} installed node_modules/.package-lock.json, which npm writes
 * @returns {string | undefined}
 */
export function whyInstall(wanted, installed) {
  if (installed === undefined) return 'they are not installed yet';
  const have = installed.packages ?? {};
  for (const [path, entry] of Object.entries(wanted.packages ?? {})) {
    if (path === '' || entry.link) continue;
    const found = have[path];
    // Optional packages of other platforms are not installed; a wrong version of one still counts.
    if (found === undefined && (entry.optional || entry.devOptional || entry.peer)) continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (found === undefined) return `${name} is missing`;
    if (found.version !== entry.version || found.integrity !== entry.integrity) {
      return `${name} is at ${found.version} and not at ${entry.version}`;
    }
  }
  return undefined;
}

/**
 * @param {string} path
 * @returns {Promise<LockFile | undefined>}
 */
async function readLock(path) {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined; // missing or cut short: both mean that it has to be made again
  }
}

/** @param {string} root */
export async function packagesNeed(root) {
  const wanted = await readLock(join(root, 'package-lock.json'));
  if (wanted === undefined)
    throw new SetupError(
      'package-lock.json is missing or unreadable',
      'restore it: git checkout package-lock.json',
    );
  return whyInstall(wanted, await readLock(join(root, 'node_modules', '.package-lock.json')));
}

/**
 * @param {string} root
 * @param {string} reason
 */
export async function installPackages(root, reason) {
  say(`installing npm packages (${reason})`);
  // npm itself runs us by `npm test` and says where it is; a plain `node scripts/setup.mjs` looks on PATH.
  const npm = process.env['npm_execpath'];
  const [program, args] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const { code, output } = await run(
    program,
    [...args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: root,
      shell: program === 'npm' && process.platform === 'win32',
    },
  );
  if (code === 0) return;
  if (code === null)
    throw new SetupError(
      `npm could not be started: ${lastLine(output)}`,
      'install npm, or run: npm run setup',
    );
  throw new SetupError(
    `npm ci failed: ${lastLine(output, /npm (ERR!|error) (?!A complete log|Log files)/)}`,
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|network/.test(output)
      ? 'no network: check the connection and run it again'
      : 'run `npm ci` to see all of it',
  );
}
