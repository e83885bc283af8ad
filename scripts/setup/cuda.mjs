// The CUDA libraries that the GPU wheel loads at run time, where the system does not have them.
import { existsSync } from 'node:fs';
import { readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../src/base/make-folder.mjs';
import { downloadWheel } from './download.mjs';
import { run } from './run.mjs';
import { say } from './say.mjs';
import { extractWheel, verifyRecord } from './wheel.mjs';
import { findProgram } from './paths.mjs';

/** Whether an NVIDIA driver with a card is there. */
export async function seesNvidiaCard() {
  if (existsSync('/proc/driver/nvidia/version')) return true;
  const program = findProgram('nvidia-smi');
  if (program === undefined) return false;
  const { code, output } = await run(program, ['-L']);
  return code === 0 && /^GPU \d/m.test(output);
}

/**
 * The requirements that a wheel's METADATA lists for its extra `and-cuda`.
 *
 * @param {string} metadata
 * @returns {string[]} such as nvidia-cudnn-cu12>=9.3.0.75
 */
export function cudaRequirements(metadata) {
  const wanted = [];
  for (const line of metadata.split(/\r?\n/)) {
    const match = /^Requires-Dist: ([^;]+?)\s*;.*extra == ["']and-cuda["']/.exec(line);
    if (match) wanted.push((match[1] ?? '').replace(/[()\s]/g, ''));
  }
  return wanted;
}

/**
 * Fetches the wheel's CUDA libraries beside it and puts them into its lib/, which libtensorflow
 * looks through ($ORIGIN). Nothing is fetched where the system's loader knows CUDA and cuDNN.
 *
 * @param {string} folder of the cache, with lib/ and dist-info/
 * @param {import('./release.mjs').Release} release
 * @param {string} python
 */
export async function provideCuda(folder, release, python) {
  const { output } = await run('ldconfig', ['-p']);
  if (/libcudart\.so/.test(output) && /libcudnn\.so/.test(output)) {
    return say('using the CUDA and cuDNN libraries of this system');
  }
  const requirements = cudaRequirements(
    await readFile(join(folder, 'dist-info', 'METADATA'), 'utf8'),
  );
  const used = /^nvidia\/.*\/lib\/[^/]+\.so[^/]*$/;
  say(`fetching ${requirements.length} CUDA libraries, about 3 GB`);
  for (const [index, requirement] of requirements.entries()) {
    const work = join(folder, 'cuda', `${index}`);
    await makeFolder(work);
    const wheel = await downloadWheel(
      { requirement, platformTags: release.platformTags },
      work,
      python,
    );
    const tree = join(work, 'wheel');
    await extractWheel(wheel, tree, [used.source, '\\.dist-info/RECORD$'], python);
    await verifyRecord(tree, (path) => used.test(path));
    await rm(wheel);
    for (const entry of await readdir(tree, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.so/.test(entry.name)) continue;
      const target = join(folder, 'lib', entry.name);
      if (existsSync(target)) continue;
      await rename(join(entry.parentPath ?? entry.path, entry.name), target);
    }
    await rm(work, { recursive: true, force: true });
  }
  await rm(join(folder, 'cuda'), { recursive: true, force: true });
}
