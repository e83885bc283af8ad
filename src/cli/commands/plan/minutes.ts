import { availableParallelism, loadavg } from 'node:os';
import { cacheFolder } from '../../../base/cache-folder.js';
import { FrameloomError, isFrameloomError } from '../../../base/error.js';
import type { Logger } from '../../../base/log.js';
import { ownCommand } from '../../../base/own-command.js';
import { actionColumns } from '../../../clips/actions.js';
import { conditionLayout } from '../../../clips/condition-plan.js';
import {
  divisionProblem,
  openDataset,
  SIZE_MULTIPLE,
  SMALLEST_SIDE,
  windowPixels,
  windowSize,
} from '../../../clips/index.js';
import { registerKernels } from '../../../kernels/index.js';
import { GENERATOR_PRESETS } from '../../../networks/options.js';
import { loadPipeline } from '../../../pipeline/load.js';
import type { Pipeline } from '../../../pipeline/schema.js';
import {
  budgetBytes,
  chooseMemory,
  type FrameSize,
  type MeasuredStep,
} from '../../../planning/index.js';
import { ENOUGH_STEPS } from '../../../training/forecast.js';
import { evaluationFrames } from '../../../training/measure-held-out.js';
import { measurePace } from '../../../training/measure-pace.js';
import { asMeasured } from '../../../training/pace.js';
import { measuredStep } from '../../../training/measure-step.js';
import { assertStridesFit, createModel, type Model } from '../../../training/model.js';
import { chooseBackend, type BackendFlags } from '../../engine/backend-flag.js';
import type { TrustFlags } from '../../engine/trust-flag.js';
import { trustsFilters, warnOfIdleTrust } from '../../engine/trusted-filters.js';
import { createOpeningProgress } from '../../report/opening-progress.js';
import { formatMinutesReport, type MinutesReport } from '../../report/minutes-report.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';
import { nextLines } from '../../terminal/next.js';
import { createProgress } from '../../terminal/progress.js';
import {
  advise,
  compareCandidates,
  roomFor,
  type Candidate,
} from '../../../training/candidates.js';

export interface MinutesFlags extends BackendFlags, TrustFlags {
  minutes: number;
  clip?: readonly string[] | undefined;
  budget?: number | 'auto';
  set?: readonly string[];
  json?: boolean;
}

/** Seconds that a candidate is measured for, at the most but for the first few of its steps. */
const LIMIT_SECONDS = 15;

/** Sides of the candidates' frames by the pipeline's. */
const SCALES = [1 / 2, 1, 2] as const;

/** What of the candidates' pipelines is needed once they are loaded. */
interface Loaded {
  readonly pipeline: Pipeline;
  readonly model: Model;
  readonly step: MeasuredStep;
}

const scaled = ({ width, height }: FrameSize, scale: number): FrameSize => {
  const side = (pixels: number): number =>
    Math.max(SIZE_MULTIPLE, Math.round((pixels * scale) / SIZE_MULTIPLE) * SIZE_MULTIPLE);
  return scale === 1 ? { width, height } : { width: side(width), height: side(height) };
};

/**
 * Measures the first steps of a pipeline and of its neighbours, and says what so many minutes will hold.
 * @returns the exit code
 * @throws FrameloomError budget, where nothing of it fits
 */
