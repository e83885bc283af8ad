/**
 * What does a training step take, against the length of its rollout? Each number is of a fresh
 * process: peak resident memory here and in PyTorch, plain and with gradient checkpointing of every
 * frame, and here the peak bytes of tensors, and all of it within the smallest budget.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { inBench, say } from './support/files.js';
import type { Chart } from './support/picture.js';
import { networkOf, sizeText, type Context, type Size } from './support/settings.js';
import { table } from './support/statistics.js';
import { startWorker } from './support/worker.js';

const MIB = 2 ** 20;

interface Answer {
  readonly tensorBytes?: number;
  /** Peak of the first step and of later ones, beyond what was resident before. */
  readonly firstBytes?: number;
  readonly laterBytes?: number;
  readonly unsupported?: string;
  /** The process did not get there, as when it was out of memory. */
  readonly failed?: string;
}

interface MemoryRow extends Answer {
  readonly side: string;
  readonly how: How;
  readonly frames: number;
}

/** PyTorch has no plan to fit a budget. */
const HOWS = ['plain', 'every frame', 'smallest budget'] as const;
type How = (typeof HOWS)[number];

const failedWith = (error: unknown): Answer => ({
  failed: (error instanceof Error ? error.message : String(error)).split('\n').slice(-1)[0]!,
});

async function ours(point: Readonly<Record<string, unknown>>): Promise<Answer> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...['--import', 'tsx', inBench('memory-point.ts'), JSON.stringify(point)],
    ]);
    return JSON.parse(stdout) as Answer;
  } catch (error) {
    return failedWith(error);
  }
}

async function theirs(context: Context, request: Readonly<Record<string, unknown>>) {
  const worker = startWorker(context.python);
  try {
    await worker.ask({ do: 'hello', threads: context.threads });
    return await worker.ask<Answer>({ do: 'memory', ...request });
  } catch (error) {
    return failedWith(error);
  } finally {
    await worker.stop();
  }
}

export const rolloutLengths = ({ quick, full }: Context): number[] =>
  quick ? [2, 4] : [2, 4, 8, 16, 32, ...(full ? [64] : [])];

export async function memory(context: Context) {
  const size = context.sizes[0]!;
  const rows: MemoryRow[] = [];
  for (const frames of rolloutLengths(context)) {
    for (const how of HOWS) {
      const point = { preset: context.preset, ...size, frames, how };
      const answers: [string, Answer][] = [
        ['Frameloom', await ours({ ...point, measure: 'resident' })],
        ['Frameloom op by op', await ours({ ...point, measure: 'op by op' })],
        ['Frameloom tensors', await ours({ ...point, measure: 'tensors' })],
      ];
      if (how !== 'smallest budget') {
        const options = { gradient_checkpointing: how === 'every frame' };
        const network = networkOf(context.preset);
        answers.push(['PyTorch', await theirs(context, { network, options, frames, ...size })]);
      }
      rows.push(...answers.map(([side, answer]) => ({ side, how, frames, ...answer })));
    }
    say(`T = ${frames} done`);
  }
  const odd = rows.find(({ unsupported }) => unsupported !== undefined);
  if (odd) say(`not measured: ${odd.unsupported}`);
  say(`\nmemory of a training step, ${sizeText(size)}: MiB at peak beyond before the first step`);
  say(tableOf(rows, rolloutLengths(context)));
  return { size: sizeText(size), rows, charts: charts(rows, size) };
}

const sidesOf = (rows: readonly MemoryRow[]) =>
  rows
    .filter((row) => row.frames === rows[0]!.frames)
    .map(({ side, how }) => ({
      name: `${side}, ${how}`,
      of: rows.filter((row) => row.side === side && row.how === how),
    }));

const bytesOf = ({ tensorBytes, laterBytes }: Answer): number | undefined =>
  tensorBytes ?? laterBytes;

/** Peak of the later steps, and in brackets of the first where that was more. */
function cell(row: MemoryRow | undefined): string {
  const bytes = row && bytesOf(row);
  if (bytes === undefined) return row?.failed === undefined ? '–' : 'failed';
  const first = row?.firstBytes ?? 0;
  const text = (bytes / MIB).toFixed(0);
  return first > bytes * 1.02 ? `${text} (${(first / MIB).toFixed(0)})` : text;
}

const tableOf = (rows: readonly MemoryRow[], lengths: readonly number[]): string =>
  table([
    ['later steps (the first)', ...lengths.map((frames) => `T = ${frames}`)],
    ...sidesOf(rows).map(({ name, of }) => [
      name,
      ...lengths.map((frames) => cell(of.find((row) => row.frames === frames))),
    ]),
  ]);

/** One chart for each T. */
const charts = (rows: readonly MemoryRow[], size: Size): Chart[] =>
  [...new Set(rows.map(({ frames }) => frames))].flatMap((frames) => {
    const bars = sidesOf(rows).flatMap(({ name, of }) => {
      const bytes = bytesOf(of.find((row) => row.frames === frames) ?? {});
      if (bytes === undefined) return [];
      const value = bytes / MIB;
      return [{ name, value, text: value.toFixed(0), ours: name.startsWith('Frameloom') }];
    });
    const title = `Memory of a training step, ${sizeText(size)}, T = ${frames}`;
    return bars.length === 0 ? [] : [{ title, unit: 'MiB at peak; shorter is better', bars }];
  });
