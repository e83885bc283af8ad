/**
 * Training over several hosts, each a network namespace of this machine with addresses, names and a wire of its own: by
 * --cluster and --rank over IPv4 and IPv6, by TF_CONFIG, and by a Slurm of two nodes; on slow wires, with a plug that is
 * pulled, and with a host besides that belongs to no cluster and knocks at the door all the while. What is learnt has to be
 * what `--processes 2` learns, byte for byte.
 *
 *   npm run bench -- --only hosts
 *   npx tsx bench/hosts.ts [--parts names,six,tf-config,slurm,outsider,plug,slow] [--program dist/cli/main.js]
 *
 * Linux, as root, with iproute2; Slurm's part needs Debian's slurmctld, slurmd and munge, and is left out aloud where they
 * are not. Writes bench/results/hosts.json; exits with 1 on any fault.
 */
import './support/help.js';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Network, type Wire } from './hosts/network.js';
import { missingOfSlurm, Slurm } from './hosts/slurm.js';
import { among } from './support/arguments.js';
import { inBench, say, writeResult } from './support/files.js';
import { machineReport } from './support/machine.js';
import { lastSnapshot, learntBy, makeSmallPipeline } from './support/small-training.js';

const PARTS = ['names', 'six', 'tf-config', 'slurm', 'outsider', 'plug', 'slow'] as const;
const { values } = parseArgs({
  options: {
    parts: { type: 'string', default: PARTS.join(',') },
    program: { type: 'string', default: inBench('../dist/cli/main.js') },
    quick: { type: 'boolean', default: false },
  },
});
const parts = among('parts', values.parts, PARTS);
const program = resolve(values.program);
if (!existsSync(program)) throw new Error(`there is no ${program}: npm run build makes it`);
if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  throw new Error('network namespaces are made by root, on Linux');
}

const RANKS = ['one', 'two'] as const;
const PORT = 2222;
/** Seconds in which both have to have ended whose wire is cut. */
const CUT_LIMIT = 10;
const WIRES: readonly Wire[] = [
  { rate: '1gbit' },
  { rate: '100mbit', delayMs: 2 },
  { rate: '20mbit', delayMs: 20 },
];

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly said: () => string;
}

const running = new Set<ChildProcess>();

