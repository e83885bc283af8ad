import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  GraphSyntaxError,
  readFiltergraph,
  type GraphFilter,
} from '../../src/video/filtergraph.js';

const plain = (name: string, value?: string): GraphFilter => ({
  name,
  options: value === undefined ? [] : [{ key: null, value }],
});

describe('readFiltergraph', () => {
  it('reads chains, graphs, labels, instances and flags of the scaler', () => {
    expect(readFiltergraph('negate')).toEqual([plain('negate')]);
    expect(readFiltergraph(' [in] split@two=2 [a] [b]; [a][b]hstack , scale=w=2\\:h')).toEqual([
      plain('split', '2'),
      plain('hstack'),
      {
        name: 'scale',
        options: [
          { key: 'w', value: '2' },
          { key: null, value: 'h' },
        ],
      },
    ]);
    expect(readFiltergraph('sws_flags=bicubic+accurate_rnd;negate')).toEqual([plain('negate')]);
  });

  it('takes both levels of quoting off', () => {
    expect(readFiltergraph('movie=filename=http\\\\://127.0.0.1\\\\:80/x')).toEqual([
      { name: 'movie', options: [{ key: 'filename', value: 'http://127.0.0.1:80/x' }] },
    ]);
    expect(readFiltergraph("drawtext=text='a\\:b\\, c;[d]':x=1")).toEqual([
      {
        name: 'drawtext',
        options: [
          { key: 'text', value: 'a:b, c;[d]' },
          { key: 'x', value: '1' },
        ],
      },
    ]);
    expect(readFiltergraph("n'ega'te,m\\ovie")).toEqual([plain('negate'), plain('movie')]);
    expect(readFiltergraph("geq=r='if(gt(X\\,3),1,0)'")).toEqual([
      { name: 'geq', options: [{ key: 'r', value: 'if(gt(X,3),1,0)' }] },
    ]);
  });

  it('tells keys that name a file from others', () => {
    expect(readFiltergraph('scale=/w=secret')).toEqual([
      { name: 'scale', options: [{ key: '/w', value: 'secret' }] },
    ]);
    expect(readFiltergraph('scale=\\/ w =secret')[0]?.options).toEqual([
      { key: null, value: '/ w =secret' },
    ]);
  });

  it.each([
    '',
    ' ',
    ',',
    'negate,',
    'negate,,negate',
    'negate;;negate',
    '[a',
    '[]negate',
    '[a]',
    "negate='",
    'negate=x\\',
    'negate]',
    'scale=2]',
    'negate[a]x',
    'negate=a[b]c',
    'neg ate',
    'negate@',
    'a'.repeat(30),
    'negate\0',
    'nëgate',
  ])('refuses %j', (graph) => {
    expect(() => readFiltergraph(graph)).toThrow(GraphSyntaxError);
  });

  /** Every way to write one character, for a level of quoting. */
  const writings = (special: string) => (character: string, choice: number, last: boolean) => {
    const bare = !`${special}\\'`.includes(character) && !(/\s/.test(character) && last);
    if (choice === 0 && bare) return character;
    return choice === 1 && character !== "'" ? `'${character}'` : `\\${character}`;
  };
  const quoted = (text: string, special: string, choices: readonly number[]): string =>
    Array.from(text)
      .map((character, i) => {
        const edge = i === 0 || i === Array.from(text).length - 1;
        return writings(special)(character, choices[i % choices.length] ?? 2, edge);
      })
      .join('');

  const choices = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 7 });
  const nameOf = fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/);
  const awkward = fc.string({
    unit: fc.constantFrom(...Array.from(`ab1_ =:,;[]'\\/@.\n\tmovie`)),
    maxLength: 12,
  });
  const option = fc.record({
    key: nameOf,
    value: awkward.filter((value) => value !== ''),
  });
  const filter = fc.record({ name: nameOf, options: fc.array(option, { maxLength: 3 }) });
  const graphOf = fc.array(
    fc.record({
      filter,
      choices,
      labels: fc.array(nameOf, { maxLength: 2 }),
      separator: fc.constantFrom(',', ';', ' , ', '\n;'),
      instance: fc.option(nameOf),
    }),
    { minLength: 1, maxLength: 5 },
  );

  it('finds every filter and every option, however they are quoted', () => {
    fc.assert(
      fc.property(graphOf, (parts) => {
        const text = parts
          .map(({ filter: { name, options }, choices: how, labels, separator, instance }, i) => {
            const args = options
              .map(({ key, value }) => `${key}=${quoted(value, ':', how)}`)
              .join(':');
            const whole = instance === null ? name : `${name}@${instance}`;
            const links = labels.map((label) => `[${label}]`).join('');
            const written = quoted(whole, '=,;[', how);
            return `${i === 0 ? '' : separator}${links}${written}${
              args === '' ? '' : `=${quoted(args, '[],;', how.slice().reverse())}`
            }${links}`;
          })
          .join('');
        expect(readFiltergraph(text)).toEqual(parts.map((part) => part.filter));
      }),
      { numRuns: 500 },
    );
  });
});
