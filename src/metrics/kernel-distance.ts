import { dot, featureLength, type Features } from './features.js';

/** How far apart two sets of features are, and how sure that is. */
export interface KernelDistance {
  /** Squared, without bias: a bit below 0 for sets that are alike. */
  readonly value: number;
  /** By a jackknife over stretches of time; null of fewer than eight vectors. */
  readonly standardError: number | null;
}

/** Below so many vectors an error would say more of chance than of them. */
const LEAST_VECTORS = 8;
/** As few as give an error, so that each is long: neighbouring frames are alike. */
const MOST_BLOCKS = 10;
/** Rows of kernels between two pauses. */
const ROWS = 64;

/** Sums of kernels: all of them, those of a block with all, and those of a block with itself. */
class KernelSums {
  total = 0;
  readonly rows: Float64Array;
  readonly own: Float64Array;

  constructor(blocks: number) {
    this.rows = new Float64Array(blocks);
    this.own = new Float64Array(blocks);
  }

  add(value: number, block: number, other: number): void {
    this.total += value;
    this.rows[block]! += value;
    if (block === other) this.own[block]! += value;
    else this.rows[other]! += value;
  }

  /** Without the pairs that have one of a block, or with all where that is null. */
  without(block: number | null): number {
    return block === null ? this.total : this.total - this.rows[block]!;
  }
}

/**
 * The squared maximum mean discrepancy with the kernel (x·y/d + 1)³, without bias (KID: Bińkowski et al. 2018; over
 * features of windows KVD):
 *
 *   Σᵢ≠ⱼ k(xᵢ,xⱼ) / m(m−1) + Σᵢ≠ⱼ k(yᵢ,yⱼ) / n(n−1) − 2 Σᵢⱼ k(xᵢ,yⱼ) / mn
 *
 * of all vectors at once: a mean over random subsets has the same expectation and varies more. Its error is that of a
 * jackknife that leaves out one of up to ten stretches of time, which are not independent inside.
 * @param made in the order of time, as `real`
 * @param pause is waited for between some thousand kernels: for signals, and to give up by throwing
 * @returns null where one side has fewer than two vectors
 * @throws FrameloomError bad-shape; what `pause` rejects with
 */
export async function kernelDistance(
  made: Features,
  real: Features,
  pause: () => Promise<void> = () => Promise.resolve(),
): Promise<KernelDistance | null> {
  const length = featureLength(made, real);
  const [m, n] = [made.length, real.length];
  if (Math.min(m, n) < 2) return null;
  const blocks = Math.min(MOST_BLOCKS, Math.floor(Math.min(m, n) / 2));
  const blockOf = (i: number, count: number): number => Math.floor((i * blocks) / count);
  const kernel = (x: Float64Array, y: Float64Array): number => (dot(x, y) / length + 1) ** 3;

  async function sumsOf(rows: Features, columns: Features): Promise<KernelSums> {
    const sums = new KernelSums(blocks);
    const isOne = rows === columns;
    for (const [i, x] of rows.entries()) {
      const block = blockOf(i, rows.length);
      for (let j = isOne ? i + 1 : 0; j < columns.length; j += 1) {
        sums.add(kernel(x, columns[j]!), block, blockOf(j, columns.length));
      }
      if (i % ROWS === ROWS - 1) await pause();
    }
    return sums;
  }
  // Each pair of one set is counted once.
  const within = [await sumsOf(made, made), await sumsOf(real, real)] as const;
  const between = await sumsOf(made, real);
  const sizes = (count: number): number[] => {
    const found = Array.from({ length: blocks }, () => 0);
    for (let i = 0; i < count; i += 1) found[blockOf(i, count)]! += 1;
    return found;
  };
  const [madeSizes, realSizes] = [sizes(m), sizes(n)];
  const distance = (block: number | null): number => {
    const [a, b] =
      block === null ? [m, n] : ([m - madeSizes[block]!, n - realSizes[block]!] as const);
    return (
      (2 * within[0].without(block)) / (a * (a - 1)) +
      (2 * within[1].without(block)) / (b * (b - 1)) -
      (2 * between.without(block)) / (a * b)
    );
  };
  const value = distance(null);
  if (Math.min(m, n) < LEAST_VECTORS) return { value, standardError: null };
  const left = Array.from({ length: blocks }, (_, block) => distance(block));
  const mean = left.reduce((sum, one) => sum + one, 0) / blocks;
  const spread = left.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return { value, standardError: Math.sqrt((spread * (blocks - 1)) / blocks) };
}
