import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/own-package.js';
import { loadPipeline } from '../../../src/pipeline/load.js';
import { shippedPipelines } from '../../../src/pipeline/shipped.js';
import { frameloom } from '../support.js';

const before = process.cwd();
let folder = '';

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'frameloom-test-')), 'a project');
  mkdirSync(folder);
  process.chdir(folder);
});
afterEach(() => {
  process.chdir(before);
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

it.each(shippedPipelines())(
  'writes one from %s that can be read and says the same',
  async (from) => {
    const { code, stdout } = await frameloom('init', 'mine', '--from', from);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^mine\.yaml\nnext: .* check mine\.yaml\n +.* train mine\.yaml /);
    const { pipeline } = await loadPipeline('mine.yaml');
    const { pipeline: original } = await loadPipeline(from);
    expect(pipeline).toEqual({ ...original, name: 'mine' });

    const text = readFileSync('mine.yaml', 'utf8');
    const schema = decodeURI(/\$schema=(\S+)/.exec(text)?.[1] ?? '');
    expect(existsSync(resolve(folder, schema))).toBe(true);
    // What teaches came along, and tells of this file.
    expect(text.match(/^ *# /gm)?.length).toBeGreaterThan(5);
    expect(text).not.toContain('train edges-to-video');
  },
);

it('finds the package where the project has it, and names clips from the file', async () => {
  mkdirSync('node_modules');
  symlinkSync(packageRoot, 'node_modules/frameloom');
  mkdirSync('pipelines');
  const clips = ['--clip', 'day one.mp4', 'clips/*.mp4'];
  expect(await frameloom('init', 'pipelines/mine.yaml', ...clips)).toMatchObject({ code: 0 });
  const text = readFileSync('pipelines/mine.yaml', 'utf8');
  expect(text).toContain('$schema=../node_modules/frameloom/schema/pipeline.schema.json\n');
  expect((await loadPipeline('pipelines/mine.yaml')).pipeline.data.clips).toEqual([
    join(folder, 'day one.mp4'),
    join(folder, 'clips/*.mp4'),
  ]);
});

it('replaces nothing unless it is told to', async () => {
  await frameloom('init');
  const first = readFileSync('pipeline.yaml', 'utf8');
  const second = await frameloom('init', 'pipeline', '--from', 'upscale');
  expect(second).toMatchObject({ code: 2, stdout: '' });
  expect(second.stderr).toContain('pipeline.yaml is there already');
  expect(readFileSync('pipeline.yaml', 'utf8')).toBe(first);
  expect(await frameloom('init', '--from', 'upscale', '-y')).toMatchObject({ code: 0 });
  expect(readFileSync('pipeline.yaml', 'utf8')).not.toBe(first);
  for (const [name, why] of [
    ['a:b', 'a pipeline cannot be called "a:b" (use letters, digits'],
    ['', 'a pipeline cannot be called ""'],
    ['-', 'a pipeline cannot be called "-"'],
    ['sub/', 'a pipeline cannot be called "sub/"'],
    ...(process.platform === 'win32' ? [] : [['/dev/null', '/dev/null is a device']]),
  ] as const) {
    const { code, stderr } = await frameloom('init', name);
    expect([code, stderr]).toEqual([2, expect.stringContaining(why)]);
  }
});

it.each([
  ['é', 'é'],
  ['été 2', 'été-2'],
  ['通り', '通り'],
])('may be called %s, and warns of clips that are not there', async (name, called) => {
  const { code, stdout, stderr } = await frameloom('init', name, '--clip', 'missing.mp4');
  expect([code, stdout.split('\n')[0]]).toEqual([0, `${name}.yaml`]);
  expect(stderr).toMatch(/^warning: .* names clips that are not there yet: .*missing\.mp4/);
  expect((await loadPipeline(`${name}.yaml`)).pipeline.name).toBe(called);
});
