import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openModel } from '../../src/index.js';
import { ENTRIES } from '../api/report.js';
import { moduleAt, NODE_WORDS, root } from '../program.js';
import { moduleGraph } from './graph.js';

const run = promisify(execFile);

interface Manifest {
  readonly exports: Readonly<Record<string, string | { types: string; default: string }>>;
  readonly sideEffects: unknown;
  readonly engines: { readonly node: string };
}

describe('the entries of the package', () => {
  it('are those of package.json', async () => {
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
    const compiled = Object.entries(ENTRIES).map(([name, source]) => {
      const place = source.replace(/^src/, './dist').replace(/\.ts$/, '');
      return [name.replace('frameloom', '.'), { types: `${place}.d.ts`, default: `${place}.js` }];
    });
    expect(manifest.exports).toEqual({
      ...Object.fromEntries(compiled),
      './package.json': './package.json',
    });
    expect(manifest.sideEffects).toBe(false);
    // What require() of a module needs.
    expect(manifest.engines.node).toBe('>=20.19');
  });

  it('importing the root loads its own few files, and no package', () => {
    const { files, outside } = moduleGraph(join(root, ENTRIES.frameloom));
    expect(files.map((path) => relative(join(root, 'src'), path)).sort()).toEqual([
      ...['base/error.ts', 'base/rational.ts', 'clips/clip-name.ts', 'index.ts'],
      ...['synthesis/batch/overlap.ts', 'synthesis/batch/template.ts', 'video/sequence.ts'],
    ]);
    const packages = [...outside.keys()].filter((name) => !name.startsWith('node:'));
    expect(packages).toEqual([]);
  });

  it('importing the streams loads no TensorFlow.js', () => {
    const { outside } = moduleGraph(join(root, ENTRIES['frameloom/video']));
    expect([...outside.keys()].filter((name) => name.includes('tensorflow'))).toEqual([]);
    expect([...outside.keys()]).toContain('rxjs');
  });

  it('load and say nothing, and TensorFlow itself is not loaded by any', async () => {
    const entries = Object.values(ENTRIES).map((path) =>
      moduleAt(path.replace(/^src\/(.*)\.ts$/, '$1')),
    );
    const { stdout, stderr } = await run(
      process.execPath,
      [
        ...[...NODE_WORDS, '--input-type=module', '-e'],
        `for (const entry of ${JSON.stringify(entries)}) await import(entry);
        const { sharedObjects } = process.report.getReport();
        console.log(sharedObjects.filter((path) => /libtensorflow|tfjs_binding/.test(path)).length);`,
      ],
      { cwd: root },
    );
    expect([stdout, stderr]).toEqual(['0\n', '']);
  });
});

it('an engine that there is not is refused, not passed over', async () => {
  const engine = 'foo' as unknown as 'onnx';
  await expect(openModel('runs/none', { engine })).rejects.toMatchObject({ code: 'bad-option' });
});
