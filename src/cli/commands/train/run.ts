import { cacheFolder } from '../../../base/cache-folder.js';
import { FrameloomError, isFrameloomError } from '../../../base/error.js';
import { ownCommand } from '../../../base/own-command.js';
import { formatBytes, formatDuration } from '../../../base/units.js';
import type { Group } from '../../../backend/group/index.js';
import { loadPipeline, pipelineToYaml } from '../../../pipeline/load.js';
import type { TrainProgress } from '../../../training/train-context.js';
import { train, type TrainEnding } from '../../../training/trainer.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';
import { exportRun } from '../export/run.js';
import { refuseIdle } from '../../idle-options.js';
import { inspect, printInspection } from '../../input/inspect.js';
import { commandsOf, nextLines } from '../../terminal/next.js';
import { createOpeningProgress } from '../../report/opening-progress.js';
import { createProgress } from '../../terminal/progress.js';
import type { ToldProgress } from '../../../serve/training-watch.js';
import { liveBeside } from './live-beside.js';
import { launchTraining } from './launch.js';
import {
  clusterOf,
  enterCluster,
  follow,
  inGroup,
  launchedWords,
  sharePipeline,
  tellLauncher,
} from './ranks.js';
import type { TrainFlags } from './train-flags.js';
import { openTrainingRun, type TrainingRun } from './training-run.js';
import { chooseBackend } from '../../engine/backend-flag.js';
import { provideNative } from '../../engine/set-up.js';
import { trustsFilters, warnOfIdleTrust } from '../../engine/trusted-filters.js';

interface Trained {
  readonly folder: string;
  readonly ending: TrainEnding;
  readonly step: number;
  /** Commands that use what was learned. */
  readonly next: readonly string[];
}

/** @throws FrameloomError bad-option for flags that contradict each other */
function assertFlagsFit(flags: TrainFlags): void {
  const startsAnew = flags.from !== undefined;
  if (startsAnew && flags.resume) {
    throw new FrameloomError('bad-option', '--from and --resume contradict each other', {
      hint: 'a run that goes on starts from its own snapshots: leave one of them out',
    });
  }
  if (flags.resume && flags.keyframes !== undefined) {
    throw new FrameloomError('bad-option', '--keyframes and --resume contradict each other', {
      hint: 'a run goes on with the keyframes that it began with; new ones are a new run, which may start --from it',
    });
  }
  const why = flags.resume || startsAnew ? undefined : 'without --resume or --from';
  refuseIdle({ option: '--snapshot', given: flags.snapshot, why });
}

/**
 * Opens the run, and tells the other processes of a group what is trained in it.
 * @throws FrameloomError as openTrainingRun does, in all of them
 */
async function openShared(
  path: string | undefined,
  flags: TrainFlags,
  { log }: Context,
  group: Group | null,
): Promise<TrainingRun> {
  let opened: TrainingRun | undefined;
  await sharePipeline(group, async () => {
    opened = await openTrainingRun(path, flags, { log });
    return { yaml: group ? pipelineToYaml(opened.pipeline) : '' };
  });
  tellLauncher({ run: opened!.run.folder });
  return opened!;
}

/**
 * Trains in a run of its own, showing progress, and exports what it learned.
 * @param group whose first process this is; null of one by itself
 * @returns the run's folder and how it ended
 */
export async function trainPipeline(
  path: string | undefined,
  flags: TrainFlags,
  context: Context,
  group: Group | null = null,
): Promise<Trained> {
  const started = performance.now();
  assertFlagsFit(flags);
  const startsAnew = flags.from !== undefined;
  await provideNative(flags, context);
  if (startsAnew && flags.backend !== undefined) await chooseBackend(flags, context);
  const { pipeline, run, discardUntrained, putBack } = await openShared(
    path,
    flags,
    context,
    group,
  );
  const opening = createOpeningProgress(context);
  const progress = createProgress(context);
  const minutes = Math.min(pipeline.training.minutes ?? Infinity, flags.maxMinutes ?? Infinity);
  const page = flags.live ? liveBeside(run.folder, context.log) : null;
  let trained: Trained | undefined;
  let isPeerLost = false;
  const made = { steps: 0 };
  try {
    context.log.info(`training in ${run.folder}`);
    warnOfIdleTrust(flags, pipeline.data.condition, context.log);
    if (!startsAnew && flags.backend !== undefined) await chooseBackend(flags, context);
    const result = await train(pipeline, {
      run,
      group,
      baseFolder: process.cwd(),
      log: context.log,
      signal: context.signal,
      cacheFolder: cacheFolder(),
      trustFilters: trustsFilters(flags),
      ...(flags.maxMinutes !== undefined && { maxMinutes: flags.maxMinutes }),
      ...(flags.resume && flags.snapshot !== undefined && { snapshot: flags.snapshot }),
      onOpening: (now) => {
        opening.update(now);
        page?.tell({ state: 'starting', doing: `${now.stage} ${now.done}/${now.total} clips` });
      },
      onOpened: () => opening.stop(),
      onEvaluation: (done, total) => {
        const unit = 'held-out frames evaluated';
        progress.update({ done, total, unit });
        page?.tell({ state: 'evaluating', doing: `${done}/${total} ${unit}` });
      },
      onProgress: ({ step, steps, terms, ...figures }) => {
        made.steps += 1;
        page?.tell(toldOf({ step, steps, ...figures }, minutes));
        progress.update({
          done: step,
          ...(Number.isFinite(steps) && { total: steps }),
          unit: 'steps',
          losses: sidesOf(terms),
          ...(Number.isFinite(minutes) && {
            timeShare: figures.elapsedSeconds / (minutes * 60),
          }),
          ...figures,
        });
      },
    });
    group?.end(true);
    progress.stop();
    const seconds = (performance.now() - started) / 1000;
    context.log.info(
      `${result.step} steps done in ${formatDuration(seconds)}; waited for data ${(result.waitingShare * 100).toFixed(1)} % of the time`,
    );
    const { ending, step } = result;
    trained = { folder: run.folder, ending, step, next: commandsOf(run.folder, pipeline) };
  } catch (error) {
    // Where another process was lost nothing is wrong with what was asked for, which is begun again by what the run holds.
    isPeerLost = isFrameloomError(error, 'peer-lost');
    if (made.steps === 0 && !isPeerLost) await putBack();
    throw error;
  } finally {
    opening.stop();
    progress.stop();
    if (!isPeerLost) await discardUntrained();
    await run.close();
    await page?.close(trained ? { why: trained.ending, next: trained.next } : null);
  }
  if (trained.ending !== 'cancelled') await exportTrained(trained.folder, context);
  return trained;
}

