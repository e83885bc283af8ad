/**
 * How good is what it learns, given the same minutes as PyTorch? Trains the reference
 * implementation (bench/peers/train_reference.py) and Frameloom one after the other on one clip,
 * for the same minutes at the same size, and measures both in closed loop on the held-out fifth.
 *
 *   npx tsx bench/quality.ts --clip VIDEO [--size 128x72] [--minutes 8] [--python PATH] [--only frameloom]
 *
 * `node bench/peers/setup.mjs` makes the Python environment that is used unless --python is given.
 * Writes bench/results/quality-CLIP.json.
 */
import './support/help.js';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findFfmpeg } from '../src/video/index.js';

interface Measures {
  readonly psnr: number;
  readonly ssim: number;
  readonly sharpnessRatio: number | null;
  readonly temporalDifference: number | null;
  readonly realTemporalDifference: number | null;
}

interface Side {
  readonly steps: number;
  readonly rows: Readonly<Record<string, Measures>>;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const cli = here('../src/cli/main.ts');

/** Runs a program to its end with its words on our standard error. */
async function run(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((done, fail) => {
    child.on('error', fail);
    child.on('close', done);
  });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
  return output;
}

const frameloom = (...args: string[]): Promise<string> =>
  run(process.execPath, ['--import', 'tsx', cli, ...args]);

async function trainFrameloom(clip: string, size: string, minutes: string, folder: string) {
  const runFolder = join(folder, 'run');
  const trained = JSON.parse(
    await frameloom(
      'train',
      here('../pipelines/edges-to-video.yaml'),
      ...['--clip', clip, '--run', runFolder, '--max-minutes', minutes, '--json'],
      ...['--set', `data.size=${size}`],
    ),
  ) as { step: number };
  const evaluated = JSON.parse(await frameloom('evaluate', runFolder, '--json')) as {
    rows: Record<string, Measures>;
  };
  return { steps: trained.step, rows: evaluated.rows };
}

async function trainPytorch(
  python: string,
  clip: string,
  size: string,
  minutes: string,
  folder: string,
): Promise<Side> {
  const { ffmpegPath } = await findFfmpeg();
  const report = join(folder, 'pytorch.json');
  await run(python, [
    here('peers/train_reference.py'),
    ...['--clip', clip, '--size', size, '--minutes', minutes, '--threads', '2'],
    ...['--ffmpeg', ffmpegPath, '--json', report],
  ]);
  const { steps, heldOut } = JSON.parse(await readFile(report, 'utf8')) as {
    steps: number;
    heldOut: Record<string, Measures>;
  };
  return { steps, rows: heldOut };
}

function print(name: string, { steps, rows }: Side): void {
  const number = (value: number | null, digits: number): string =>
    value === null ? '–' : value.toFixed(digits);
  for (const [row, m] of Object.entries(rows)) {
    process.stdout.write(
      `${`${name} ${row}`.padEnd(24)} ${String(steps).padStart(6)} ${number(m.psnr, 2).padStart(7)} ${number(m.ssim, 3).padStart(7)} ${number(m.sharpnessRatio, 2).padStart(7)}  ${number(m.temporalDifference, 4)} / ${number(m.realTemporalDifference, 4)}\n`,
    );
  }
}

const { values } = parseArgs({
  options: {
    clip: { type: 'string' },
    size: { type: 'string', default: '128x72' },
    minutes: { type: 'string', default: '8' },
    python: { type: 'string', default: here('.venv/bin/python') },
    only: { type: 'string' },
  },
});
if (values.clip === undefined) throw new Error('name a video with --clip');
const clip = resolve(values.clip);
const folder = await mkdtemp(join(tmpdir(), 'frameloom-quality-'));
try {
  const sides: Record<string, Side> = {};
  if (values.only !== 'frameloom') {
    sides.pytorch = await trainPytorch(values.python, clip, values.size, values.minutes, folder);
  }
  if (values.only !== 'pytorch') {
    sides.frameloom = await trainFrameloom(clip, values.size, values.minutes, folder);
  }
  process.stdout.write(
    `${'row'.padEnd(24)} ${'steps'.padStart(6)} ${'PSNR'.padStart(7)} ${'SSIM'.padStart(7)} ${'sharp'.padStart(7)}  |Δt| made / real\n`,
  );
  for (const [name, side] of Object.entries(sides)) print(name, side);
  const results = here('results');
  await mkdir(results, { recursive: true });
  const path = join(results, `quality-${basename(clip).replace(/\.[^.]*$/, '')}.json`);
  const report = { clip: basename(clip), size: values.size, minutes: values.minutes, ...sides };
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
