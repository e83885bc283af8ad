import { isFrameloomError } from '../base/error.js';
import type { WindowPixels } from '../clips/index.js';
import type { MemoryChoice } from '../planning/index.js';
import { ENOUGH_STEPS, forecast, type Forecast } from './forecast.js';
import type { TrainingOptions } from './options.js';
import type { StepTime } from './pace.js';

/** One preset at one size. */
export interface Candidate {
  readonly preset: string;
  readonly width: number;
  readonly height: number;
  /** What makes it of the pipeline; nothing for the pipeline's own setting. */
  readonly set: readonly string[];
  /** How it trains: on whole frames of its size from the beginning, on small ones first, or on patches of them. */
  readonly by: 'whole frames' | 'growing' | 'patches';
  /** Of its windows once frames have grown. */
  readonly window: { readonly width: number; readonly height: number };
  /** Multiply-accumulates of a frame of a window by all networks: what paces are compared by. */
  readonly work: number;
  readonly training: TrainingOptions;
  /** Of its windows. */
  readonly pixels: WindowPixels;
}

/** What the minutes make of a candidate. */
export interface CandidateRow extends Omit<Candidate, 'training' | 'pixels'> {
  /** Null where it cannot be trained here. */
  readonly forecast: Forecast | null;
  /** Whether steps were run, or the forecast is by the arithmetic of a candidate whose steps were. */
  readonly isMeasured: boolean;
  readonly memoryBytes: number | null;
  /** Whether the memory is only known to be less. */
  readonly isBound: boolean;
  /** Why it does not fit; null where it does. */
  readonly why: string | null;
}

export interface Measuring {
  readonly minutes: number;
  /** Frames that an evaluation generates. */
  readonly evaluationFrames: number;
  /** How its gradients are taken. @throws FrameloomError budget */
  memory(candidate: Candidate): MemoryChoice;
  /** Runs its first steps. @throws FrameloomError what a step of it throws */
  pace(candidate: Candidate, memory: MemoryChoice): Promise<readonly StepTime[]>;
}

/** A candidate that by arithmetic gets less than this share of enough steps is not worth measuring. */
const WORTH_MEASURING = 1 / 3;

/**
 * What minutes hold of each candidate, the pipeline's own first. One whose steps would be far too few, by
 * its arithmetic and the pace of the measured one nearest to it, is not measured.
 * @param candidates the pipeline's own first
 */
export async function compareCandidates(
  candidates: readonly Candidate[],
  measuring: Measuring,
): Promise<CandidateRow[]> {
  const [own, ...others] = candidates;
  const paces: { work: number; measured: readonly StepTime[] }[] = [];
  const rows = new Map<Candidate, CandidateRow>();
  const inOrder = [own!, ...others.sort((a, b) => a.work - b.work)];
  for (const candidate of inOrder) {
    rows.set(candidate, await rowOf(candidate, measuring, paces));
  }
  return candidates.map((candidate) => rows.get(candidate)!);
}

async function rowOf(
  candidate: Candidate,
  measuring: Measuring,
  paces: { work: number; measured: readonly StepTime[] }[],
): Promise<CandidateRow> {
  const { training, pixels, ...said } = candidate;
  const told = (measured: readonly StepTime[]): Forecast =>
    forecast(training, measuring.minutes, measured, {
      evaluationFrames: measuring.evaluationFrames,
      pixels,
    });
  const without = { ...said, memoryBytes: null, isBound: false };

  // A patch takes what a whole frame of its size does, and one that grows is measured as it ends.
  const same = paces.find(({ work }) => work === candidate.work);
  const guess = same ? null : guessed(candidate, paces);
  if (guess) {
    const expected = told(guess);
    if (!expected.isEnough && expected.steps < WORTH_MEASURING * ENOUGH_STEPS) {
      return { ...without, forecast: expected, isMeasured: false, why: 'far too few steps' };
    }
  }
  try {
    const memory = measuring.memory(candidate);
    const measured = same?.measured ?? (await measuring.pace(candidate, memory));
    if (!same) paces.push({ work: candidate.work, measured });
    const own = told(measured);
    return {
      ...said,
      forecast: own,
      isMeasured: true,
      memoryBytes: memory.bytes,
      isBound: memory.isBound,
      why: own.isEnough ? null : 'too few steps',
    };
  } catch (error) {
    // What this one asks for cannot be; another may.
    if (!isFrameloomError(error) || error.code === 'cancelled') throw error;
    return { ...without, forecast: null, isMeasured: false, why: error.message };
  }
}

/** The steps of the measured candidate nearest in work, longer by as much as there is more of it. */
function guessed(
  { work }: Candidate,
  paces: readonly { work: number; measured: readonly StepTime[] }[],
): StepTime[] | null {
  const far = (other: number): number => Math.abs(Math.log(other / work));
  const [nearest] = [...paces].sort((a, b) => far(a.work) - far(b.work));
  if (!nearest) return null;
  return nearest.measured.map(({ ms, frames }) => ({ frames, ms: (ms * work) / nearest.work }));
}

/** What to train. */
export interface Advice {
  readonly row: CandidateRow;
  /** Minutes to give it: those asked for, or as many as enough steps take. */
  readonly minutes: number;
}

const pixelsOf = ({ width, height }: Candidate | CandidateRow): number => width * height;

/** Of one size, what is trained on whole frames comes before what is not. */
const WAYS: readonly Candidate['by'][] = ['whole frames', 'growing', 'patches'];

/**
 * The pipeline's own setting where it gets enough steps. Else the largest size up to the pipeline's own at
 * which a preset gets enough, on whole frames, else on small ones first, else on patches, and there the largest such
 * preset; where none does, what gets the most steps, in as many minutes as it takes. Null where nothing can be trained.
 * @param rows the pipeline's own first
 */
export function advise(rows: readonly CandidateRow[], minutes: number): Advice | null {
  const [own] = rows;
  const largestFirst = rows
    .filter((row) => pixelsOf(row) <= pixelsOf(own!))
    .sort(
      (a, b) =>
        pixelsOf(b) - pixelsOf(a) || WAYS.indexOf(a.by) - WAYS.indexOf(b.by) || b.work - a.work,
    );
  const fitting = [own!, ...largestFirst].find(({ why }) => why === null);
  if (fitting) return { row: fitting, minutes };
  const [most] = rows
    .filter((row) => row.forecast !== null && pixelsOf(row) <= pixelsOf(own!))
    .sort((a, b) => b.forecast!.steps - a.forecast!.steps);
  return most ? { row: most, minutes: most.forecast!.enoughMinutes } : null;
}

/** The largest of those with more work than the pipeline's own that get enough steps too; null for none. */
export function roomFor(rows: readonly CandidateRow[]): CandidateRow | null {
  const [own] = rows;
  if (own?.why !== null) return null;
  const [largest] = rows
    .filter((row) => row.why === null && row.by === 'whole frames' && row.work > own.work)
    .sort((a, b) => b.work - a.work);
  return largest ?? null;
}
