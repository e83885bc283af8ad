import type { Borrowed } from '../../../export/borrowed.js';
import { bootstrapInterval, type Image } from '../../../metrics/index.js';
import type { EvaluationRow } from '../row-makers.js';
import { createBatches, rowsOf, type JudgedRow, type RowsJudge } from './rows.js';

/** Two pictures whose distance is asked for, and who wants to know. */
interface Pair {
  readonly a: Image;
  readonly b: Image;
  readonly put: (distance: number) => void;
}

/** TecoGAN's tables have it so, and plain it would be mostly zeros. */
const TLP_FACTOR = 100;

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Distances of pairs, one a pair. @throws FrameloomError bad-input */
export async function distancesOf(
  network: Borrowed,
  pairs: readonly { readonly a: Float32Array; readonly b: Float32Array }[],
): Promise<number[]> {
  const { data, dims } = await network.run([pairs.map(({ a }) => [a]), pairs.map(({ b }) => [b])]);
  if (dims.slice(1).some((size) => size !== 1)) {
    throw network.refuse(
      `gives [${dims.join(',')}] for ${pairs.length} pairs`,
      'expected is one distance for each: [N], [N,1] or [N,1,1,1]',
    );
  }
  return Array.from(data, Number);
}

/**
 * LPIPS of the frames of each row and the real ones, and tLP: how far the change from a frame to the next one is from
 * that of the real frames (Chu et al. 2020, TecoGAN).
 * @param seed of the draws that intervals are made of
 */
export function createLpipsJudge(network: Borrowed, seed: number): RowsJudge {
  /** Of each rollout: distances from the real frames, and from the frame before. */
  type Rollout = Record<'lpips' | 'change', number[]>;
  const rollouts: { real: number[]; rows: Map<EvaluationRow, Rollout> }[] = [];
  /** A picture is in several pairs. */
  const planes = new WeakMap<Image, Float32Array>();
  const planesOf = (image: Image): Float32Array => {
    const known = planes.get(image) ?? network.planes(image);
    planes.set(image, known);
    return known;
  };
  const pairs = createBatches<Pair>(network.samples, async (some) => {
    const shown = some.map(({ a, b }) => ({ a: planesOf(a), b: planesOf(b) }));
    const distances = await distancesOf(network, shown);
    some.forEach(({ put }, i) => put(distances[i]!));
  });
  let last: { real: Image; made: Map<EvaluationRow, Image> } | undefined;

  function judged(row: EvaluationRow): JudgedRow {
    const own = rollouts.map(({ rows, real }) => ({ ...rows.get(row)!, real }));
    const lpips = own.map((rollout) => rollout.lpips);
    const tLP = own.map(({ change, real }) =>
      change.map((value, t) => TLP_FACTOR * Math.abs(value - real[t]!)),
    );
    const interval = (name: string, series: readonly (readonly number[])[]) =>
      bootstrapInterval(series, { seed, name });
    return {
      measures: {
        lpips: meanOf(lpips.flat()),
        tLP: tLP.flat().length === 0 ? null : meanOf(tLP.flat()),
      },
      intervals: { lpips: interval('lpips', lpips), tLP: interval('tLP', tLP) },
      lpips,
    };
  }
  return {
    begin() {
      rollouts.push({ real: [], rows: new Map() });
      last = undefined;
    },
    async add(frame) {
      const { real } = frame;
      const own = rollouts.at(-1)!;
      if (last) await pairs.add({ a: last.real, b: real, put: (value) => own.real.push(value) });
      for (const [row, made] of rowsOf(frame)) {
        const found = own.rows.get(row) ?? { lpips: [], change: [] };
        own.rows.set(row, found);
        await pairs.add({ a: made, b: real, put: (value) => found.lpips.push(value) });
        const before = last?.made.get(row);
        if (!before) continue;
        await pairs.add({ a: before, b: made, put: (value) => found.change.push(value) });
      }
      last = { real, made: new Map(rowsOf(frame)) };
    },
    async result() {
      await pairs.flush();
      const rows = [...(rollouts[0]?.rows.keys() ?? [])];
      return new Map(rows.map((row) => [row, judged(row)]));
    },
  };
}
