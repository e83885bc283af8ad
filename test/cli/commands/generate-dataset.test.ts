import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FrameloomError, type ErrorCode } from '../../../src/base/error.js';
import { adviceOn } from '../../../src/cli/commands/generate/dataset.js';
import { makeRun } from '../../synthesis/make-run.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';
import { frameloom } from '../support.js';

let run: string;
let clip: string;

beforeAll(async () => {
  run = await makeRun({ generator: { noiseChannels: 2 } });
  clip = await makeClip({ frames: 30, name: 'one.mp4' });
});

const quiet = (...args: string[]) => frameloom('--quiet', ...args);

describe('generate --dataset', () => {
  it('makes a sequence of each input and seed, and says what to do with them', async () => {
    const folder = scratchPath('made');
    const command = ['generate', run, '-i', clip, '--dataset', folder];
    const one = [
      ...command,
      '--duration',
      '0.2',
      '--seeds',
      '1,2',
      '--with',
      'flow',
      '--jobs',
      '2',
    ];
    const first = await quiet(...one);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const [words, next] = first.stdout.split('\n');
    expect(words).toBe(`${folder}: 2 sequences, 10 frames: 2 made, 0 there already, 0 failed`);
    expect(next).toMatch(/^next: .*check .*pipeline\.yaml$/);
    expect((await readdir(folder)).sort()).toEqual([
      ...['conditions', 'dataset.json', 'flow', 'images', 'pipeline.yaml', 'sequences'],
    ]);
    const again = await quiet(...one, '--json');
    const lines = again.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ status }) => status)).toEqual(['skipped', 'skipped', 'summary']);
    expect(lines[2]).toMatchObject({ sequences: 2, frames: 10, done: 0, skipped: 2 });
    // What the whole was made of is a part of it.
    const other = await quiet(...command);
    expect(other).toMatchObject({ code: 2, stdout: '' });
    expect(other.stderr).toMatch(/holds a data set of other work: parts.*, settings\./);
  });

  it('is whole when all shards are in it, and says so no sooner', async () => {
    const folder = scratchPath('shards');
    const command = ['generate', run, '-i', clip, '--dataset', folder, '--seeds', '1-4'];
    const names = ['--sequence-names', 'take-{seed}'];
    const shard = (which: string) =>
      frameloom(...command, ...names, '--duration', '0.08', '--with', 'none', '--shard', which);
    const first = await shard('1/2');
    expect(first.code).toBe(0);
    expect(first.stderr).toContain('2 of 4 sequences are of other shards and not there yet');
    expect(first.stdout).not.toContain('next:');
    // By the names alone: each machine may have the folder and the clips at a place of its own.
    expect((await readdir(join(folder, 'images'))).sort()).toEqual(['take-1', 'take-4']);
    const files = await readdir(folder);
    expect(files).toContain('dataset.unfinished.json');
    expect(files).not.toContain('dataset.json');
    const second = await shard('2/2');
    expect(second.stderr).not.toContain('not there yet');
    expect(second.stdout).toContain('4 sequences, 8 frames');
    expect(await readdir(folder)).toContain('dataset.json');
    // It has been whole, and no longer is.
    await rm(join(folder, 'images', 'take-1'), { recursive: true });
    expect((await shard('2/2')).stderr).toContain('1 of 4 sequences');
    expect(await readdir(folder)).not.toContain('dataset.json');
  });

  it('says what to do about what failed, by what it was', () => {
    const failed = (...codes: ErrorCode[]) =>
      adviceOn(
        codes.map((code) => ({ error: new FrameloomError(code, '', { hint: 'free space' }) })),
      );
    expect(failed('bad-input')).toBe('mend the inputs that failed or leave them out');
    expect(failed('disk-full', 'disk-full')).toBe('free space');
    expect(failed('disk-full', 'not-found')).toBe(
      'free space; mend the inputs that failed or leave them out',
    );
  });

  it('is trained on as it lies', async () => {
    const folder = scratchPath('trained');
    expect(await quiet('generate', run, '-i', clip, '--dataset', folder)).toMatchObject({
      code: 0,
    });
    const pipeline = join(folder, 'pipeline.yaml');
    const checked = await quiet('check', pipeline);
    expect(checked).toMatchObject({ code: 0, stderr: '' });
    expect(checked.stdout).toMatch(/30/);
  });

  it('refuses flags that would do nothing', async () => {
    const none = scratchPath('none');
    const command = ['generate', run, '-i', clip];
    const said = async (...more: string[]): Promise<string> => {
      const { code, stderr } = await quiet(...command, ...more);
      expect(code).toBe(2);
      return stderr.split('\n')[0]!;
    };
    const dataset = ['--dataset', none];
    expect(await said(...dataset, '-o', 'x.mp4')).toMatch(/-o does nothing for --dataset/);
    expect(await said(...dataset, '--audio')).toMatch(/--audio does nothing for --dataset/);
    expect(await said(...dataset, '--side-by-side')).toMatch(/--side-by-side does nothing/);
    expect(await said('-o', 'x.mp4', '--with', 'flow')).toMatch(/--with is for --dataset/);
    expect(await said(...dataset, '--shard-samples', '5')).toMatch(/is for --dataset-format/);
    expect(await said(...dataset, '--with', 'depth')).toMatch(/"depth" is not flow, mask or none/);
    expect(await readdir(none).catch(() => 'nothing')).toBe('nothing');
  });
});
