import { FrameloomError } from '../../base/error.js';
import type { ConditionLayout } from '../../clips/types.js';

/**
 * Bytes of a picture, as they were given.
 * @throws FrameloomError bad-input when they are no bytes, or more or fewer than the picture has
 */
export function checkBytes(
  given: Uint8Array | Uint8ClampedArray,
  expected: number,
  what: string,
): Uint8Array {
  if (!ArrayBuffer.isView(given) || given.BYTES_PER_ELEMENT !== 1) {
    throw new FrameloomError('bad-input', `${what} is no Uint8Array`, {
      hint: `give its ${expected} bytes`,
    });
  }
  if (given.length !== expected) {
    throw new FrameloomError(
      'bad-input',
      `${what} has ${given.length} bytes, expected ${expected}`,
      {
        hint: 'scale it to the size that the generator is run at',
      },
    );
  }
  // A canvas gives clamped ones.
  return given instanceof Uint8Array
    ? given
    : new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
}

/** @throws FrameloomError bad-input for a pixel of no class */
export function checkLabels(ids: Uint8Array, layout: ConditionLayout): void {
  const { channels, classNames, ignoredId } = layout;
  for (let i = 0; i < ids.length; i += 1) {
    if (ids[i]! < channels || ids[i] === ignoredId) continue;
    const last = classNames[channels - 1] ?? String(channels - 1);
    throw new FrameloomError(
      'bad-input',
      `label id ${ids[i]!} (first at byte ${i}) is none of the ${channels} classes`,
      { hint: `ids go from 0 to ${channels - 1} (${last}): see layout.classNames` },
    );
  }
}

export const otherState = (): FrameloomError =>
  new FrameloomError('bad-shape', 'the state is one of another generator, or of another size');

/** @throws FrameloomError bad-shape where a state's numbers are not as many as this generator has */
export function checkNumbers(values: Float32Array, expected: number): void {
  if (values.length !== expected) throw otherState();
}
