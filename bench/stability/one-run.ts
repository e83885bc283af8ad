import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ENDS_WITH_PARENT } from '../../src/cli/terminal/interrupt.js';
import { motionRatio } from '../../src/metrics/index.js';
import { alarmsOf } from '../../src/training/alarms.js';
import { stabilityLimits } from '../../src/training/stability-limits.js';
import { measuresSchema, ratio } from '../support/measures.js';
import { pipelineText, type Keys } from './settings.js';

export const CONTROLS = ['off', 'on'] as const;
export type Control = (typeof CONTROLS)[number];

/** What a run must not end beyond, whatever a controller's own limits are. */
const BARS = stabilityLimits.parse({
  checkerAbove: 1.5,
  motionBelow: 0.3,
  motionAbove: 2,
  conditionUseBelow: 0.2,
  diversityBelow: 0.05,
});
/** Told beside the verdict: many a pipeline does well without. */
const BESIDE = 'noise ignored';

const evaluationSchema = z.object({
  rows: z.object({ generated: measuresSchema, mean: measuresSchema }),
  behaviour: z.object({ conditionUse: ratio, diversity: ratio }).nullable(),
});

/** What a training and its evaluation came to: on held-out frames, in closed loop, by the averaged generator. */
export const resultSchema = z.object({
  setting: z.string(),
  seed: z.int(),
  control: z.enum(CONTROLS),
  /** Of all that was asked for: another is another run. */
  asked: z.string(),
  /** In which it has collapsed: `diverged`, `dots`, `frozen` …; none where all is well. */
  collapsed: z.record(z.string(), z.string()),
  noiseIgnored: z.boolean(),
  measured: z
    .object({
      psnr: z.number(),
      ssim: z.number(),
      /** Of the mean training frame, which whatever has learnt something is above. */
      meanFramePsnr: z.number(),
      sharpness: ratio,
      checker: ratio,
      motion: ratio,
      conditionUse: ratio,
      diversity: ratio,
    })
    .nullable(),
  /** What evaluations during training said, by their steps. */
  tipped: z.array(z.object({ step: z.int(), words: z.array(z.string()) })),
  /** How often control did what. */
  acts: z.record(z.string(), z.int()),
  seconds: z.object({ train: z.number(), evaluate: z.number() }),
});
export type Result = z.output<typeof resultSchema>;

export interface RunOptions {
  readonly setting: string;
  readonly keys: Keys;
  readonly seed: number;
  readonly control: Control;
  /** All of it in one word. */
  readonly asked: string;
  /** How commands are run. */
  readonly frameloom: Frameloom;
  /** Where the run's folder goes; what is there of an earlier try is removed. */
  readonly folder: string;
}

/** Runs one of Frameloom's commands with `--json --log-json` beside its words. */
export type Frameloom = (words: readonly string[]) => Promise<CommandResult>;

interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const ERROR = 50;

const ALONE = {
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
  [ENDS_WITH_PARENT]: '1',
};

/**
 * Commands in processes of their own, on one thread: nets this small are not faster on several, and runs
 * beside each other then get each the same.
 * @param program the built command line
 */
export const inProcesses =
  (program: string): Frameloom =>
  async (words) => {
    const child = spawn(process.execPath, [program, ...words], {
      // With a channel, so that it does not outlive this process.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...ALONE },
    });
    let stdout = '';
    let stderr = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const code = await new Promise<number>((done, fail) => {
      child.on('error', fail);
      child.on('close', (status, by) => done(status ?? (by === null ? 1 : 128)));
    });
    return { code, stdout, stderr };
  };

interface Said {
  readonly level?: number;
  readonly msg?: string;
  readonly code?: string;
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  /** The last error that it told of. */
  readonly error: Said;
  readonly seconds: number;
}

async function ended(frameloom: Frameloom, words: readonly string[]): Promise<Ended> {
  const began = performance.now();
  const { code, stdout, stderr } = await frameloom([...words, '--json', '--log-json']);
  const errors = stderr
    .split('\n')
    // What is no JSON was said by something beneath.
    .map((line): Said => (parsed(line) as Said | undefined) ?? { level: ERROR, msg: line })
    .filter(({ level = 0, msg = '' }) => level >= ERROR && msg.trim() !== '');
  const seconds = (performance.now() - began) / 1000;
  return { code, stdout, error: errors.at(-1) ?? { msg: 'it ended without a word' }, seconds };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Trains and evaluates in processes of their own.
 * @throws Error where a run could not be made at all, rather than went wrong
 */
export async function makeRun(options: RunOptions): Promise<Result> {
  const { setting, keys, seed, control, asked, frameloom, folder } = options;
  const pipeline = `${folder}.yaml`;
  await rm(folder, { recursive: true, force: true });
  const stability = control === 'on' ? 'auto' : 'off';
  await writeFile(pipeline, pipelineText({ ...keys, seed, 'training.stability': stability }));
  const trained = await ended(frameloom, ['train', pipeline, '--run', folder]);
  const base = { setting, seed, control, asked };
  if (trained.code !== 0) {
    const { code, msg = '' } = trained.error;
    if (code !== 'diverged') throw new Error(`${setting} was not trained: ${msg}`);
    return {
      ...base,
      collapsed: { diverged: msg },
      noiseIgnored: false,
      measured: null,
      ...(await toldBy(folder)),
      seconds: { train: trained.seconds, evaluate: 0 },
    };
  }
  const evaluated = await ended(frameloom, ['evaluate', folder, '--max-frames', '32']);
  if (evaluated.code !== 0) throw new Error(`${setting} was not evaluated: ${evaluated.error.msg}`);
  const { rows, behaviour } = evaluationSchema.parse(JSON.parse(evaluated.stdout));
  const { psnr, ssim, sharpnessRatio, checkerRatio } = rows.generated;
  const motion = motionRatio(rows.generated);
  const { conditionUse, diversity } = behaviour ?? { conditionUse: null, diversity: null };
  const { [BESIDE]: noise, ...collapsed } = alarmsOf(BARS, {
    checkerRatio,
    motionRatio: motion,
    conditionUse,
    diversity,
  });
  return {
    ...base,
    collapsed,
    noiseIgnored: noise !== undefined,
    measured: {
      psnr,
      ssim,
      meanFramePsnr: rows.mean.psnr,
      sharpness: sharpnessRatio,
      checker: checkerRatio,
      motion,
      conditionUse,
      diversity,
    },
    ...(await toldBy(folder)),
    seconds: { train: trained.seconds, evaluate: evaluated.seconds },
  };
}

const lineSchema = z.object({
  step: z.int(),
  act: z.string().optional(),
  /** What followed from an evaluation is in its line. */
  acts: z.array(z.object({ act: z.string() })).default([]),
  alarms: z.record(z.string(), z.string()).optional(),
});

/** What a run's log says of how it went. */
async function toldBy(folder: string): Promise<Pick<Result, 'tipped' | 'acts'>> {
  const text = await readFile(join(folder, 'log.jsonl'), 'utf8');
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => lineSchema.parse(JSON.parse(line)));
  const acts: Record<string, number> = {};
  const done = lines.flatMap((line) => [line.act ?? [], line.acts.map(({ act }) => act)].flat());
  for (const act of done) acts[act] = (acts[act] ?? 0) + 1;
  const tipped = lines.flatMap(({ step, alarms }) => {
    const words = Object.keys(alarms ?? {});
    return words.length === 0 ? [] : [{ step, words }];
  });
  return { tipped, acts };
}
