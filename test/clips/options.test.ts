import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { dataOptions, type DataInput } from '../../src/clips/index.js';

const problems = (input: unknown): string => {
  const result = dataOptions.safeParse(input);
  return result.success ? '' : z.prettifyError(result.error);
};

describe('dataOptions', () => {
  it('has a default for everything', () => {
    expect(dataOptions.parse({})).toMatchObject({
      clips: [],
      size: { width: 128, height: 72 },
      fit: 'crop',
      condition: { kind: 'derived', preset: 'edges', low: 0.05, high: 0.15 },
      strideFrames: [1],
      sceneCuts: { detect: true },
      heldOut: { fraction: 0.2, gapFrames: 4 },
      augment: { flip: false, cropFraction: 0, colourFraction: 0 },
    });
  });

  it.each<DataInput>([
    {},
    { clips: 'a.mp4', size: '64x48', fps: '30000/1001', condition: 'low-resolution' },
    { fps: 29.97, strideFrames: 2, cache: { memoryBytes: '64MiB', diskBytes: 0 } },
    { condition: { kind: 'derived', filtergraph: 'negate', channels: 1 } },
    { condition: { kind: 'paired', path: '{folder}/{name}.png', content: 'labels', classes: 3 } },
  ])('gives the same again for what it returned: %j', (input) => {
    const once = dataOptions.parse(input);
    expect(dataOptions.parse(once)).toEqual(once);
  });

  it('reads short forms', () => {
    const parsed = dataOptions.parse({
      clips: 'a.mp4',
      size: ' 64 x 48',
      fps: 29.97,
      condition: 'blur',
      strideFrames: 3,
      cache: { memoryBytes: '1GiB' },
    });
    expect(parsed).toMatchObject({
      clips: ['a.mp4'],
      size: { width: 64, height: 48 },
      fps: { num: 30000, den: 1001 },
      condition: { kind: 'derived', preset: 'blur', sigmaPixels: 4 },
      strideFrames: [3],
      cache: { memoryBytes: 2 ** 30 },
    });
    expect(dataOptions.parse({ condition: 'none' }).condition).toEqual({ kind: 'none' });
  });

  it('names the nearest sizes', () => {
    expect(problems({ size: '130x70' })).toContain('use 128x68 or 132x72');
    expect(problems({ size: '128x70' })).toContain('use 128x68 or 128x72');
    expect(problems({ size: { width: 8, height: 8 } })).toContain('use 16x16');
    expect(problems({ size: '128' })).toContain('WIDTHxHEIGHT');
  });

  it.each([
    [{ condition: 'edge' }, '"edge" is not a condition: use none, edges'],
    [{ condition: { kind: 'derived', preset: 'edges', treshold: 1 } }, '"treshold"'],
    [{ condition: { kind: 'derived', preset: 'edges', low: 0.5 } }, 'low must not be above high'],
    [{ condition: { kind: 'paired', path: 'a', content: 'labels' } }, 'either a palette'],
    [
      {
        condition: {
          kind: 'paired',
          path: 'a',
          content: 'labels',
          palette: { sky: [0, 0, 1], sea: [0, 0, 1] },
        },
      },
      'sea and sky have the same colour [0, 0, 1]',
    ],
    [{ fps: 'fast' }, 'not a frame rate'],
    [{ cache: { memoryBytes: 'much' } }, 'not a size in bytes'],
    [{ colour: 1 }, '"colour"'],
  ])('refuses %j', (input, message) => {
    expect(problems(input)).toContain(message);
  });

  it('describes every key for editors', () => {
    const schema = z.toJSONSchema(dataOptions, { io: 'input' });
    const undescribed = Object.entries(schema.properties ?? {})
      .filter(([, value]) => !(value as { description?: string }).description)
      .map(([key]) => key);
    expect(undescribed).toEqual([]);
  });
});

describe('the data guide', () => {
  it('shows nothing but data sections and conditions that can be meant', async () => {
    const guide = await readFile(new URL('../../docs/data.md', import.meta.url), 'utf8');
    const blocks = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!);
    // Several ways to write one key stand in one block.
    const parts = blocks.flatMap((text) => text.split(/^(?=condition:)/m));
    expect(parts.length).toBeGreaterThanOrEqual(6);
    for (const part of parts) {
      const section = parse(part) as { data?: object; condition?: unknown };
      const data = section.data ?? { condition: section.condition };
      expect([part, dataOptions.safeParse(data).error?.message]).toEqual([part, undefined]);
    }
  });
});
