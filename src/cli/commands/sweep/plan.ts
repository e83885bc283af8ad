import { join } from 'node:path';
import { z } from 'zod';
import { parseAxis, sweepConfigurations } from '../../../pipeline/sweep.js';

export const planSchema = z.strictObject({
  version: z.literal(1),
  /** Where the words of the command line count from. */
  cwd: z.string(),
  /** As it was named. */
  pipeline: z.string(),
  name: z.string(),
  clips: z.array(z.string()),
  set: z.array(z.string()),
  seeds: z.int().min(1),
  minutes: z.number().positive().nullable(),
  /** What every training starts from; null from nothing. */
  from: z
    .strictObject({
      /** As it was named. */
      place: z.string(),
      /** Of a run: a run that goes on meanwhile has later ones. */
      step: z.int().min(0).nullable(),
      /** Names the weights. */
      weights: z.string(),
    })
    .nullable()
    .default(null),
  /** Further words of every training. */
  flags: z.array(z.string()),
  /** SHA-256 of the resolved pipeline of each training, by its folder's label. */
  pipelines: z.record(z.string(), z.string()),
});
/** All that a sweep is made from; kept, so that `--resume` makes the rest of the very same one. */
export type SweepPlan = z.output<typeof planSchema>;

/** One training of a sweep. */
export interface SweepTraining {
  /** Its configuration's place, from 0. */
  readonly configuration: number;
  readonly name: string;
  readonly seed: number;
  readonly set: readonly string[];
  /** The run's folder. */
  readonly folder: string;
  /** Within the sweep's folder. */
  readonly label: string;
  /** The file of its resolved pipeline, which the sweep keeps: the one that was named may be edited meanwhile. */
  readonly pipeline: string;
}

const slugOf = (name: string): string =>
  name
    .replace(/[^\p{L}\p{N}=._-]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 80);

/** The trainings of a plan in their order: every setting once, then every setting with the next seed. */
export function trainingsOf(
  plan: Omit<SweepPlan, 'pipelines'>,
  folder: string,
  firstSeed: number,
): SweepTraining[] {
  const configurations = sweepConfigurations(plan.set.map(parseAxis));
  const digits = String(configurations.length).length;
  return Array.from({ length: plan.seeds }, (_, i) => firstSeed + i).flatMap((seed) =>
    configurations.map(({ name, set }, configuration) => {
      const number = String(configuration + 1).padStart(digits, '0');
      const label = `${number}-${slugOf(name)}-seed=${seed}`;
      const all = [...set, `seed=${seed}`];
      const pipeline = join(folder, 'pipelines', `${label}.yaml`);
      return { configuration, name, seed, set: all, folder: join(folder, label), label, pipeline };
    }),
  );
}
