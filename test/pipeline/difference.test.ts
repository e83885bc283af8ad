import { describe, expect, it } from 'vitest';
import { changesNetworks, describeDifference, differences } from '../../src/pipeline/difference.js';
import { parsePipeline } from '../../src/pipeline/load.js';

const read = (set: string[]) => parsePipeline('', 'x.yaml', { set }).pipeline;

describe('differences between pipelines', () => {
  it('are named key by key', () => {
    const found = differences(
      read(['training.steps=10']),
      read(['training.steps=20', 'generator.channels=8', 'data.condition=none']),
    );
    expect(found.map(describeDifference)).toEqual(
      expect.arrayContaining([
        'training.steps 10 → 20',
        'generator.channels unset → 8',
        'data.condition.kind "derived" → "none"',
      ]),
    );
    const breaking = found.filter(changesNetworks).map(({ key }) => key);
    expect(breaking).toContain('generator.channels');
    expect(breaking).toContain('data.condition.kind');
    expect(breaking).not.toContain('training.steps');
    expect(differences(read(['seed=2']), read(['seed=2']))).toEqual([]);
  });
});