export async function planMinutes(
  path: string,
  flags: MinutesFlags,
  context: Context,
): Promise<number> {
  const { minutes, clip: clips = [], set = [] } = flags;
  const { log, terminal, signal } = context;
  const { pipeline, baseFolder } = await loadPipeline(path, { clips, set });
  assertStridesFit(pipeline);
  warnOfIdleTrust(flags, pipeline.data.condition, log);
  const { training } = pipeline;
  if (training.minutes !== undefined && training.minutes < minutes) {
    log.warn(`the pipeline itself ends after ${training.minutes} minutes (training.minutes)`);
  }
  const layout = await conditionLayout(pipeline.data, baseFolder);
  await chooseBackend(flags, context, { native: true });
  registerKernels();
  const loaded = new Map<Candidate, Loaded>();
  const steps = new Map<string, MeasuredStep>();
  const add = (own: Pipeline, more: readonly string[]): Candidate => {
    const model = createModel(own, layout.channels, actionColumns(layout));
    const { size, patch } = own.data;
    const window = windowSize(own.data);
    const judges = model.discriminators.macs(window);
    const { preset } = own.generator;
    // What its memory is planned from is the same at every size.
    const step = steps.get(preset) ?? remembering(measuredStep(model, own));
    steps.set(preset, step);
    const candidate: Candidate = {
      preset,
      width: size.width,
      height: size.height,
      set: more,
      by: patch ? 'patches' : own.training.growing === 'off' ? 'whole frames' : 'growing',
      window,
      work: model.generator.macs(window) + judges.frame + judges.sequence,
      training: asMeasured(own.training, own.generator),
      pixels: windowPixels(own.data),
    };
    loaded.set(candidate, { pipeline: own, model, step });
    return candidate;
  };
  const candidates = [add(pipeline, [])];
  const { isNormalizedByPicture } = loaded.get(candidates[0]!)!.model.generator;
  for (const more of neighbours(pipeline, { log, mayPatch: !isNormalizedByPicture })) {
    try {
      const other = await loadPipeline(path, { clips, set: [...set, ...more] });
      candidates.push(add(other.pipeline, more));
    } catch (error) {
      // Not every size may be trained with every pipeline.
      if (!isFrameloomError(error)) throw error;
      log.info(`${more.join(' ')} is left out: ${error.message}`);
    }
  }

  const budget = budgetBytes(flags.budget ?? training.memoryBudget, log);
  const frames = await framesEvaluated(pipeline, flags, context);
  sayBusy(context);
  const progress = createProgress(context);
  const rows = await compareCandidates(candidates, {
    minutes,
    evaluationFrames: frames,
    memory(candidate) {
      const { step, pipeline: own } = loaded.get(candidate)!;
      return chooseMemory(step, own.training, windowSize(own.data), budget);
    },
    async pace(candidate, { checkpointing }) {
      const { model, pipeline: own } = loaded.get(candidate)!;
      const name = `${candidate.preset} ${candidate.width}x${candidate.height}`;
      log.info(
        `measuring the first steps of ${name}, for some ${LIMIT_SECONDS} seconds at the most`,
      );
      const measured = await measurePace(own, model, {
        size: windowSize(own.data),
        checkpointing,
        minutes,
        limitSeconds: LIMIT_SECONDS,
        log,
        signal,
        onStep: (steps) => progress.update({ done: steps, unit: 'steps' }),
      });
      log.debug(`${name}: ${JSON.stringify(measured)}`);
      return measured;
    },
  }).finally(() => progress.stop());

  const advice = advise(rows, minutes);
  const room = roomFor(rows);
  const command = (more: readonly string[], forMinutes: number): string =>
    ownCommand(
      ...['train', path],
      ...(clips.length > 0 ? ['--clip', ...clips] : []),
      ...[...set, ...more].flatMap((one) => ['--set', one]),
      ...['--max-minutes', String(forMinutes)],
    );
  const report: MinutesReport = {
    pipeline: pipeline.name,
    minutes,
    batch: training.batch,
    budgetBytes: budget,
    enoughSteps: ENOUGH_STEPS,
    evaluationFrames: frames,
    candidates: rows,
    advice,
    room,
    next: [
      ...(advice ? [command(advice.row.set, advice.minutes)] : []),
      ...(room ? [command(room.set, minutes)] : []),
    ],
  };
  if (flags.json) terminal.out(`${JSON.stringify(report, null, 2)}\n`);
  else terminal.out(`${formatMinutesReport(report)}${nextLines(report.next)}`);
  if (advice !== null) return EXIT.ok;
  throw new FrameloomError('budget', `${pipeline.name} cannot be trained here: ${rows[0]!.why}`, {
    path: 'training.memoryBudget',
    hint: 'give it more memory with --budget, or choose a smaller data.size or training.frames',
  });
}

