/**
 * Training in 1, 2 and 4 processes of this machine at equal global batch: seconds of a step, memory, bytes that each process
 * sends; and by that a simulation of up to 64 cards on faster networks, whose assumptions are printed.
 *
 *   npm run bench -- --only scale
 *   npx tsx bench/scale.ts [--quick] [--preset small] [--size 128x72] [--frames 5] [--steps 24] [--rounds 2] [--window-ms N]
 *
 * Writes bench/results/scale.json and scale.svg.
 */
import './support/help.js';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { loadPipeline } from '../src/pipeline/load.js';
import { createModel } from '../src/training/model.js';
import { efficiency, LINKS, REACHED, ringSeconds } from './support/all-reduce.js';
import { curves } from './support/curve.js';
import { inBench, say, writeResult } from './support/files.js';
import { isBusy, machineReport } from './support/machine.js';
import { parseSize } from './support/settings.js';
import { table } from './support/statistics.js';
import { makeClip } from './synthesis/prepare.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    preset: { type: 'string', default: 'small' },
    size: { type: 'string', default: '128x72' },
    frames: { type: 'string', default: '5' },
    steps: { type: 'string' },
    rounds: { type: 'string' },
    'window-ms': { type: 'string' },
    program: { type: 'string', default: inBench('../dist/cli/main.js') },
  },
});
const { width, height } = parseSize(values.size);
const steps = Number(values.steps ?? (values.quick ? 12 : 24));
const rounds = Number(values.rounds ?? (values.quick ? 1 : 2));
if (!existsSync(values.program))
  throw new Error(`there is no ${values.program}: npm run build makes it`);

const GLOBAL_BATCH = 4;
/** Steps whose graphs are recorded, and the first ones of each kind after them. */
const UNCOUNTED = 4;
/** Meetings of a few numbers that a step has beside that of the gradients. */
const SMALL_MEETINGS = 2;
/** By how much a card is faster over a step than the processor that was measured: an assumption. */
const CARDS = [1, 20] as const;
const PLACES = [1, 2, 4, 8, 16, 32, 64];

/** A network of nobody else's counts the bytes that are sent; only root may make one. */
const alone = spawnSync('unshare', ['-n', 'true']).status === 0;

interface Measured {
  readonly processes: number;
  readonly stepMs: readonly number[];
  readonly residentBytes: number;
  /** Bytes that all processes sent in all; null where they cannot be told from others'. */
  readonly sentBytes: number | null;
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;

async function measure(
  processes: number,
  pipeline: string,
  work: string,
  round: number,
): Promise<Measured> {
  const run = join(work, `run-${processes}-${round}`);
  const batch = GLOBAL_BATCH / processes;
  const words = [
    ...[process.execPath, values.program, 'train', pipeline, '--run', run, '--quiet'],
    ...['--set', `training.batch=${batch}`, '--processes', String(processes)],
  ];
  const inside = `ip link set lo up && "$@" && grep 'lo:' /proc/net/dev`;
  const [program, ...args] = alone ? ['unshare', '-n', 'sh', '-c', inside, 'sh', ...words] : words;
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`training in ${processes} processes ended with ${String(code)}`);
  const lines = (await readFile(join(run, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { frames?: number; clock?: Record<string, number> })
    .filter(({ clock, frames }) => clock !== undefined && frames !== undefined);
  const stepMs = lines
    .slice(UNCOUNTED)
    .map(({ frames, clock }) => (1000 * frames!) / clock!.framesPerSecond!);
  const sent = /lo:\s*(\d+)/.exec(told)?.[1];
  return {
    ...{ processes, stepMs },
    residentBytes: Math.max(...lines.map(({ clock }) => clock!.residentBytes!)),
    sentBytes: alone && sent !== undefined ? Number(sent) : null,
  };
}

const work = await mkdtemp(join(tmpdir(), 'frameloom-scale-'));
try {
  if (isBusy())
    say('this machine is busy with other things: times say little, their ratios hardly more');
  const clip = await makeClip(work, { width, height }, 120);
  const path = join(work, 'scale.yaml');
  await writeFile(
    path,
    stringify({
      data: { clips: [clip], size: values.size, condition: 'edges' },
      generator: { preset: values.preset },
      training: {
        ...{ steps, frames: Number(values.frames), gradientCheckpointing: 'off' },
        ...{ evaluateEverySteps: 10_000, sampleEverySteps: 10_000, snapshotEverySteps: 10_000 },
        ...{ logEverySteps: 1, rollout: { startFrames: Number(values.frames) } },
      },
    }),
  );
  const { pipeline } = await loadPipeline(path);
  const { generator, discriminators } = createModel(pipeline, 1);
  const bytes = 4 * (generator.layout.size + discriminators.layout.size);
  const all: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const processes of [1, 2, 4]) all.push(await measure(processes, path, work, round));
  }
  const of = (processes: number): Measured[] => all.filter((one) => one.processes === processes);
  const stepMs = (processes: number): number => median(of(processes).flatMap((one) => one.stepMs));
  const single = stepMs(1);
  const rows = [1, 2, 4].map((processes) => {
    const sent = of(processes).flatMap(({ sentBytes }) => sentBytes ?? []);
    const [least] = of(processes)
      .flatMap((one) => one.stepMs)
      .sort((a, b) => a - b);
    return {
      ...{ processes, batch: GLOBAL_BATCH / processes, stepMs: stepMs(processes), leastMs: least! },
      toOne: stepMs(processes) / single,
      residentBytes: Math.max(...of(processes).map((one) => one.residentBytes)),
      sentPerStep: sent.length > 0 ? median(sent) / steps / processes : null,
      // A ring sends 2 (n − 1) / n of the gradients.
      expectedPerStep: (2 * (processes - 1) * bytes) / processes,
    };
  });
  const mebi = (count: number | null): string =>
    count === null ? '' : (count / 2 ** 20).toFixed(1);
  say(
    `\n${values.preset}, ${values.size}, ${values.frames} frames, ${GLOBAL_BATCH} windows a step in all; medians of ${rounds} × ${steps - UNCOUNTED} steps`,
  );
  say(
    table([
      [
        'processes',
        'batch of each',
        'ms a step',
        'least',
        'to one',
        'MiB of the first',
        'MiB sent a step by each',
        'by a ring of the gradients',
      ],
      ...rows.map((row) => [
        ...[
          String(row.processes),
          String(row.batch),
          row.stepMs.toFixed(0),
          row.leastMs.toFixed(0),
        ],
        ...[
          row.toOne.toFixed(2),
          mebi(row.residentBytes),
          mebi(row.sentPerStep),
          mebi(row.expectedPerStep),
        ],
      ]),
    ]),
  );

