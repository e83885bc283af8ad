// dist/: compiled when its sources are not those that it was compiled from.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { packageFolder } from './paths.mjs';
import { lastLine, run } from './run.mjs';
import { SetupError, say } from './say.mjs';

const CONFIGURATION = ['tsconfig.json', 'tsconfig.build.json'];

/**
 * One hash over everything that the build reads of ours. Contents and not dates, because a checkout
 * touches dates.
 *
 * @param {string} root
 */
export async function sourceHash(root) {
  const entries = await readdir(join(root, 'src'), { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .concat(CONFIGURATION.map((name) => join(root, name)))
    .sort();
  const hash = createHash('sha256');
  for (const file of files) {
    const content = await readFile(file);
    hash
      .update(`${relative(root, file).replaceAll('\\', '/')} ${content.length}\n`)
      .update(content);
  }
  return hash.digest('hex');
}

/**
 * @param {string} root
 * @param {string} hash
 */
export function isBuilt(root, hash) {
  try {
    return readFileSync(join(root, 'dist', '.built-from'), 'utf8') === hash;
  } catch {
    return false; // never built
  }
}

/**
 * The program may be run. npm sees to that when it links a package, and npx links a clone once: what is compiled anew
 * after that would be refused.
 *
 * @param {string} root
 */
export const makeExecutable = (root) => chmod(join(root, 'dist', 'cli', 'main.js'), 0o755);

/**
 * @param {string} root
 * @param {string} hash
 */
export async function build(root, hash) {
  say('compiling src/ to dist/');
  const typescript = packageFolder('typescript', root);
  if (typescript === undefined) throw new SetupError('typescript is not installed', 'run: npm ci');
  // All but the page, which has sources of its own: scripts/setup/page.mjs.
  for (const name of await readdir(join(root, 'dist')).catch(() => [])) {
    if (name !== 'web') await rm(join(root, 'dist', name), { recursive: true, force: true });
  }
  const { code, output } = await run(
    process.execPath,
    [join(typescript, 'bin', 'tsc'), '-p', 'tsconfig.build.json'],
    { cwd: root },
  );
  if (code !== 0) {
    throw new SetupError(
      `src/ does not compile: ${lastLine(output.split('\n')[0] ?? '')}`,
      'run: npm run typecheck',
    );
  }
  await makeExecutable(root);
  await writeFile(join(root, 'dist', '.built-from'), hash);
}
