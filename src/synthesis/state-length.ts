import { FrameloomError } from '../base/error.js';

export const otherState = (): FrameloomError =>
  new FrameloomError('bad-shape', 'the state is one of another generator, or of another size');

/** @throws FrameloomError bad-shape where a state's numbers are not as many as this generator has */
export function checkNumbers(values: Float32Array, expected: number): void {
  if (values.length !== expected) throw otherState();
}