/** The generator as a file to take away. Training did its work even where this cannot be. */
async function exportTrained(folder: string, context: Context): Promise<void> {
  try {
    const { path, bytes } = await exportRun(folder, {}, context);
    context.log.info(`exported ${path} (${formatBytes(bytes)})`);
  } catch (error) {
    if (!isFrameloomError(error)) throw error;
    context.log.warn(`not exported: ${error.toLine()}`);
  }
}

/** How far a training is, for its page. @param minutes that it may take; Infinity without a limit */
function toldOf(
  {
    step,
    steps,
    elapsedSeconds,
    framesPerSecond,
    etaSeconds,
    health,
  }: Omit<TrainProgress, 'terms'>,
  minutes: number,
): ToldProgress {
  const shares = [step / steps, elapsedSeconds / (minutes * 60)].filter((share) => share > 0);
  return {
    ...{ state: 'training', step, steps: Number.isFinite(steps) ? steps : null, doing: null },
    share: shares.length > 0 ? Math.min(1, Math.max(...shares)) : null,
    ...{ framesPerSecond, health },
    etaSeconds: Number.isFinite(etaSeconds) ? etaSeconds : null,
  };
}

/** The two networks' whole losses: a bar has no room for every term. */
function sidesOf(terms: Readonly<Record<string, number>>): Record<string, number> {
  const sum = (side: string): number =>
    Object.entries(terms)
      .filter(([name]) => name.startsWith(`${side}/`))
      .reduce((total, [, value]) => total + value, 0);
  return { G: sum('generator'), D: sum('discriminator') };
}

/** What is about a training says nothing where there is none. */
function refuseBesideDryRun(
  path: string | undefined,
  { run, resume, from, snapshot, maxMinutes, live, processes, cluster }: TrainFlags,
): asserts path is string {
  const why = 'beside --dry-run';
  refuseIdle(
    { option: '--run', given: run, why },
    { option: '--resume', given: resume, why },
    { option: '--from', given: from, why },
    // Without either it would do nothing in a training as well.
    { option: '--snapshot', given: snapshot, why: 'without --resume or --from' },
    { option: '--max-minutes', given: maxMinutes, why },
    { option: '--live', given: live, why },
    { option: '--processes', given: processes, why },
    { option: '--cluster', given: cluster, why },
  );
  if (path === undefined) {
    throw new FrameloomError('bad-option', 'the pipeline is missing', { hint: 'name its file' });
  }
}

/** Trains, or with --dry-run only looks. @returns the exit code */
export async function runTraining(
  path: string | undefined,
  flags: TrainFlags,
  context: Context,
): Promise<number> {
  if (flags.dryRun) {
    refuseBesideDryRun(path, flags);
    const { clip = [], set = [], keyframes } = flags;
    const changes = { clips: clip, set, keyframes };
    const { pipeline } = await loadPipeline(path, changes);
    warnOfIdleTrust(flags, pipeline.data.condition, context.log);
    const inspection = await inspect(pipeline, context, { trustFilters: trustsFilters(flags) });
    return printInspection(inspection, context, flags);
  }
  const { processes } = flags;
  clusterOf(flags);
  if (processes !== undefined && processes > 1) {
    assertFlagsFit(flags);
    return launchTraining(path, { ...flags, processes }, context);
  }
  const group = await enterCluster(flags, context);
  if (group !== null && group.rank > 0) return follow(path, flags, context, group);
  const result = await inGroup(group, () => trainPipeline(path, flags, context, group));
  const { terminal } = context;
  if (result.ending === 'cancelled' && result.step === 0) {
    throw new FrameloomError('cancelled', 'stopped before the first step, nothing to save');
  }
  if (flags.json) terminal.out(`${JSON.stringify(result)}\n`);
  if (result.ending === 'cancelled') {
    throw new FrameloomError('cancelled', `stopped at step ${result.step}, snapshot saved`, {
      hint: `go on with: ${ownCommand('train', '--resume', '--run', result.folder, ...launchedWords(group))}`,
    });
  }
  if (!flags.json) {
    terminal.out(`${result.folder}\n${nextLines(result.next)}`);
  }
  return EXIT.ok;
}
