// The C library and headers of TensorFlow, once a machine, in the cache:
//   <cache>/tensorflow-<device>-<version>/{include,lib,frameloom.json}
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { makeFolder } from '../../src/base/make-folder.mjs';
import { withLock } from '../../src/base/lock.mjs';
import { provideCuda } from './cuda.mjs';
import { assertKnownWheel, assertSpace, downloadWheel, sha256Of } from './download.mjs';
import { findPython } from './python.mjs';
import { libraryNames } from './release.mjs';
import { SetupError, say } from './say.mjs';
import { extractWheel, verifyRecord } from './wheel.mjs';

/**
 * @typedef {import('./release.mjs').Release} Release
 * @typedef {{ kind: 'release', release: Release, id: string }
 *   | { kind: 'wheel', path: string, id: string }
 *   | { kind: 'folder', library: string, framework: string | undefined, include: string, id: string }} Source
 */

/**
 * Where libtensorflow comes from: FRAMELOOM_TENSORFLOW, or the release for this machine. `id` names
 * its folder in the cache and changes when the source does.
 *
 * @param {string | undefined} asked FRAMELOOM_TENSORFLOW
 * @param {() => Release} usual the release for this machine; throws where there is none
 * @param {NodeJS.Platform} [platform]
 * @returns {Source}
 */
export function chooseSource(asked, usual, platform = process.platform) {
  if (!asked) {
    const release = usual();
    return { kind: 'release', release, id: `tensorflow-${release.device}-${release.version}` };
  }
  const path = resolve(asked);
  if (!existsSync(path)) {
    throw new SetupError(`FRAMELOOM_TENSORFLOW names ${path}, which does not exist`);
  }
  if (statSync(path).isFile()) {
    if (!path.endsWith('.whl')) {
      throw new SetupError(
        `FRAMELOOM_TENSORFLOW names ${path}, which is neither a folder nor a .whl file`,
      );
    }
    return { kind: 'wheel', path, id: `tensorflow-own-${fingerprint([path])}` };
  }
  const found = findInFolder(path, platform);
  if (found === undefined) {
    const { main, plain } = libraryNames(platform);
    throw new SetupError(
      `FRAMELOOM_TENSORFLOW names ${path}, where ${main} (or ${plain}) and include/tensorflow/c/c_api.h were not found`,
      'name a folder with lib/ and include/, an unpacked wheel, or a .whl file',
    );
  }
  return { kind: 'folder', ...found, id: `tensorflow-own-${fingerprint([found.library])}` };
}

