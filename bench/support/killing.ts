import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomStream } from '../../src/base/random.js';
import { isTemporary } from '../../src/base/temporaries.js';
import type { ManifestEntry } from '../../src/synthesis/batch/manifest.js';
import { planBatch } from '../../src/synthesis/batch/template.js';
import { decodeFrames } from '../../src/video/index.js';

/** Films and numbered pictures of the same clips, all in one folder. */
const TEMPLATES = ['{name}.mkv', '{name}-%03d.png'];

export interface KillOptions {
  /** Words of a shell that is Frameloom: `node dist/cli/main.js`. */
  readonly program: readonly string[];
  /** An exported generator. */
  readonly model: string;
  readonly clips: readonly string[];
  /** Where rounds are made, each in a folder of its own. */
  readonly folder: string;
  readonly processes: number;
  readonly kills: number;
  readonly seed: number;
  /** From the moment on at which one is at work, or from the last kill: at most this. */
  readonly latestMs: number;
  readonly onRound?: (round: Round) => void;
}

/** One list of work, done in spite of all. */
export interface Round {
  readonly kills: number;
  /** Of the kills, those of a process that was writing. */
  readonly killedAtWork: number;
  readonly outputs: number;
  readonly seconds: number;
  /** All that is not as it should be. */
  readonly faults: readonly string[];
}

function commandOf({ program, model, clips }: KillOptions, template: string): string[] {
  return [...program, '--quiet', 'generate', model, '-i', ...clips, '-o', template, '--json'];
}

interface Running {
  readonly kill: () => void;
  readonly isAtWork: () => Promise<boolean>;
  readonly ended: Promise<{ code: number | null; stderr: string }>;
}

function start(words: readonly string[], folder: string): Running {
  const [command = '', ...rest] = words;
  const child = spawn(command, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const isOurs = (name: string): boolean => name.split('-')[1] === String(child.pid);
  return {
    kill: () => child.kill('SIGKILL'),
    isAtWork: async () => (await readdir(folder).catch(() => [])).some(isOurs),
    ended: once(child, 'close').then(([code]) => ({ code: code as number | null, stderr })),
  };
}

/** What a place holds when decoded: two files of the same frames need not be the same bytes. */
async function framesOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  let frames = 0;
  await decodeFrames(path).forEach(({ data }) => {
    hash.update(data);
    frames += 1;
  });
  return `${frames} frames ${hash.digest('hex')}`;
}

const outputsOf = ({ clips }: KillOptions, folder: string): string[] =>
  TEMPLATES.flatMap((template) =>
    planBatch({ inputs: clips, seeds: [1], template: join(folder, template) }),
  ).map(({ output }) => output);

/** What each output holds that was made without being disturbed, by its name. */
async function reference(options: KillOptions): Promise<Map<string, string>> {
  const folder = join(options.folder, 'undisturbed');
  for (const template of TEMPLATES) {
    const { code, stderr } = await start(commandOf(options, join(folder, template)), folder).ended;
    if (code !== 0) throw new Error(`the undisturbed batch ended with ${code}: ${stderr}`);
  }
  const right = new Map<string, string>();
  for (const output of outputsOf(options, folder)) {
    right.set(basename(output), await framesOf(output));
  }
  return right;
}

async function faultsIn(
  folder: string,
  outputs: readonly string[],
  right: ReadonlyMap<string, string>,
): Promise<string[]> {
  const faults: string[] = [];
  for (const output of outputs) {
    const name = basename(output);
    const found = await framesOf(output).catch((error: unknown) => String(error));
    if (found !== right.get(name)) faults.push(`${name}: ${found}, not ${right.get(name)}`);
  }
  const lines = (await readFile(join(folder, 'frameloom-manifest.jsonl'), 'utf8')).split('\n');
  const times = new Map<string, number>();
  for (const line of lines) {
    if (!line.endsWith('}') || !line.startsWith('{')) continue; // cut short by a kill
    const { output } = JSON.parse(line) as ManifestEntry;
    times.set(output, (times.get(output) ?? 0) + 1);
  }
  for (const output of outputs) {
    const made = times.get(basename(output)) ?? 0;
    if (made !== 1) faults.push(`${basename(output)}: ${made} lines in the manifest`);
  }
  const left = (await readdir(folder, { recursive: true })).filter(
    (name) => isTemporary(basename(name)) || name.startsWith('.frameloom-claims'),
  );
  return [...faults, ...left.map((name) => `left: ${name}`)];
}

/** Waits for processes that are at work; none where nothing more is to be killed. */
async function someAtWork(running: ReadonlyMap<number, Running>, left: number): Promise<Running[]> {
  while (left > 0 && running.size > 0) {
    const found: Running[] = [];
    for (const process of running.values()) if (await process.isAtWork()) found.push(process);
    if (found.length > 0) return found;
    await sleep(5);
  }
  return [];
}

/** Kills processes of a batch again and again, begins them anew, and looks at what came of it. */
export async function killAgainAndAgain(options: KillOptions): Promise<Round[]> {
  const random = randomStream(options.seed, 'eval', 'killing');
  const right = await reference(options);
  const rounds: Round[] = [];
  let left = options.kills;
  while (left > 0) {
    const started = performance.now();
    const folder = join(options.folder, `round-${rounds.length + 1}`);
    const round = { kills: 0, killedAtWork: 0 };
    const faults: string[] = [];
    const running = new Map<number, Running>();
    let pending = options.processes;
    const launch = (i: number): void => {
      const template = TEMPLATES[i % TEMPLATES.length]!;
      const process = start(commandOf(options, join(folder, template)), folder);
      running.set(i, process);
      void process.ended.then(({ code, stderr }) => {
        if (code === null) return launch(i); // killed by us
        if (code !== 0 || stderr !== '') faults.push(`process ${i} ended with ${code}: ${stderr}`);
        running.delete(i);
        pending -= 1;
      });
    };
    for (let i = 0; i < options.processes; i += 1) launch(i);
    while (pending > 0) {
      // One of four is killed whatever it does, which is mostly to start.
      const victims =
        random.uniform() < 0.25 ? [...running.values()] : await someAtWork(running, left);
      const victim = victims[Math.floor(random.uniform() * victims.length)];
      await sleep(random.uniform() * options.latestMs);
      if (!victim || left === 0 || ![...running.values()].includes(victim)) continue;
      if (await victim.isAtWork()) round.killedAtWork += 1;
      victim.kill();
      round.kills += 1;
      left -= 1;
    }
    const outputs = outputsOf(options, folder);
    faults.push(...(await faultsIn(folder, outputs, right)));
    const seconds = (performance.now() - started) / 1000;
    rounds.push({ ...round, outputs: outputs.length, seconds, faults });
    options.onRound?.(rounds.at(-1)!);
  }
  return rounds;
}
