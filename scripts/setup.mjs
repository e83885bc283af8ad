#!/usr/bin/env node
// Sets up a checkout: npm packages, native TensorFlow, ffmpeg, the build. Run by `npm test` and
// `npm run demo`, safe to run any time: what is there is left alone. See docs/install.md.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { withLock } from '../src/base/lock.mjs';
import { build, isBuilt, sourceHash } from './setup/build.mjs';
import { checkFfmpeg } from './setup/ffmpeg.mjs';
import { installPackages, packagesNeed } from './setup/packages.mjs';
import { cacheFolder, isInstalledPackage, root } from './setup/paths.mjs';
import { SetupError, errorLine, say } from './setup/say.mjs';
import { tensorflowNeed } from './setup/tensorflow.mjs';

/**
 * Looks at each part in order and does what is missing.
 *
 * @param {boolean} mayWork whether to do it, or only to tell that something is missing
 * @returns {Promise<string | undefined>} a summary; undefined when there is something to do
 */
async function setUp(mayWork) {
  const own = !isInstalledPackage();
  if (own) {
    const reason = await packagesNeed(root);
    if (reason !== undefined) {
      if (!mayWork) return undefined;
      await installPackages(root, reason);
    }
  }
  const ffmpeg = await checkFfmpeg();
  let { summary, work } = await tensorflowNeed();
  if (work !== undefined) {
    if (!mayWork) return undefined;
    summary = await work();
  }
  if (own) {
    const hash = await sourceHash(root);
    if (!isBuilt(root, hash)) {
      if (!mayWork) return undefined;
      await build(root, hash);
    }
  }
  return `${summary}, ${ffmpeg}`;
}

const startedMs = Date.now();
try {
  const [major] = process.versions.node.split('.').map(Number);
  if (major === undefined || major < 20) {
    throw new SetupError(`Node ${process.versions.node} is too old`, 'install Node 20 or newer');
  }
  let summary = await setUp(false);
  if (summary === undefined) {
    const name = `checkout-${createHash('sha256').update(root).digest('hex').slice(0, 12)}.lock`;
    const onWait = () => say('waiting for another set-up of this checkout');
    summary = await withLock(join(cacheFolder(), 'locks', name), () => setUp(true), {
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
