// Which TensorFlow a machine gets: one table, no I/O.
import { SetupError } from './say.mjs';

/**
 * @typedef {object} Release
 * @property {string} project name in the Python package index
 * @property {string} version
 * @property {'cpu' | 'gpu'} device
 * @property {string[]} platformTags what pip may take, newest first
 * @property {number} wheelBytes about, until pip says
 * @property {number} unpackedBytes of what we keep
 *
 * @typedef {object} Machine
 * @property {NodeJS.Platform} platform
 * @property {string} arch Node's name: x64, arm64
 * @property {'cpu' | 'gpu'} device
 * @property {boolean} [musl] Linux without glibc
 */

/** The wheels are taken for this Python, whatever Python is there: only their C library is used. */
export const PYTHON_TAG = '311';
export const VERSION = '2.21.0';
/** The last one built for Macs with an Intel processor. */
const INTEL_MAC_VERSION = '2.16.2';

/**
 * The wheels that are taken as they were published, by their sha256. Any other one would be whatever
 * an index, or something before it, serves under that name: its own list of hashes comes with it.
 */
export const PINNED_SHA256 = /** @type {Readonly<Record<string, string | undefined>>} */ ({
  'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl':
    '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
});

/**
 * Whether a wheel that pip would take for this is pinned.
 *
 * @param {{ requirement: string, platformTags: readonly string[] }} wheel `project==version`; of
 *   requirements that leave the version open nothing is known beforehand
 * @param {Readonly<Record<string, string | undefined>>} [pins]
 */
export function isPinned({ requirement, platformTags }, pins = PINNED_SHA256) {
  const [project = '', version, ...rest] = requirement.split('==');
  if (version === undefined || rest.length > 0) return false;
  const start = `${project.replaceAll(/[-.]/g, '_')}-${version}-`;
  return Object.keys(pins).some((name) => {
    const tags =
      name
        .replace(/\.whl$/, '')
        .split('-')
        .at(-1)
        ?.split('.') ?? [];
    return name.startsWith(start) && tags.some((tag) => platformTags.includes(tag));
  });
}

/** @param {string} arch */
const linuxTags = (arch) => [
  `manylinux_2_28_${arch}`,
  `manylinux_2_27_${arch}`,
  `manylinux_2_17_${arch}`,
  `manylinux2014_${arch}`,
];

/**
 * The TensorFlow release for a machine.
 *
 * @param {Machine} machine
 * @returns {Release}
 * @throws {SetupError} when no wheel with a C library is published for it
 */
export function releaseFor({ platform, arch, device, musl = false }) {
  const sizes =
    device === 'gpu'
      ? { wheelBytes: 620e6, unpackedBytes: 2.2e9 }
      : { wheelBytes: 270e6, unpackedBytes: 1.2e9 };
  const common = { version: VERSION, device, ...sizes };
  if (platform === 'linux' && !musl && arch === 'x64') {
    const project = device === 'gpu' ? 'tensorflow' : 'tensorflow-cpu';
    return { ...common, project, platformTags: linuxTags('x86_64') };
  }
  if (platform === 'linux' && !musl && arch === 'arm64' && device === 'cpu') {
    return { ...common, project: 'tensorflow', platformTags: linuxTags('aarch64') };
  }
  if (platform === 'darwin' && device === 'cpu') {
    return arch === 'arm64'
      ? {
          ...common,
          project: 'tensorflow',
          platformTags: ['macosx_12_0_arm64', 'macosx_11_0_arm64'],
        }
      : {
          ...common,
          version: INTEL_MAC_VERSION,
          project: 'tensorflow',
          platformTags: ['macosx_10_15_x86_64'],
        };
  }
  const what = `${platform}${musl ? ' (musl)' : ''} on ${arch}${device === 'gpu' ? ' with a GPU' : ''}`;
  throw new SetupError(`no TensorFlow wheel with a C library is published for ${what}`);
}

/**
 * The file names of libtensorflow inside a wheel and the names that the addon is linked by.
 *
 * @param {NodeJS.Platform} platform
 */
export function libraryNames(platform) {
  return platform === 'darwin'
    ? {
        main: 'libtensorflow_cc.2.dylib',
        framework: 'libtensorflow_framework.2.dylib',
        // What a stand-alone libtensorflow calls the first.
        plain: 'libtensorflow.2.dylib',
        links: /** @type {[string, string][]} */ ([
          ['libtensorflow.2.dylib', 'libtensorflow_cc.2.dylib'],
          ['libtensorflow.dylib', 'libtensorflow_cc.2.dylib'],
          ['libtensorflow_framework.dylib', 'libtensorflow_framework.2.dylib'],
        ]),
      }
    : {
        main: 'libtensorflow_cc.so.2',
        framework: 'libtensorflow_framework.so.2',
        plain: 'libtensorflow.so.2',
        links: /** @type {[string, string][]} */ ([
          ['libtensorflow.so', 'libtensorflow_cc.so.2'],
          ['libtensorflow_framework.so', 'libtensorflow_framework.so.2'],
        ]),
      };
}

/**
 * The device asked for: FRAMELOOM_DEVICE, or whether an NVIDIA card is there.
 *
 * @param {string | undefined} asked
 * @param {boolean} cardSeen
 * @returns {'cpu' | 'gpu'}
 */
export function chooseDevice(asked, cardSeen) {
  if (asked === undefined || asked === '' || asked === 'auto') return cardSeen ? 'gpu' : 'cpu';
  if (asked === 'cpu' || asked === 'gpu') return asked;
  throw new SetupError(`FRAMELOOM_DEVICE is "${asked}"`, 'use cpu, gpu or auto');
}
