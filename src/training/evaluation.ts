import { z } from 'zod';
import { compositeScore, motionRatio, type RolloutMeasures } from '../metrics/index.js';
import type { Influence } from '../synthesis/evaluate/influence.js';
import type { DriftSlopes } from '../synthesis/evaluate/long-rollout.js';

/** Null where it says nothing; snapshots of earlier versions do not have all of them. */
const figure = z.number().nullable().default(null).catch(null);

/** What is measured of the averaged generator in closed loop on held-out frames. */
const measuredSchema = z.object({
  psnr: figure,
  ssim: figure,
  sharpnessRatio: figure,
  checkerRatio: figure,
  motionRatio: figure,
  temporalDifference: figure,
  realTemporalDifference: figure,
  conditionUse: figure,
  diversity: figure,
  overfitting: figure,
  sharpnessSlope: figure,
  checkerSlope: figure,
  colourSlope: figure,
});
type Measured = z.output<typeof measuredSchema>;

/** With the composite of them, which is reckoned anew of what was saved: one rule for all, whoever wrote it. */
const scored = (measured: Measured): { readonly score: number | null } & Measured => ({
  score: compositeScore(measured),
  ...measured,
});
const figuresSchema = measuredSchema.transform(scored);
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

/** What snapshots are compared by: `training.bestBy`. */
export type BestBy = 'composite' | 'ssim';

/** How good a snapshot is by its figures, higher is better; null where they do not say. */
export const scoreBy = (rule: BestBy, { score, ssim }: EvaluationFigures): number | null =>
  rule === 'ssim' ? ssim : score;

/** What a snapshot kept; null where that is nothing, or what no version wrote. */
export function savedEvaluation(saved: unknown): Evaluation | null {
  const parsed = evaluationSchema.safeParse(saved);
  return parsed.success ? parsed.data : null;
}

/** What a line of the log has of an evaluation; null where that is none. */
export function savedFigures(saved: unknown): EvaluationFigures | null {
  const parsed = figuresSchema.safeParse(saved);
  return parsed.success ? parsed.data : null;
}

/** JSON has no other numbers. */
const finite = (value: number | null): number | null =>
  value !== null && Number.isFinite(value) ? value : null;

/** What is measured beside the score. */
export interface Beside extends Influence {
  /** r_v of the discriminators; null where it says nothing. */
  readonly overfitting: number | null;
  /** Null where no long rollout was made. */
  readonly drift: DriftSlopes | null;
}

export const figuresOf = (measures: RolloutMeasures, beside: Beside): EvaluationFigures =>
  scored({
    psnr: finite(measures.psnr),
    ssim: finite(measures.ssim),
    sharpnessRatio: finite(measures.sharpnessRatio),
    checkerRatio: finite(measures.checkerRatio),
    motionRatio: finite(motionRatio(measures)),
    temporalDifference: finite(measures.temporalDifference),
    realTemporalDifference: finite(measures.realTemporalDifference),
    conditionUse: finite(beside.conditionUse),
    diversity: finite(beside.diversity),
    overfitting: finite(beside.overfitting),
    sharpnessSlope: finite(beside.drift?.sharpness ?? null),
    checkerSlope: finite(beside.drift?.checker ?? null),
    colourSlope: finite(beside.drift?.colour ?? null),
  });

/** Their names in TensorBoard. */
const TAGS: Readonly<Record<keyof EvaluationFigures, string>> = {
  score: 'held_out/score',
  psnr: 'held_out/psnr',
  ssim: 'held_out/ssim',
  sharpnessRatio: 'held_out/sharpness',
  checkerRatio: 'held_out/checker',
  motionRatio: 'held_out/motion',
  temporalDifference: 'held_out/difference',
  realTemporalDifference: 'held_out/difference_of_real',
  conditionUse: 'held_out/condition_use',
  diversity: 'held_out/diversity',
  overfitting: 'held_out/overfitting',
  sharpnessSlope: 'held_out/sharpness_slope',
  checkerSlope: 'held_out/checker_slope',
  colourSlope: 'held_out/colour_slope',
};

/** The figures that say something, by their names in TensorBoard. */
export const scalarsOf = (figures: EvaluationFigures): Record<string, number> =>
  Object.fromEntries(
    Object.entries(figures).flatMap(([name, value]) =>
      value === null ? [] : [[TAGS[name as keyof EvaluationFigures], value]],
    ),
  );

/** How each is said, with the digits that mean something; null of those that another has in it. */
const SAID: Readonly<Record<keyof EvaluationFigures, ((value: number) => string) | null>> = {
  score: (value) => `score ${value.toFixed(3)}`,
  psnr: (value) => `PSNR ${value.toFixed(2)} dB`,
  ssim: (value) => `SSIM ${value.toFixed(3)}`,
  sharpnessRatio: (value) => `sharpness ${value.toFixed(2)}`,
  checkerRatio: (value) => `checker ${value.toFixed(2)}`,
  motionRatio: (value) => `motion ${value.toFixed(2)}`,
  temporalDifference: null,
  realTemporalDifference: null,
  conditionUse: (value) => `condition use ${value.toFixed(2)}`,
  diversity: (value) => `diversity ${value.toFixed(2)}`,
  overfitting: (value) => `overfitting ${value.toFixed(2)}`,
  sharpnessSlope: (value) => `slopes in 100 frames: sharpness ${value.toFixed(3)}`,
  checkerSlope: (value) => `checker ${value.toFixed(3)}`,
  colourSlope: (value) => `colour ${value.toFixed(3)}`,
};

/** The figures that say something, as a line. */
export const sayFigures = (figures: EvaluationFigures): string =>
  Object.entries(figures)
    .flatMap(([name, value]) => {
      const said = SAID[name as keyof EvaluationFigures];
      return value === null || said === null ? [] : [said(value)];
    })
    .join(', ');
