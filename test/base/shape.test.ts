import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertShape } from '../../src/base/shape.js';

describe('assertShape', () => {
  it('gives the sizes of the letters', () => {
    expect(assertShape({ shape: [2, 5, 72, 128, 3] }, ['N', 'T', 'H', 'W', 3], 'window')).toEqual({
      N: 2,
      T: 5,
      H: 72,
      W: 128,
    });
    expect(assertShape({ shape: [] }, [], 'loss')).toEqual({});
    expect(assertShape({ shape: [0] }, ['N'], 'nothing')).toEqual({ N: 0 });
  });

  it.each([
    ['another number', [2, 4], ['N', 3]],
    ['an axis too few', [2], ['N', 3]],
    ['an axis too many', [2, 3, 1], ['N', 3]],
    ['two sizes for one letter', [4, 5], ['S', 'S']],
  ])('refuses %s, naming the argument and both shapes', (_what, shape, pattern) => {
    expect(() => assertShape({ shape }, pattern, 'flow')).toThrow(
      expect.objectContaining({
        code: 'bad-shape',
        message: `flow has shape [${shape.join(', ')}], expected [${pattern.join(', ')}]`,
      }),
    );
  });

  it('accepts a shape by itself and refuses it with one size changed', () => {
    const sizes = fc.array(fc.nat(9), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(sizes, fc.nat(), (shape, at) => {
        expect(assertShape({ shape }, shape, 'x')).toEqual({});
        const other = shape.map((size, i) => (i === at % shape.length ? size + 1 : size));
        expect(() => assertShape({ shape: other }, shape, 'x')).toThrow('x has shape');
      }),
    );
  });
});
