import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { pipelineJsonSchemaText, schemasAt } from '../../src/pipeline/json-schema.js';
import { loadPipeline } from '../../src/pipeline/load.js';
import { openOrigin } from '../../src/pipeline/open-origin.js';
import { shippedGenerators } from '../../src/pipeline/shipped.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const names = (await readdir(`${root}pipelines`)).sort();

describe('the pipelines that come with Frameloom', () => {
  it('are these', () => {
    expect(names).toEqual([
      'actions-to-video.yaml',
      'colorize.yaml',
      'edges-to-video.yaml',
      'keyframes.yaml',
      'labels-to-video.yaml',
      'predict-next.yaml',
      'upscale.yaml',
    ]);
  });

  it.each(names)('%s fits the schema, and trains on a sample that is there', async (name) => {
    const path = `${root}pipelines/${name}`;
    const { pipeline } = await loadPipeline(path);
    expect(pipeline.name).toBe(name.replace('.yaml', ''));
    for (const clip of pipeline.data.clips) {
      expect((await readFile(clip)).length).toBeGreaterThan(0);
    }
    const { keyframes } = pipeline.data;
    const painted = keyframes ? await readdir(keyframes.folder) : [];
    expect(painted).toHaveLength(name === 'keyframes.yaml' ? 5 : 0);
    expect((await readFile(path, 'utf8')).split('\n')[0]).toBe(
      '# yaml-language-server: $schema=../schema/pipeline.schema.json',
    );
  });
});

describe('by name', () => {
  it('is known wherever one is', async () => {
    const { pipeline } = await loadPipeline('edges-to-video', { cwd: '/' });
    expect(pipeline.name).toBe('edges-to-video');
  });

  it('is told of where it is none', async () => {
    await expect(loadPipeline('edge-to-video')).rejects.toMatchObject({
      code: 'not-found',
      message: 'no pipeline is called edge-to-video',
      hint: expect.stringContaining(
        'did you mean edges-to-video? these come along: actions-to-video, colorize, edges-to-video, keyframes, labels-to-video, predict-next, upscale',
      ) as string,
    });
    await expect(loadPipeline('mine.yaml')).rejects.toMatchObject({
      message: expect.stringContaining('cannot read the pipeline mine.yaml') as string,
      hint: expect.stringContaining('known by name: actions-to-video, colorize,') as string,
    });
  });
});

describe('the generators that come with Frameloom', () => {
  it('are what a training may start from by name, with the settings that its pipeline has', async () => {
    expect(shippedGenerators()).toEqual(['street-outlines']);
    const from = await openOrigin('street-outlines');
    expect(from).toMatchObject({ kind: 'export', pipeline: 'edges-to-video', judges: null });
    const { pipeline } = await loadPipeline('edges-to-video', { from });
    const { pipeline: without } = await loadPipeline('edges-to-video');
    expect(pipeline.generator).toEqual(without.generator);
  });

  it('are named where a word is none of them', async () => {
    await expect(openOrigin('street-outline')).rejects.toMatchObject({
      message: 'street-outline does not exist',
      hint: expect.stringContaining('that come along: street-outlines') as string,
    });
  });
});

describe('the JSON Schema', () => {
  it('is committed as it is generated: `frameloom schema -o schema/pipeline.schema.json`', async () => {
    const committed = await readFile(`${root}schema/pipeline.schema.json`, 'utf8');
    expect(committed).toBe(pipelineJsonSchemaText());
  });

  it('describes every key', () => {
    const undescribed: string[] = [];
    const walk = (path: string[]): void => {
      for (const { properties } of schemasAt(path)) {
        for (const [key, schema] of Object.entries(properties ?? {})) {
          const inner = [...path, key];
          // The two numbers of a fraction speak for themselves.
          const plain = key === 'num' || key === 'den';
          if (!plain && !schema.description?.trim()) undescribed.push(inner.join('.'));
          walk(inner);
        }
      }
    };
    walk([]);
    expect([...new Set(undescribed)]).toEqual([]);
  });
});