function start(words: readonly string[], env: Record<string, string> = {}): Running {
  const [command = '', ...rest] = words;
  const child = spawn(command, rest, {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  running.add(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<number | null>((done) => child.once('close', done));
  void ended.then(() => running.delete(child));
  return { child, ended, said: () => said };
}

const work = await mkdtemp(join(tmpdir(), 'frameloom-hosts-'));
const network = new Network([...RANKS, 'stranger'], work);
const pipeline = await makeSmallPipeline(work);
const train = (...words: string[]): string[] => [process.execPath, program, 'train', ...words];
const cluster = (suffix = ''): string => RANKS.map((name) => `${name}${suffix}:${PORT}`).join(',');

/** Both ranks of a training, each on its host. The second is there first, as happens. */
async function startRanks(words: readonly string[], suffix = ''): Promise<Running[]> {
  const rank = (i: number): Running =>
    start(
      network.on(
        RANKS[i]!,
        train(...words, '--quiet', '--cluster', cluster(suffix), '--rank', String(i)),
      ),
    );
  const second = rank(1);
  await sleep(1000);
  return [rank(0), second];
}

/** @returns the seconds that it took; faults are added */
async function ended(ranks: readonly Running[], faults: string[], code = 0): Promise<number> {
  const started = performance.now();
  const codes = await Promise.all(ranks.map((one) => one.ended));
  codes.forEach((own, i) => {
    if (own !== code) faults.push(`rank ${i} ended with ${own}: ${ranks[i]!.said()}`);
  });
  return (performance.now() - started) / 1000;
}

const reference = join(work, 'reference');

async function compare(run: string, faults: string[]): Promise<void> {
  const same = await learntBy(run).then(
    async (learnt) => learnt.equals(await learntBy(reference)),
    () => null,
  );
  if (same === null) faults.push('it did not come to its end');
  if (same === false) faults.push('what it learnt is not what --processes 2 learns');
}

type Found = Record<string, unknown>;
type Part = (faults: string[], run: string) => Promise<Found>;

const byNames =
  (suffix: string): Part =>
  async (faults, run) => {
    const ranks = await startRanks([pipeline, '--run', run], suffix);
    const seconds = await ended(ranks, faults);
    await compare(run, faults);
    return { seconds };
  };

/** As Kubeflow's TFJob sets it, with a chief. */
const byTfConfig: Part = async (faults, run) => {
  const jobs = { chief: [`one:${PORT}`], worker: [`two:${PORT}`] };
  const ranks = ['chief', 'worker'].map((type, i) =>
    start(network.on(RANKS[i]!, train(pipeline, '--quiet', '--run', run)), {
      TF_CONFIG: JSON.stringify({ cluster: jobs, environment: 'cloud', task: { type, index: 0 } }),
    }),
  );
  const seconds = await ended(ranks, faults);
  await compare(run, faults);
  return { seconds };
};

/** The script of docs/scale.md, but for names. */
const bySlurm: Part = async (faults, run) => {
  const missing = await missingOfSlurm();
  if (missing.length > 0) {
    say(`  left out: there is no ${missing.join(', ')}`);
    return { leftOut: missing };
  }
  const guide = await readFile(inBench('../docs/scale.md'), 'utf8');
  const script = /```sh\n(#!\/bin\/bash\n#SBATCH[\s\S]*?)```/.exec(guide)?.[1];
  if (script === undefined) throw new Error('docs/scale.md has no script for Slurm');
  const scriptOf = (): string =>
    script
      .replace('--nodes=4', `--nodes=${RANKS.length}`)
      .replace('frameloom train', `${process.execPath} ${program} train`)
      .replace('mine.yaml', pipeline)
      .replaceAll('runs/mine', run)
      // What a task says is lost with the srun that is cancelled.
      .replace("$SLURM_PROCID'", `$SLURM_PROCID 2> ${work}/task-$SLURM_PROCID.log'`);
  const slurm = new Slurm(network, RANKS, work);
  const log = async (): Promise<string> => {
    const names = ['job.out', 'task-0.log', 'task-1.log'];
    const all = names.map((name) => readFile(join(work, name), 'utf8').catch(() => ''));
    return (await Promise.all(all)).map((text) => text.slice(-1000)).join('\n');
  };
  try {
    await slurm.begin();
    // Cancelled in the middle, and submitted again as it stands.
    const first = await slurm.submit(scriptOf(), work);
    for (let i = 0; lastSnapshot(run) === null && i < 1200; i += 1) await sleep(50);
    await slurm.command(['scancel', first]);
    const end = await slurm.over(first);
    const cancelledAt = lastSnapshot(run);
    if (end !== 'CANCELLED') faults.push(`a job that was cancelled is ${end}`);
    const told = await log();
    if (!told.includes('snapshot saved')) faults.push(`a cancelled job saved nothing: ${told}`);
    const state = await slurm.over(await slurm.submit(scriptOf(), work));
    if (state !== 'COMPLETED') faults.push(`the job is ${state}: ${await log()}`);
    await compare(run, faults);
    return { cancelledAt };
  } finally {
    await slurm.end();
  }
};

/** A host that is none of the cluster's knocks from before the first rank's start until the last one's end. */
const withOutsider: Part = async (faults, run) => {
  const addresses = RANKS.flatMap((name) => {
    const { four, six } = network.host(name);
    return [four, six];
  });
  const knock = [process.execPath, inBench('hosts/knock.mjs'), String(PORT), ...addresses];
  const [program_ = '', ...words] = network.on('stranger', knock);
  const stranger = spawn(program_, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  running.add(stranger);
  let told = '';
  stranger.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
  const gone = new Promise((done) => stranger.once('close', done));
  const rank = (i: number): Running =>
    start(
      network.on(
        RANKS[i]!,
        train(pipeline, '--run', run, '--quiet', '--cluster', cluster(), '--rank', String(i)),
      ),
    );
  // The first waits for a good while, and its door is there to be knocked at.
  const first = rank(0);
  await sleep(12_000);
  const seconds = await ended([first, rank(1)], faults);
  stranger.stdin.end();
  await gone;
  running.delete(stranger);
  await compare(run, faults);
  const knocked = JSON.parse(told) as Record<'letIn' | 'answeredSeconds' | 'unanswered', number>;
  if (knocked.unanswered === 0) faults.push('nobody knocked while the door was there');
  // What comes in between the door and its lock is put out at once.
  if (knocked.answeredSeconds > 1) {
    faults.push(`a stranger was answered for ${knocked.answeredSeconds.toFixed(1)} s`);
  }
  return { seconds, ...knocked };
};

/** A wire that is cut in the middle ends both; one that is away for a moment nobody. */
const withPlug: Part = async (faults, run) => {
  const wait = async (): Promise<void> => {
    for (let i = 0; lastSnapshot(run) === null && i < 600; i += 1) await sleep(50);
  };
  const cut = await startRanks([pipeline, '--run', run]);
  await wait();
  await network.plug('two', 'down');
  const seconds = await ended(cut, faults, 1);
  await network.plug('two', 'up');
  if (seconds > CUT_LIMIT) faults.push(`they ended ${seconds.toFixed(1)} s after the cut`);
  cut.forEach((one, i) => {
    if (!one.said().includes(`rank ${1 - i} of 2`)) {
      faults.push(`rank ${i} does not say who is lost: ${one.said()}`);
    }
  });
  // Its name is known again only once the switch has learnt where it is.
  const back = await startRanks(['--resume', '--run', run]);
  await sleep(4000);
  await network.plug('two', 'down');
  await sleep(1000);
  await network.plug('two', 'up');
  await ended(back, faults);
  await compare(run, faults);
  return { secondsAfterCut: seconds };
};

const onSlowWires: Part = async (faults, run) => {
  const found: Found = {};
  for (const [i, wire] of WIRES.entries()) {
    const own = `${run}-${i}`;
    await network.slow(wire);
    try {
      const seconds = await ended(await startRanks([pipeline, '--run', own]), faults);
      await compare(own, faults);
      const name = `${wire.rate}${wire.delayMs === undefined ? '' : `, ${wire.delayMs} ms each way at each end`}`;
      found[name] = { seconds };
      say(`  ${name}: ${seconds.toFixed(1)} s`);
    } finally {
      await network.fast();
    }
  }
  return found;
};

const DOES: Readonly<Record<(typeof PARTS)[number], Part>> = {
  names: byNames(''),
  six: byNames('-six'),
  'tf-config': byTfConfig,
  slurm: bySlurm,
  outsider: withOutsider,
  plug: withPlug,
  slow: onSlowWires,
};

try {
  await network.begin();
  const whole = start(train(pipeline, '--quiet', '--run', reference, '--processes', '2'));
  if ((await whole.ended) !== 0) throw new Error(`the reference failed: ${whole.said()}`);
  const results: Record<string, Found & { readonly faults: readonly string[] }> = {};
  for (const part of parts) {
    const faults: string[] = [];
    say(`${part}…`);
    const found = await DOES[part](faults, join(work, `run-${part}`));
    results[part] = { ...found, faults };
    say(`${part}: ${JSON.stringify(found)}, ${faults.length} faults`);
    for (const fault of faults) say(`  ${fault}`);
  }
  await writeResult(
    'hosts.json',
    `${JSON.stringify({ machine: machineReport(), results }, null, 2)}\n`,
  );
  if (Object.values(results).some(({ faults }) => faults.length > 0)) process.exitCode = 1;
} finally {
  for (const child of running) child.kill('SIGKILL');
  await network.end();
  await rm(work, { recursive: true, force: true });
}
