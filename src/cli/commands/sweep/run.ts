import { join } from 'node:path';
import { FrameloomError } from '../../../base/error.js';
import { ownCommand } from '../../../base/own-command.js';
import { writeFileAtomic } from '../../../base/outputs.js';
import { parsePipeline } from '../../../pipeline/load.js';
import { takeLock } from '../../../training/run/lock.js';
import { openRun } from '../../../training/run/run-folder.js';
import type { SnapshotChoice } from '../../../training/run/snapshot-store.js';
import { chooseBackend, type BackendFlags } from '../../engine/backend-flag.js';
import { provideNative } from '../../engine/set-up.js';
import type { TrustFlags } from '../../engine/trust-flag.js';
import { refuseIdle } from '../../idle-options.js';
import { settingsOf, type SkipFlags } from '../../input/skip-broken.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';
import { writeSweepPicture } from './picture.js';
import { formatSweep, sweepMarkdown, type SweepResult } from './results.js';
import { makeSweep, reopenSweep, type OpenSweep } from './sweep-folder.js';
import { trainAll } from './train-all.js';

export interface SweepFlags extends TrustFlags, SkipFlags, BackendFlags {
  clip?: string[] | undefined;
  seeds?: number;
  minutes?: number;
  from?: string;
  snapshot?: SnapshotChoice;
  processes?: number;
  output?: string;
  resume?: boolean;
  json?: boolean;
}

function openSweep(path: string | undefined, flags: SweepFlags): Promise<OpenSweep> {
  const { output, resume, clip, seeds, minutes, backend, trustFilters, skipBroken, set } = flags;
  const { from, snapshot } = flags;
  refuseIdle({
    ...{ option: '--snapshot', given: snapshot },
    why: from === undefined && 'without --from',
  });
  if (!resume) {
    return makeSweep(
      {
        cwd: process.cwd(),
        pipeline: path!,
        clips: clip ?? [],
        set: settingsOf(flags),
        seeds: seeds ?? 1,
        minutes: minutes ?? null,
        flags: [
          ...(backend === undefined ? [] : ['--backend', backend]),
          ...(trustFilters ? ['--trust-filters'] : []),
        ],
      },
      output,
      from === undefined ? undefined : { place: from, snapshot },
    );
  }
  const why = 'beside --resume: a sweep knows its own settings';
  refuseIdle(
    { option: 'a pipeline', given: path, why },
    { option: '--clip', given: clip, why },
    { option: '--set', given: set, why },
    { option: '--seeds', given: seeds, why },
    { option: '--minutes', given: minutes, why },
    { option: '--from', given: from, why },
    { option: '--backend', given: backend, why },
    { option: '--trust-filters', given: trustFilters, why },
    { option: '--skip-broken', given: skipBroken, why },
  );
  if (output === undefined) {
    throw new FrameloomError('bad-option', '--resume goes on with a sweep that is not named', {
      hint: 'name its folder: --resume -o sweeps/00001-edges-to-video',
    });
  }
  return reopenSweep(output);
}

/**
 * Trains every setting of a sweep with every seed, measures each on held-out frames, and lays a table and
 * a picture of all beside them.
 * @returns the exit code: 1 where a training failed
 */
export async function runSweep(
  path: string | undefined,
  flags: SweepFlags,
  context: Context,
): Promise<number> {
  const { log, terminal, signal } = context;
  // Before the trainings, which are processes of their own.
  await provideNative(flags, context);
  // Weights of an exported file are read by it.
  if (flags.from !== undefined && flags.backend !== undefined) await chooseBackend(flags, context);
  const sweep = await openSweep(path, flags);
  const { folder, trainings } = sweep;
  const lock = await takeLock(join(folder, 'lock'), { log });
  try {
    const results = await trainAll(sweep, flags.processes ?? 1, context);
    if (signal.aborted) {
      throw new FrameloomError(
        'cancelled',
        `stopped with ${results.length} of ${trainings.length} trainings done`,
        { hint: `go on with: ${ownCommand('sweep', '--resume', '-o', folder)}` },
      );
    }
    const table = join(folder, 'sweep.md');
    await writeFileAtomic(table, sweepMarkdown(results));
    const picture = join(folder, 'sweep.png');
    const shown = await writeSweepPicture(picture, results, sizeOf);
    if (flags.json) terminal.out(`${JSON.stringify({ folder, results }, null, 2)}\n`);
    else {
      terminal.out(formatSweep(results));
      terminal.out(`${table}\n`);
      if (shown) terminal.out(`real frames, then row by row what each made of them: ${picture}\n`);
    }
    return results.some(({ ending }) => ending === 'failed') ? EXIT.failed : EXIT.ok;
  } finally {
    await lock.release();
  }
}

/** By the run's own pipeline. */
async function sizeOf({ folder }: SweepResult) {
  const { pipelineYaml, pipeline: path } = await openRun(folder);
  return parsePipeline(pipelineYaml, path).pipeline.data.size;
}
