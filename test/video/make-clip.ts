import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { environmentFor } from '../../src/video/ffmpeg-path.js';
import { findFfmpeg } from '../../src/video/index.js';

const run = promisify(execFile);
let folder: string | undefined;
let made = 0;

/** A folder for this test process, removed when it exits. */
export function scratchFolder(): string {
  if (folder === undefined) {
    const path = mkdtempSync(join(tmpdir(), 'frameloom-test-'));
    process.on('exit', () => rmSync(path, { recursive: true, force: true }));
    folder = path;
  }
  return folder;
}

/** A path that nothing has yet, in the scratch folder. */
export function scratchPath(name: string): string {
  made += 1;
  return join(scratchFolder(), `${made}-${name}`);
}

/** Runs ffmpeg with these arguments; its stdout as bytes. */
export async function runFfmpeg(...args: string[]): Promise<Buffer> {
  const { ffmpegPath } = await findFfmpeg();
  const { stdout } = await run(ffmpegPath, ['-v', 'error', '-nostdin', '-y', ...args], {
    encoding: 'buffer',
    env: environmentFor(ffmpegPath),
    maxBuffer: 2 ** 28,
  });
  return stdout;
}

export interface ClipOptions {
  /** Pixels. Default 64 × 36. */
  width?: number;
  height?: number;
  /** Default 12. */
  frames?: number;
  /** Default 25. */
  fps?: number | string;
  /** Default `clip.mp4`: the extension chooses container and codec. */
  name?: string;
  /** A lavfi source instead of the moving test picture, without size and rate: `color=red`. */
  source?: string;
  /** ffmpeg filters on the source. */
  filter?: string;
  /** Adds a 440 Hz tone of that long. */
  toneSeconds?: number;
  /** Further output options, such as `-pix_fmt yuv420p10le`. */
  options?: string[];
}

/** Clips that this process has made, by what ffmpeg was told. Nobody is given them themselves. */
const clips = new Map<string, Promise<string>>();

/** Makes a small clip with ffmpeg and returns its path: a file of the caller's own. */
export async function makeClip(clip: ClipOptions = {}): Promise<string> {
  const { ffmpegPath } = await findFfmpeg();
  const { name = 'clip.mp4', ...picture } = clip;
  if (/%\d*d/.test(name)) return encodeClip(scratchPath(name), picture);
  const key = JSON.stringify([ffmpegPath, extname(name), picture]);
  const made = clips.get(key) ?? encodeClip(scratchPath(`original${extname(name)}`), picture);
  clips.set(key, made);
  const path = scratchPath(name);
  await copyFile(await made, path);
  return path;
}

async function encodeClip(path: string, clip: Omit<ClipOptions, 'name'>): Promise<string> {
  const { width = 64, height = 36, frames = 12, fps = 25, source = 'testsrc2' } = clip;
  const separator = source.includes('=') ? ':' : '=';
  const tone =
    clip.toneSeconds === undefined
      ? []
      : ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${clip.toneSeconds}`];
  await runFfmpeg(
    ...['-f', 'lavfi', '-i', `${source}${separator}size=${width}x${height}:rate=${fps}`],
    ...tone,
    // Not -frames:v, with which old builds cut the sound short.
    ...[
      '-vf',
      [...(clip.filter === undefined ? [] : [clip.filter]), `trim=end_frame=${frames}`].join(','),
    ],
    ...['-pix_fmt', 'yuv420p'],
    ...(clip.options ?? []),
    path,
  );
  return path;
}

/** A copy of an mp4 that players turn clockwise, by its track header's matrix. */
export function turnClip(path: string, degrees: 90 | 180 | 270): string {
  const bytes = readFileSync(path);
  const matrix = bytes.indexOf('tkhd') + 44;
  const [cos, sin] = { 90: [0, 1], 180: [-1, 0], 270: [0, -1] }[degrees] as [number, number];
  [cos, sin, 0, -sin, cos, 0].forEach((value, i) =>
    bytes.writeInt32BE(value * 65_536, matrix + 4 * i),
  );
  const turned = scratchPath(`turned-${degrees}.mp4`);
  writeFileSync(turned, bytes);
  return turned;
}