/** Others' work is measured too. */
function sayBusy({ log }: Context): void {
  const [load = 0] = loadavg();
  const cores = availableParallelism();
  if (load < cores) return;
  log.warn(
    `this machine is busy (load ${load.toFixed(1)} on ${cores} cores): what is measured is what it has left now`,
  );
}

/**
 * Changes that make a pipeline's neighbours, itself not among them: other presets and sizes, and at its own size frames
 * that are small at first, and patches; sizes that no generator makes are left out.
 * @param mayPatch whether its generator comes out the same on patches
 */
export function neighbours(
  { generator, data, training }: Pick<Pipeline, 'generator' | 'data' | 'training'>,
  { log, mayPatch }: { readonly log: Logger; readonly mayPatch: boolean },
): string[][] {
  const { preset: own, channels, residualBlocks, branchBlocks } = generator;
  // Numbers of its own override those of a preset, and would make another network of each.
  const isOwn = [channels, residualBlocks, branchBlocks].some((one) => one !== undefined);
  const presets = isOwn ? [own] : Object.keys(GENERATOR_PRESETS);
  const presetOf = (preset: string): string[] =>
    preset === own ? [] : [`generator.preset=${preset}`];
  const { patch } = data;
  const isWhole = patch === undefined && training.growing === 'off';
  const half = scaled(data.size, 1 / 2);
  const isHalf = divisionProblem(data.size, 2) === undefined;
  const ways =
    isWhole && isHalf
      ? [
          'training.growing={divideBy: 2}',
          ...(mayPatch ? [`data.patch=${half.width}x${half.height}`] : []),
        ]
      : [];
  const others = SCALES.flatMap((scale) => {
    const { width, height } = scaled(data.size, scale);
    if (Math.min(width, height) < SMALLEST_SIDE) {
      log.info(
        `${width}x${height} is left out: no generator makes sides of less than ${SMALLEST_SIDE}`,
      );
      return [];
    }
    return presets
      .filter((preset) => preset !== own || scale !== 1)
      .map((preset) => [
        ...presetOf(preset),
        ...(scale === 1 ? [] : [`data.size=${width}x${height}`]),
      ]);
  });
  return [...others, ...ways.flatMap((way) => presets.map((preset) => [...presetOf(preset), way]))];
}

/** A step that runs each trial once, whatever sizes are planned from it. */
function remembering(step: MeasuredStep): MeasuredStep {
  const known = new Map<string, ReturnType<MeasuredStep['measure']>>();
  return {
    ...step,
    measure(trial, size) {
      const key = JSON.stringify([trial, size]);
      const peak = known.get(key) ?? step.measure(trial, size);
      known.set(key, peak);
      return peak;
    },
  };
}

/** Held-out frames that an evaluation of this training generates; as many as it may where there are no clips. */
async function framesEvaluated(
  pipeline: Pipeline,
  flags: MinutesFlags,
  context: Context,
): Promise<number> {
  const { generator, training, data } = pipeline;
  const opening = createOpeningProgress(context);
  try {
    const dataset = await openDataset(data, {
      seed: pipeline.seed,
      baseFolder: process.cwd(),
      log: context.log,
      historyFrames: generator.historyFrames,
      conditionFrames: generator.conditionFrames,
      windowFrames: training.frames,
      cacheFolder: cacheFolder(),
      signal: context.signal,
      trustFilters: trustsFilters(flags),
      onProgress: (progress) => opening.update(progress),
    });
    try {
      return evaluationFrames(dataset, training);
    } finally {
      await dataset.close();
    }
  } catch (error) {
    if (!isFrameloomError(error) || error.code === 'cancelled') throw error;
    const most = data.heldOut.fraction > 0 ? training.evaluateTotalFrames : 0;
    context.log.warn(
      `the clips cannot be trained on as they are, evaluations are counted with ${most} frames: ${error.toLine()}`,
    );
    return most;
  } finally {
    opening.stop();
  }
}
