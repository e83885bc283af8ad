import { join, relative, sep } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../../src/base/error.js';
import {
  fillOutput,
  jobsOfShard,
  outputFolder,
  planBatch,
  shardOf,
} from '../../../src/synthesis/batch/template.js';

const plan = (inputs: string[], template: string, seeds = [1]) =>
  planBatch({ inputs, seeds, template });
const outputs = (...given: Parameters<typeof plan>): string[] =>
  plan(...given).map(({ output }) => output);
const refusal = (message: string, hint: string) =>
  expect.objectContaining({ code: 'bad-option', message, hint }) as Error;

describe('the template of outputs', () => {
  it('names each video by its input, seed and place', () => {
    expect(outputs(['a/x.y.mp4', 'b/z'], 'out/{index}-{name}-{seed}.mp4', [3, 5])).toEqual([
      'out/1-x.y-3.mp4',
      'out/1-x.y-5.mp4',
      'out/2-z-3.mp4',
      'out/2-z-5.mp4',
    ]);
  });

  it('names sequences by their folder', () => {
    expect(outputs(['shots/run/%05d.png', 'shots/walk/'], '{name}/%04d.png')).toEqual([
      'run/%04d.png',
      'walk/%04d.png',
    ]);
  });

  it('names what has the same name by the folder around it', () => {
    expect(
      outputs(['a/rgb/%05d.png', 'b/rgb/*.png', 'c/d/rgb.mp4'], '{parent}-{name}.mp4'),
    ).toEqual(['a-rgb.mp4', 'b-rgb.mp4', 'd-rgb.mp4']);
  });

  it('takes a name with dollar signs as it is', () => {
    expect(fillOutput('{name}.mp4', { index: 1, input: "a$&$'.mov", seed: 1 })).toBe("a$&$'.mp4");
  });

  it.each([
    ['{nam}.mp4', '{nam} means nothing in {nam}.mp4'],
    ['{}.mp4', '{} means nothing in {}.mp4'],
    ['{constructor}.mp4', '{constructor} means nothing in {constructor}.mp4'],
    ['{name.mp4', '{name.mp4 has a brace without its other one'],
    ['{{name}}.mp4', '{{name}}.mp4 has a brace without its other one'],
  ])('refuses %s', (template, message) => {
    expect(() => plan(['a.mp4'], template)).toThrow(
      refusal(message, 'use {name}, {seed}, {index}, {parent}'),
    );
  });

  it('refuses two videos in one place, before anything starts', () => {
    const clash = (what: string, output: string, key: string) =>
      refusal(
        `${what} would both be written to ${output}`,
        `put ${key} into the name of the output`,
      );
    expect(() => plan(['a.mp4', 'b.mp4'], 'o.mp4')).toThrow(
      clash('a.mp4 and b.mp4', 'o.mp4', '{name}'),
    );
    expect(() => plan(['x/a.mp4', 'y/a.mkv'], 'out/{name}.mp4')).toThrow(
      clash('x/a.mp4 and y/a.mkv', 'out/a.mp4', '{index}'),
    );
    expect(() => plan(['a.mp4'], '{name}.mkv', [1, 2])).toThrow(
      clash('a.mp4 with the seeds 1 and 2', 'a.mkv', '{seed}'),
    );
    expect(() => plan(['b.mp4', 'a.mp4'], './x/../{name}.mp4')).toThrow(
      refusal('./x/../b.mp4 is one of the inputs', 'write into another folder'),
    );
  });

  it.each(['a/...mp4', 'a/..mp4', '/%05d.png', 'a\\b.mp4', 'a\0b.mp4'])(
    'refuses the name of %j, which would lead elsewhere',
    (input) => {
      for (const template of ['made/{name}/%04d.png', '{name}.mp4', 'made/{index}-{name}.mp4']) {
        expect(() => plan([input], template)).toThrow(
          expect.objectContaining({
            code: 'bad-option',
            path: input,
            hint: 'rename it, or use {index} instead of {name}',
          }) as Error,
        );
      }
      expect(outputs([input], 'made/{index}.mp4')).toEqual(['made/1.mp4']);
    },
  );

  it('never leads out of its folder', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        let output = join('made', 'refused', '1.mp4');
        try {
          output = fillOutput('made/{name}/{seed}.mp4', { index: 1, input: `in/${name}`, seed: 1 });
        } catch (error) {
          if (!isFrameloomError(error, 'bad-option')) throw error;
        }
        const [first, ...rest] = relative('made', output).split(sep);
        expect(['..', '', '1.mp4']).not.toContain(first);
        expect(rest).toEqual(['1.mp4']);
      }),
    );
    expect(() => plan(['a.mp4'], 'out/{name}/../../b.mp4')).toThrow(
      refusal(
        'out/a/../../b.mp4 does not lie in out/',
        'nothing may lead upwards behind a placeholder',
      ),
    );
  });

  it('takes the number of pictures from the template alone', () => {
    const fill = (template: string, input: string): string =>
      fillOutput(template, { index: 1, input, seed: 1 });
    expect(fill('{name}-%03d.png', '50%.mp4')).toBe('50%-%03d.png');
    expect(fill('%03d-{name}.png', '50%d.mp4')).toBe('%03d-50%d.png');
    for (const [template, input] of [
      ['{name}-%03d.png', '50%d.mp4'],
      ['{name}.png', 'a%05d-b.png.mp4'],
      ['{name}3d.png', '50%0.mp4'],
    ] as const) {
      expect(() => fill(template, input)).toThrow(
        expect.objectContaining({
          code: 'bad-option',
          message: expect.stringContaining('would be taken for the number of a picture') as string,
        }) as Error,
      );
    }
  });

  it('refuses names that some disks do not tell apart', () => {
    for (const [one, two] of [
      ['x/Ä.mp4', 'y/ä.mp4'],
      ['x/\u00e9.mp4', 'y/e\u0301.mp4'],
    ] as const) {
      expect(() => plan([one, two], 'out/{name}.mkv')).toThrow(
        expect.objectContaining({
          code: 'bad-option',
          message: expect.stringContaining('which some disks do not tell from') as string,
          hint: 'put {index} into the name of the output',
        }) as Error,
      );
    }
    expect(outputs(['x/a.mp4', 'X/b.mp4'], 'out/{name}.mkv')).toHaveLength(2);
  });

  it('refuses sequences of which one would be a part of the other', () => {
    const refused = expect.objectContaining({
      code: 'bad-option',
      hint: 'put another character than a digit beside the number',
    }) as Error;
    expect(() => plan(['a.mp4', 'a1.mp4'], '{name}%03d.png')).toThrow(refused);
    expect(() => plan(['a.mp4', 'b.mp4', 'a-.mp4', 'A12.mp4'], 'o/{name}%d.png')).toThrow(refused);
    expect(() => plan(['a.mp4', '1a.mp4'], '%03d{name}.png')).toThrow(refused);
    expect(() => plan(['a.mp4'], '{seed}%d.png', [2, 7, 21])).toThrow(refused);
    expect(plan(['a.mp4'], '{seed}%d.png', [2, 7, 31])).toHaveLength(3);
    for (const template of ['{name}-%03d.png', '{name}/%03d.png', '{name}.png']) {
      expect(plan(['a.mp4', 'a1.mp4', 'a1-.mp4'], template)).toHaveLength(3);
    }
  });

  it.each([
    ['out/{name}-{seed}.mp4', 'out/'],
    ['out 100%/{name}.mp4', 'out 100%/'],
    ['out 100%d/x-%03d.png', 'out 100%d'],
    ['out 100%d/a%03d/{name}.mp4', 'out 100%d/a%03d/'],
    ['{name}.mp4', '.'],
    ['made-{name}.mp4', '.'],
    ['out/{name}/%05d.png', 'out/'],
    ['out/a.mp4', 'out'],
    ['/data/out/x-{seed}.mp4', '/data/out'],
  ])('%s keeps its manifest in %s', (template, folder) => {
    expect(outputFolder(template)).toBe(folder);
  });
});

