import type { StepLine } from '../../training/run/step-log.js';
import { MEASURES } from './measures.js';

/** One number over the steps of a training. */
export interface Curve {
  readonly title: string;
  readonly points: readonly (readonly [step: number, value: number])[];
}

/** Curves by what they are called in the log. */
export interface TrainingCurves {
  /** What was measured on held-out frames. */
  readonly heldOut: ReadonlyMap<string, Curve>;
  /** The terms that are minimized. */
  readonly losses: ReadonlyMap<string, Curve>;
  /** What the control of the training goes by, and what it does. */
  readonly signals: ReadonlyMap<string, Curve>;
}

/** Figures of an evaluation that a table of measures has at another place. */
const SLOPES: Readonly<Record<string, string>> = {
  sharpnessSlope: 'behaviour.drift.sharpness',
  checkerSlope: 'behaviour.drift.checker',
  colourSlope: 'behaviour.drift.colour',
};

function figureTitle(figure: string): string {
  const places = [SLOPES[figure], figure, `behaviour.${figure}`];
  return MEASURES.find(({ path }) => places.includes(path))?.title ?? figure;
}

const termTitle = (term: string): string => term.replaceAll('_', ' ').replace('/', ': ');

/** Beside the losses a log has numbers that say how it goes; nobody minimizes them. */
const isSignal = (term: string): boolean =>
  /^control\/|(_score|_sign|_pairs)$|gradient|judges|stable_rank/.test(term);

const numbersIn = (value: unknown): [string, number][] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([key, one]: [string, unknown]) =>
        typeof one === 'number' ? [[key, one]] : [],
      );

/** What a log says of every number that it has, step after step. */
export function trainingCurves(lines: readonly StepLine[]): TrainingCurves {
  const curves = (
    of: (line: StepLine) => [string, number][],
    title: (key: string) => string,
  ): Map<string, Curve> => {
    const found = new Map<string, Curve & { points: [number, number][] }>();
    for (const line of lines) {
      for (const [key, value] of of(line)) {
        const curve = found.get(key) ?? { title: title(key), points: [] };
        curve.points.push([line.step, value]);
        found.set(key, curve);
      }
    }
    return found;
  };
  const terms = (line: StepLine, signals: boolean): [string, number][] =>
    numbersIn(line.terms).filter(([term]) => isSignal(term) === signals);
  return {
    heldOut: curves((line) => numbersIn(line.heldOut), figureTitle),
    losses: curves((line) => terms(line, false), termTitle),
    signals: curves((line) => terms(line, true), termTitle),
  };
}
