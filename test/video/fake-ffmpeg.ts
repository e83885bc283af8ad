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

/** Sizes of frames that it can send, pixels. */
const SIZES = [
  [8, 8],
  [768, 576],
] as const;

/** A small program that misbehaves in the place of one of the two: `script` is what it does when run. */
export async function fakeFfmpeg(
  script: string,
  program: 'ffmpeg' | 'ffprobe' = 'ffmpeg',
): Promise<FakeFfmpeg> {
  const { ffmpegPath, ffprobePath } = await findFfmpeg();
  const path = scratchPath(`fake-${program}.cjs`);
  const timeBase = { num: 1, den: 25 };
  // What stands before the first frame of a stream, and before each.
  const heads = SIZES.map(([width, height]) => {
    const head = nutHeader({ width, height, tag: rawTag('rgb24'), timeBase, frameRate: timeBase });
    const each = nutFrameHeader(0, frameBytes(width, height, 'rgb24'));
    return [`${width}x${height}`, [head.toString('base64'), each.toString('base64')]] as const;
  });
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
const heads = ${JSON.stringify(Object.fromEntries(heads))};
let begun = false;
/** The next frame of its output, the stream's head before the first. */
const frame = (width = 8, height = 8) => {
  const [head, each] = heads[width + 'x' + height].map((text) => Buffer.from(text, 'base64'));
  const parts = [...(begun ? [] : [head]), each, Buffer.alloc(width * height * 3, 7)];
  begun = true;
  return Buffer.concat(parts);
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
export async function eventually(condition: () => boolean, withinMs = 20_000): Promise<boolean> {
  const end = Date.now() + withinMs;
  while (!condition() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
  return condition();
}