  // What one process computes of one window, of those that were measured.
  const windowSeconds = Number(values['window-ms'] ?? single / GLOBAL_BATCH) / 1000;
  const simulated = CARDS.flatMap((faster) =>
    LINKS.map((link) => ({
      ...{ faster, link: link.name },
      efficiency: PLACES.map((processes) =>
        efficiency(windowSeconds / faster, bytes, SMALL_MEETINGS, processes, link),
      ),
    })),
  );
  say(`\nSimulated: each process has one window a step (weak scaling). Assumed:`);
  say(
    `- a step of a window computes for ${(1000 * windowSeconds).toFixed(0)} ms${values['window-ms'] === undefined ? ', a quarter of what the single process took for four' : ' (--window-ms)'}, or a ${CARDS[1]}th of that on a card`,
  );
  say(
    `- ${(bytes / 1e6).toFixed(1)} MB of gradients by a ring, and ${SMALL_MEETINGS} meetings of a few numbers, none of it hidden behind computing`,
  );
  say(
    `- of a link's rate ${100 * REACHED} % is reached; latency of a message: ${LINKS.map(({ name, latencySeconds }) => `${name} ${(1e6 * latencySeconds).toFixed(0)} µs`).join(', ')}`,
  );
  say(`- no evaluation, no snapshot, no process slower than the others, data in time`);
  say(
    table([
      ['card', 'link', ...PLACES.map(String)],
      ...simulated.map(({ faster, link, efficiency: shares }) => [
        ...[`${faster} ×`, link],
        ...shares.map((share) => `${(100 * share).toFixed(1)} %`),
      ]),
    ]),
  );
  // On this machine the processes share its cores: what is more than one process takes is the exchange's.
  const loopback = { name: 'loopback', bytesPerSecond: 0.42e9, latencySeconds: 300e-6 };
  const checks = [2, 4].map((processes) => ({
    processes,
    predicted: 1 + (1000 * ringSeconds(bytes, processes, loopback)) / single,
    measured: stepMs(processes) / single,
  }));
  say(
    `\nThe same arithmetic for this machine's loopback (0.42 GB/s, 300 µs), against what was measured:`,
  );
  for (const { processes, predicted, measured } of checks) {
    say(
      `- ${processes} processes: ${predicted.toFixed(2)} times one by arithmetic, ${measured.toFixed(2)} measured`,
    );
  }
  say(
    'It shows what the exchange costs. A speed-up cannot be shown where all processes share the same cores.',
  );
  const colours = ['#c9421b', '#c99a1b', '#1b6ac9', '#2a8f3c'];
  const fast = simulated.filter(({ faster }) => faster === CARDS[1]);
  await writeResult(
    'scale.svg',
    curves(
      {
        title: `Share of the time that is computed, by processes (simulated, ${values.preset} at ${values.size})`,
        unit: `weak scaling, a window a process, steps a ${CARDS[1]}th of this processor's ${(1000 * windowSeconds).toFixed(0)} ms; nothing overlaps`,
        ...{ places: PLACES, most: 1 },
      },
      fast.map(({ link, efficiency: shares }, i) => ({
        ...{ name: link, values: shares, colour: colours[i]! },
      })),
    ),
  );
  await writeResult(
    'scale.json',
    `${JSON.stringify({ machine: machineReport(), settings: { ...values, steps, rounds }, gradientBytes: bytes, rows, simulated, checks }, null, 2)}\n`,
  );
} finally {
  await rm(work, { recursive: true, force: true });
}
