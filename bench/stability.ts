/**
 * Does a training that looks at itself get through what tips one that does not? Trains settings that are
 * each hostile in a way of their own, with control (`training.stability: auto`) and without, with several
 * seeds, every run in a process of its own and for a fixed number of steps, so that a busy machine changes
 * nothing but the time. Where it ends is measured on held-out frames; a few healthy settings show what
 * control costs. docs/stability.md says what the numbers mean.
 *
 *   npm run bench -- --only stability
 *   npx tsx bench/stability.ts [--only SETTING,…] [--seeds 1,2,3] [--control off,on] [--jobs 1] [--again]
 *     [--program dist/cli/main.js] [--results bench/results/stability] [--picture PNG] [--quick] [--list]
 *
 * Every run leaves a result in the folder of results, and what is there already is not made again unless
 * something else is asked of it or --again is given: so a campaign goes on where it was stopped, and may be
 * made in parts. Writes bench/results/stability.json, .md and .png of all that is there. Exits with 1 where
 * a run with control has collapsed, or one could not be made.
 */
import './support/help.js';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/base/error.js';
import { inBench, say, writeResult } from './support/files.js';
import { machineReport } from './support/machine.js';
import {
  CONTROLS,
  askedOf,
  inProcesses,
  makeRun,
  resultSchema,
  type Control,
  type Result,
  type RunOptions,
} from './stability/one-run.js';
import { endingOf, healthyTable, hostileTable, writePicture } from './stability/report.js';
import { drawScene } from './stability/scenes.js';
import { SETTINGS, keysOf, type Keys } from './stability/settings.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seeds: { type: 'string' },
    control: { type: 'string', default: CONTROLS.join(',') },
    jobs: { type: 'string', default: '1' },
    again: { type: 'boolean', default: false },
    program: { type: 'string', default: inBench('../dist/cli/main.js') },
    results: { type: 'string', default: inBench('results/stability') },
    picture: { type: 'string', default: inBench('results/stability.png') },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

function among<T extends string>(flag: string, text: string, known: readonly T[]): T[] {
  return text.split(',').map((word) => {
    const found = known.find((name) => name === word);
    if (found === undefined) throw new Error(`--${flag} ${word}: there are ${known.join(', ')}`);
    return found;
  });
}

function numbers(flag: string, text: string): number[] {
  return text.split(',').map((word) => {
    const value = Number(word);
    if (!Number.isInteger(value) || value < 1) {
      throw new Error(`--${flag} ${word}: give whole numbers from 1`);
    }
    return value;
  });
}

/** Whether it goes through at all. */
const QUICK: Keys = { 'training.steps': 4 };
const names = SETTINGS.map(({ name }) => name);
const only = among('only', values.only ?? (values.quick ? names[0]! : names.join(',')), names);
const seeds = numbers('seeds', values.seeds ?? (values.quick ? '1' : '1,2,3'));
const controls = among('control', values.control, CONTROLS);
const [jobs = 1] = numbers('jobs', values.jobs);
const program = resolve(values.program);
const folder = resolve(values.results);

if (values.list) {
  for (const { name, about } of SETTINGS) say(`${name.padEnd(24)} ${about}`);
  process.exit();
}
if (!existsSync(program)) throw new Error(`there is no ${program}: npm run build makes it`);

const [media, runs] = [join(folder, 'media'), join(folder, 'runs')];
for (const path of [media, runs]) await mkdir(path, { recursive: true });
const labelOf = (setting: string, seed: number, control: Control): string =>
  `${setting}-seed${seed}-${control}`;
const pictureOf = (setting: string, seed: number, control: Control): string =>
  join(folder, `${labelOf(setting, seed, control)}.png`);
const resultPath = (label: string): string => join(folder, `${label}.json`);

async function resultAt(label: string): Promise<Result | undefined> {
  if (!existsSync(resultPath(label))) return undefined;
  return resultSchema.parse(JSON.parse(await readFile(resultPath(label), 'utf8')));
}

