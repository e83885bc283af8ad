// WebGPU: Dawn as an addon of Node, of which npm's package holds five machines' (138 MB), and TF.js's backend for it (19 MB,
// most of it maps and other builds). What this machine uses of them is kept in the cache (23 MB):
//   <cache>/webgpu-<version>-<machine>-<layout>/{dawn/,tf-backend-webgpu.node.js,node_modules}
//
// It is fetched when somebody asks for it: no rung of the ladder is taken by itself there.
import { existsSync } from 'node:fs';
import { cp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../src/base/make-folder.mjs';
import { withLock } from '../../src/base/lock.mjs';
import { noteProvided, noted } from '../../src/base/provisions.mjs';
import { PINNED, fetchPackage } from './npm-package.mjs';
import { cacheFolder, root } from './paths.mjs';
import { SetupError, say } from './say.mjs';
import { standInForCore } from './tfjs-node.mjs';

const VERSION = PINNED['webgpu']?.version ?? '';
const BACKEND = 'tf-backend-webgpu.node.js';

/** Raised when what is in the folder changes. */
const LAYOUT = 1;

/** Where the package keeps what a machine needs. */
const MACHINES = /** @type {Readonly<Record<string, string | undefined>>} */ ({
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'darwin-universal',
  'darwin-arm64': 'darwin-universal',
  'win32-x64': 'win32-x64',
  'win32-arm64': 'win32-arm64',
});

/**
 * What there is to do for WebGPU.
 *
 * @returns {Promise<{ summary: string, work?: () => Promise<string> }>}
 */
export async function webgpuNeed() {
  const machine = `${process.platform}-${process.arch}`;
  const own = MACHINES[machine];
  if (own === undefined) throw new SetupError(`npm has no WebGPU for ${machine}`);
  const cache = cacheFolder();
  const folder = join(cache, `webgpu-${VERSION}-${machine}-${LAYOUT}`);
  const paths = { addon: join(folder, 'dawn', 'dawn.node'), backend: join(folder, BACKEND) };
  const summary = `WebGPU (Dawn of webgpu ${VERSION})`;
  if (noted('webgpu', { cache, root })?.paths['addon'] === paths.addon) return { summary };
  const work = async () => {
    await withLock(
      join(cache, 'locks', 'webgpu.lock'),
      async () => {
        if (existsSync(folder)) return;
        const [beside, whole] = [`${folder}.partial`, `${folder}.whole`];
        await rm(beside, { recursive: true, force: true });
        await makeFolder(beside);
        try {
          await fetchPackage('webgpu', whole);
          await rename(join(whole, 'dist', own), join(beside, 'dawn'));
          await fetchPackage('@tensorflow/tfjs-backend-webgpu', whole);
          await cp(join(whole, 'dist', BACKEND), join(beside, BACKEND));
          await standInForCore(beside, ['tfjs-core']);
          await writeFile(join(beside, 'package.json'), '{ "type": "commonjs" }\n');
          await rename(beside, folder);
        } finally {
          for (const path of [whole, beside]) await rm(path, { recursive: true, force: true });
        }
      },
      { onWait: () => say('waiting for another set-up that is fetching WebGPU'), staleMs: 30_000 },
    );
    await noteProvided('webgpu', { paths }, { cache, root });
    return summary;
  };
  return { summary: '', work };
}
