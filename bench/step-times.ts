/**
 * How long are a generator step, a discriminator step and a whole training step, here and in
 * PyTorch? Both sides run by turns; multiply-accumulates are counted on both and must be the same.
 */
import { eagerRunner, graphRunner, type Runner } from '../src/backend/graph/index.js';
import { useBackend } from '../src/backend/index.js';
import { registerKernels } from '../src/kernels/index.js';
import { say } from './support/files.js';
import { openHalf } from './support/halves.js';
import type { Chart } from './support/picture.js';
import { alternate, ratios, type Side, type Timed } from './support/rounds.js';
import { networkOf, sizeText, type Context, type Size } from './support/settings.js';
import { spreadOf, spreadText, table } from './support/statistics.js';
import { openSubject, presetModel } from './support/subject.js';

export const WHATS = ['generator', 'discriminator', 'step'] as const;
type What = (typeof WHATS)[number];

/** Ways that PyTorch is run. Compiled code has no retained graph: there each loss judges for itself. */
const PEERS: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  eager: {},
  'eager, judging twice': { judge_once: false },
  'channels-last': { channels_last: true },
  'torch.compile': { compile: true, judge_once: false },
};

interface Macs {
  readonly generator: number;
  readonly frame: number;
  readonly sequence: number;
}

/** @throws Error when the two sides are not the same networks */
async function sameMacs(context: Context, size: Size): Promise<Macs> {
  const model = presetModel(context.preset);
  const ours = { generator: model.generator.macs(size), ...model.discriminators.macs(size) };
  const network = networkOf(context.preset);
  const theirs = await context.worker().ask<Macs>({ do: 'macs', network, ...size });
  for (const part of ['generator', 'frame', 'sequence'] as const) {
    if (ours[part] !== theirs[part]) {
      throw new Error(`${part}: ${ours[part]} multiply-accumulates here, ${theirs[part]} there`);
    }
  }
  return ours;
}

function ourSide(context: Context, size: Size, what: What, name: string, runner: Runner) {
  const { preset, frames } = context;
  const subject = openSubject({ preset, size, frames, runner });
  const half = what === 'step' ? null : openHalf(subject, what, runner);
  return {
    side: { name, run: async () => (half ? half.run() : subject.step()) },
    dispose() {
      half?.dispose();
      subject.dispose();
    },
  };
}

async function theirSides(context: Context, size: Size, what: What): Promise<Side[]> {
  const { compiler } = await context.peer();
  const worker = context.worker();
  const names = Object.keys(PEERS).filter((name) => {
    // Judging twice is a way to do both halves; a half judges but once.
    if (name === 'eager, judging twice') return what === 'step';
    return name !== 'torch.compile' || (compiler !== null && !context.quick);
  });
  const sides: Side[] = [];
  for (const name of names) {
    const id = `${name} ${what} ${sizeText(size)}`;
    const { preset, frames } = context;
    const open = { id, network: networkOf(preset), options: PEERS[name]!, frames, ...size };
    await worker.ask({ do: 'open', ...open });
    const run = async (): Promise<number> =>
      (await worker.ask<{ seconds: number }>({ do: 'run', id, what })).seconds;
    if (name === 'torch.compile') {
      // A compiler that is there need not work, and the other ways can be compared without it.
      try {
        await run();
      } catch (error) {
        say(`torch.compile is left out: ${error instanceof Error ? error.message : String(error)}`);
        await worker.ask({ do: 'close', id });
        continue;
      }
    }
    sides.push({ name: `PyTorch ${name}`, run });
  }
  return sides;
}

async function point(context: Context, size: Size, what: What) {
  const runner = graphRunner();
  const own = [
    ourSide(context, size, what, 'Frameloom', runner),
    ourSide(context, size, what, 'Frameloom op by op', eagerRunner),
  ];
  const theirs = await theirSides(context, size, what);
  try {
    const timed = await alternate([...own.map(({ side }) => side), ...theirs], context.rounds);
    return { size: sizeText(size), what, timed };
  } finally {
    for (const side of own) side.dispose();
    runner.dispose();
    for (const { name } of theirs) {
      const id = `${name.replace('PyTorch ', '')} ${what} ${sizeText(size)}`;
      await context.worker().ask({ do: 'close', id });
    }
  }
}

/** PyTorch's way that is fastest here. */
const bestPeer = (timed: readonly Timed[]): Timed =>
  timed
    .filter(({ name }) => name.startsWith('PyTorch'))
    .reduce((a, b) => (spreadOf(b.seconds).median < spreadOf(a.seconds).median ? b : a));

export async function stepTimes(context: Context) {
  await useBackend();
  registerKernels();
  const { compiler } = await context.peer();
  if (compiler === null) say('torch.compile is left out: it needs a C++ compiler');
  else if (context.quick) say('torch.compile is left out of a quick run');
  const macs: Record<string, Macs> = {};
  const points = [];
  for (const size of context.sizes) {
    macs[sizeText(size)] = await sameMacs(context, size);
    for (const what of WHATS) {
      const found = await point(context, size, what);
      points.push(found);
      say(
        `\n${found.what === 'step' ? 'training' : found.what} step, ${found.size}, T = ${context.frames}: ` +
          `milliseconds, and how many times as fast Frameloom's graph is\n${rows(found.timed)}`,
      );
    }
  }
  return { frames: context.frames, macs, points: points.map(withRatios), charts: charts(points) };
}

type Point = Awaited<ReturnType<typeof point>>;

function rows(timed: readonly Timed[]): string {
  const [graph] = timed;
  const best = bestPeer(timed);
  return table([
    ['', 'ms', 'ratio, median (least–most)'],
    ...timed.map((side) => [
      `${side.name}${side === best ? ' *' : ''}`,
      (spreadOf(side.seconds).median * 1000).toFixed(1),
      side === graph ? '' : spreadText(ratios(side, graph!)),
    ]),
    ['* the best of PyTorch'],
  ]);
}

function withRatios({ size, what, timed }: Point) {
  const [graph] = timed;
  const sides = timed.map((side) => ({ ...side, ratios: ratios(side, graph!) }));
  return { size, what, bestOfPyTorch: bestPeer(timed).name, sides };
}

const charts = (points: readonly Point[]): Chart[] =>
  points.map(({ size, what, timed }) => ({
    title: `${what === 'step' ? 'Training step' : `${what} step alone`}, ${size}`,
    unit: 'milliseconds, median; shorter is better',
    bars: timed.map(({ name, seconds }) => {
      const value = spreadOf(seconds).median * 1000;
      return { name, value, text: value.toFixed(1), ours: name.startsWith('Frameloom') };
    }),
  }));
