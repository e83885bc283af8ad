// A wheel from the Python package index by pip, which knows the user's mirrors, proxies and
// certificates; progress, retries and the hash check are ours on top.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm, stat, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeFolder } from '../../src/base/make-folder.mjs';
import { pipVersion } from './python.mjs';
import { isPinned, PINNED_SHA256, PYTHON_TAG } from './release.mjs';
import { lastLine, run } from './run.mjs';
import { SetupError, megabytes, say, startProgress } from './say.mjs';

const ATTEMPTS = 3;
const OWN_WHEEL = 'or set FRAMELOOM_TENSORFLOW to a wheel or folder that you have';

/**
 * What pip is called with.
 *
 * @param {{ requirement: string, platformTags: string[] }} wheel
 * @param {string} folder
 * @param {[number, number]} version pip's
 */
export function pipArguments({ requirement, platformTags }, folder, version) {
  // From 25.1 pip itself goes on where a broken transfer stopped; before, a retry starts again.
  const resumes = version[0] > 25 || (version[0] === 25 && version[1] >= 1);
  return [
    ...['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--no-cache-dir'],
    ...['--disable-pip-version-check', '--no-input', '--progress-bar', 'off'],
    ...(resumes ? ['--resume-retries', '5'] : []),
    ...['--python-version', PYTHON_TAG, '--implementation', 'cp', '--abi', `cp${PYTHON_TAG}`],
    ...['--abi', 'abi3', '--abi', 'none'],
    ...platformTags.flatMap((tag) => ['--platform', tag]),
    ...['--dest', folder, requirement],
  ];
}

/**
 * The size that pip announces, in bytes.
 *
 * @param {string} output
 * @returns {number | undefined}
 */
export function announcedBytes(output) {
  const match = [...output.matchAll(/Downloading \S*\.whl[^\n]*\(([\d.]+) (bytes|kB|MB|GB)\)/g)].at(
    -1,
  );
  if (match === undefined) return undefined;
  const unit = { bytes: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[/** @type {'bytes'} */ (match[2])];
  return Number(match[1]) * unit;
}

const UNREACHABLE =
  /NewConnectionError|NameResolutionError|Failed to establish|name resolution|ProxyError|ConnectTimeout|Network is unreachable/;
const BROKEN =
  /IncompleteRead|Connection broken|IncompleteDownload|incomplete-download|ConnectionReset|Connection aborted|ReadTimeout|Read timed out|DO NOT MATCH THE HASHES|ProtocolError/;

/**
 * Says what a failed pip means.
 *
 * @param {string} output
 * @param {string} requirement
 * @returns {{ retry: boolean, error: SetupError }}
 */
export function pipFailure(output, requirement) {
  const say = (/** @type {string} */ what, /** @type {string} */ hint) =>
    new SetupError(`${requirement} could not be downloaded: ${what}`, hint);
  if (/No space left|ENOSPC|Errno 28/.test(output)) {
    return {
      retry: false,
      error: say(
        'the disk is full',
        'free space, or set FRAMELOOM_CACHE to a folder on another disk',
      ),
    };
  }
  if (BROKEN.test(output)) {
    return { retry: true, error: say('the connection broke', `run it again, ${OWN_WHEEL}`) };
  }
  if (UNREACHABLE.test(output)) {
    return {
      retry: false,
      error: say(
        'no package index can be reached',
        `check the network or pip's settings, ${OWN_WHEEL}`,
      ),
    };
  }
  if (/No matching distribution|Could not find a version/.test(output)) {
    return {
      retry: false,
      error: say('the package index has no such wheel for this platform', OWN_WHEEL.slice(3)),
    };
  }
  return { retry: false, error: say(lastLine(output, /^ERROR/), OWN_WHEEL.slice(3)) };
}

/**
 * Bytes of all files in a folder, for progress: files may come and go while it looks.
 *
 * @param {string} folder
 */
async function bytesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(join(entry.parentPath ?? entry.path, entry.name)).then(
        (s) => s.size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
}

/**
 * @param {string} file
 * @returns {Promise<string>} its sha256 in hex
 */
export async function sha256Of(file) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * @param {string} folder
 * @param {number} needBytes
 * @throws {SetupError} when the disk there has less
 */
export async function assertSpace(folder, needBytes) {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= needBytes) return;
  throw new SetupError(
    `${folder} has ${megabytes(bavail * bsize)} free and ${megabytes(needBytes)} are needed`,
    'free space, or set FRAMELOOM_CACHE to a folder on another disk',
  );
}

