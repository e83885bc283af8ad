// Native TensorFlow from nothing to an addon that loads: what is wanted, what is there, the way between.
import { existsSync } from 'node:fs';
import { noted, noteProvided } from '../../src/base/provisions.mjs';
import {
  addonFolder,
  addonPath,
  buildBinding,
  compilerHint,
  findCompiler,
  isBuiltAddon,
  wantedStamp,
} from './binding.mjs';
import { seesNvidiaCard } from './cuda.mjs';
import { chooseSource, provideLibtensorflow } from './libtensorflow.mjs';
import { cacheFolder, root } from './paths.mjs';
import { chooseDevice, releaseFor } from './release.mjs';
import { SetupError, say } from './say.mjs';
import { provideTfjsNode, tfjsNodeFolder } from './tfjs-node.mjs';

/**
 * @typedef {object} Plan
 * @property {'cpu' | 'gpu'} device
 * @property {import('./libtensorflow.mjs').Source} source
 * @property {import('./binding.mjs').Stamp} stamp
 */

const WITHOUT = 'set FRAMELOOM_TENSORFLOW=none to go on without (about 100 times slower)';

/** Whether this Linux has another C library than glibc, for which no wheel is built. */
function isMusl() {
  if (process.platform !== 'linux') return false;
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (
    process.report.getReport()
  );
  return report.header?.glibcVersionRuntime === undefined;
}

/**
 * @param {'cpu' | 'gpu'} device
 * @returns {Plan}
 */
function planFor(device) {
  const { platform, arch } = process;
  if (platform === 'win32') {
    throw new SetupError(
      'native TensorFlow cannot be built on Windows',
      `use WSL 2, where everything is supported, or ${WITHOUT}`,
    );
  }
  const asked = process.env['FRAMELOOM_TENSORFLOW'];
  const source = chooseSource(asked, () => {
    try {
      return releaseFor({ platform, arch, device, musl: isMusl() });
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      throw new SetupError(
        error.message,
        `set FRAMELOOM_TENSORFLOW to a build for it, or ${WITHOUT}`,
      );
    }
  });
  return { device, source, stamp: wantedStamp(source.id) };
}

/**
 * Whether what is planned is there and is what the program will find.
 *
 * @param {Plan} plan
 */
function inPlace({ device, stamp }) {
  const cache = cacheFolder();
  const folder = addonFolder(cache, stamp);
  const note = noted(`tensorflow-${device}`, { cache, root });
  return (
    note?.paths['addon'] === addonPath(folder) &&
    isBuiltAddon(cache, stamp) &&
    existsSync(tfjsNodeFolder(cache))
  );
}

/**
 * What there is to do for TensorFlow.
 *
 * @returns {Promise<{ summary: string, work?: () => Promise<string> }>} `work` is absent when all is
 *   there; it gives the new summary
 */
export async function tensorflowNeed() {
  if (process.env['FRAMELOOM_TENSORFLOW'] === 'none') {
    return { summary: 'no native TensorFlow (FRAMELOOM_TENSORFLOW=none)' };
  }
  const asked = process.env['FRAMELOOM_DEVICE'];
  const device = chooseDevice(asked, await seesNvidiaCard());
  if (device === 'cpu' || asked === 'gpu') {
    const plan = planFor(device);
    if (inPlace(plan)) return { summary: summaryOf(plan.stamp) };
    return { summary: '', work: () => carryOut(plan) };
  }
  // A card was seen but nobody insisted on it: the CPU build is better than none.
  const fallback = planFor('cpu');
  const tried = noted('tensorflow-cpu', { cache: cacheFolder(), root })?.instead;
  if (inPlace(fallback) && tried !== undefined) {
    return {
      summary: `${summaryOf(fallback.stamp)}, not the GPU's: ${tried}; FRAMELOOM_DEVICE=gpu tries again`,
    };
  }
  try {
    const plan = planFor('gpu');
    if (inPlace(plan)) return { summary: summaryOf(plan.stamp) };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error; // said below, when it is tried
  }
  const work = async () => {
    try {
      return await carryOut(planFor('gpu'));
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      const hint = error.hint === undefined ? '' : `; ${error.hint}`;
      say(`the GPU build cannot be had (${error.message}${hint}): taking the CPU one`);
      return carryOut(fallback, error.message);
    }
  };
  return { summary: '', work };
}

/**
 * @param {Plan} plan
 * @param {string} [instead] why this and not the GPU's
 * @returns {Promise<string>}
 */
async function carryOut({ device, source, stamp }, instead) {
  const cache = cacheFolder();
  if (!isBuiltAddon(cache, stamp) && findCompiler() === undefined) {
    throw new SetupError('no C++ compiler was found', `${compilerHint()}, or ${WITHOUT}`);
  }
  const libtensorflow = await provideLibtensorflow(source, cache);
  const tfjsNode = await provideTfjsNode(cache);
  await buildBinding(cache, stamp, { tfjsNode, libtensorflow });
  const paths = { addon: addonPath(addonFolder(cache, stamp)), tfjsNode };
  const note = { paths, ...(instead !== undefined && { instead }) };
  await noteProvided(`tensorflow-${device}`, note, { cache, root });
  return summaryOf(stamp);
}

/**
 * @param {Pick<import('./binding.mjs').Stamp, 'source'>} stamp
 * @returns {string} such as: TensorFlow 2.21.0 (cpu)
 */
export function summaryOf({ source }) {
  const [, device, version] = /^tensorflow-(cpu|gpu)-(.+)$/.exec(source) ?? [];
  return device === undefined
    ? 'TensorFlow of FRAMELOOM_TENSORFLOW'
    : `TensorFlow ${version} (${device})`;
}
