import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { cacheFolder } from '../base/cache-folder.js';
import { FrameloomError, messageOf } from '../base/error.js';
import { setupCommand } from '../base/own-package.js';
import { provided } from '../base/provisions.mjs';

export interface FfmpegPrograms {
  readonly ffmpegPath: string;
  readonly ffprobePath: string;
  /** ffmpeg's own words, such as `7.1.1` or `N-47683-g0e8eb07980`. */
  readonly version: string;
  /** It knows `-fps_mode`, which took the place of `-vsync` in 5.1. */
  readonly fpsMode: boolean;
  /** Where ffmpeg was found; `package` is the pair that set-up fetched from npm. */
  readonly source: 'environment' | 'path' | 'package';
  readonly ffprobeSource: 'environment' | 'path' | 'package';
  /** Why these and no others, in one line. */
  readonly reason: string;
}

type Program = 'ffmpeg' | 'ffprobe';

interface Found {
  readonly path: string;
  readonly version: string;
  readonly fpsMode: boolean;
  readonly source: FfmpegPrograms['source'];
  readonly reason: string;
}

const VARIABLES: Readonly<Record<Program, readonly string[]>> = {
  ffmpeg: ['FRAMELOOM_FFMPEG', 'FFMPEG_PATH'],
  ffprobe: ['FRAMELOOM_FFPROBE', 'FFPROBE_PATH'],
};
/** libavutil of ffmpeg 4.4. Builds from git carry no release number, but always this one. */
const OLDEST_AVUTIL = [56, 70] as const;
const OLDEST_NAME = '4.4';
/** libavutil of ffmpeg 5.1. */
const FPS_MODE_AVUTIL = [57, 28] as const;
const installHint = (): string =>
  `run: ${setupCommand('--ffmpeg')}, or install ffmpeg (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg), or set FRAMELOOM_FFMPEG to its path`;
const REASON_SEPARATOR = '; ';

const executable = (program: Program): string =>
  process.platform === 'win32' ? `${program}.exe` : program;

/** Programs that call themselves static builds. */
const staticPrograms = new Set<string>();

interface Version {
  readonly name: string;
  readonly recent: boolean;
  readonly fpsMode: boolean;
}

const isFrom = (
  [major, minor]: readonly [number, number],
  oldest: readonly [number, number],
): boolean => major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);

/** @throws Error when the program does not run or is not what it should be. */
async function askVersion(path: string, program: Program): Promise<Version> {
  const text = await new Promise<string>((resolve, reject) => {
    execFile(
      path,
      ['-version'],
      { timeout: 20_000, maxBuffer: 2 ** 20, windowsHide: true },
      (error, stdout) => {
        if (error) reject(new Error(messageOf(error).split('\n')[0]));
        else resolve(stdout);
      },
    );
  });
  const name = new RegExp(`^${program} version (\\S+)`, 'm').exec(text)?.[1];
  if (name === undefined) throw new Error(`it does not answer like ${program}`);
  if (name.endsWith('-static')) staticPrograms.add(path);
  const avutil = /libavutil\s+(\d+)\.\s*(\d+)\./.exec(text);
  const version = [Number(avutil?.[1]), Number(avutil?.[2])] as const;
  return {
    name: name.replace(/-static$/, ''),
    recent: isFrom(version, OLDEST_AVUTIL),
    fpsMode: isFrom(version, FPS_MODE_AVUTIL),
  };
}

/** What the user named is used or refused, never passed over in silence. */
async function fromEnvironment(program: Program): Promise<Found | undefined> {
  for (const variable of VARIABLES[program]) {
    const path = process.env[variable];
    if (path === undefined || path === '') continue;
    try {
      const { name, fpsMode } = await askVersion(path, program);
      const reason = `${variable} names ${path}`;
      return { path, version: name, fpsMode, source: 'environment', reason };
    } catch (error) {
      throw new FrameloomError(
        'not-found',
        `${variable} names ${path}, which cannot be used as ${program}: ${messageOf(error)}`,
        { hint: `correct ${variable} or unset it`, path, cause: error },
      );
    }
  }
  return undefined;
}

