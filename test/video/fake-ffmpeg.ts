import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { findFfmpeg } from '../../src/video/index.js';
import { nutFrameHeader, nutHeader, rawTag } from '../../src/video/nut.js';
import { frameBytes } from '../../src/video/pixel-format.js';
import { scratchPath } from './make-clip.js';

export interface FakeFfmpeg {
  /** The pid of its last run; undefined when it never ran. */
  pid(): number | undefined;
  /** Runs `body` with this program standing in for one of the two; the other stays the real one. */
  use<T>(body: () => Promise<T>): Promise<T>;
}

/** A small program that misbehaves in the place of one of the two: `script` is what it does when run. */
export async function fakeFfmpeg(
  script: string,
  program: 'ffmpeg' | 'ffprobe' = 'ffmpeg',
): Promise<FakeFfmpeg> {
  const { ffmpegPath, ffprobePath } = await findFfmpeg();
  const path = scratchPath(`fake-${program}.cjs`);
  const size = { width: 8, height: 8 };
  const timeBase = { num: 1, den: 25 };
  const head = nutHeader({ ...size, tag: rawTag('rgb24'), timeBase, frameRate: timeBase });
  const frameHead = nutFrameHeader(0, frameBytes(8, 8, 'rgb24'));
  const pidFile = `${path}.pid`;
  writeFileSync(
    path,
    `#!${process.execPath}
if (process.argv[2] === '-version') {
  console.log('${program} version 7.1 fake\\nlibavutil      59. 39.100 / 59. 39.100');
  process.exit(0);
}
const target = process.argv.at(-1).replace(/^file:/, '');
require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
let begun = false;
/** The next frame of its output, 8×8 pixels, the stream's head before the first. */
const frame = () => {
  const head = begun ? [] : [Buffer.from('${head.toString('base64')}', 'base64')];
  begun = true;
  return Buffer.concat([...head, Buffer.from('${frameHead.toString('base64')}', 'base64'), Buffer.alloc(192, 7)]);
};
${script}
`,
  );
  chmodSync(path, 0o755);
  return {
    pid: () => {
      const text = existsSync(pidFile) ? readFileSync(pidFile, 'utf8') : '';
      return text === '' ? undefined : Number(text);
    },
    use: async (body) => {
      const saved = { ...process.env };
      process.env.FRAMELOOM_FFMPEG = program === 'ffmpeg' ? path : ffmpegPath;
      process.env.FRAMELOOM_FFPROBE = program === 'ffprobe' ? path : ffprobePath;
      try {
        return await body();
      } finally {
        for (const name of ['FRAMELOOM_FFMPEG', 'FRAMELOOM_FFPROBE'] as const) {
          const value = saved[name];
          if (value === undefined) Reflect.deleteProperty(process.env, name);
          else process.env[name] = value;
        }
      }
    },
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until it holds, at most that long. */
export async function eventually(condition: () => boolean, withinMs = 3000): Promise<boolean> {
  const end = Date.now() + withinMs;
  while (!condition() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
  return condition();
}
