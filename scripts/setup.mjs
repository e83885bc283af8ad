#!/usr/bin/env node
// Sets up a clone (npm packages, native TensorFlow, ffmpeg, the build) or an installed package (native
// TensorFlow; ffmpeg alone with --ffmpeg, WebGPU alone with --webgpu). `npm test` and `npm run demo` run it in a clone, `frameloom
// setup` in a package. Safe to run any time: what is there is left alone. See docs/install.md.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { makeFolder } from '../src/base/make-folder.mjs';
import { withLock } from '../src/base/lock.mjs';
import { build, isBuilt, sourceHash } from './setup/build.mjs';
import { ffmpegNeed } from './setup/ffmpeg.mjs';
import { onnxruntimeNeed } from './setup/onnxruntime.mjs';
import { installPackages, packagesNeed } from './setup/packages.mjs';
import { buildPage, isPageBuilt } from './setup/page.mjs';
import { cacheFolder, isClone, root } from './setup/paths.mjs';
import { SetupError, errorLine, say } from './setup/say.mjs';
import { tensorflowNeed } from './setup/tensorflow.mjs';
import { webgpuNeed } from './setup/webgpu.mjs';

/** @typedef {{ summary: string, work?: () => Promise<string> }} Need */

/** In a clone, before all else; what comes after may use the packages. */
async function packages() {
  const reason = await packagesNeed(root);
  if (reason === undefined) return { summary: '' };
  return { summary: '', work: async () => (await installPackages(root, reason), '') };
}

async function compiled() {
  const hash = await sourceHash(root);
  if (isBuilt(root, hash)) return { summary: '' };
  return { summary: '', work: async () => (await build(root, hash), '') };
}

async function page() {
  if (await isPageBuilt(root)) return { summary: '' };
  return { summary: '', work: async () => (await buildPage(root), '') };
}

/** Of a package that is installed, where ffmpeg is not what was asked for. */
async function ffmpegOrAdvice() {
  const { summary, work } = await ffmpegNeed();
  return { summary: work === undefined ? summary : `${summary}: frameloom setup --ffmpeg` };
}

/** What is set up when it is asked for, and nothing else then. */
const ALONE = /** @type {Readonly<Record<string, (() => Promise<Need>) | undefined>>} */ ({
  '--ffmpeg': ffmpegNeed,
  '--webgpu': webgpuNeed,
});

/**
 * @param {readonly string[]} words
 * @returns {readonly (() => Promise<Need>)[]} in order
 */
function partsOf(words) {
  const asked = words.map((word) => {
    const part = ALONE[word];
    if (part !== undefined) return part;
    const known = Object.keys(ALONE).join(' and ');
    throw new SetupError(`${word} is not understood`, `there are only ${known}`);
  });
  if (asked.length > 0) return asked;
  return isClone()
    ? [packages, ffmpegNeed, onnxruntimeNeed, tensorflowNeed, compiled, page]
    : [tensorflowNeed, ffmpegOrAdvice];
}

/**
 * Looks at each part in order and does what is missing.
 *
 * @param {readonly (() => Promise<Need>)[]} parts
 * @param {boolean} mayWork whether to do it, or only to tell that something is missing
 * @returns {Promise<string | undefined>} a summary; undefined when there is something to do
 */
async function setUp(parts, mayWork) {
  const summaries = [];
  for (const part of parts) {
    const { summary, work } = await part();
    if (work !== undefined && !mayWork) return undefined;
    summaries.push(work === undefined ? summary : await work());
  }
  return summaries.filter((summary) => summary !== '').join(', ');
}

/** Before anything is done that would have to be put there. */
async function assertCache() {
  const folder = cacheFolder();
  try {
    await makeFolder(join(folder, 'locks'));
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    throw new SetupError(
      `the cache folder ${folder} cannot be made: ${message}`,
      'set FRAMELOOM_CACHE to a folder that can be written',
    );
  }
}

const startedMs = Date.now();
try {
  const [major] = process.versions.node.split('.').map(Number);
  if (major === undefined || major < 20) {
    throw new SetupError(`Node ${process.versions.node} is too old`, 'install Node 20 or newer');
  }
  const parts = partsOf(process.argv.slice(2));
  let summary = await setUp(parts, false);
  if (summary === undefined) {
    await assertCache();
    const name = `checkout-${createHash('sha256').update(root).digest('hex').slice(0, 12)}.lock`;
    const onWait = () => say('waiting for another set-up of this checkout');
    summary = await withLock(join(cacheFolder(), 'locks', name), () => setUp(parts, true), {
      onWait,
      staleMs: 30_000,
    });
    say(`ready in ${Math.round((Date.now() - startedMs) / 1000)} s: ${summary}`);
  } else {
    say(`ready: ${summary}`);
  }
} catch (error) {
  process.stderr.write(`${errorLine(error)}\n`);
  if (process.env['DEBUG']) console.error(error);
  process.exitCode = 1;
}
