// TF.js's native addon, compiled against the libtensorflow in the cache, once a machine:
//   <cache>/addon-<id>/{tfjs_binding,functions,group,operations,process}.node and frameloom.json
// It is made of Node-API, so no version of Node needs another one.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../../src/base/make-folder.mjs';
import { withLock } from '../../src/base/lock.mjs';
import { findProgram } from './paths.mjs';
import { lastLine, run } from './run.mjs';
import { SetupError, say } from './say.mjs';
import { TFJS_VERSION } from './tfjs-node.mjs';

/** The newest Node-API that the addon's sources know. */
const NAPI = 8;
const PROCESS_SOURCE = fileURLToPath(new URL('process.cc', import.meta.url));
const OPERATIONS_SOURCE = fileURLToPath(new URL('operations.cc', import.meta.url));
const CONTEXT_SOURCE = fileURLToPath(new URL('context.cc', import.meta.url));
const GROUP_CONTEXT_SOURCE = fileURLToPath(new URL('group-context.cc', import.meta.url));
const GROUP_SOURCE = fileURLToPath(new URL('group.cc', import.meta.url));
const FUNCTIONS_SOURCE = fileURLToPath(new URL('functions.cc', import.meta.url));

/**
 * @typedef {object} Stamp what an addon was built from
 * @property {string} tfjs
 * @property {string} source id of the libtensorflow
 * @property {string} platform
 * @property {string} arch
 * @property {number} build raised when what is built changes
 */

/**
 * @param {string} source
 * @returns {Stamp}
 */
export const wantedStamp = (source) => ({
  tfjs: TFJS_VERSION,
  source,
  platform: process.platform,
  arch: process.arch,
  build: 9,
});

/**
 * The folder of the addon that is built from this; another one for each.
 *
 * @param {string} cache
 * @param {Stamp} stamp
 */
export function addonFolder(cache, stamp) {
  const id = createHash('sha256').update(JSON.stringify(stamp)).digest('hex').slice(0, 12);
  return join(cache, `addon-${stamp.source.replace(/^tensorflow-/, '')}-${id}`);
}

/** @param {string} folder */
export const addonPath = (folder) => join(folder, 'tfjs_binding.node');

/**
 * Whether there is an addon and the library that it was linked to.
 *
 * @param {string} cache
 * @param {Stamp} stamp
 */
export const isBuiltAddon = (cache, stamp) =>
  existsSync(addonPath(addonFolder(cache, stamp))) && existsSync(join(cache, stamp.source, 'lib'));

/**
 * The C++ compiler; undefined where there is none.
 *
 * @param {(name: string) => string | undefined} [find]
 * @param {NodeJS.ProcessEnv} [env]
 */
export const findCompiler = (find = findProgram, env = process.env) =>
  env['CXX'] || ['g++', 'c++', 'clang++'].find((name) => find(name) !== undefined);

/** @param {NodeJS.Platform} [platform] */
export const compilerHint = (platform = process.platform) =>
  platform === 'darwin'
    ? 'install one: xcode-select --install'
    : 'install one (Debian and Ubuntu: apt-get install g++)';

/**
 * TF.js's addon, what lets others find its context, and what that joins a group of processes by.
 *
 * @param {string} tfjsNode
 */
const bindingSources = (tfjsNode) => [
  ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(tfjsNode, 'binding', name)),
  CONTEXT_SOURCE,
  GROUP_CONTEXT_SOURCE,
];

/**
 * What the compiler is called with. Its words go to it one by one and through no shell, so that paths
 * may hold spaces.
 *
 * @param {object} from
 * @param {string} from.tfjsNode
 * @param {string} from.libtensorflow its folder in the cache
 * @param {string} from.target
 * @param {string[]} [from.sources] TF.js's binding unless given
 * @param {string[]} [from.defines] macros, `NAME=value`
 * @param {NodeJS.Platform} [from.platform]
 * @returns {string[]}
 */
