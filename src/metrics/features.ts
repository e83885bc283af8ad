import { FrameloomError } from '../base/error.js';

/** What a network says of pictures, or of windows of them: a vector each, all of one length. */
export type Features = readonly Float64Array[];

/**
 * How long the vectors are.
 * @throws FrameloomError bad-shape where they are of several lengths
 */
export function featureLength(...sets: readonly Features[]): number {
  const length = sets.find((set) => set.length > 0)?.[0]!.length ?? 0;
  const other = sets.flat().find((vector) => vector.length !== length);
  if (other) {
    throw new FrameloomError(
      'bad-shape',
      `features of ${length} and of ${other.length} numbers cannot be compared`,
    );
  }
  return length;
}

/** Σ aᵢ·bᵢ. Four sums at once, which is what takes a processor a third of the time. */
export function dot(a: Float64Array, b: Float64Array): number {
  const whole = a.length - (a.length % 4);
  let [first, second, third, fourth] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    first += a[i]! * b[i]!;
    second += a[i + 1]! * b[i + 1]!;
    third += a[i + 2]! * b[i + 2]!;
    fourth += a[i + 3]! * b[i + 3]!;
  }
  for (let i = whole; i < a.length; i += 1) first += a[i]! * b[i]!;
  return first + second + (third + fourth);
}

/** The mean of some vectors. */
export function meanVector(features: Features): Float64Array {
  const mean = new Float64Array(featureLength(features));
  for (const vector of features) {
    for (let i = 0; i < mean.length; i += 1) mean[i]! += vector[i]!;
  }
  return mean.map((sum) => sum / features.length);
}
