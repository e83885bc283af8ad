// TF.js's native addon, compiled against the libtensorflow in the cache.
import { existsSync, readFileSync } from 'node:fs';
import { lstat, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, packageFolder } from './paths.mjs';
import { findPython } from './python.mjs';
import { lastLine, run } from './run.mjs';
import { SetupError, say } from './say.mjs';

/** The newest N-API that the addon's package knows; its loader looks in lib/napi-v8. */
const NAPI = 8;

/**
 * @typedef {object} Stamp what an addon was built from
 * @property {string} tfjs
 * @property {string} source id of the libtensorflow, `installer` for the package's own installer
 * @property {string} nodeAbi
 * @property {string} platform
 * @property {string} arch
 * @property {number} build raised when what is built changes
 * @property {string} [instead] why this and not what was asked for
 */

/**
 * @param {string} packagePath
 * @param {string} source
 * @returns {Stamp}
 */
export function wantedStamp(packagePath, source) {
  const { version } = JSON.parse(readFileSync(join(packagePath, 'package.json'), 'utf8'));
  return {
    tfjs: version,
    source,
    nodeAbi: process.versions.modules,
    platform: process.platform,
    arch: process.arch,
    build: 3,
  };
}

/** @param {string} packagePath */
export const stampPath = (packagePath) => join(packagePath, 'lib', 'frameloom.json');
/** @param {string} packagePath */
export const addonPath = (packagePath) =>
  join(packagePath, 'lib', `napi-v${NAPI}`, 'tfjs_binding.node');

/**
 * The stamp of a working addon; undefined where there is none, or where its library has gone.
 *
 * @param {string} packagePath
 * @returns {Stamp | undefined}
 */
export function readStamp(packagePath) {
  try {
    if (!existsSync(addonPath(packagePath))) return undefined;
    // A link into a cache that was cleared dangles: existsSync follows it.
    if (!existsSync(join(packagePath, 'deps', 'lib'))) return undefined;
    return JSON.parse(readFileSync(stampPath(packagePath), 'utf8'));
  } catch {
    return undefined; // never stamped
  }
}

/**
 * @param {Stamp | undefined} have
 * @param {Stamp} want
 */
export const sameStamp = (have, want) =>
  have !== undefined &&
  /** @type {const} */ (['tfjs', 'source', 'nodeAbi', 'platform', 'arch', 'build']).every(
    (key) => have[key] === want[key],
  );

/**
 * @param {string} packagePath
 * @param {Stamp} stamp
 */
export async function writeStamp(packagePath, stamp) {
  await mkdir(dirname(stampPath(packagePath)), { recursive: true });
  await writeFile(stampPath(packagePath), `${JSON.stringify(stamp, null, 2)}\n`);
}

/**
 * The prefix whose include/node has Node's headers, so that node-gyp need not download them.
 *
 * @param {string} [execPath]
 * @param {(path: string) => boolean} [exists]
 * @returns {string | undefined}
 */
export function nodeHeaders(execPath = process.execPath, exists = existsSync) {
  const prefixes = [resolve(dirname(execPath), '..'), '/usr', '/usr/local', '/opt/homebrew'];
  return prefixes.find(
    (prefix) =>
      exists(join(prefix, 'include', 'node', 'node_api.h')) &&
      exists(join(prefix, 'include', 'node', 'common.gypi')),
  );
}

/**
 * What a compile needs and this machine lacks; undefined when all is there.
 *
 * @param {NodeJS.Platform} [platform]
 * @param {(name: string) => string | undefined} [find]
 * @returns {string | undefined}
 */
export function missingCompiler(platform = process.platform, find = findProgram) {
  if (platform === 'win32') return 'Visual C++ builds against the wheel are not supported';
  const compiler = process.env['CXX'] ?? ['g++', 'c++', 'clang++'].find((name) => find(name));
  if (!compiler) return 'no C++ compiler was found';
  return find('make') ? undefined : 'make was not found';
}

/** @param {NodeJS.Platform} [platform] */
export const compilerHint = (platform = process.platform) =>
  platform === 'darwin'
    ? 'install one: xcode-select --install'
    : 'install one (Debian and Ubuntu: apt-get install g++ make)';

/**
 * Compiles the addon and puts it in place when it loads.
 *
 * @param {string} packagePath
 * @param {string} libtensorflow its folder in the cache
 */
export async function buildBinding(packagePath, libtensorflow) {
  say(`compiling TF.js's addon against it (about 30 s)`);
  for (const part of ['include', 'lib']) {
    await relink(join(libtensorflow, part), join(packagePath, 'deps', part));
  }
  const nodeGyp = packageFolder('node-gyp', packagePath);
  if (nodeGyp === undefined) throw new SetupError('node-gyp is not installed', 'run: npm ci');
  // Beside its place and as deep, since it finds the library by a path relative to itself.
  const fresh = join(packagePath, 'lib', `fresh-${process.pid}`);
  const headers = process.env['npm_config_nodedir'] ?? nodeHeaders();
  const { code, output } = await run(
    process.execPath,
    [
      ...[join(nodeGyp, 'bin', 'node-gyp.js'), 'rebuild', `--python=${await findPython()}`],
      ...(headers === undefined ? [] : [`--nodedir=${headers}`]),
      ...['--module_name=tfjs_binding', `--module=${join(fresh, 'tfjs_binding.node')}`],
      ...[`--module_path=${fresh}`, '--napi_version=9', `--napi_build_version=${NAPI}`],
    ],
    { cwd: packagePath },
  );
  try {
    if (code !== 0) {
      throw new SetupError(
        `TF.js's addon did not compile: ${lastLine(output, /error:|gyp ERR! stack/)}`,
        headers === undefined &&
          /FetchError|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED/.test(output)
          ? 'Node headers are not installed and could not be downloaded: set npm_config_nodedir to a Node with include/node'
          : `see all of it: cd ${packagePath} && npx node-gyp rebuild`,
      );
    }
    await pointAtDeps(join(fresh, 'tfjs_binding.node'));
    await assertLoads(join(fresh, 'tfjs_binding.node'));
    await mkdir(dirname(addonPath(packagePath)), { recursive: true });
    await rename(join(fresh, 'tfjs_binding.node'), addonPath(packagePath));
    await buildProcessAddon(packagePath);
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await rm(join(packagePath, 'build'), { recursive: true, force: true });
  }
}

