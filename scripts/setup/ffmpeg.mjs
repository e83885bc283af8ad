// ffmpeg and ffprobe: those of this machine, else a pair from npm in the cache. The same order as
// src/video looks in.
import { chmod, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../src/base/make-folder.mjs';
import { withLock } from '../../src/base/lock.mjs';
import { noteProvided, provided } from '../../src/base/provisions.mjs';
import { PINNED, fetchPackage } from './npm-package.mjs';
import { cacheFolder, findProgram, root } from './paths.mjs';
import { run } from './run.mjs';
import { SetupError, say } from './say.mjs';

/** @typedef {'ffmpeg' | 'ffprobe'} Program */

const PROGRAMS = /** @type {const} */ (['ffmpeg', 'ffprobe']);
/** libavutil of ffmpeg 4.4: builds from git carry no release number, but always this one. */
const LOWEST_AVUTIL = /** @type {const} */ ([56, 70]);
const INSTALL =
  'install ffmpeg 4.4 or newer (Debian and Ubuntu: apt-get install ffmpeg; macOS: brew install ffmpeg)';

/**
 * The version in what `ffmpeg -version` prints, and whether it is 4.4 or newer.
 *
 * @param {string} output
 * @returns {{ text: string, enough: boolean } | undefined} undefined when it is no ffmpeg's
 */
export function parseVersion(output) {
  const text = /^ff(?:mpeg|probe) version (\S+)/m.exec(output)?.[1];
  if (text === undefined) return undefined;
  const [, major, minor] = /libavutil\s+(\d+)\.\s*(\d+)\./.exec(output)?.map(Number) ?? [];
  const [low, lowMinor] = LOWEST_AVUTIL;
  const enough =
    major !== undefined &&
    minor !== undefined &&
    (major > low || (major === low && minor >= lowMinor));
  return { text: text.replace(/-static$/, ''), enough };
}

/** @param {Program} program */
const fileName = (program) => (process.platform === 'win32' ? `${program}.exe` : program);

/**
 * What the user named, or what is on PATH and new enough.
 *
 * @param {Program} program
 * @returns {Promise<{ found?: string, old: string }>} `found` for the summary; `old` says what is on
 *   PATH and cannot be used
 */
async function findOwn(program) {
  const variables =
    program === 'ffmpeg'
      ? ['FRAMELOOM_FFMPEG', 'FFMPEG_PATH']
      : ['FRAMELOOM_FFPROBE', 'FFPROBE_PATH'];
  for (const variable of variables) {
    const path = process.env[variable];
    if (!path) continue;
    const { output } = await run(path, ['-version']);
    const version = parseVersion(output);
    if (version === undefined)
      throw new SetupError(`${variable} names ${path}, which does not run as ${program}`);
    return { found: `${program} ${version.text} (${variable})`, old: '' };
  }
  const onPath = findProgram(program);
  if (onPath === undefined) return { old: '' };
  const version = parseVersion((await run(onPath, ['-version'])).output);
  if (version?.enough) return { found: `${program} ${version.text}`, old: '' };
  return { old: ` (the one on PATH is ${version?.text ?? 'broken'})` };
}

/** @returns {string | undefined} the folder of the pair that was fetched */
const fetched = () => provided('ffmpeg', { cache: cacheFolder(), root })?.paths['folder'];

/**
 * Fetches a pair of ffmpeg and ffprobe from npm into the cache, whatever else is there.
 *
 * @returns {Promise<string>} the folder that holds both
 */
export async function provideFfmpeg() {
  const cache = cacheFolder();
  const folder = join(cache, 'ffmpeg-npm');
  const machine = `${process.platform}-${process.arch}`;
  if (PINNED[`@ffmpeg-installer/${machine}`] === undefined) {
    throw new SetupError(`npm has no ffmpeg for ${machine}`, INSTALL);
  }
  await withLock(
    join(cache, 'locks', 'ffmpeg.lock'),
    async () => {
      if (PROGRAMS.every((program) => existsSync(join(folder, fileName(program))))) return;
      const beside = `${folder}.partial`;
      await rm(beside, { recursive: true, force: true });
      await makeFolder(beside);
      try {
        for (const program of PROGRAMS) {
          const whole = join(beside, `${program}-package`);
          await fetchPackage(`@${program}-installer/${machine}`, whole);
          const path = join(beside, fileName(program));
          await rename(join(whole, fileName(program)), path);
          await rm(whole, { recursive: true });
          // Some of these packages were published without the executable bit.
          if (process.platform !== 'win32') await chmod(path, 0o755);
          const { output } = await run(path, ['-version']);
          if (parseVersion(output) === undefined) {
            throw new SetupError(`npm's ${program} does not run on this machine`, INSTALL);
          }
        }
        await rm(folder, { recursive: true, force: true });
        await rename(beside, folder);
      } finally {
        await rm(beside, { recursive: true, force: true });
      }
    },
    { onWait: () => say('waiting for another set-up that is fetching ffmpeg'), staleMs: 30_000 },
  );
  await noteProvided('ffmpeg', { paths: { folder } }, { cache, root });
  return folder;
}

/**
 * What there is to do for ffmpeg.
 *
 * @returns {Promise<{ summary: string, work?: () => Promise<string> }>} `work` is absent when both
 *   programs are there; it fetches them and gives the new summary
 */
export async function ffmpegNeed() {
  const [ffmpeg, ffprobe] = await Promise.all([findOwn('ffmpeg'), findOwn('ffprobe')]);
  if (ffmpeg.found !== undefined && ffprobe.found !== undefined) return { summary: ffmpeg.found };
  const old = ffmpeg.old || ffprobe.old;
  const summary = async (/** @type {string} */ folder) => {
    const { output } = await run(join(folder, fileName('ffmpeg')), ['-version']);
    return `ffmpeg ${parseVersion(output)?.text ?? 'of an unknown version'} (npm's)${old}`;
  };
  const folder = fetched();
  if (folder !== undefined) return { summary: ffmpeg.found ?? (await summary(folder)) };
  return {
    summary: `no ${ffmpeg.found === undefined ? 'ffmpeg' : 'ffprobe'}${old}`,
    work: async () => summary(await provideFfmpeg()),
  };
}
