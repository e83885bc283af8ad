import type { TrainingCurve, TrainingCurvesMessage } from '../../../src/serve/training-messages.js';

export type Point = readonly [step: number, value: number];

/** Points of one curve that are kept: more than any screen has pixels across. */
const MOST_POINTS = 4000;

/** The curves of a training, as messages make them grow. Memory is bounded: old points are thinned. */
export class Curves {
  readonly #curves = new Map<string, { about: TrainingCurve; points: Point[] }>();

  /** In the order in which they were first told. */
  get all(): readonly { readonly about: TrainingCurve; readonly points: readonly Point[] }[] {
    return [...this.#curves.values()];
  }

  take({ replace, curves }: TrainingCurvesMessage): void {
    if (replace) this.#curves.clear();
    for (const curve of curves) {
      const kept = this.#curves.get(curve.name) ?? { about: curve, points: [] };
      this.#curves.set(curve.name, kept);
      kept.points.push(...curve.points);
      while (kept.points.length > MOST_POINTS) {
        // The newest stays as it is.
        kept.points = kept.points.filter((_, at) => at % 2 === (kept.points.length - 1) % 2);
      }
    }
  }
}

/** A curve as a chart draws it, in pixels. */
export interface Trace {
  /** From left to right: the highest and the lowest y of each column of pixels that holds points. */
  readonly columns: readonly {
    readonly x: number;
    readonly top: number;
    readonly bottom: number;
  }[];
  readonly least: number;
  readonly most: number;
}

/**
 * Brings points into a picture: all of a column's are drawn as one line from the highest to the lowest, so
 * that no spike is lost, however many there are.
 * @returns null where there is nothing finite to draw
 */
export function trace(points: readonly Point[], width: number, height: number): Trace | null {
  const finite = points.filter(([, value]) => Number.isFinite(value));
  if (finite.length === 0) return null;
  const values = finite.map(([, value]) => value);
  const [first, last] = [finite[0]![0], finite.at(-1)![0]];
  const least = values.reduce((a, b) => Math.min(a, b));
  const most = values.reduce((a, b) => Math.max(a, b));
  const xOf = (step: number): number =>
    last === first ? width - 1 : Math.round(((step - first) / (last - first)) * (width - 1));
  const yOf = (value: number): number =>
    most === least ? height / 2 : height - 0.5 - ((value - least) / (most - least)) * (height - 1);
  const columns: { x: number; top: number; bottom: number }[] = [];
  for (const [step, value] of finite) {
    const [x, y] = [xOf(step), yOf(value)];
    const column = columns.at(-1);
    if (column?.x === x) {
      column.top = Math.min(column.top, y);
      column.bottom = Math.max(column.bottom, y);
    } else columns.push({ x, top: y, bottom: y });
  }
  return { columns, least, most };
}

/** A number in few letters. */
export function brief(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** How long something takes, in the two largest units. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
