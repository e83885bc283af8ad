import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Logger } from '../../src/base/log.js';
import { runApart } from '../../src/cli/commands/sweep/apart.js';
import { runPaths } from '../../src/training/run/run-folder.js';
import { readStepLog } from '../../src/training/run/step-log.js';
import { measuresSchema, ratio } from '../support/measures.js';
import { stepsPerSecond, trainPeer } from './peer-training.js';
import { pipelineOf, settingsOf, type Length, type Row } from './rows.js';

export const SIDES = ['frameloom', 'pytorch'] as const;
export type Side = (typeof SIDES)[number];

/** Slopes by 100 frames of a long rollout. */
const driftSchema = z.object({
  frames: z.int(),
  sharpness: ratio,
  checker: ratio,
  colour: z.number(),
});

const rowsSchema = z.object({
  generated: measuresSchema,
  coldStart: measuresSchema,
  freeze: measuresSchema,
  mean: measuresSchema,
  nearest: measuresSchema.optional(),
});
export type EvaluatedRows = z.output<typeof rowsSchema>;

const evaluationSchema = z.object({
  frames: z.int(),
  rows: rowsSchema,
  behaviour: z.object({ drift: driftSchema.nullable() }).nullable(),
});

/** What one side came to with one seed, on held-out frames in closed loop. */
export const resultSchema = z.object({
  row: z.string(),
  side: z.enum(SIDES),
  seed: z.int(),
  /** Of all that was asked for: another is another run. */
  asked: z.string(),
  steps: z.int(),
  stepsPerSecond: z.number(),
  /** Of PyTorch: its version, and how it was run. */
  ran: z.string().nullable(),
  /** Held-out frames that were scored. */
  frames: z.int(),
  rows: rowsSchema,
  drift: driftSchema.nullable(),
  seconds: z.object({ train: z.number(), evaluate: z.number() }),
});
export type Result = z.output<typeof resultSchema>;

export interface RunOptions {
  readonly row: Row;
  readonly side: Side;
  readonly seed: number;
  readonly length: Length;
  readonly asked: string;
  /** `training.stability` of Frameloom's side. */
  readonly stability: 'auto' | 'off';
  /** Further words of `evaluate`. */
  readonly evaluate: readonly string[];
  readonly python: string;
  readonly threads: number;
  /** Where the run goes; removed afterwards. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Runs one of Frameloom's commands in a process of its own. @throws Error with its last words where it fails */
async function frameloom(words: readonly string[], options: RunOptions): Promise<unknown> {
  const { signal, log } = options;
  const ended = await runApart([...words, '--json'], { cwd: process.cwd(), signal, log });
  if (ended.exitCode !== 0) {
    throw new Error(`${words[0]}: ${ended.error ?? `ended with ${ended.exitCode}`}`);
  }
  return JSON.parse(ended.stdout);
}

interface Trained {
  readonly run: string;
  readonly steps: number;
  readonly stepsPerSecond: number;
  readonly ran: string | null;
}

async function trainFrameloom(options: RunOptions): Promise<Trained> {
  const { row, seed, length, stability, folder } = options;
  const run = join(folder, 'run');
  const set = [...settingsOf(row, seed, length), `training.stability=${stability}`];
  const said = await frameloom(
    [
      ...['train', row.pipeline, '--run', run, ...set.flatMap((one) => ['--set', one])],
      ...(row.clips.length > 0 ? ['--clip', ...row.clips] : []),
      ...('minutes' in length ? ['--max-minutes', String(length.minutes)] : []),
    ],
    options,
  );
  const { step } = z.object({ step: z.int() }).parse(said);
  const figures = (await readStepLog(runPaths(run).log)).flatMap(({ frames, clock }) =>
    typeof frames === 'number' && clock?.framesPerSecond !== undefined
      ? [{ frames, framesPerSecond: clock.framesPerSecond }]
      : [],
  );
  return { run, steps: step, stepsPerSecond: stepsPerSecond(figures), ran: null };
}

async function trainPytorch(options: RunOptions): Promise<Trained> {
  const { row, seed, length } = options;
  const { torch, format, ...trained } = await trainPeer({
    ...options,
    pipeline: await pipelineOf(row, seed, length),
    ...('minutes' in length && { maxMinutes: length.minutes }),
  });
  return { ...trained, ran: `${torch} ${format}` };
}

/**
 * Trains one side, and measures what it learned by Frameloom's own `evaluate`, whichever side it was.
 * @throws Error where a run could not be made, or went wrong
 */
export async function makeRun(options: RunOptions): Promise<Result> {
  const { row, side, seed, asked, folder, evaluate } = options;
  await rm(folder, { recursive: true, force: true });
  try {
    const began = performance.now();
    const { run, ...trained } = await (side === 'frameloom' ? trainFrameloom : trainPytorch)(
      options,
    );
    const between = performance.now();
    const said = await frameloom(['evaluate', run, ...evaluate], options);
    const { frames, rows, behaviour } = evaluationSchema.parse(said);
    const seconds = {
      train: (between - began) / 1000,
      evaluate: (performance.now() - between) / 1000,
    };
    const drift = behaviour?.drift ?? null;
    return { row: row.name, side, seed, asked, ...trained, frames, rows, drift, seconds };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
