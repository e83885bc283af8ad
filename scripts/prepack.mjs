#!/usr/bin/env node
// Makes what a package holds and a clone does not: dist/, compiled, with the page in it, and vendor/ with ONNX Runtime. npm
// runs it before it packs; nothing of TensorFlow is needed. In a fresh clone it installs the packages
// that compile.
import { build, isBuilt, sourceHash } from './setup/build.mjs';
import { vendorOnnxruntime } from './setup/onnxruntime.mjs';
import { installPackages, packagesNeed } from './setup/packages.mjs';
import { buildPage, isPageBuilt } from './setup/page.mjs';
import { root } from './setup/paths.mjs';
import { errorLine } from './setup/say.mjs';

try {
  const reason = await packagesNeed(root);
  if (reason !== undefined) await installPackages(root, reason);
  const hash = await sourceHash(root);
  if (!isBuilt(root, hash)) await build(root, hash);
  if (!(await isPageBuilt(root))) await buildPage(root);
  await vendorOnnxruntime();
} catch (error) {
  process.stderr.write(`${errorLine(error)}\n`);
  process.exitCode = 1;
}
