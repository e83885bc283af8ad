import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAxis, splitValues, sweepConfigurations } from '../../src/pipeline/sweep.js';

describe('splitValues', () => {
  it.each([
    ['1,2', ['1', '2']],
    ['tiny', ['tiny']],
    ['[1, 2],[3]', ['[1, 2]', '[3]']],
    ['off, auto, {every: 2, x: [1, 2]}', ['off', 'auto', '{every: 2, x: [1, 2]}']],
    [String.raw`"a,b",'c,d',"e\",f"`, ['"a,b"', "'c,d'", String.raw`"e\",f"`]],
    ["it's,that", ["it's", 'that']],
    ['{a: "}"},1', ['{a: "}"}', '1']],
    ['', ['']],
  ])('takes %s apart', (text, values) => {
    expect(splitValues(text)).toEqual(values);
  });

  it('loses nothing of any values', () => {
    const value = fc.oneof(
      fc.integer().map(String),
      fc.array(fc.integer(), { minLength: 1 }).map((list) => JSON.stringify(list)),
      fc.string({ minLength: 1 }).map((text) => JSON.stringify(text)),
      fc.record({ every: fc.integer(), of: fc.string() }).map((map) => JSON.stringify(map)),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), (values) => {
        expect(splitValues(values.join(','))).toEqual(values);
      }),
    );
  });
});

describe('parseAxis', () => {
  it('reads a key and its values', () => {
    expect(parseAxis('losses.r1=0,10')).toEqual({ key: 'losses.r1', values: ['0', '10'] });
  });

  it.each([
    ['losses.r1', /does not name a key and a value/],
    ['losses.r1=', /a value is empty/],
    ['losses.r1=0,,1', /a value is empty/],
    ['losses.r1=0,1,0', /0 is there twice/],
    ['a={b', /a=\{b/],
  ])('refuses %s', (text, message) => {
    expect(() => parseAxis(text)).toThrow(message);
  });
});

describe('sweepConfigurations', () => {
  it('is every combination, named by what differs', () => {
    const axes = ['a=1,2', 'b=x', 'c=3,4'].map(parseAxis);
    expect(sweepConfigurations(axes)).toEqual([
      { name: 'a=1 c=3', set: ['a=1', 'b=x', 'c=3'] },
      { name: 'a=1 c=4', set: ['a=1', 'b=x', 'c=4'] },
      { name: 'a=2 c=3', set: ['a=2', 'b=x', 'c=3'] },
      { name: 'a=2 c=4', set: ['a=2', 'b=x', 'c=4'] },
    ]);
    expect(sweepConfigurations([])).toEqual([{ name: 'as it is', set: [] }]);
  });

  it('refuses a key twice, and the seed', () => {
    expect(() => sweepConfigurations(['a=1', 'a=2'].map(parseAxis))).toThrow(/a is there twice/);
    expect(() => sweepConfigurations([parseAxis('seed=1,2')])).toThrow(/sets the seed itself/);
  });
});
