import { z } from 'zod';
import { GRADIENT_NORMS, shareOfNext, type Signals } from './signals.js';

/** Who is judged: frames by themselves, or runs of them. */
export const JUDGED = ['frame', 'sequence'] as const;
export type Judged = (typeof JUDGED)[number];

/** Running means of the scores that the discriminators have given, of real and of generated input. */
export type ScoreAnchors = Readonly<
  Partial<Record<Judged, { readonly real: number; readonly fake: number }>>
>;

/** Means of scores by signal, as a snapshot keeps them. */
export const scoresSchema = z.record(
  z.string(),
  z.strictObject({ mean: z.number(), count: z.int() }),
);
type Scores = z.output<typeof scoresSchema>;

/** Of each step in the mean, as LeCam has it; the first ones as plain means. */
const SHARE = 0.01;
const signalOf = (name: Judged, side: 'real' | 'fake'): string =>
  `discriminator/${name}_${side}_score`;
const SIGNALS = JUDGED.flatMap((name) => [signalOf(name, 'real'), signalOf(name, 'fake')]);

/** The means after a step. */
export function grownScores(before: Scores, signals: Signals): Scores {
  // Of a step that broke, scores may be beyond all measure, and would be remembered for long.
  if (GRADIENT_NORMS.some((name) => !Number.isFinite(signals[name] ?? 0))) return before;
  const next = { ...before };
  for (const name of SIGNALS) {
    const value = signals[name];
    if (typeof value !== 'number' || !Number.isFinite(value)) continue;
    const { mean, count } = before[name] ?? { mean: 0, count: 0 };
    const share = shareOfNext(count, SHARE);
    next[name] = { mean: (1 - share) * mean + share * value, count: count + 1 };
  }
  return next;
}

/** Those of the discriminators that have given scores. */
export const scoreAnchors = (scores: Scores): ScoreAnchors =>
  Object.fromEntries(
    JUDGED.flatMap((name) => {
      const real = scores[signalOf(name, 'real')];
      const fake = scores[signalOf(name, 'fake')];
      return real && fake ? [[name, { real: real.mean, fake: fake.mean }]] : [];
    }),
  );

/** A step's plan with the anchors that the steps before have left, where it has LeCam. */
export const anchored = <P extends { readonly lecam: { readonly anchors: ScoreAnchors } | null }>(
  plan: P,
  { scores }: { readonly scores: Scores },
): P => (plan.lecam ? { ...plan, lecam: { ...plan.lecam, anchors: scoreAnchors(scores) } } : plan);
