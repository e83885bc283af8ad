import { FrameloomError } from '../base/error.js';

/** More steps than any eigenvalue takes; only numbers that are none take so many. */
const MOST_STEPS = 60;

/**
 * Takes a symmetric matrix to one that has numbers on and beside its diagonal alone, by reflections (Householder
 * 1958), and with the same eigenvalues. Only the part below the diagonal is read; it is overwritten.
 * @returns the diagonal, and what is left of it, which begins with a 0
 */
function tridiagonal(a: Float64Array, n: number): [diagonal: Float64Array, beside: Float64Array] {
  const beside = new Float64Array(n);
  const product = new Float64Array(n);
  for (let i = n - 1; i > 0; i -= 1) {
    const row = i * n;
    let scale = 0;
    for (let k = 0; k < i; k += 1) scale += Math.abs(a[row + k]!);
    if (scale === 0) continue;
    // The row becomes the vector that is reflected at.
    let half = 0;
    for (let k = 0; k < i; k += 1) {
      a[row + k]! /= scale;
      half += a[row + k]! ** 2;
    }
    const last = a[row + i - 1]!;
    const length = last >= 0 ? -Math.sqrt(half) : Math.sqrt(half);
    beside[i] = scale * length;
    half -= last * length;
    a[row + i - 1] = last - length;
    // The matrix times that vector, each number below the diagonal standing for its mirror image too.
    product.fill(0, 0, i);
    for (let j = 0; j < i; j += 1) {
      const own = a[row + j]!;
      let sum = a[j * n + j]! * own;
      for (let k = 0; k < j; k += 1) {
        const value = a[j * n + k]!;
        sum += value * a[row + k]!;
        product[k]! += value * own;
      }
      product[j]! += sum;
    }
    let along = 0;
    for (let j = 0; j < i; j += 1) {
      product[j]! /= half;
      along += product[j]! * a[row + j]!;
    }
    along /= 2 * half;
    for (let j = 0; j < i; j += 1) {
      const own = a[row + j]!;
      product[j]! -= along * own;
      const other = product[j]!;
      for (let k = 0; k <= j; k += 1) {
        a[j * n + k]! -= own * product[k]! + other * a[row + k]!;
      }
    }
  }
  return [Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), beside];
}

/**
 * The eigenvalues of a symmetric matrix, the least first: tridiagonal, then QL steps with implicit shifts (Golub & Van
 * Loan, 8.3). Libraries make eigenvectors too, which takes five times as long.
 * @param matrix [n,n] row by row; only what is on and below the diagonal is read. It is overwritten
 * @throws FrameloomError bad-data where numbers are not finite
 */
export function eigenvalues(matrix: Float64Array, n: number): Float64Array {
  const [values, left] = tridiagonal(matrix, n);
  // From here on: to the right of each.
  const beside = Float64Array.from({ length: n }, (_, i) => left[i + 1] ?? 0);
  /** The first from `from` on that has next to nothing beside it. */
  const splitAt = (from: number): number => {
    let at = from;
    while (at < n - 1) {
      const around = Math.abs(values[at]!) + Math.abs(values[at + 1]!);
      if (Math.abs(beside[at]!) <= Number.EPSILON * around) break;
      at += 1;
    }
    return at;
  };
  for (let first = 0; first < n; first += 1) {
    for (let step = 0; ; step += 1) {
      const end = splitAt(first);
      if (end === first) break;
      if (step === MOST_STEPS) {
        throw new FrameloomError('bad-data', 'a matrix of numbers that are not finite');
      }
      rotate(values, beside, first, end);
    }
  }
  return values.sort();
}

/** One QL step over the part from `first` to `end`, by rotations from its end to its beginning. */
function rotate(values: Float64Array, beside: Float64Array, first: number, end: number): void {
  const half = (values[first + 1]! - values[first]!) / (2 * beside[first]!);
  const root = Math.hypot(half, 1);
  let carried =
    values[end]! - values[first]! + beside[first]! / (half + (half >= 0 ? root : -root));
  let [sine, cosine, shift] = [1, 1, 0];
  for (let i = end - 1; i >= first; i -= 1) {
    const across = sine * beside[i]!;
    const own = cosine * beside[i]!;
    const length = Math.hypot(across, carried);
    beside[i + 1] = length;
    if (length === 0) {
      // The part falls in two here.
      values[i + 1]! -= shift;
      beside[end] = 0;
      return;
    }
    sine = across / length;
    cosine = carried / length;
    carried = values[i + 1]! - shift;
    const turned = (values[i]! - carried) * sine + 2 * cosine * own;
    shift = sine * turned;
    values[i + 1] = carried + shift;
    carried = cosine * turned - own;
  }
  values[first]! -= shift;
  beside[first] = carried;
  beside[end] = 0;
}
