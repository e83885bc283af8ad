import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FrameloomError } from '../../../base/error.js';
import { writeFileAtomic } from '../../../base/outputs.js';
import { ownCommand } from '../../../base/own-command.js';
import { packageRoot } from '../../../base/own-package.js';
import { chooseBackend, type BackendFlags } from '../../engine/backend-flag.js';
import type { Context } from '../../terminal/context.js';
import { trainPipeline } from '../train/run.js';

export interface DemoFlags extends BackendFlags {
  readonly maxMinutes?: number;
  /** A game that is played instead of a street. */
  readonly play?: boolean;
}

/** A file that comes along. */
export const packaged = (...path: string[]): string => join(packageRoot, ...path);

/** What a demo trains. */
export interface Demo {
  readonly folder: string;
  /** The pipeline that comes along. */
  readonly pipeline: string;
  readonly settings: readonly string[];
  readonly minutes: number;
  /** What is trained, as the first line says it. */
  readonly what: string;
  /** The words of its command. */
  readonly words: readonly string[];
}

/**
 * Shows what a demo came to: what it left before, or what it is trained to be now.
 * @param reportOf measures and shows what was trained, after so many steps
 * @throws FrameloomError cancelled
 */
export async function presentDemo(
  demo: Demo,
  flags: DemoFlags,
  context: Context,
  reportOf: (step: number) => Promise<readonly string[]>,
): Promise<void> {
  const { log, terminal } = context;
  const path = join(demo.folder, 'report.md');
  if (existsSync(path)) {
    log.info(`the demo was trained before; delete ${demo.folder} to train it again`);
    terminal.out(await readFile(path, 'utf8'));
    return;
  }
  const report = (await reportOf(await trainDemo(demo, flags, context))).join('\n');
  await writeFileAtomic(path, report);
  terminal.out(report);
}

/** What was measured, as a report has it. */
export const measured = (
  { frames }: { readonly frames: number },
  ...tables: string[]
): string[] => [
  ...[`On ${frames} held-out frames, in closed loop:`, '', '```'],
  ...tables.flatMap((table, i) => [...(i > 0 ? [''] : []), table.trimEnd()]),
  ...['```', ''],
];

/**
 * Trains a demo, or goes on with it.
 * @returns the step that it came to
 * @throws FrameloomError cancelled
 */
async function trainDemo(demo: Demo, flags: DemoFlags, context: Context): Promise<number> {
  const { folder, settings, words } = demo;
  const maxMinutes = flags.maxMinutes ?? demo.minutes;
  // Before anything is said of minutes: without native TensorFlow they would be hours.
  await chooseBackend(flags, context, { native: true });
  context.log.info(`1/3 training a small generator for ${maxMinutes} minutes: ${demo.what}`);
  const { ending, step } = await trainPipeline(
    packaged('pipelines', demo.pipeline),
    {
      ...{ run: folder, maxMinutes, set: [...settings] },
      resume: existsSync(join(folder, 'pipeline.yaml')),
    },
    context,
  );
  if (ending === 'cancelled') {
    throw new FrameloomError('cancelled', `the demo was stopped at step ${step}`, {
      hint: `go on with: ${ownCommand(...words)}`,
    });
  }
  return step;
}
