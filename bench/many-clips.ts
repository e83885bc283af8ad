/**
 * How long many clips take: to look at them all for the first time, again, and to stop a training of them
 * in the middle of an evaluation. Clips of eight sizes, six codecs, seven rates and four turns, as
 * people's folders hold them, are made by ffmpeg and kept for the next time.
 *
 *   npm run bench -- --only many-clips
 *   npx tsx bench/many-clips.ts [--clips 300] [--folder DIR] [--program dist/cli/main.js] [--quick]
 *
 * Writes bench/results/many-clips.json; exits with 1 where a training goes on for more than two seconds
 * after Ctrl-C.
 */
import './support/help.js';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sideBySide } from '../src/clips/side-by-side.js';
import { findFfmpeg } from '../src/video/index.js';
import { inBench, say, writeResult } from './support/files.js';
import { machineReport } from './support/machine.js';

const { values } = parseArgs({
  options: {
    clips: { type: 'string' },
    folder: { type: 'string', default: join(tmpdir(), 'frameloom-many-clips') },
    program: { type: 'string', default: inBench('../dist/cli/main.js') },
    quick: { type: 'boolean', default: false },
  },
});
const count = Number(values.clips ?? (values.quick ? 30 : 300));
const { folder, program } = values;
const clips = join(folder, `clips-${count}`);

const SIZES = [
  '320x180',
  '426x240',
  '640x360',
  '480x360',
  '352x288',
  '270x480',
  '854x480',
  '96x72',
];
const RATES = ['24', '25', '30', '30000/1001', '50', '15', '60'];
const CODECS: readonly (readonly [extension: string, ...options: string[]])[] = [
  ['mp4', '-c:v', 'libx264', '-preset', 'ultrafast'],
  ['mkv', '-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2'],
  ['avi', '-c:v', 'mpeg4'],
  ['webm', '-c:v', 'libvpx', '-cpu-used', '8', '-deadline', 'realtime'],
  ['mov', '-c:v', 'mjpeg', '-q:v', '5'],
  ['ts', '-c:v', 'mpeg2video'],
];
const TURNS = ['0', '90', '180', '270'];
const SECONDS = '1.6';

async function runFfmpeg(...args: string[]): Promise<void> {
  const { ffmpegPath } = await findFfmpeg();
  const child = spawn(ffmpegPath, ['-v', 'error', '-nostdin', '-y', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`ffmpeg ${args.join(' ')} ended with ${code}`);
}

const of = <T>(list: readonly T[], k: number): T => list[k % list.length]!;

async function makeClip(k: number): Promise<void> {
  const [extension, ...codec] = of(CODECS, k);
  const path = join(clips, `${String(k).padStart(4, '0')}.${extension}`);
  if (existsSync(path)) return;
  const source = `testsrc2=size=${of(SIZES, k)}:rate=${of(RATES, k)}:duration=${SECONDS}`;
  const made = join(folder, `making-${k}.${extension}`);
  const turn = extension === 'mp4' && k % 24 === 0 ? of(TURNS, k / 24) : '0';
  const filter = `hue=h=${(k * 37) % 360}`;
  await runFfmpeg(
    '-f',
    'lavfi',
    '-i',
    source,
    '-vf',
    filter,
    ...codec,
    '-pix_fmt',
    extension === 'mov' ? 'yuvj420p' : 'yuv420p',
    made,
  );
  if (turn !== '0') {
    const turned = join(folder, `turned-${k}.mp4`);
    await runFfmpeg('-i', made, '-c', 'copy', '-metadata:s:v', `rotate=${turn}`, turned);
    await rm(made);
    await runFfmpeg('-i', turned, '-c', 'copy', path);
    await rm(turned);
    return;
  }
  await runFfmpeg('-i', made, '-c', 'copy', path);
  await rm(made);
}

interface Timed {
  readonly seconds: number;
  readonly code: number | null;
}

/** Runs the command line, and stops it by Ctrl-C once it says something. */
async function timed(args: readonly string[], stopAt?: RegExp): Promise<Timed> {
  const child = spawn(process.execPath, [program, ...args], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, FRAMELOOM_CACHE: join(folder, 'cache') },
  });
  let from = performance.now();
  let said = '';
  const state = { isStopped: false };
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (state.isStopped || !stopAt?.test(said)) return;
    state.isStopped = true;
    from = performance.now();
    process.kill(-child.pid!, 'SIGINT');
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (stopAt && !state.isStopped) throw new Error(`it ended before it was stopped:\n${said}`);
  if (!stopAt && code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${said}`);
  return { seconds: (performance.now() - from) / 1000, code };
}

await mkdir(clips, { recursive: true });
say(`${count} clips in ${clips}`);
await sideBySide(
  Array.from({ length: count }, (_, k) => k),
  (k) => makeClip(k),
);
const pipeline = join(folder, 'many.yaml');
await writeFile(
  pipeline,
  `data: {clips: [${clips}], size: 64x48, fps: 15, condition: edges}
generator: {preset: tiny}
training: {steps: 100000, evaluateEverySteps: 5, sampleEverySteps: 100000}
`,
);
await rm(join(folder, 'cache'), { recursive: true, force: true });

const first = await timed(['check', pipeline]);
say(`check, the first time: ${first.seconds.toFixed(1)} s`);
const again = await timed(['check', pipeline]);
say(`check, again: ${again.seconds.toFixed(1)} s`);
const run = join(folder, 'run');
await rm(run, { recursive: true, force: true });
// Progress that is not drawn on a terminal is a line each ten seconds; the first one is at once.
const stopped = await timed(['train', pipeline, '--run', run], /held-out|steps ·/);
say(`train, from Ctrl-C to its end: ${stopped.seconds.toFixed(1)} s`);
await rm(join(folder, 'cache'), { recursive: true, force: true });
const opening = await timed(
  ['train', pipeline, '--run', `${run}-opening`],
  /clips (looked at|read)/,
);
say(`train, from Ctrl-C while clips are read to its end: ${opening.seconds.toFixed(1)} s`);

await writeResult(
  'many-clips.json',
  `${JSON.stringify({ machine: machineReport(), clips: count, first: first.seconds, again: again.seconds, stopped: stopped.seconds, stoppedWhileReading: opening.seconds }, null, 2)}\n`,
);
if (Math.max(stopped.seconds, opening.seconds) > 2) process.exitCode = 1;