/** @param {string} packagePath */
const processAddonPath = (packagePath) => join(dirname(addonPath(packagePath)), 'process.node');

/**
 * Compiles the few lines that keep TensorFlow's first words from standard error and give freed memory
 * back. Without them all works, noisier and larger.
 *
 * @param {string} packagePath
 */
async function buildProcessAddon(packagePath) {
  const source = fileURLToPath(new URL('process.cc', import.meta.url));
  const compiler =
    process.env['CXX'] ?? ['g++', 'c++', 'clang++'].find((name) => findProgram(name)) ?? 'c++';
  const { code, output } = await run(compiler, [
    ...['-std=c++17', '-O1', '-shared', '-fPIC', source, '-o', processAddonPath(packagePath)],
    // The symbols are Node's own, there when the addon is loaded.
    ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
  ]);
  if (code !== 0)
    say(
      `TensorFlow's first words will be seen, and more memory taken: ${lastLine(output, /error:/)}`,
    );
}

/**
 * Makes `link` point at `target`, whatever was there, without a moment in which it is absent when it
 * was a link before.
 *
 * @param {string} target
 * @param {string} link
 */
async function relink(target, link) {
  await mkdir(dirname(link), { recursive: true });
  const fresh = `${link}.${process.pid}`;
  await rm(fresh, { force: true });
  await symlink(target, fresh);
  const old = await lstat(link).catch(() => undefined);
  if (old?.isDirectory()) await rm(link, { recursive: true });
  await rename(fresh, link);
}

/**
 * On macOS the addon remembers the library's install name; it has to look beside itself instead.
 *
 * @param {string} addon
 */
async function pointAtDeps(addon) {
  if (process.platform !== 'darwin') return;
  for (const name of [
    'libtensorflow_cc.2.dylib',
    'libtensorflow.2.dylib',
    'libtensorflow_framework.2.dylib',
  ]) {
    const { code, output } = await run('install_name_tool', [
      ...['-change', `@rpath/${name}`, `@loader_path/../../deps/lib/${name}`, addon],
    ]);
    if (code !== 0)
      throw new SetupError(`install_name_tool failed: ${lastLine(output)}`, compilerHint());
  }
  // Changing a signed file breaks its signature, and Apple silicon refuses to load such.
  const { code, output } = await run('codesign', ['--force', '--sign', '-', addon]);
  if (code !== 0) throw new SetupError(`codesign failed: ${lastLine(output)}`, compilerHint());
}

/**
 * Loads the addon in a process of its own, so that a crash is an error line and not ours.
 *
 * @param {string} addon
 * @returns {Promise<string>} libtensorflow's version
 */
export async function assertLoads(addon) {
  const { code, output } = await run(
    process.execPath,
    ['-p', `require(${JSON.stringify(addon)}).TF_Version`],
    { env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' } },
  );
  if (code === 0) return lastLine(output);
  throw new SetupError(
    code === null
      ? 'native TensorFlow crashes on this processor (its builds need AVX)'
      : `native TensorFlow does not load: ${lastLine(output, /Error:|undefined symbol|cannot open/)}`,
    'set FRAMELOOM_TENSORFLOW to a build for this machine, or to "none" to go on without (about 100 times slower)',
  );
}

/**
 * The package's own installer: a download of a ready-made addon and library.
 *
 * @param {string} packagePath
 * @param {string} because why not our own build
 */
export async function runInstaller(packagePath, because) {
  say(`${because}: trying the ready-made build of TF.js`);
  say('warning: its own installer fetches it and checks nothing of what comes');
  const bin = join(
    packageFolder('@mapbox/node-pre-gyp', packagePath) ?? packagePath,
    '..',
    '..',
    '.bin',
  );
  const { code, output } = await run(process.execPath, [join('scripts', 'install.js')], {
    cwd: packagePath,
    env: {
      ...process.env,
      PATH: `${bin}${process.platform === 'win32' ? ';' : ':'}${process.env['PATH'] ?? ''}`,
    },
  });
  if (code === 0 && existsSync(addonPath(packagePath))) {
    await assertLoads(addonPath(packagePath));
    return;
  }
  throw new SetupError(
    `${because}, and the ready-made build could not be had: ${lastLine(output, /Error: /)}`,
    process.platform === 'win32'
      ? 'use WSL 2, where everything is supported, or set FRAMELOOM_TENSORFLOW=none to go on without (about 100 times slower)'
      : `${compilerHint()}, or set FRAMELOOM_TENSORFLOW=none to go on without (about 100 times slower)`,
  );
}
