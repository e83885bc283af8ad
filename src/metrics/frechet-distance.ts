import { eigenvalues } from './eigenvalues.js';
import { dot, featureLength, meanVector, type Features } from './features.js';

/** Rows whose outer products add up to a matrix; at most as many as it has columns. */
type Factor = readonly Float64Array[];

/** Pivots below this share of the largest are rounding: there is nothing in that direction. */
const LEAST_SHARE = 1e-13;

/** The rows of a lower triangle whose product with its own transpose is this matrix, transposed. Overwrites it. */
function cholesky(matrix: readonly Float64Array[]): Factor {
  const n = matrix.length;
  const largest = matrix.reduce((most, row, i) => Math.max(most, row[i]!), 0);
  const rows: Float64Array[] = [];
  for (let k = 0; k < n; k += 1) {
    const pivot = matrix[k]![k]!;
    if (!(pivot > LEAST_SHARE * largest)) continue;
    const row = new Float64Array(n);
    for (let j = k; j < n; j += 1) row[j] = matrix[k]![j]! / Math.sqrt(pivot);
    for (let i = k + 1; i < n; i += 1) {
      const [below, factor] = [matrix[i]!, row[i]!];
      if (factor === 0) continue;
      for (let j = i; j < n; j += 1) below[j]! -= factor * row[j]!;
    }
    rows.push(row);
  }
  return rows;
}

/** A factor of the sample covariance. The matrix itself is made only where it is smaller than the features. */
function factorOf(features: Features, mean: Float64Array): Factor {
  const scale = 1 / Math.sqrt(features.length - 1);
  const centred = features.map((vector) => vector.map((value, i) => (value - mean[i]!) * scale));
  if (features.length <= mean.length) return centred;
  const columns = Array.from(mean, (_, i) => Float64Array.from(centred, (row) => row[i]!));
  return cholesky(
    columns.map((column, i) => mean.map((_, j) => (j < i ? 0 : dot(column, columns[j]!)))),
  );
}

const squares = (factor: Factor): number => factor.reduce((sum, row) => sum + dot(row, row), 0);

/**
 * The trace of the root of A·B, for matrices AᵀA and BᵀB of these factors: the eigenvalues of A·B are those of
 * A(BᵀB)Aᵀ, which is symmetric, and as small as there are rows.
 */
function rootTrace(a: Factor, b: Factor): number {
  const [few, many] = a.length <= b.length ? [a, b] : [b, a];
  const crossed = few.map((row) => Float64Array.from(many, (other) => dot(row, other)));
  const n = crossed.length;
  const product = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j <= i; j += 1) product[i * n + j] = dot(crossed[i]!, crossed[j]!);
  }
  // What should be 0 may come out a rounding below.
  return eigenvalues(product, n).reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
}

/**
 * The Fréchet distance between two normal distributions with the means and covariances of these features, squared
 * (FID: Heusel et al. 2017; over features of windows FVD):
 *
 *   |μ₁ − μ₂|² + tr(S₁ + S₂ − 2 (S₁S₂)^½)
 *
 * Of few vectors it is too large, and the more so the fewer there are: with fewer vectors than numbers in each, the
 * covariances say nothing of most directions.
 * @returns null where one side has fewer than two vectors
 * @throws FrameloomError bad-shape; bad-data where numbers are not finite
 */
export function frechetDistance(made: Features, real: Features): number | null {
  featureLength(made, real);
  if (Math.min(made.length, real.length) < 2) return null;
  const [ours, theirs] = [meanVector(made), meanVector(real)];
  const apart = ours.map((value, i) => value - theirs[i]!);
  const [a, b] = [factorOf(made, ours), factorOf(real, theirs)];
  const distance = dot(apart, apart) + squares(a) + squares(b) - 2 * rootTrace(a, b);
  // Of equal sets rounding alone is left.
  return Math.max(0, distance);
}
