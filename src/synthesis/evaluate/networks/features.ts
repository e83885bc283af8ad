import type { Borrowed } from '../../../export/borrowed.js';
import {
  frechetDistance,
  kernelDistance,
  type Features,
  type Image,
  type Interval,
  type KernelDistance,
} from '../../../metrics/index.js';
import { assertGoingOn } from '../abortable.js';
import type { EvaluationRow } from '../row-makers.js';
import { createBatches, rowsOf, type JudgedRow, type RowsJudge } from './rows.js';

/** Longer vectors, and more of them, would take more memory and time than they tell. */
const MOST_NUMBERS = 4096;
const MOST_VECTORS = 4096;
/** Standard errors to each side that hold 95 % of a normal distribution. */
const COVERED = 1.96;

/** The vector of a picture or a window, once a network has looked at it. */
interface Seen {
  vector?: Float64Array;
}
interface Waiting {
  readonly frames: readonly Float32Array[];
  readonly seen: Seen;
}

/** A vector for each sample; what is there for each place is averaged over them. @throws FrameloomError bad-input */
export async function featuresOf(
  network: Borrowed,
  samples: readonly (readonly Float32Array[])[],
): Promise<Float64Array[]> {
  const { data, dims } = await network.run([samples]);
  const [, length = 0, ...places] = dims;
  if (length < 1 || length > MOST_NUMBERS) {
    throw network.refuse(
      `gives [${dims.join(',')}] for ${samples.length} samples`,
      `expected are features [N,D], or [N,D,h,w] that are averaged, D at most ${MOST_NUMBERS}`,
    );
  }
  const each = places.reduce((product, size) => product * size, 1);
  return samples.map((_, n) =>
    Float64Array.from({ length }, (_value, i) => {
      let sum = 0;
      for (let at = 0; at < each; at += 1) sum += Number(data[(n * length + i) * each + at]!);
      return sum / each;
    }),
  );
}

export interface FeatureContext {
  /** Frames that will be judged. */
  readonly frames: number;
  readonly signal?: AbortSignal | undefined;
  readonly warn: (text: string) => void;
}

const NAMES = {
  picture: { kernel: 'kid', error: 'kidError', frechet: 'fid', said: 'FID', of: 'frames' },
  window: { kernel: 'kvd', error: 'kvdError', frechet: 'fvd', said: 'FVD', of: 'windows' },
} as const;

function intervalOf({ value, standardError }: KernelDistance): Interval | null {
  if (standardError === null) return null;
  const half = COVERED * standardError;
  return [value - half, value + half];
}

/**
 * The distances between features of generated frames and of real ones: KID and FID of frames, KVD and FVD of windows
 * that begin half a window apart. No window reaches from one rollout into another.
 */
export function createFeatureJudge(
  network: Borrowed,
  kind: 'picture' | 'window',
  { frames: total, signal, warn }: FeatureContext,
): RowsJudge {
  const { frames: length } = network;
  const names = NAMES[kind];
  const every = Math.max(Math.ceil(length / 2), Math.ceil(total / MOST_VECTORS));
  const sets = new Map<EvaluationRow | 'real', Seen[]>();
  /** The last frames of each row, as many as a window has. */
  let recent = new Map<EvaluationRow | 'real', Float32Array[]>();
  let time = 0;
  /** Pictures that are always the same are looked at once. */
  const known = new WeakMap<Image, Seen>();
  const planes = new WeakMap<Image, Float32Array>();
  const batches = createBatches<Waiting>(network.samples, async (some) => {
    const vectors = await featuresOf(
      network,
      some.map(({ frames }) => frames),
    );
    some.forEach(({ seen }, i) => (seen.vector = vectors[i]!));
  });

  async function look(row: EvaluationRow | 'real', image: Image): Promise<void> {
    const set = sets.get(row) ?? [];
    sets.set(row, set);
    const isLooked = time >= length - 1 && (time - (length - 1)) % every === 0;
    if (length === 1 && !isLooked) return;
    const own = planes.get(image) ?? network.planes(image);
    planes.set(image, own);
    const window = [...(recent.get(row) ?? []), own].slice(-length);
    recent.set(row, window);
    if (!isLooked) return;
    const before = length === 1 ? known.get(image) : undefined;
    const seen: Seen = before ?? {};
    set.push(seen);
    if (before) return;
    known.set(image, seen);
    await batches.add({ frames: window, seen });
  }

  function tell(count: number, numbers: number): void {
    if (count < 2) {
      const none = `${network.path} sees ${count === 0 ? 'none' : 'one'} of the windows of ${length} frames that it takes`;
      const few = `${network.path} is shown ${count === 0 ? 'no frame' : 'one frame'}`;
      warn(`${kind === 'window' ? none : few}: there is no distance of features`);
    } else if (count < numbers) {
      warn(
        `${names.said} of ${count} ${names.of} by ${numbers} features is too large: compare it with others of as many ${names.of} only, or go by ${names.kernel.toUpperCase()}`,
      );
    }
    if (kind === 'picture' && every > 1) {
      warn(`${network.path} looks at ${count} of ${total} frames, evenly spread`);
    }
  }

  async function judged(made: Features, real: Features): Promise<JudgedRow> {
    const distance = await kernelDistance(made, real, async () => {
      assertGoingOn(signal);
      await new Promise((resolve) => setImmediate(resolve));
    });
    return {
      measures: {
        [names.kernel]: distance?.value ?? null,
        [names.error]: distance?.standardError ?? null,
        [names.frechet]: frechetDistance(made, real),
      },
      intervals: { [names.kernel]: distance && intervalOf(distance) },
    };
  }
  return {
    begin() {
      recent = new Map();
      time = 0;
    },
    async add(frame) {
      await look('real', frame.real);
      for (const [row, made] of rowsOf(frame)) await look(row, made);
      time += 1;
    },
    async result() {
      await batches.flush();
      const featuresBy = (row: EvaluationRow | 'real'): Features =>
        (sets.get(row) ?? []).map(({ vector }) => vector!);
      const real = featuresBy('real');
      tell(real.length, real[0]?.length ?? 0);
      const rows = new Map<EvaluationRow, JudgedRow>();
      for (const row of sets.keys()) {
        assertGoingOn(signal);
        if (row !== 'real') rows.set(row, await judged(featuresBy(row), real));
      }
      return rows;
    },
  };
}
