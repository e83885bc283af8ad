// Native TensorFlow from nothing to an addon that loads: what is wanted, what is there, the way between.
import {
  buildBinding,
  missingCompiler,
  readStamp,
  runInstaller,
  sameStamp,
  wantedStamp,
  writeStamp,
} from './binding.mjs';
import { seesNvidiaCard } from './cuda.mjs';
import { chooseSource, provideLibtensorflow } from './libtensorflow.mjs';
import { cacheFolder, packageFolder } from './paths.mjs';
import { chooseDevice, releaseFor } from './release.mjs';
import { SetupError, say } from './say.mjs';

/**
 * @typedef {object} Plan
 * @property {string} packagePath
 * @property {import('./libtensorflow.mjs').Source | undefined} source undefined: the package's own installer
 * @property {string} [because] why the installer
 * @property {import('./binding.mjs').Stamp} stamp
 */

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
  const name = device === 'gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
  const packagePath = packageFolder(name);
  if (packagePath === undefined) throw new SetupError(`${name} is not installed`, 'run: npm ci');
  const installer = (/** @type {string} */ because) => ({
    packagePath,
    source: undefined,
    because,
    stamp: wantedStamp(packagePath, 'installer'),
  });
  const asked = process.env['FRAMELOOM_TENSORFLOW'];
  const missing = missingCompiler();
  if (missing !== undefined) return installer(missing);
  let release;
  try {
    release = releaseFor({
      platform: process.platform,
      arch: process.arch,
      device,
      musl: isMusl(),
    });
  } catch (error) {
    if (!(error instanceof SetupError) || asked) throw error;
    return installer(error.message);
  }
  const source = chooseSource(asked, release);
  return { packagePath, source, stamp: wantedStamp(packagePath, source.id) };
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
  const plan = planFor(device);
  const have = readStamp(plan.packagePath);
  if (sameStamp(have, plan.stamp)) return { summary: summaryOf(plan.stamp) };
  if (device === 'cpu' || asked === 'gpu') {
    return { summary: '', work: () => carryOut(plan) };
  }
  // A card was seen but nobody insisted on it: the CPU build is better than none.
  const fallback = planFor('cpu');
  const stamped = readStamp(fallback.packagePath);
  if (sameStamp(stamped, fallback.stamp) && stamped?.instead !== undefined) {
    return {
      summary: `${summaryOf(fallback.stamp)}, not the GPU's: ${stamped.instead}; FRAMELOOM_DEVICE=gpu tries again`,
    };
  }
  const work = async () => {
    try {
      return await carryOut(plan);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      const hint = error.hint === undefined ? '' : `; ${error.hint}`;
      say(`the GPU build cannot be had (${error.message}${hint}): taking the CPU one`);
      fallback.stamp.instead = error.message;
      return carryOut(fallback);
    }
  };
  return { summary: '', work };
}

/**
 * @param {Plan} plan
 * @returns {Promise<string>}
 */
async function carryOut(plan) {
  if (plan.source === undefined) {
    await runInstaller(plan.packagePath, plan.because ?? '');
  } else {
    await buildBinding(plan.packagePath, await provideLibtensorflow(plan.source, cacheFolder()));
  }
  await writeStamp(plan.packagePath, plan.stamp);
  return summaryOf(plan.stamp);
}

/**
 * @param {import('./binding.mjs').Stamp} stamp
 * @returns {string} such as: TensorFlow 2.21.0 (cpu)
 */
export function summaryOf({ source, tfjs }) {
  if (source === 'installer') return `TF.js ${tfjs}'s own TensorFlow`;
  const [, device, version] = /^tensorflow-(cpu|gpu)-(.+)$/.exec(source) ?? [];
  return device === undefined
    ? 'TensorFlow of FRAMELOOM_TENSORFLOW'
    : `TensorFlow ${version} (${device})`;
}
