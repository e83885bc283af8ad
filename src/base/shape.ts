import { FrameloomError } from './error.js';

/** A number is an exact size; a letter is a free size that must agree wherever it is repeated. */
export type ShapePattern = readonly (number | string)[];

/**
 * Checks a shape and returns the sizes of its letters.
 * @throws FrameloomError bad-shape naming the argument and both shapes.
 */
export function assertShape(
  value: { readonly shape: readonly number[] },
  pattern: ShapePattern,
  name: string,
): Record<string, number> {
  const sizes: Record<string, number> = {};
  const fits =
    value.shape.length === pattern.length &&
    pattern.every((expected, axis) => {
      const size = value.shape[axis] ?? Number.NaN;
      if (typeof expected === 'number') return size === expected;
      sizes[expected] ??= size;
      return sizes[expected] === size;
    });
  if (!fits) {
    throw new FrameloomError(
      'bad-shape',
      `${name} has shape [${value.shape.join(', ')}], expected [${pattern.join(', ')}]`,
    );
  }
  return sizes;
}