async function onPath(program: Program): Promise<Found | string> {
  let refused = '';
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, executable(program));
    try {
      await access(path, constants.X_OK);
      if (!(await stat(path)).isFile()) continue;
      const version = await askVersion(path, program);
      if (version.recent) {
        const { name, fpsMode } = version;
        return { path, version: name, fpsMode, source: 'path', reason: `${path} is on PATH` };
      }
      refused ||= `${path} is ${version.name}, older than ${OLDEST_NAME}`;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        refused ||= `${path} cannot be used: ${messageOf(error)}`;
      }
    }
  }
  return refused === '' ? `no ${program} on PATH` : refused;
}

/** The pair that set-up fetched from npm, where somebody asked it to. */
async function fetched(program: Program): Promise<Found | string> {
  const folder = provided('ffmpeg', { cache: cacheFolder() })?.paths.folder;
  if (folder === undefined) return 'none was fetched by set-up';
  const path = join(folder, executable(program));
  try {
    const { name: version, fpsMode } = await askVersion(path, program);
    return { path, version, fpsMode, source: 'package', reason: `set-up fetched ${path}` };
  } catch (error) {
    return `${path} does not run: ${messageOf(error)}`;
  }
}

async function locate(program: Program): Promise<Found> {
  const named = await fromEnvironment(program);
  if (named) return named;
  const system = await onPath(program);
  if (typeof system !== 'string') return system;
  const carried = await fetched(program);
  if (typeof carried !== 'string') {
    return { ...carried, reason: `${system}${REASON_SEPARATOR}${carried.reason}` };
  }
  throw new FrameloomError(
    'not-found',
    `there is no ${program}: ${system}${REASON_SEPARATOR}${carried}`,
    {
      hint: installHint(),
    },
  );
}

/** ffprobe mostly lies beside the ffmpeg that the user named. */
async function locateProbe(ffmpeg: Found, usual: Promise<Found>): Promise<Found> {
  const anyNamed = VARIABLES.ffprobe.some((variable) => (process.env[variable] ?? '') !== '');
  if (ffmpeg.source !== 'package' && !anyNamed) {
    const beside = join(dirname(ffmpeg.path), executable('ffprobe'));
    const known = await usual.catch(() => undefined);
    if (known?.path === beside) {
      return { ...known, source: ffmpeg.source, reason: `it lies beside ffmpeg` };
    }
    try {
      const { name, fpsMode } = await askVersion(beside, 'ffprobe');
      return {
        path: beside,
        version: name,
        fpsMode,
        source: ffmpeg.source,
        reason: `it lies beside ffmpeg`,
      };
    } catch {
      // Not there: look as for ffmpeg.
    }
  }
  return usual;
}

async function find(): Promise<FfmpegPrograms> {
  // Mostly the one that will be wanted: asked while ffmpeg is, and what fails is told below.
  const early = locate('ffprobe');
  early.catch(() => undefined);
  const ffmpeg = await locate('ffmpeg');
  const ffprobe = await locateProbe(ffmpeg, early);
  return {
    ffmpegPath: ffmpeg.path,
    ffprobePath: ffprobe.path,
    version: ffmpeg.version,
    fpsMode: ffmpeg.fpsMode,
    source: ffmpeg.source,
    ffprobeSource: ffprobe.source,
    reason: ffmpeg.reason,
  };
}

/**
 * The environment for a program. Static Linux builds, the npm-carried ones among them, crash when
 * they load glibc's character set modules of another version than they were linked with (any
 * MPEG-TS with a service name makes them). With no modules to load they take names as they are.
 */
export function environmentFor(program: string): NodeJS.ProcessEnv {
  if (!staticPrograms.has(program) || process.platform !== 'linux') return process.env;
  return { ...process.env, GCONV_PATH: dirname(program) };
}

const found = new Map<string, Promise<FfmpegPrograms>>();

/**
 * Finds ffmpeg and ffprobe: FRAMELOOM_FFMPEG or FFMPEG_PATH (FRAMELOOM_FFPROBE, FFPROBE_PATH), then
 * PATH from version 4.4 on, then the binaries that npm packages carry. Asked once for each
 * environment.
 * @throws FrameloomError not-found
 */
export function findFfmpeg(): Promise<FfmpegPrograms> {
  const key = [...VARIABLES.ffmpeg, ...VARIABLES.ffprobe, 'PATH']
    .map((variable) => process.env[variable] ?? '')
    .join('\0');
  let programs = found.get(key);
  if (!programs) {
    programs = find();
    found.set(key, programs);
    // A failure is not remembered: the user may mend it while we run.
    programs.catch(() => found.delete(key));
  }
  return programs;
}
