import type { ActionAgreement, ActionKind } from './action-agreement.js';
import type { MadeAndReal } from './faithfulness.js';

/** The same measure of generated frames, of real ones, and of generated ones beside what was told at other times. */
export interface Obeyed extends MadeAndReal {
  /** What can be had without obeying: 0.5 of a key, 0 or less of an axis. */
  readonly shuffled: number | null;
}

/** How well generated frames do what they were told, by the actions that an inverse-dynamics network sees in them. */
export interface Obedience {
  /** Moments that were looked at. */
  readonly frames: number;
  /** Balanced accuracy, 0 to 1, mean over the keys; null where no key changes. */
  readonly keys: Obeyed | null;
  /** R², mean over the axes; null where no axis changes. */
  readonly axes: Obeyed | null;
  readonly columns: readonly (Obeyed & ActionKind)[];
}

/** Agreements of the same moments. */
export interface AgreementsOfMoments {
  readonly made: ActionAgreement;
  readonly real: ActionAgreement;
  readonly shuffled: ActionAgreement;
}

/** Puts together what three agreements have come to. */
export function obedienceOf(
  columns: readonly ActionKind[],
  { made, real, shuffled }: AgreementsOfMoments,
): Obedience {
  const scores = [made, real, shuffled].map((one) => one.scores());
  const each = columns.map(({ name, kind }, i) => ({
    ...{ name, kind },
    made: scores[0]![i] ?? null,
    real: scores[1]![i] ?? null,
    shuffled: scores[2]![i] ?? null,
  }));
  const meanOf = (kind: ActionKind['kind']): Obeyed | null => {
    const own = each.filter((column) => column.kind === kind && column.real !== null);
    if (own.length === 0) return null;
    const mean = (value: (of: Obeyed) => number | null): number =>
      own.reduce((sum, column) => sum + value(column)!, 0) / own.length;
    return {
      made: mean((of) => of.made),
      real: mean((of) => of.real),
      shuffled: mean((of) => of.shuffled),
    };
  };
  return { frames: made.frames, keys: meanOf('key'), axes: meanOf('axis'), columns: each };
}
