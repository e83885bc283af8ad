// TensorFlow.js's binding to the C library: its JavaScript, and the sources that are compiled. Once a
// machine, in the cache:
//   <cache>/tfjs-node-<version>/{dist,binding,headers,node_modules}
//
// The package is used without what it depends on. It asks for the umbrella package of TensorFlow.js,
// which brings 240 MB along, and uses of it what the core has. So what it finds under that name here is
// the core of whichever Frameloom loads it (src/backend/native.ts leaves it in a global): both have to
// work on one set of tensors anyway.
import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../src/base/make-folder.mjs';
import { withLock } from '../../src/base/lock.mjs';
import { PINNED, fetchPackage } from './npm-package.mjs';
import { say } from './say.mjs';

const NAME = '@tensorflow/tfjs-node';
export const TFJS_VERSION = PINNED[NAME]?.version ?? '';

/** Raised when what is in the folder changes. */
const LAYOUT = 1;

/** @param {string} cache */
export const tfjsNodeFolder = (cache) => join(cache, `tfjs-node-${TFJS_VERSION}-${LAYOUT}`);

const CORE = `'use strict';
// The core that Frameloom itself runs on.
const core = globalThis[Symbol.for('frameloom.tensorflow')];
if (core === undefined) throw new Error('to be loaded by Frameloom only');
module.exports = core;
`;

/**
 * Puts what gives the core that Frameloom itself runs on under the names that packages of TF.js ask for.
 *
 * @param {string} folder of the package
 * @param {readonly string[]} names
 */
export async function standInForCore(folder, names) {
  for (const name of names) {
    const stand = join(folder, 'node_modules', '@tensorflow', name);
    await makeFolder(stand);
    await writeFile(join(stand, 'index.js'), CORE);
  }
}

/**
 * Makes sure that it is in the cache, and gives its folder.
 *
 * @param {string} cache
 * @returns {Promise<string>}
 */
export async function provideTfjsNode(cache) {
  const folder = tfjsNodeFolder(cache);
  if (existsSync(folder)) return folder;
  return withLock(
    join(cache, 'locks', `tfjs-node-${TFJS_VERSION}.lock`),
    async () => {
      if (existsSync(folder)) return folder;
      const beside = `${folder}.partial`;
      try {
        await fetchPackage(NAME, beside);
        await fetchPackage('google-protobuf', join(beside, 'node_modules', 'google-protobuf'));
        await fetchPackage('node-api-headers', join(beside, 'headers'));
        await standInForCore(beside, ['tfjs', 'tfjs-core']);
        await rename(beside, folder);
      } finally {
        await rm(beside, { recursive: true, force: true });
      }
      return folder;
    },
    {
      onWait: () => say('waiting for another set-up that is fetching TF.js'),
      staleMs: 30_000,
    },
  );
}
