/**
 * How good is what it learns? Trains Frameloom and, on the same weights, windows and schedules, its own networks
 * in PyTorch, and measures both with `frameloom evaluate`: held-out frames, in closed loop. docs/bench.md says how
 * the table is made.
 *
 *   npm run bench -- --only quality [flags]
 *   npx tsx bench/quality.ts [--clip FILE …] [--size 128x72] [--rows NAME,…] [--minutes N | --steps N]
 *     [--seeds 1,2,3] [--only frameloom|pytorch] [--long-frames N] [--stability auto|off] [--python PATH]
 *     [--threads N] [--results bench/results/quality] [--again] [--anyway] [--quick] [--list]
 *
 * Rows are of the sample that comes along, and of each --clip: outlines, at --size. Trainings take 8 minutes, that
 * of the demo 3, or --minutes; --steps compares on a busy machine too. --long-frames 3000 measures how a long
 * rollout drifts. --stability off leaves Frameloom nothing that PyTorch has not.
 *
 * Every run leaves a result in the folder of results, and what is there already is not made again unless something
 * else is asked of it, the sources have changed, or --again is given: so it goes on where it was stopped. Writes
 * bench/results/quality.json and .md. Exits with 1 where a run could not be made.
 */
import './support/help.js';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/base/error.js';
import { createLogger } from '../src/base/log.js';
import { makeRun, resultSchema, SIDES, type Result } from './quality/one-run.js';
import { qualityText } from './quality/report.js';
import {
  askedOf,
  clipRows,
  SAMPLE_ROWS,
  sourcesHash,
  type Length,
  type Row,
} from './quality/rows.js';
import { among, counted, numbers, positive } from './support/arguments.js';
import { say, writeResult, inBench } from './support/files.js';
import { isBusy, machineReport } from './support/machine.js';
import { peersPython } from './support/program.js';
import { parseSize, sizeText } from './support/settings.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clip: { type: 'string', multiple: true, default: [] },
    size: { type: 'string', default: '128x72' },
    rows: { type: 'string' },
    minutes: { type: 'string' },
    steps: { type: 'string' },
    seeds: { type: 'string' },
    only: { type: 'string' },
    'long-frames': { type: 'string' },
    stability: { type: 'string', default: 'auto' },
    python: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    results: { type: 'string' },
    again: { type: 'boolean', default: false },
    anyway: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});
// --clip a.mp4 b.mp4, as `frameloom train` takes them.
if (positionals.length > 0 && values.clip.length === 0) {
  throw new Error(`${positionals.join(' ')}: name clips with --clip`);
}
const clips = [...values.clip, ...positionals];
const missing = clips.find((clip) => !existsSync(clip));
if (missing !== undefined) throw new Error(`--clip ${missing}: there is no such file`);

/** Whether it goes through at all. */
const QUICK = { steps: 4, size: '64x36', evaluate: ['--max-frames', '16'], rows: 1 } as const;
const { quick } = values;
const size = sizeText(parseSize(quick ? QUICK.size : values.size));
const known = [...SAMPLE_ROWS, ...clipRows(clips, size)];
const names = known.map(({ name }) => name);
const chosen = among('rows', values.rows ?? names.join(','), names);
const rows: Row[] = known
  .filter(({ name }) => chosen.includes(name))
  .map((row) => (quick ? { ...row, set: [...row.set, `data.size=${size}`] } : row));
if (values.list) {
  for (const { name, about } of rows) say(`${name.padEnd(24)} ${about}`);
  process.exit();
}