describe('shards', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,8}$/), {
    minLength: 1,
    maxLength: 40,
  });

  it('part a batch: each video is in one of them and none in two', () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 12 }), (list, count) => {
        const jobs = plan(
          list.map((name) => `in/${name}.mp4`),
          'out/{name}-{seed}.mp4',
          [1, 2],
        );
        const parts = Array.from({ length: count }, (_, i) =>
          jobsOfShard(jobs, { index: i + 1, count }),
        );
        expect(
          parts
            .flat()
            .map(({ output }) => output)
            .sort(),
        ).toEqual(jobs.map(({ output }) => output).sort());
      }),
    );
  });

  it('are the same whatever else is in the list, and in whatever order', () => {
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 12 }), (list, count) => {
        const of = (some: string[]): Map<string, number> =>
          new Map(
            plan(
              some.map((name) => `${name}.mp4`),
              'out/{name}.mp4',
            ).map(({ output }) => [output, shardOf(output, count)]),
          );
        const all = of(list);
        const some = of(list.filter((_, i) => i % 2 === 0).reverse());
        for (const [output, shard] of some) expect(all.get(output)).toBe(shard);
      }),
    );
  });

  it('are about equally large', () => {
    const count = 8;
    const sizes = Array<number>(count).fill(0);
    for (let i = 0; i < 4000; i += 1) sizes[shardOf(`out/clip-${i}.mp4`, count) - 1]! += 1;
    // Five standard deviations of a fair draw.
    for (const size of sizes) expect(Math.abs(size - 500)).toBeLessThan(105);
  });
});