export function compilerArguments({
  tfjsNode,
  libtensorflow,
  target,
  sources = bindingSources(tfjsNode),
  defines = [],
  platform = process.platform,
}) {
  const mac = platform === 'darwin';
  const lib = join(libtensorflow, 'lib');
  // Beside it in the cache, which may be moved as a whole.
  const beside = `../${basename(libtensorflow)}/lib`;
  return [
    ...[
      '-std=c++17',
      '-O2',
      '-fPIC',
      '-fno-exceptions',
      '-fno-rtti',
      '-w',
      `-DNAPI_VERSION=${NAPI}`,
      ...defines.map((one) => `-D${one}`),
    ],
    // Node's own symbols are there when the addon is loaded.
    ...(mac ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared', '-pthread']),
    ...['-I', join(tfjsNode, 'headers', 'include'), '-I', join(libtensorflow, 'include')],
    ...sources,
    ...['-L', lib, '-ltensorflow', '-ltensorflow_framework'],
    `-Wl,-rpath,${mac ? '@loader_path' : '$ORIGIN'}/${beside}`,
    ...['-o', target],
  ];
}

/**
 * Compiles the addon; it is in its place when it loads, and not before.
 *
 * @param {string} cache
 * @param {Stamp} stamp
 * @param {{ tfjsNode: string, libtensorflow: string }} parts
 */
export async function buildBinding(cache, stamp, parts) {
  const folder = addonFolder(cache, stamp);
  await withLock(
    join(cache, 'locks', `${basename(folder)}.lock`),
    async () => {
      if (isBuiltAddon(cache, stamp)) return;
      say(`compiling TF.js's addon against it (about 20 s)`);
      const beside = `${folder}.partial`;
      await rm(beside, { recursive: true, force: true });
      await makeFolder(beside);
      try {
        const target = addonPath(beside);
        const defines = ['TFE_NewContext=frameloom_new_context'];
        await compile(compilerArguments({ ...parts, target, defines }));
        await assertLoads(target);
        const functions = { target: join(beside, 'functions.node'), sources: [FUNCTIONS_SOURCE] };
        await compile(compilerArguments({ ...parts, ...functions }));
        await buildGroupAddon(parts, join(beside, 'group.node'));
        await buildOperationsAddon(parts, join(beside, 'operations.node'));
        await buildProcessAddon(join(beside, 'process.node'));
        await writeFile(join(beside, 'frameloom.json'), `${JSON.stringify(stamp, null, 2)}\n`);
        await rm(folder, { recursive: true, force: true });
        await rename(beside, folder);
      } finally {
        await rm(beside, { recursive: true, force: true });
      }
    },
    { onWait: () => say('waiting for another set-up that is compiling'), staleMs: 30_000 },
  );
}

/** @param {string[]} args */
async function compile(args) {
  const compiler = findCompiler() ?? 'c++';
  const { code, output } = await run(compiler, args);
  if (code === 0) return;
  throw new SetupError(
    `TF.js's addon did not compile: ${firstError(output)}`,
    `see all of it: ${[compiler, ...args].map(quoted).join(' ')}`,
  );
}

/**
 * The compiler's first complaint: those after it mostly follow from it.
 *
 * @param {string} output
 */
export const firstError = (output) =>
  output
    .split('\n')
    .map((line) => line.trim())
    .find((line) => /\b(fatal )?error:|undefined reference|cannot find -l/.test(line)) ??
  lastLine(output);

/**
 * A word as a shell takes it.
 *
 * @param {string} word
 */
export const quoted = (word) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;

/**
 * Compiles what watches over the processes that train together. Without it each trains by itself.
 *
 * @param {{ tfjsNode: string, libtensorflow: string }} parts
 * @param {string} target
 */
async function buildGroupAddon(parts, target) {
  const args = compilerArguments({ ...parts, target, sources: [GROUP_SOURCE] });
  const { code, output } = await run(findCompiler() ?? 'c++', args);
  if (code !== 0) {
    say(`training across processes will not be possible: ${firstError(output)}`);
  }
}

/**
 * Compiles the few lines that ask TensorFlow for its ops. Without them Frameloom goes by a table of those
 * that its own networks are made of.
 *
 * @param {{ tfjsNode: string, libtensorflow: string }} parts
 * @param {string} target
 */
async function buildOperationsAddon(parts, target) {
  const args = compilerArguments({ ...parts, target, sources: [OPERATIONS_SOURCE] });
  const { code, output } = await run(findCompiler() ?? 'c++', args);
  if (code !== 0) {
    say(`networks of unusual ops will not be trained in little memory: ${firstError(output)}`);
  }
}

/**
 * Compiles the few lines that keep TensorFlow's first words from standard error and give freed memory
 * back. Without them all works, noisier and larger.
 *
 * @param {string} target
 */
async function buildProcessAddon(target) {
  const { code, output } = await run(findCompiler() ?? 'c++', [
    ...['-std=c++17', '-O1', '-shared', '-fPIC', PROCESS_SOURCE, '-o', target],
    // The symbols are Node's own, there when the addon is loaded.
    ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
  ]);
  if (code !== 0) {
    say(`TensorFlow's first words will be seen, and more memory taken: ${firstError(output)}`);
  }
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
 * The stamp of an addon in the cache; undefined where it cannot be read.
 *
 * @param {string} folder
 * @returns {Stamp | undefined}
 */
export function readStamp(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'frameloom.json'), 'utf8'));
  } catch {
    return undefined; // not there, or not whole
  }
}