const seeds = numbers('seeds', values.seeds ?? (quick ? '1' : '1,2,3'));
const sides = values.only === undefined ? [...SIDES] : among('only', values.only, SIDES);
const [stability = 'auto'] = among('stability', values.stability, ['auto', 'off'] as const);
const threads = counted('threads', values.threads);
const minutes = values.minutes === undefined ? null : positive('minutes', values.minutes);
const steps = values.steps === undefined ? null : counted('steps', values.steps);
if (minutes !== null && steps !== null) throw new Error('--minutes and --steps: give one of them');
const lengthOf = (row: Row): Length => {
  if (steps !== null) return { steps };
  return quick && minutes === null ? { steps: QUICK.steps } : { minutes: minutes ?? row.minutes };
};
const longFrames = values['long-frames'];
const evaluate = [
  ...(longFrames === undefined
    ? []
    : ['--long-frames', String(counted('long-frames', longFrames))]),
  ...(quick ? QUICK.evaluate : []),
];
const isByClock = rows.some((row) => 'minutes' in lengthOf(row));
if (isByClock && !values.anyway && !quick && isBusy()) {
  throw new Error(
    'the machine is busy: minutes hold fewer steps. Wait, compare by --steps, or give --anyway',
  );
}
const python = sides.includes('pytorch') ? (values.python ?? (await peersPython())) : '';

// What a few steps come to is no result.
const folder =
  values.results === undefined && quick
    ? await mkdtemp(join(tmpdir(), 'frameloom-quality-'))
    : resolve(values.results ?? inBench('results/quality'));
await mkdir(folder, { recursive: true });
const stop = new AbortController();
const isStopped = (): boolean => stop.signal.aborted;
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
const log = createLogger({ level: 'warn' });
const sources = await sourcesHash();

async function resultAt(path: string, asked: string): Promise<Result | undefined> {
  if (!existsSync(path)) return undefined;
  const result = resultSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
  return result.data?.asked === asked ? result.data : undefined;
}

function tell(label: string, { steps, rows: { generated, coldStart }, ...result }: Result): void {
  const ratio = (value: number | null): string => value?.toFixed(2) ?? '–';
  say(
    [
      `${label}: ${steps} steps, ${result.stepsPerSecond.toFixed(2)} a second`,
      `${generated.psnr.toFixed(2)} dB, SSIM ${generated.ssim.toFixed(3)} (cold ${coldStart.ssim.toFixed(3)})`,
      `sharpness ${ratio(generated.sharpnessRatio)}, checker ${ratio(generated.checkerRatio)}`,
      `${result.seconds.train.toFixed(0)} + ${result.seconds.evaluate.toFixed(0)} s`,
    ].join(' · '),
  );
}

const results: Result[] = [];
const failed: string[] = [];
// Side by side in time, so that a machine that changes changes both.
for (const row of rows) {
  for (const seed of seeds) {
    for (const side of sides) {
      if (isStopped()) continue;
      const label = `${row.name}-seed${seed}-${side}`;
      const path = join(folder, `${label}.json`);
      const length = lengthOf(row);
      const of = { seed, side, length };
      const asked = await askedOf(row, of, [stability, evaluate, threads, sources]);
      const made = values.again ? undefined : await resultAt(path, asked);
      if (made) {
        results.push(made);
        continue;
      }
      const run = join(folder, 'runs', label);
      try {
        const result = await makeRun({
          ...{ row, ...of, asked, stability, evaluate, python, threads, log },
          ...{ folder: run, signal: stop.signal },
        });
        await writeFile(path, `${JSON.stringify(result, null, 2)}\n`);
        results.push(result);
        tell(label, result);
      } catch (error) {
        if (isStopped()) continue;
        failed.push(`${label}: ${messageOf(error)}`);
        say(failed.at(-1)!);
      }
    }
  }
}
const text = qualityText(rows, results, { withDrift: longFrames !== undefined, lengthOf });
say(`\n${text}`);
for (const one of failed) say(`not made: ${one}`);
if (quick && values.results === undefined) await rm(folder, { recursive: true, force: true });
else {
  const settings = { seeds, minutes, steps, stability, longFrames: longFrames ?? null, threads };
  const report = { machine: machineReport(), sources, settings, results };
  await writeResult('quality.json', `${JSON.stringify(report, null, 2)}\n`);
  await writeResult('quality.md', text);
  say('written: bench/results/quality.json and quality.md');
}
if (isStopped()) process.exitCode = 130;
else if (failed.length > 0) process.exitCode = 1;
