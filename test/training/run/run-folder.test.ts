import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/log.js';
import { generatorOptions } from '../../../src/networks/options.js';
import { readOrigin, type Origin } from '../../../src/training/run/origin.js';
import { openRun, startRun } from '../../../src/training/run/run-folder.js';
import { testFolder } from './support.js';

const pipelineYaml = 'name: edges\n';
const name = 'edges';

/** The lock of a process that lived and is dead. */
async function deadLock(): Promise<string> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return JSON.stringify({ pid: child.pid, host: hostname(), born: null });
}

describe('run folders', () => {
  it('are numbered from one and never shared', async () => {
    const root = join(await testFolder(), 'runs');
    const runs = await Promise.all([1, 2, 3].map(() => startRun({ name, pipelineYaml, root })));
    const names = runs.map((run) => run.name).sort();
    expect(names).toEqual(['00001-edges', '00002-edges', '00003-edges']);
    const first = runs[0]!;
    expect(await readFile(first.pipeline, 'utf8')).toBe(pipelineYaml);
    expect((await readdir(first.folder)).sort()).toEqual(
      ['events', 'exports', 'lock', 'pipeline.yaml', 'samples', 'snapshots'].sort(),
    );
    for (const run of runs) await run.close();
    expect(await readdir(first.folder)).not.toContain('lock');
    const next = await startRun({ name: 'other', pipelineYaml, root });
    expect(next.name).toBe('00004-other');
    await next.close();
  });

  it('are not written over', async () => {
    const folder = join(await testFolder(), 'mine');
    await (await startRun({ name, pipelineYaml, folder })).close();
    await expect(startRun({ name, pipelineYaml, folder })).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringContaining('already holds a run') as string,
      hint: expect.stringContaining('--resume') as string,
    });
    const other = await testFolder();
    await writeFile(join(other, 'thesis.txt'), 'x');
    await expect(startRun({ name, pipelineYaml, folder: other })).rejects.toMatchObject({
      message: expect.stringContaining('not empty') as string,
    });
    await expect(
      startRun({ name, pipelineYaml, folder: join(other, 'thesis.txt') }),
    ).rejects.toMatchObject({ code: 'bad-option' });
  });

  it('begin from an origin where another training died while it wrote one', async () => {
    const from: Origin = {
      ...{ kind: 'run', place: '/runs/1', pipeline: name, step: 3, weights: 'w' },
      precision: 'float32',
      generator: generatorOptions.parse({}),
      condition: { kind: 'none', content: 'none', channels: 0, classNames: [], preset: null },
      judges: null,
      tensors: { 'average.x': { shape: [2], data: Float32Array.of(1, 2) } },
    };
    const folder = join(await testFolder(), 'mine');
    const leave = async (): Promise<void> => {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'origin.safetensors'), 'half of i');
      await writeFile(join(folder, 'origin.json'), '{}');
      await writeFile(join(folder, 'lock'), await deadLock());
    };
    await leave();
    const run = await startRun({ name, pipelineYaml, folder, from });
    expect(await readOrigin(run)).toEqual(from);
    await run.close();
    // From nothing it would be another training's.
    await rm(folder, { recursive: true });
    await leave();
    const plain = await startRun({ name, pipelineYaml, folder });
    expect(await readOrigin(plain)).toBeNull();
    expect(existsSync(plain.originTensors)).toBe(false);
    await plain.close();
    // What cannot be written over is told as any failed write, and leaves no lock.
    for (const begin of [{ from }, {}]) {
      await rm(folder, { recursive: true });
      await mkdir(join(folder, 'origin.safetensors', 'x'), { recursive: true });
      await expect(startRun({ name, pipelineYaml, folder, ...begin })).rejects.toMatchObject({
        code: 'write-failed',
        path: join(folder, 'origin.safetensors'),
      });
      expect(await readdir(folder)).toEqual(['origin.safetensors']);
    }
  });

  it('are gone on with by name or by folder, and keep their pipeline', async () => {
    const root = await testFolder();
    for (const it of [name, name, 'other']) {
      await (await startRun({ name: it, pipelineYaml, root })).close();
    }
    const run = await startRun({ name, pipelineYaml: 'name: new\n', root, resume: true });
    expect([run.name, run.resumed]).toEqual(['00002-edges', true]);
    expect(await readFile(run.pipeline, 'utf8')).toBe(pipelineYaml);
    await run.writePipeline('name: longer\n');
    await run.close();
    expect((await openRun(run.folder)).pipelineYaml).toBe('name: longer\n');
    const again = await startRun({ name, pipelineYaml, folder: run.folder, resume: true });
    expect(again.folder).toBe(run.folder);
    await again.close();
    await expect(startRun({ name: 'x', pipelineYaml, root, resume: true })).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(openRun(root)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('are refused while a living process trains in them', async () => {
    const folder = join(await testFolder(), 'mine');
    const run = await startRun({ name, pipelineYaml, folder });
    const again = { name, pipelineYaml, folder, resume: true };
    await expect(startRun(again)).rejects.toMatchObject({ code: 'bad-option' });
    await run.close();
    await run.close();
    const parent = { pid: process.ppid, host: hostname(), born: null };
    await writeFile(join(folder, 'lock'), JSON.stringify(parent));
    await expect(startRun(again)).rejects.toMatchObject({
      message: expect.stringContaining(`process ${process.ppid}`) as string,
    });
    const elsewhere = { pid: 1, host: 'another-machine', born: null };
    await writeFile(join(folder, 'lock'), JSON.stringify(elsewhere));
    await expect(startRun(again)).rejects.toMatchObject({
      message: expect.stringContaining('another-machine') as string,
    });
  });

  it.each([
    ['a dead process', deadLock],
    ['a writer that died before writing', () => Promise.resolve('')],
    [
      'an earlier process of our own number',
      () => Promise.resolve(JSON.stringify({ pid: process.pid, host: hostname(), born: 'x/1' })),
    ],
  ])('are taken over from %s', async (_who, lock) => {
    const folder = join(await testFolder(), 'mine');
    await mkdir(folder);
    await writeFile(join(folder, 'pipeline.yaml'), pipelineYaml);
    await writeFile(join(folder, 'lock'), await lock());
    await utimes(join(folder, 'lock'), 1, 1);
    const said: string[] = [];
    const warn = (text: string): number => said.push(text);
    const log = { ...silentLogger, warn };
    const run = await startRun({ name, pipelineYaml, folder, resume: true, log });
    expect(said).toEqual([expect.stringMatching(/^taking over the lock of a training that died/)]);
    const owner = JSON.parse(await readFile(join(folder, 'lock'), 'utf8')) as { pid: number };
    expect(owner.pid).toBe(process.pid);
    await run.close();
  });
});
