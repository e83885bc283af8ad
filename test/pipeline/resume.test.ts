import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import { parsePipeline, pipelineToYaml } from '../../src/pipeline/load.js';
import { resumePipeline } from '../../src/pipeline/resume.js';

const original = parsePipeline('', 'edges.yaml', { set: ['training.steps=10'] }).pipeline;
const yaml = pipelineToYaml(original);

describe('the pipeline of a resumed run', () => {
  it('is its own', () => {
    expect(resumePipeline(yaml, 'runs/00001-edges/pipeline.yaml')).toEqual(original);
  });

  it('is changed by the command line, aloud', () => {
    const lines: string[] = [];
    const log = createLogger({ write: (line) => void lines.push(line) });
    const set = ['training.steps=20'];
    const pipeline = resumePipeline(yaml, 'runs/00001-edges/pipeline.yaml', { set, log });
    expect(pipeline.training.steps).toBe(20);
    expect(lines).toEqual(['changed: training.steps 10 → 20\n']);
  });

  it('keeps its networks', () => {
    const set = ['generator.preset=large'];
    expect(() => resumePipeline(yaml, 'runs/00001-edges/pipeline.yaml', { set })).toThrow(
      expect.objectContaining({
        code: 'bad-option',
        message: 'a run cannot go on with another network: generator.preset "small" → "large"',
      }),
    );
  });
});
