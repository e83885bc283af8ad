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
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/base/error.js';
import { among, counted, numbers } from './support/arguments.js';
import { inBench, say, writeResult } from './support/files.js';
import { machineReport } from './support/machine.js';
import {
  CONTROLS,
  inProcesses,
  makeRun,
  resultSchema,
  type Control,
  type Result,
  type RunOptions,
} from './stability/one-run.js';
import { endingOf, healthyTable, hostileTable, writePicture } from './stability/report.js';
import { drawScene } from './stability/scenes.js';
import { SETTINGS, askedOf, keysOf, type Keys } from './stability/settings.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seeds: { type: 'string' },
    control: { type: 'string', default: CONTROLS.join(',') },
    jobs: { type: 'string', default: '1' },
    again: { type: 'boolean', default: false },
    program: { type: 'string', default: inBench('../dist/cli/main.js') },
    results: { type: 'string' },
    picture: { type: 'string' },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

/** Whether it goes through at all. */
const QUICK: Keys = { 'training.steps': 4 };
const names = SETTINGS.map(({ name }) => name);
const only = among('only', values.only ?? (values.quick ? names[0]! : names.join(',')), names);
const seeds = numbers('seeds', values.seeds ?? (values.quick ? '1' : '1,2,3'));
const controls = among('control', values.control, CONTROLS);
const jobs = counted('jobs', values.jobs);
const program = resolve(values.program);

if (values.list) {
  for (const { name, about } of SETTINGS) say(`${name.padEnd(24)} ${about}`);
  process.exit();
}
if (!existsSync(program)) throw new Error(`there is no ${program}: npm run build makes it`);

// What a few steps come to is no result of a campaign.
const folder =
  values.results === undefined && values.quick
    ? await mkdtemp(join(tmpdir(), 'frameloom-stability-'))
    : resolve(values.results ?? inBench('results/stability'));
const [media, runs] = [join(folder, 'media'), join(folder, 'runs')];
for (const path of [media, runs]) await mkdir(path, { recursive: true });
const labelOf = (setting: string, seed: number, control: Control): string =>
  `${setting}-seed${seed}-${control}`;
const pictureOf = (setting: string, seed: number, control: Control): string =>
  join(folder, `${labelOf(setting, seed, control)}.png`);
const resultPath = (label: string): string => join(folder, `${label}.json`);

/** What was made of just this before. */
async function resultAt(label: string, asked: string): Promise<Result | undefined> {
  if (!existsSync(resultPath(label))) return undefined;
  const result = resultSchema.parse(JSON.parse(await readFile(resultPath(label), 'utf8')));
  return result.asked === asked ? result : undefined;
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
    const label = labelOf(setting.name, seed, control);
    const asked = values.quick ? 'quick' : await askedOf(setting, seed, control);
    if (!values.again && (await resultAt(label, asked))) continue;
    const keys = { ...(await keysOf(setting, scene)), ...(values.quick && QUICK) };
    try {
      tell(label, await make(label, { setting: setting.name, keys, seed, control, asked }));
    } catch (error) {
      failed.push(`${label}: ${messageOf(error)}`);
      say(failed.at(-1)!);
    }
  }
}
await Promise.all(Array.from({ length: jobs }, work));

for (const one of failed) say(`not made: ${one}`);
if (values.quick) {
  await rm(folder, { recursive: true, force: true });
  process.exit(failed.length > 0 ? 1 : 0);
}

const everything: Result[] = [];
const files = await readdir(folder);
for (const setting of SETTINGS) {
  for (const control of CONTROLS) {
    const made = files.flatMap((file) => {
      const [, name, seed] = /^(.*)-seed(\d+)-(?:on|off)\.json$/.exec(file) ?? [];
      return name === setting.name && file.endsWith(`-${control}.json`) ? Number(seed) : [];
    });
    for (const seed of made.sort((a, b) => a - b)) {
      const label = labelOf(setting.name, seed, control);
      const result = await resultAt(label, await askedOf(setting, seed, control));
      if (result) everything.push(result);
      else say(`${label}: its setting has changed since, and it is left out`);
    }
  }
}
const isHealthy = new Set(SETTINGS.flatMap(({ name, healthy }) => (healthy ? [name] : [])));
const side = (control: Control): Result[] =>
  everything.filter((one) => one.control === control && !isHealthy.has(one.setting));
const totals = `Without control ${endingOf(side('off'))}; with it ${endingOf(side('on'))}.`;
const picture = resolve(values.picture ?? inBench('results/stability.png'));
const shown = await writePicture(picture, everything, pictureOf);
const text = `${hostileTable(everything)}\n${totals}\n\n${healthyTable(everything)}`;
await writeResult('stability.md', text);
await writeResult(
  'stability.json',
  `${JSON.stringify({ machine: machineReport(), results: everything }, null, 2)}\n`,
);
say(`\n${text}\npicture: ${shown.length === 0 ? 'none, nothing collapsed' : shown.join(', ')}`);
if (
  failed.length > 0 ||
  everything.some(({ control, collapsed }) => control === 'on' && Object.keys(collapsed).length > 0)
) {
  process.exitCode = 1;
}
