/**
 * Frameloom beside PyTorch, both by turns in one run. docs/bench.md says what each number means.
 *
 *   npm run bench -- [--only step,memory,recompute,input,synthesis,cancel-campaign,kill-campaign,media-fuzz,media-matrix,lock-race,install-matrix,many-clips,stability,quality,play,live,live-tour,queue,scale,hosts,rank-campaign] [--rounds N] [--size WxH]
 *     [--preset small] [--frames 5] [--threads N] [--quick] [--full] [--anyway] [--python PATH]
 *
 * Writes bench/results/NAME.json and NAME.svg for each part. A program that is named alone,
 * of those from cancel-campaign on, is given all flags but --only, and what follows a second -- as it stands.
 */
import './support/help.js';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { GENERATOR_PRESETS } from '../src/networks/index.js';
import { inputSide } from './input-side.js';
import { memory } from './memory.js';
import { recomputation } from './recomputation.js';
import { stepTimes } from './step-times.js';
import { inBench, say, writeResult } from './support/files.js';
import { counted, forwardedTo } from './support/arguments.js';
import { isBusy, machineReport } from './support/machine.js';
import { barCharts, type Chart } from './support/picture.js';
import { peersPython, runProgram } from './support/program.js';
import { parseSize, type Context, type Peer, type Settings } from './support/settings.js';
import { startWorker, type Worker } from './support/worker.js';

/** A part's numbers, for the JSON file, and what is drawn of them. */
type Part = (context: Context) => Promise<{ charts: readonly Chart[] } & Record<string, unknown>>;

const PARTS: Readonly<Record<string, Part>> = {
  step: stepTimes,
  memory,
  recompute: recomputation,
  input: inputSide,
};

/** Programs of their own, with flags of their own; they write their own results. */
const PROGRAMS: Readonly<Record<string, string>> = { synthesis: 'synthesis.ts' };

/** Run only when named, on a busy machine too: what has to hold and is not timed, and what judges its machine itself. */
const CAMPAIGNS: Readonly<Record<string, string>> = {
  'cancel-campaign': 'cancel-campaign.ts',
  'kill-campaign': 'kill-campaign.ts',
  'media-fuzz': 'media-fuzz.ts',
  'media-matrix': 'media-matrix.ts',
  'lock-race': 'lock-race.ts',
  'install-matrix': 'install-matrix.ts',
  'many-clips': 'many-clips.ts',
  stability: 'stability.ts',
  quality: 'quality.ts',
  live: 'live.ts',
  'live-tour': 'live-tour.ts',
  play: 'play.ts',
  queue: 'queue-campaign.ts',
  scale: 'scale.ts',
  hosts: 'hosts.ts',
  'rank-campaign': 'rank-campaign.ts',
};

function contextOf(settings: Settings): Context & { stop(): Promise<void> } {
  let worker: Worker | undefined;
  let peer: Promise<Peer> | undefined;
  const own = (): Worker => (worker ??= startWorker(settings.python));
  return {
    ...settings,
    worker: own,
    peer: () => (peer ??= own().ask<Peer>({ do: 'hello', threads: settings.threads })),
    stop: async () => worker?.stop(),
  };
}

function presetOf(text: string): Settings['preset'] {
  const found = Object.keys(GENERATOR_PRESETS).find((name) => name === text);
  if (found === undefined) throw new Error(`--preset ${text}: there is no such preset`);
  return found as Settings['preset'];
}

const startBench = (program: string, args: readonly string[]): Promise<string> =>
  runProgram(process.execPath, ['--import', 'tsx', inBench(program), ...args]);

const { alone, words } = forwardedTo(Object.keys(CAMPAIGNS), process.argv.slice(2));
if (alone !== undefined) {
  await startBench(CAMPAIGNS[alone]!, words);
  process.exit();
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: [...Object.keys(PARTS), ...Object.keys(PROGRAMS)].join(',') },
    rounds: { type: 'string' },
    size: { type: 'string', multiple: true },
    preset: { type: 'string', default: 'small' },
    frames: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    anyway: { type: 'boolean', default: false },
    python: { type: 'string' },
  },
});
const chosen = values.only.split(',');
const known = [PARTS, PROGRAMS, CAMPAIGNS].flatMap((kind) => Object.keys(kind));
const unknown = chosen.find((name) => !known.includes(name));
if (unknown !== undefined) {
  throw new Error(`--only ${unknown}: the parts are ${known.join(', ')}`);
}
for (const name of chosen) {
  const campaign = CAMPAIGNS[name];
  if (campaign === undefined) continue;
  say(`\n# ${name}`);
  const quick = values.quick ? ['--quick'] : [];
  await startBench(campaign, quick);
}
const timed = chosen.filter((name) => !(name in CAMPAIGNS));
if (timed.length === 0) process.exit();
if (!values.anyway && !values.quick && isBusy()) {
  throw new Error('the machine is busy: timings would say nothing. Wait, or give --anyway');
}
const machine = machineReport();
const threads = counted('threads', values.threads);
// Read by TensorFlow when it is loaded, which has not happened yet.
process.env.TF_NUM_INTRAOP_THREADS = String(threads);
process.env.TF_NUM_INTEROP_THREADS = String(threads);

const context = contextOf({
  sizes: (values.size ?? (values.quick ? ['64x36'] : ['128x72', '256x144'])).map(parseSize),
  preset: presetOf(values.preset),
  frames: counted('frames', values.frames),
  rounds: counted('rounds', values.rounds ?? (values.quick ? '3' : '15')),
  threads,
  quick: values.quick,
  full: values.full,
  python: values.python ?? (await peersPython()),
});
try {
  for (const name of timed) {
    const program = PROGRAMS[name];
    if (program !== undefined) {
      say(`\n# ${name}`);
      const rounds = values.rounds === undefined ? [] : ['--rounds', values.rounds];
      const quick = context.quick ? ['--quick'] : [];
      await startBench(program, ['--python', context.python, ...rounds, ...quick]);
      continue;
    }
    say(`\n# ${name}`);
    const { charts, ...numbers } = await PARTS[name]!(context);
    const { preset, rounds, quick } = context;
    const peer = await context.peer();
    const report = { machine, peer, settings: { preset, rounds, threads, quick }, ...numbers };
    await writeResult(`${name}.json`, `${JSON.stringify(report, null, 2)}\n`);
    await writeResult(`${name}.svg`, barCharts(charts));
    say(`\nwritten: bench/results/${name}.json and ${name}.svg`);
  }
} finally {
  await context.stop();
}
