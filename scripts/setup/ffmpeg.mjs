// ffmpeg and ffprobe: found, never installed. The same order as src/video looks in.
import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram, packageFolder } from './paths.mjs';
import { run } from './run.mjs';
import { SetupError } from './say.mjs';

/** libavutil of ffmpeg 4.4: builds from git carry no release number, but always this one. */
const LOWEST_AVUTIL = /** @type {const} */ ([56, 70]);

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

/**
 * @param {'ffmpeg' | 'ffprobe'} program
 * @returns {Promise<string>} what was found, for the summary line
 */
async function find(program) {
  const variables =
    program === 'ffmpeg'
      ? ['FRAMELOOM_FFMPEG', 'FFMPEG_PATH']
      : ['FRAMELOOM_FFPROBE', 'FFPROBE_PATH'];
  const hint =
    'install ffmpeg 4.4 or newer (Debian and Ubuntu: apt-get install ffmpeg; macOS: brew install ffmpeg)';
  for (const variable of variables) {
    const path = process.env[variable];
    if (!path) continue;
    const { output } = await run(path, ['-version']);
    const version = parseVersion(output);
    if (version === undefined)
      throw new SetupError(`${variable} names ${path}, which does not run as ${program}`);
    return `${program} ${version.text} (${variable})`;
  }
  let old = '';
  const onPath = findProgram(program);
  if (onPath !== undefined) {
    const version = parseVersion((await run(onPath, ['-version'])).output);
    if (version?.enough) return `${program} ${version.text}`;
    old = ` (the one on PATH is ${version?.text ?? 'broken'})`;
  }
  const platform = `${process.platform}-${process.arch}`;
  const carried = packageFolder(`@${program}-installer/${platform}`);
  if (carried === undefined) throw new SetupError(`no ${program} was found${old}`, hint);
  const path = join(carried, process.platform === 'win32' ? `${program}.exe` : program);
  // Some of these packages were published without the executable bit.
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o111) === 0) await chmod(path, mode | 0o755);
  const version = parseVersion((await run(path, ['-version'])).output);
  if (version === undefined)
    throw new SetupError(
      `no ${program} was found${old}, and the one that npm carries does not run`,
      hint,
    );
  return `${program} ${version.text} (npm's)${old}`;
}

/** @returns {Promise<string>} */
export async function checkFfmpeg() {
  const [ffmpeg] = await Promise.all([find('ffmpeg'), find('ffprobe')]);
  return ffmpeg;
}