const TAKE_UNPINNED =
  'FRAMELOOM_UNPINNED=1 takes what the package index gives; or set FRAMELOOM_TENSORFLOW to a wheel or folder that you have';

/**
 * Refuses to fetch what could not be checked afterwards, unless the user wants it all the same.
 *
 * @param {{ requirement: string, platformTags: string[] }} wheel
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {boolean} whether it is pinned
 * @throws {SetupError}
 */
export function assertMayFetch(wheel, env = process.env) {
  if (isPinned(wheel)) return true;
  if (env['FRAMELOOM_UNPINNED'] !== '1') {
    throw new SetupError(
      `${wheel.requirement} is not fetched: its sha256 is not known beforehand on this platform`,
      TAKE_UNPINNED,
    );
  }
  say(`warning: ${wheel.requirement} is taken on the word of the package index alone`);
  return false;
}

/**
 * Downloads one wheel into `folder` and gives its path. It has to have the sha256 that is pinned for
 * it; pip holds it to the hash that the index gives besides.
 *
 * @param {{ requirement: string, platformTags: string[], wheelBytes?: number }} wheel
 * @param {string} folder
 * @param {string} python
 * @returns {Promise<string>}
 * @throws {SetupError}
 */
export async function downloadWheel(wheel, folder, python) {
  const pinned = assertMayFetch(wheel);
  const version = await pipVersion(python);
  const work = join(folder, 'pip');
  for (let attempt = 1; ; attempt++) {
    await rm(work, { recursive: true, force: true });
    await makeFolder(work);
    const progress = startProgress(`downloading ${wheel.requirement}`, {
      totalBytes: wheel.wheelBytes,
    });
    let total = wheel.wheelBytes;
    let tail = '';
    const poll = setInterval(() => {
      void bytesIn(work).then((bytes) => progress.update(bytes, total));
    }, 500);
    const { code, output } = await run(python, pipArguments(wheel, folder, version), {
      // pip's temporary files beside the target: on the same disk, and where we can watch them grow.
      env: { ...process.env, TMPDIR: work, TEMP: work, TMP: work },
      onText: (text) => {
        tail = (tail + text).slice(-2000);
        total = announcedBytes(tail) ?? total;
      },
    });
    clearInterval(poll);
    progress.done();
    await rm(work, { recursive: true, force: true });
    if (code === 0) break;
    const failure = pipFailure(output, wheel.requirement);
    if (!failure.retry || attempt === ATTEMPTS) throw failure.error;
    say(`${failure.error.message}; trying again (${attempt + 1} of ${ATTEMPTS})`);
  }
  const name = (await readdir(folder)).find((file) => file.endsWith('.whl'));
  if (name === undefined) throw new SetupError(`pip left no wheel of ${wheel.requirement}`);
  const path = join(folder, name);
  await (pinned ? assertPinnedWheel(path) : assertKnownWheel(path));
  return path;
}

/**
 * @param {string} path
 * @throws {SetupError} when it is not exactly one of the pinned wheels
 */
export async function assertPinnedWheel(path, pins = PINNED_SHA256) {
  if (pins[basename(path)] === undefined) {
    throw new SetupError(
      `the package index gave ${basename(path)}, whose sha256 is not known beforehand`,
      TAKE_UNPINNED,
    );
  }
  await assertKnownWheel(path, pins);
}

/**
 * @param {string} path
 * @throws {SetupError} when the wheel has the name of a pinned one and another hash
 */
export async function assertKnownWheel(path, pins = PINNED_SHA256) {
  const expected = pins[basename(path)];
  if (expected === undefined) return;
  const found = await sha256Of(path);
  if (found === expected) return;
  throw new SetupError(
    `${basename(path)} has sha256 ${found} and not the published ${expected}`,
    'the package index or something before it serves another file: nothing of it was used',
  );
}
