/**
 * Trainings of several processes, one of which is killed or frozen at a random moment: every one of them has to end in time
 * and to leave its last snapshot whole, and what goes on from there has to be, byte for byte, what one that nothing happened to is.
 *
 *   npm run bench -- --only rank-campaign
 *   npx tsx bench/rank-campaign.ts [--kills 50] [--freezes 20] [--processes 2] [--seed 1] [--quick]
 *
 * Writes bench/results/rank-campaign.json.
 */
import './support/help.js';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { randomStream } from '../src/base/random.js';
import { listSnapshots, readSnapshot } from '../src/training/run/snapshot-store.js';
import { inBench, say, writeResult } from './support/files.js';
import { machineReport } from './support/machine.js';
import { lastSnapshot, learntBy, lives, makeSmallPipeline } from './support/small-training.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string' },
    freezes: { type: 'string' },
    processes: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    program: { type: 'string', default: inBench('../dist/cli/main.js') },
  },
});
const kills = Number(values.kills ?? (values.quick ? 3 : 50));
const freezes = Number(values.freezes ?? (values.quick ? 1 : 20));
const processes = Number(values.processes);
const seed = Number(values.seed);
if (!existsSync(values.program))
  throw new Error(`there is no ${values.program}: npm run build makes it`);

/** Seconds in which all of them have to have ended. */
const LIMITS = { SIGKILL: 5, SIGSTOP: 10 } as const;
/** Beyond them, the launcher's own: it gives the others a moment to end by themselves. */
const LAUNCHER_SECONDS = 4;

interface Outcome {
  readonly signal: keyof typeof LIMITS;
  readonly rank: number;
  readonly atStep: number | null;
  readonly exitCode: number | null;
  /** From the signal to the last other rank's end, and to the launcher's. */
  readonly peersSeconds: number;
  readonly seconds: number;
  readonly faults: readonly string[];
}

const random = randomStream(seed, 'sample', 'rank campaign');
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
const rankOf = (pid: number): number | null => {
  try {
    const found = /"index":(\d+)/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8'));
    return found ? Number(found[1]) : null;
  } catch {
    return null;
  }
};
function start(words: readonly string[]): {
  child: ChildProcess;
  ended: Promise<number | null>;
  said: () => string;
} {
  const child = spawn(
    process.execPath,
    [values.program, 'train', ...words, '--quiet', '--processes', String(processes)],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, said: () => said };
}

/** Trains until a process is struck, and looks at what is left. */
async function strike(
  signal: keyof typeof LIMITS,
  pipeline: string,
  run: string,
): Promise<Outcome> {
  const { child, ended, said } = start([pipeline, '--run', run]);
  const faults: string[] = [];
  // From the first snapshot on, so that there is one to go on from.
  for (let i = 0; lastSnapshot(run) === null && i < 3000 && child.exitCode === null; i += 1)
    await sleep(50);
  await sleep(2500 * random.uniform());
  const ranks = childrenOf(child.pid!).map((pid) => ({ pid, rank: rankOf(pid) }));
  const rank = random.integer(0, processes - 1);
  const target = ranks.find((one) => one.rank === rank);
  if (!target) throw new Error(`rank ${rank} is not there: ${said()}`);
  const atStep = lastSnapshot(run);
  const at = performance.now();
  process.kill(target.pid, signal);
  const others = ranks.filter(({ pid, rank: one }) => pid !== target.pid && one !== null);
  while (others.some(({ pid }) => lives(pid))) await sleep(20);
  const peersSeconds = (performance.now() - at) / 1000;
  const exitCode = await ended;
  const seconds = (performance.now() - at) / 1000;
  if (peersSeconds > LIMITS[signal])
    faults.push(`the others ended after ${peersSeconds.toFixed(1)} s`);
  if (seconds > LIMITS[signal] + LAUNCHER_SECONDS)
    faults.push(`all ended after ${seconds.toFixed(1)} s`);
  if (exitCode !== 1) faults.push(`exit code ${exitCode}`);
  if (!said().includes('rank ')) faults.push(`nothing was said of a rank: ${said()}`);
  for (const { pid } of ranks) if (lives(pid)) faults.push(`process ${pid} was left`);
  const folder = join(run, 'snapshots');
  for (const step of await listSnapshots(folder)) {
    const why = await readSnapshot(folder, step).then(() => null, String);
    if (why !== null) faults.push(why);
  }
  return { ...{ signal, rank, atStep, exitCode, peersSeconds, seconds }, faults };
}

const work = await mkdtemp(join(tmpdir(), 'frameloom-ranks-'));
try {
  const pipeline = await makeSmallPipeline(work);
  // The training that nothing happens to.
  const reference = join(work, 'reference');
  const whole = start([pipeline, '--run', reference]);
  if ((await whole.ended) !== 0) throw new Error(`the reference failed: ${whole.said()}`);
  const outcomes: Outcome[] = [];
  const signals = [
    ...Array.from({ length: kills }, () => 'SIGKILL' as const),
    ...Array.from({ length: freezes }, () => 'SIGSTOP' as const),
  ];
  let compared = 0;
  for (const [i, signal] of signals.entries()) {
    const run = join(work, `run-${i}`);
    const outcome = await strike(signal, pipeline, run);
    const faults = [...outcome.faults];
    const { ended, said } = start(['--resume', '--run', run]);
    if ((await ended) !== 0) faults.push(`does not go on: ${said()}`);
    else {
      compared += 1;
      if (!(await learntBy(run)).equals(await learntBy(reference)))
        faults.push('the resumed run is not what the uninterrupted one is');
    }
    outcomes.push({ ...outcome, faults });
    say(
      `${i + 1}/${signals.length} ${signal} of rank ${outcome.rank} after step ${outcome.atStep}: the others ended after ${outcome.peersSeconds.toFixed(1)} s, all after ${outcome.seconds.toFixed(1)} s${faults.map((fault) => `\n  ${fault}`).join('')}`,
    );
    await rm(run, { recursive: true, force: true });
  }
  const faults = outcomes.flatMap((one) => one.faults);
  const slowest = (signal: keyof typeof LIMITS): number =>
    Math.max(0, ...outcomes.filter((one) => one.signal === signal).map((one) => one.peersSeconds));
  say(
    `${kills} kills (others gone after ${slowest('SIGKILL').toFixed(1)} s at most), ${freezes} freezes (${slowest('SIGSTOP').toFixed(1)} s), ${compared} resumed runs compared, ${faults.length} faults`,
  );
  await writeResult(
    'rank-campaign.json',
    `${JSON.stringify({ machine: machineReport(), settings: { kills, freezes, processes, seed }, compared, outcomes }, null, 2)}\n`,
  );
  if (faults.length > 0) process.exitCode = 1;
} finally {
  await rm(work, { recursive: true, force: true });
}
