import { FrameloomError } from '../../base/error.js';

/** @throws FrameloomError bad-input when there are more or fewer bytes than a picture has */
export function checkLength(bytes: Uint8Array, expected: number, what: string): void {
  if (bytes.length === expected) return;
  throw new FrameloomError('bad-input', `${what} has ${bytes.length} bytes, expected ${expected}`, {
    hint: 'scale it to the size the generator was trained at',
  });
}

export const otherState = (): FrameloomError =>
  new FrameloomError('bad-shape', 'the state is one of another generator, or of another size');

/** @throws FrameloomError bad-shape where a state's numbers are not as many as this generator has */
export function checkNumbers(values: Float32Array, expected: number): void {
  if (values.length !== expected) throw otherState();
}
