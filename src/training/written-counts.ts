import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { FrameloomError, messageOf } from '../base/error.js';
import type { RunPaths } from './run/run-folder.js';
import type { StepCounts } from './step-counts.js';

const askedSchema = z.strictObject({ steps: z.int(), minutes: z.number().nullable() });
const countSchema = z.strictObject({
  /** All steps of the training. */
  steps: z.int().min(1),
  /** The first step that knows of it. */
  fromStep: z.int().min(0),
});
/** Where steps were counted once and never again, that count stands by itself. */
const fileSchema = z.union([
  z.strictObject({
    counts: z
      .array(countSchema)
      .min(1)
      .refine(
        (counts) =>
          counts.every(({ fromStep }, i) => i === 0 || fromStep > counts[i - 1]!.fromStep),
        'each count begins after the one before it',
      ),
    asked: askedSchema,
  }),
  countSchema
    .extend({ asked: askedSchema })
    .transform(({ asked, ...count }) => ({ counts: [count], asked })),
]);

/** How long a training is, as the run's `schedule.json` says, and what was asked for when that was decided. */
export interface WrittenCounts {
  readonly counts: StepCounts;
  /** Of another question it is no answer. */
  readonly asked: z.output<typeof askedSchema>;
}

/**
 * How long a run's training is; null where that has not been decided yet.
 * @throws FrameloomError bad-snapshot
 */
export async function readStepCounts({
  schedule,
}: Pick<RunPaths, 'schedule'>): Promise<WrittenCounts | null> {
  let text: string;
  try {
    text = await readFile(schedule, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unreadable(schedule, error);
  }
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch (error) {
    throw unreadable(schedule, error);
  }
}

const unreadable = (path: string, cause: unknown): FrameloomError =>
  new FrameloomError('bad-snapshot', `${path} cannot be read: ${messageOf(cause)}`, {
    ...{ path, cause },
    hint: 'delete it: the number of steps is then decided anew',
  });