/** @param {string[]} files */
function fingerprint(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${realpathSync(file)}\n${size}\n${mtimeMs}\n`);
  }
  return hash.digest('hex').slice(0, 12);
}

/**
 * Library and headers in a folder: a stand-alone libtensorflow (lib/, include/), an unpacked wheel
 * (tensorflow/ inside), or Python's own site-packages/tensorflow.
 *
 * @param {string} folder
 * @param {NodeJS.Platform} [platform]
 * @returns {{ library: string, framework: string | undefined, include: string } | undefined}
 */
export function findInFolder(folder, platform = process.platform) {
  const { main, plain, framework } = libraryNames(platform);
  for (const base of [folder, join(folder, 'tensorflow')]) {
    const include = join(base, 'include');
    if (!existsSync(join(include, 'tensorflow', 'c', 'c_api.h'))) continue;
    for (const libraries of [join(base, 'lib'), base]) {
      for (const name of [main, plain]) {
        const library = join(libraries, name);
        if (!existsSync(library)) continue;
        const beside = join(libraries, framework);
        return { library, framework: existsSync(beside) ? beside : undefined, include };
      }
    }
  }
  return undefined;
}

/**
 * Whether a folder of the cache is whole: its marker is written last, and sizes are looked at again
 * because a disk that filled up or a cleaner may have taken something since.
 *
 * @param {string} folder
 */
export function isWhole(folder) {
  try {
    const marker = JSON.parse(readFileSync(join(folder, 'frameloom.json'), 'utf8'));
    const libraries = Object.entries(/** @type {Record<string, number>} */ (marker.libraryBytes));
    return (
      libraries.length > 0 &&
      libraries.every(([name, bytes]) => statSync(join(folder, 'lib', name)).size === bytes) &&
      existsSync(join(folder, 'include', 'tensorflow', 'c', 'c_api.h'))
    );
  } catch {
    return false; // no marker, or a file that it names is gone
  }
}

/**
 * Makes sure that the source is in the cache, and gives its folder. Several set-ups may ask at once:
 * one works, the others wait; what is there is made beside and renamed, so it is whole or absent.
 *
 * @param {Source} source
 * @param {string} cache
 * @returns {Promise<string>}
 */
export async function provideLibtensorflow(source, cache) {
  const folder = join(cache, source.id);
  if (isWhole(folder)) return folder;
  const lock = join(cache, 'locks', `${basename(folder)}.lock`);
  const onWait = () => say('waiting for another set-up that is fetching TensorFlow');
  return withLock(
    lock,
    async () => {
      if (isWhole(folder)) return folder;
      const beside = `${folder}.partial`;
      await rm(beside, { recursive: true, force: true });
      await makeFolder(beside);
      try {
        await (source.kind === 'folder' ? linkFolder(source, beside) : unpack(source, beside));
        await rm(folder, { recursive: true, force: true });
        await rename(beside, folder);
      } finally {
        await rm(beside, { recursive: true, force: true });
      }
      return folder;
    },
    { onWait, staleMs: 30_000 },
  );
}

/**
 * @param {Extract<Source, { kind: 'release' | 'wheel' }>} source
 * @param {string} folder
 */
async function unpack(source, folder) {
  const python = await findPython();
  const release = source.kind === 'release' ? source.release : undefined;
  await assertSpace(folder, release ? release.wheelBytes + release.unpackedBytes : 1e9);
  /** @type {string} */
  let wheel;
  if (source.kind === 'wheel') {
    wheel = source.path;
    await assertKnownWheel(wheel);
  } else {
    const requirement = `${source.release.project}==${source.release.version}`;
    say(`downloading ${requirement} (once a machine, kept in ${dirname(folder)})`);
    wheel = await downloadWheel({ ...source.release, requirement }, folder, python);
  }
  say(`unpacking ${basename(wheel)}`);
  const tree = join(folder, 'wheel');
  await extractWheel(wheel, tree, [USED, '\\.dist-info/(RECORD|METADATA|LICENSE)'], python);
  const used = new RegExp(USED);
  const files = await verifyRecord(tree, (path) => used.test(path));
  say(`checked ${files} files against the wheel's own sha256 list`);
  const wheelSha256 = await sha256Of(wheel);
  if (release) await rm(wheel);

  await rename(join(tree, 'tensorflow', 'include'), join(folder, 'include'));
  await mkdir(join(folder, 'lib'));
  for (const name of await readdir(join(tree, 'tensorflow'))) {
    if (/^libtensorflow/.test(name))
      await rename(join(tree, 'tensorflow', name), join(folder, 'lib', name));
  }
  const info = (await readdir(tree)).find((name) => name.endsWith('.dist-info'));
  if (info) await rename(join(tree, info), join(folder, 'dist-info'));
  await rm(tree, { recursive: true, force: true });
  await finish(folder, { wheel: basename(wheel), wheelSha256 });
  if (release?.device === 'gpu') await provideCuda(folder, release, python);
}

/** What is used of the wheel. */
const USED = '^tensorflow/(include/|libtensorflow_(cc|framework)\\.[^/]*$)';

/**
 * A folder of the user's: links to it, under the names that the addon is linked by.
 *
 * @param {Extract<Source, { kind: 'folder' }>} source
 * @param {string} folder
 */
async function linkFolder(source, folder) {
  const names = libraryNames(process.platform);
  await mkdir(join(folder, 'lib'));
  await symlink(source.include, join(folder, 'include'));
  // The library carries its own name inside (SONAME), by which the addon will look for it.
  await symlink(realpathSync(source.library), join(folder, 'lib', basename(source.library)));
  if (basename(source.library) !== names.main) {
    await symlink(basename(source.library), join(folder, 'lib', names.main));
  }
  if (source.framework) {
    await symlink(realpathSync(source.framework), join(folder, 'lib', names.framework));
  }
  await finish(folder, { folder: dirname(source.library) });
}

/**
 * The link names, then the marker.
 *
 * @param {string} folder
 * @param {object} origin
 */
async function finish(folder, origin) {
  const { main, framework, links } = libraryNames(process.platform);
  const lib = join(folder, 'lib');
  for (const name of [main, framework]) {
    if (!existsSync(join(lib, name)))
      throw new SetupError(
        `the wheel has no ${name}`,
        'use a TensorFlow 2.x wheel for this platform',
      );
  }
  for (const [link, target] of links) {
    if (!existsSync(join(lib, link))) await symlink(target, join(lib, link));
  }
  const libraryBytes = Object.fromEntries(
    [main, framework].map((name) => [name, statSync(join(lib, name)).size]),
  );
  const marker = { ...origin, platform: process.platform, arch: process.arch, libraryBytes };
  await writeFile(join(folder, 'frameloom.json'), `${JSON.stringify(marker, null, 2)}\n`);
}
