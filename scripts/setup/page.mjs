// dist/web/: the page of `frameloom live`, built when what it was built from has changed.
import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { packageFolder } from './paths.mjs';
import { lastLine, run } from './run.mjs';
import { SetupError, say } from './say.mjs';

/** @param {string} root */
const pageFolder = (root) => join(root, 'dist', 'web');

/** Whose versions make another page. */
const PACKAGES = ['vite', 'onnxruntime-web'];

/**
 * One hash over what the page is made of: web/, the modules of src/ that its last build imported, and the packages
 * that build it. What is new in src/ comes in by a module that is imported already.
 *
 * @param {string} root
 * @param {readonly string[]} modules of src/, by their paths from the root
 */
export async function pageHash(root, modules) {
  const entries = await readdir(join(root, 'web'), { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .concat(
      modules.map((name) => join(root, name)),
      join(root, 'tsconfig.json'),
    )
    .sort();
  const hash = createHash('sha256');
  for (const name of PACKAGES) {
    const folder = packageFolder(name, root);
    if (folder === undefined) throw new SetupError(`${name} is not installed`, 'run: npm ci');
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    hash.update(`${name} ${version}\n`);
  }
  for (const file of files) {
    // A module that is gone is a change too.
    const content = await readFile(file).catch(() => Buffer.of());
    hash
      .update(`${relative(root, file).replaceAll('\\', '/')} ${content.length}\n`)
      .update(content);
  }
  return hash.digest('hex');
}

/**
 * Of the last build: which modules of src/ it imported, and the hash over all that it was made of.
 *
 * @param {string} root
 * @returns {Promise<{ modules: string[], hash: string | undefined }>}
 */
async function lastBuild(root) {
  try {
    const modules = JSON.parse(await readFile(join(pageFolder(root), '.modules'), 'utf8'));
    const hash = await readFile(join(pageFolder(root), '.built-from'), 'utf8');
    return { modules, hash };
  } catch {
    return { modules: [], hash: undefined }; // never built, or not to its end
  }
}

/** @param {string} root */
export async function isPageBuilt(root) {
  const { modules, hash } = await lastBuild(root);
  return hash !== undefined && hash === (await pageHash(root, modules));
}

/** @param {string} root */
export async function buildPage(root) {
  say('building the page of frameloom live');
  const vite = packageFolder('vite', root);
  if (vite === undefined) throw new SetupError('vite is not installed', 'run: npm ci');
  const { code, output } = await run(
    process.execPath,
    [join(vite, 'bin', 'vite.js'), 'build', '--config', join('web', 'vite.config.ts')],
    { cwd: root },
  );
  if (code !== 0) {
    throw new SetupError(
      `the page cannot be built: ${lastLine(output, /error|could not|failed/i)}`,
      'run: npm run build',
    );
  }
  const modules = JSON.parse(await readFile(join(pageFolder(root), '.modules'), 'utf8'));
  await writeFile(join(pageFolder(root), '.built-from'), await pageHash(root, modules));
}
