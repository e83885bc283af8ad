import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTrainingRun } from '../../../src/cli/commands/train/training-run.js';
import { parsePipeline } from '../../../src/pipeline/load.js';
import { testFolder } from '../../training/run/support.js';

async function prepared() {
  const folder = await testFolder();
  const path = join(folder, 'edges.yaml');
  await writeFile(path, 'data: {clips: [a.mp4]}\ntraining: {steps: 50}\n');
  return { path, root: join(folder, 'runs') };
}

describe('the run of a training', () => {
  it('holds the resolved pipeline', async () => {
    const { path, root } = await prepared();
    const { pipeline, run } = await openTrainingRun(path, { set: ['seed=9'] }, { root });
    await run.close();
    expect([run.name, pipeline.seed]).toEqual(['00001-edges', 9]);
    const text = await readFile(run.pipeline, 'utf8');
    expect(parsePipeline(text, run.pipeline).pipeline).toEqual(pipeline);
  });

  it('goes on with its own pipeline, not with what the file has become', async () => {
    const { path, root } = await prepared();
    const first = await openTrainingRun(path, { set: ['seed=9'] }, { root });
    await first.run.close();
    await writeFile(path, 'training: {steps: 999}\n');
    const flags = { resume: true, set: ['training.logEverySteps=5'] };
    const { pipeline, run } = await openTrainingRun(path, flags, { root });
    await run.close();
    expect(run.folder).toBe(first.run.folder);
    expect(pipeline).toEqual({
      ...first.pipeline,
      training: { ...first.pipeline.training, logEverySteps: 5 },
    });
    const text = await readFile(run.pipeline, 'utf8');
    expect(parsePipeline(text, run.pipeline).pipeline).toEqual(pipeline);
  });

  it('is as it was where nothing is trained by what it was changed to', async () => {
    const { path, root } = await prepared();
    const { run } = await openTrainingRun(path, {}, { root });
    await run.close();
    await writeFile(run.schedule, 'as it was');
    const before = await readFile(run.pipeline, 'utf8');
    const flags = { resume: true, run: run.folder, clip: ['typo.mp4'] };
    const again = await openTrainingRun(undefined, flags, { root });
    expect(await readFile(run.pipeline, 'utf8')).toContain('typo.mp4');
    await writeFile(run.schedule, 'of other steps');
    await writeFile(run.keyframes, 'of the other clip');
    await again.putBack();
    await again.run.close();
    expect(await readFile(run.pipeline, 'utf8')).toBe(before);
    expect(await readFile(run.schedule, 'utf8')).toBe('as it was');
    expect(existsSync(run.keyframes)).toBe(false);
  });

  it('needs no pipeline beside the run that is gone on with', async () => {
    const { path, root } = await prepared();
    const first = await openTrainingRun(path, { set: ['seed=9'] }, { root });
    await first.run.close();
    await rm(path);
    const flags = { resume: true, run: first.run.folder, set: ['training.steps=60'] };
    const { pipeline, run } = await openTrainingRun(undefined, flags, { root });
    await run.close();
    expect([run.folder, run.resumed]).toEqual([first.run.folder, true]);
    expect([pipeline.seed, pipeline.training.steps]).toEqual([9, 60]);
    for (const lacking of [{ resume: true }, { run: first.run.folder }, {}]) {
      await expect(openTrainingRun(undefined, lacking, { root })).rejects.toMatchObject({
        code: 'bad-option',
        message: 'the pipeline is missing',
      });
    }
  });

  it('is of the pipeline that is named, and a run', async () => {
    const { path, root } = await prepared();
    const first = await openTrainingRun(path, {}, { root });
    await first.run.close();
    const { folder } = first.run;
    const before = await readFile(join(folder, 'pipeline.yaml'), 'utf8');
    const flags = { resume: true, run: folder };
    await expect(openTrainingRun('edges-to-video', flags, { root })).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringContaining('not of edges-to-video') as string,
    });
    expect(await readFile(join(folder, 'pipeline.yaml'), 'utf8')).toBe(before);
    // A data set holds a pipeline too.
    await writeFile(join(folder, 'dataset.json'), '{}');
    const names = await readdir(folder);
    await expect(openTrainingRun(undefined, flags, { root })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('is a data set') as string,
    });
    expect(await readdir(folder)).toEqual(names);
  });

  it('is let go when its pipeline cannot be changed so', async () => {
    const { path, root } = await prepared();
    await (await openTrainingRun(path, {}, { root })).run.close();
    const other = { resume: true, set: ['generator.preset=large'] };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(openTrainingRun(path, other, { root })).rejects.toMatchObject({
        message: expect.stringContaining('another network') as string,
      });
    }
  });
});
