import { z } from 'zod';
import { motionRatio, type RolloutMeasures } from '../metrics/index.js';
import type { Influence } from '../synthesis/evaluate/influence.js';

/** Null where it says nothing; snapshots of earlier versions do not have all of them. */
const figure = z.number().nullable().default(null);

/** Numbers about the averaged generator in closed loop on held-out frames. */
const figuresSchema = z.object({
  psnr: figure,
  ssim: figure,
  sharpnessRatio: figure,
  checkerRatio: figure,
  motionRatio: figure,
  conditionUse: figure,
  diversity: figure,
});
export type EvaluationFigures = z.output<typeof figuresSchema>;

const evaluationSchema = z.object({
  figures: figuresSchema,
  /** What was wrong with them, by its word. */
  alarms: z.record(z.string(), z.string()),
  /** Made because a training ended, not because of its step: one that goes on does not go by it. */
  ending: z.boolean(),
});
/** An evaluation during training, as its snapshot keeps it. */
export type Evaluation = z.output<typeof evaluationSchema>;

/** What a snapshot kept; null where that is nothing, or what no version wrote. */
export function savedEvaluation(saved: unknown): Evaluation | null {
  const parsed = evaluationSchema.safeParse(saved);
  return parsed.success ? parsed.data : null;
}

/** JSON has no other numbers. */
const finite = (value: number | null): number | null =>
  value !== null && Number.isFinite(value) ? value : null;

export const figuresOf = (measures: RolloutMeasures, influence: Influence): EvaluationFigures => ({
  psnr: finite(measures.psnr),
  ssim: finite(measures.ssim),
  sharpnessRatio: finite(measures.sharpnessRatio),
  checkerRatio: finite(measures.checkerRatio),
  motionRatio: finite(motionRatio(measures)),
  conditionUse: finite(influence.conditionUse),
  diversity: finite(influence.diversity),
});

/** Their names in TensorBoard. */
const TAGS: Readonly<Record<keyof EvaluationFigures, string>> = {
  psnr: 'held_out/psnr',
  ssim: 'held_out/ssim',
  sharpnessRatio: 'held_out/sharpness',
  checkerRatio: 'held_out/checker',
  motionRatio: 'held_out/motion',
  conditionUse: 'held_out/condition_use',
  diversity: 'held_out/diversity',
};

/** The figures that say something, by their names in TensorBoard. */
export const scalarsOf = (figures: EvaluationFigures): Record<string, number> =>
  Object.fromEntries(
    Object.entries(figures).flatMap(([name, value]) =>
      value === null ? [] : [[TAGS[name as keyof EvaluationFigures], value]],
    ),
  );