/** Makes one run and keeps what it says; the run itself is not kept. */
async function make(label: string, asked: Omit<RunOptions, 'frameloom' | 'folder'>) {
  const run = join(runs, label);
  const result = await makeRun({ ...asked, frameloom: inProcesses(program), folder: run });
  const picture = join(run, 'evaluation.png');
  await rm(pictureOf(asked.setting, asked.seed, asked.control), { force: true });
  if (existsSync(picture)) {
    await copyFile(picture, pictureOf(asked.setting, asked.seed, asked.control));
  }
  await writeFile(resultPath(label), `${JSON.stringify(result, null, 2)}\n`);
  await rm(run, { recursive: true, force: true });
  await rm(`${run}.yaml`, { force: true });
  return result;
}

const tell = (label: string, { collapsed, measured, acts, seconds }: Result): void => {
  const number = (value: number | null | undefined): string => value?.toFixed(2) ?? '–';
  const words = Object.keys(collapsed).join(', ') || 'well';
  const acted = Object.entries(acts).map(([act, times]) => `${times} × ${act}`);
  say(
    [
      `${label}: ${words}`,
      `checker ${number(measured?.checker)}, motion ${number(measured?.motion)}, condition use ${number(measured?.conditionUse)}, diversity ${number(measured?.diversity)}`,
      `${number(measured?.psnr)} dB (mean frame ${number(measured?.meanFramePsnr)}), SSIM ${number(measured?.ssim)}`,
      ...(acted.length > 0 ? [acted.join(', ')] : []),
      `${seconds.train.toFixed(0)} + ${seconds.evaluate.toFixed(0)} s`,
    ].join(' · '),
  );
};

// Seed by seed, so that a part of a campaign says something of every setting.
const wanted = seeds.flatMap((seed) =>
  SETTINGS.filter(({ name }) => only.includes(name)).flatMap((setting) =>
    controls.map((control) => ({ setting, seed, control })),
  ),
);
// Two runs that draw one scene at once would write one file.
const scenes = new Map<string, Promise<string>>();
const scene: Parameters<typeof keysOf>[1] = (name, isLabel) => {
  const key = `${name} ${String(isLabel)}`;
  const path = scenes.get(key) ?? drawScene(media, name, isLabel);
  scenes.set(key, path);
  return path;
};

const waiting = [...wanted];
const failed: string[] = [];
async function work(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { setting, seed, control } = next;
    const keys = { ...(await keysOf(setting, scene)), ...(values.quick && QUICK) };
    const asked = { setting: setting.name, keys, seed, control };
    const label = labelOf(setting.name, seed, control);
    const there = values.again ? undefined : await resultAt(label);
    if (there?.asked === askedOf(asked)) continue;
    try {
      tell(label, await make(label, asked));
    } catch (error) {
      failed.push(`${label}: ${messageOf(error)}`);
      say(failed.at(-1)!);
    }
  }
}
await Promise.all(Array.from({ length: jobs }, work));

const everything: Result[] = [];
for (const { name } of SETTINGS) {
  for (const control of CONTROLS) {
    for (let seed = 1; seed <= Math.max(9, ...seeds); seed += 1) {
      const result = await resultAt(labelOf(name, seed, control));
      if (result) everything.push(result);
    }
  }
}
const hostile = everything.filter(({ setting }) => !setting.startsWith('healthy'));
const side = (control: Control): Result[] => hostile.filter((one) => one.control === control);
const totals = `Without control ${endingOf(side('off'))}; with it ${endingOf(side('on'))}.`;
const shown = await writePicture(resolve(values.picture), everything, pictureOf);
const text = `${hostileTable(everything)}\n${totals}\n\n${healthyTable(everything)}`;
await writeResult('stability.md', text);
await writeResult(
  'stability.json',
  `${JSON.stringify({ machine: machineReport(), results: everything }, null, 2)}\n`,
);
say(`\n${text}\npicture: ${shown.length === 0 ? 'none, nothing collapsed' : shown.join(', ')}`);
for (const one of failed) say(`not made: ${one}`);
if (failed.length > 0 || side('on').some(({ collapsed }) => Object.keys(collapsed).length > 0))
  process.exitCode = 1;
