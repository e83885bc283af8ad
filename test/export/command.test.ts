import { appendFile, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMetadata } from '../../src/export/metadata.js';
import { openOnnxModel } from '../../src/synthesis/index.js';
import { frameloom } from '../cli/support.js';
import { probe } from '../../src/video/index.js';
import { makeRun } from '../synthesis/make-run.js';
import { makeClip } from '../video/make-clip.js';

let run: string;
beforeAll(async () => {
  run = await makeRun();
});
afterAll(() => rm(run, { recursive: true, force: true }));

describe('frameloom export', () => {
  it('writes the file into the run and says how near it is', async () => {
    const { code, stdout } = await frameloom('export', run);
    const path = join(run, 'exports', 'generator.onnx');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /generator\.onnx: [\d.]+ KiB, step 1, at most \S+ from TensorFlow\.js over 10 frames\n$/,
    );
    expect(readMetadata(await readFile(path), path)).toMatchObject({ width: 32, height: 24 });
  });

  it('tells programs the same as JSON, of half precision too', async () => {
    const path = join(run, 'half.onnx');
    const { code, stdout } = await frameloom('export', run, '-o', path, '--fp16', '--json');
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as Record<string, unknown>;
    expect(result).toMatchObject({
      ...{
        path,
        step: 1,
        precision: 'float16',
        target: 'onnxruntime',
        fixed: null,
        tolerance: 0.05,
      },
      bytes: (await stat(path)).size,
      comparison: { frames: 10 },
    });
    const model = await openOnnxModel(path);
    expect(model.step).toBe(1);
    await model.release();
  });

  it('calls an export for something after it, beside the run’s own', async () => {
    await appendFile(join(run, 'pipeline.yaml'), 'about:\n  author: A. Person\n  licence: CC0\n');
    const args = ['--target', 'opencv', '--size', '24x16', '--batch', '2', '--fp16-weights'];
    const { code, stdout } = await frameloom('export', run, ...args);
    const path = join(run, 'exports', 'generator-opencv-24x16-batch2-float16-weights.onnx');
    expect([code, stdout.split(': ')[0]]).toEqual([0, path]);
    expect(readMetadata(await readFile(path), path)).toMatchObject({
      ...{ target: 'opencv', precision: 'float16', compute: 'float32' },
      fixed: { samples: 2, width: 24, height: 16 },
      ...{ author: 'A. Person', licence: 'CC0' },
      ffmpeg: expect.stringMatching(/^\S+$/) as string,
      input: expect.stringMatching(/^edges of the frame at 32x24/) as string,
    });
    const told = await frameloom('info', path);
    expect(told.stdout).toMatch(/made for +opencv, 24x16, 2 at once\n/);
  });

  it.each([
    [['--target', 'toaster'], 'toaster'],
    [['--size', '30x16'], 'a frame cannot be 30x16'],
    [['--batch', '0'], 'is not a number from 1'],
    [['--fp16', '--fp16-weights'], 'cannot be used with'],
    [['--fp16', '--target', 'opencv'], 'opencv does not compute in float16'],
  ])('refuses %j', async (args, words) => {
    const { code, stderr } = await frameloom('export', run, ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });

  it('makes frames of another size where the file leaves it open', async () => {
    const exports = join(run, 'exports');
    const clip = await makeClip({ frames: 3 });
    const make = (file: string, size: string, ...more: string[]) =>
      frameloom(
        ...['-q', 'generate', join(exports, file), '-i', clip, '--output-size', size],
        ...['-o', join(exports, '{name}.mkv'), ...more],
      );
    expect((await make('generator.onnx', '48x32')).stdout).toContain('1 made, 0 there already');
    const [film] = (await readdir(exports)).filter((name) => name.endsWith('.mkv'));
    expect(await probe(join(exports, film!))).toMatchObject({ width: 48, height: 32 });
    // The size is a part of what was made.
    expect((await make('generator.onnx', '48x32')).stdout).toContain('0 made, 1 there already');
    expect((await make('generator.onnx', '32x24')).stdout).toContain('1 made, 0 there already');
    const odd = await make('generator.onnx', '50x32');
    expect(odd.stderr).toContain('a frame cannot be 50x32 (both sides are multiples of 4');
    expect(await frameloom('export', run, '--size', '24x16')).toMatchObject({ code: 0 });
    const fixed = await make('generator-24x16.onnx', '48x32');
    expect([fixed.code, fixed.stderr]).toEqual([
      ...[
        2,
        expect.stringContaining('is for 24x16 alone, not 48x32 (export the run again') as string,
      ],
    ]);
    const own = await frameloom(
      ...['generate', run, '--engine', 'tensorflow', '-i', clip, '--output-size', '48x32'],
      ...['-o', join(exports, 'x.mkv')],
    );
    expect(own.stderr).toContain('TensorFlow.js runs a run at the size it was trained at (');
  });

  it('fails on a run that is none, and on a snapshot that is not there', async () => {
    const absent = await frameloom('export', join(run, 'absent'), '-o', join(run, 'never.onnx'));
    expect(absent.code).toBe(2);
    const snapshot = await frameloom(
      'export',
      run,
      '--snapshot',
      '77',
      '-o',
      join(run, 'never.onnx'),
    );
    expect(snapshot.code).toBe(2);
    expect(snapshot.stderr).toMatch(/^error: /m);
    expect(await readdir(run)).not.toContain('never.onnx');
  });
});
