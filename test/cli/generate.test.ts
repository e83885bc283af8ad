import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { firstValueFrom } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeFrames, probe } from '../../src/video/index.js';
import { makeRun } from '../synthesis/make-run.js';
import { collect, largestDifference } from '../video/frames.js';
import { makeClip, scratchPath } from '../video/make-clip.js';
import { frameloom } from './support.js';

let run: string;
let free: string;
let clip: string;

beforeAll(async () => {
  run = await makeRun();
  free = await makeRun({
    data: { condition: 'none' },
    generator: { noiseChannels: 2, conditionFrames: 1 },
  });
  clip = await makeClip({ frames: 6, name: 'one.mp4' });
});

const quiet = (...args: string[]) => frameloom('--quiet', ...args);
const made = async (folder: string): Promise<string[]> => (await readdir(folder)).sort();

describe('generate', () => {
  it('makes one video of one input, and says so', async () => {
    const path = scratchPath('made.mkv');
    expect(await quiet('generate', run, '-i', clip, '-o', path)).toEqual({
      ...{ code: 0, stderr: '', stdout: `${path}: 6 frames, 0.24 s\n` },
    });
    expect(await probe(path, { count: true })).toMatchObject({ frameCount: 6, width: 32 });
  });

  it('makes many of globs, folders and lists, and tells of each', async () => {
    const folder = scratchPath('clips');
    await mkdir(folder);
    for (const name of ['a.mp4', 'b.mp4', 'c.mp4']) {
      await writeFile(join(folder, name), await readFile(clip));
    }
    await writeFile(join(folder, 'broken.mp4'), 'not a video');
    const list = scratchPath('list.txt');
    await writeFile(list, `${join(folder, 'c.mp4')}\r\n\n${join(folder, 'broken.mp4')}\n`);
    const out = scratchPath('out');
    const command = [
      ...['generate', run, '-i', join(folder, '[ab].mp4'), join(folder, 'a.mp4')],
      ...['--list', list, '-o', join(out, '{name}.mkv'), '--jobs', '2', '--json'],
    ];
    const first = await quiet(...command);
    expect(first.code).toBe(1);
    expect(first.stderr).toMatch(
      /^error: .*broken\.mkv: .*broken\.mp4 cannot be read as video.*\n$/,
    );
    const lines = (text: string) =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(
      lines(first.stdout)
        .map(({ status, index }) => [status, index])
        .sort(),
    ).toEqual([
      ['done', 1],
      ['done', 2],
      ['done', 3],
      ['failed', 4],
      ['summary', undefined],
    ]);
    expect(await made(out)).toEqual(['a.mkv', 'b.mkv', 'c.mkv', 'frameloom-manifest.jsonl']);
    const second = await quiet(...command);
    expect(second.code).toBe(1);
    expect(lines(second.stdout).at(-1)).toMatchObject({ done: 0, skipped: 3, failed: 1 });
  });

  it('makes a video a seed, and the shards together make all', async () => {
    const noisy = await makeRun({ generator: { noiseChannels: 2 } });
    const out = scratchPath('out');
    const command = ['generate', noisy, '-i', clip, '-o', join(out, '{name}-{seed}.mkv')];
    const counts = [];
    for (const shard of ['1/2', '2/2']) {
      const { code, stdout } = await quiet(...command, '--seeds', '1..3,9', '--shard', shard);
      expect(code).toBe(0);
      counts.push(Number(/^(\d+) videos: \1 made, 0 there already, 0 failed\n$/.exec(stdout)?.[1]));
    }
    expect(counts[0]! + counts[1]!).toBe(4);
    expect((await made(out)).filter((name) => name.endsWith('.mkv'))).toHaveLength(4);
    // Whole again: what either shard made is there already.
    const { stdout } = await quiet(...command, '--seeds', '1..3,9');
    expect(stdout).toBe('4 videos: 0 made, 4 there already, 0 failed\n');
  });

  it('says when a seed changes nothing', async () => {
    const path = scratchPath('made.mkv');
    const { stderr } = await frameloom('generate', run, '-i', clip, '-o', path, '--seed', '3');
    expect(stderr).toContain('warning: this generator takes no noise');
  });

  it('takes raw frames of a file', async () => {
    const raw = scratchPath('gray.bin');
    await writeFile(raw, new Uint8Array(3 * 64 * 48).fill(90));
    const { code, stdout } = await quiet(
      ...['generate', run, '-i', raw, '-o', scratchPath('made.nut')],
      ...['--pix-fmt', 'gray', '--size', '64x48', '--fps', '12.5', '--json'],
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ frames: 3, durationSeconds: 0.24, format: 'nut' });
  });

  it.each([
    [['-i', 'CLIP', 'OTHER', '-o', 'x.mp4'], 'would both be written to x.mp4 (put {name} into'],
    [['-i', 'CLIP', '-o', '{nam}.mp4'], '{nam} means nothing in {nam}.mp4'],
    [['-i', 'CLIP', '-o', 'x.mp4', '--seed', '1', '--seeds', '1..2'], 'contradict each other'],
    [['-o', 'x.mp4'], 'there is no input (name videos with -i'],
    [['-i', '-', 'CLIP', '-o', '{name}.mp4'], 'standard input cannot be one of several inputs'],
    [['-i', 'CLIP', '-o', '-', '--seeds', '1..2'], 'a pipe carries one video'],
    [['-i', 'none/*.mp4', '-o', 'x.mp4'], 'no file matches none/*.mp4'],
    [['--list', 'none.txt', '-o', 'x.mp4'], 'the list none.txt cannot be read'],
    [['-i', 'CLIP', '-o', 'x.mp4', '--pix-fmt', 'gray'], 'raw frames need --size too'],
    [['-i', 'CLIP', '-o', 'x.mp4', '--size', '8x8'], 'raw frames need --fps too'],
    [['-i', 'CLIP', '-o', 'x.mp4', '--format', 'avi'], '"avi" is no format that can be written'],
    [['-i', 'CLIP', '-o', 'x.mp4', '--shard', '3/2'], 'is not a shard such as 2/8'],
    [['-i', 'CLIP', '-o', 'x.mp4', '--jobs', '0'], 'is not a number from 1'],
  ])('refuses %j before anything starts', async (args, message) => {
    const other = await makeClip({ frames: 2, name: 'two.mp4' });
    const words = args.map((word) => ({ CLIP: clip, OTHER: other })[word] ?? word);
    const { code, stdout, stderr } = await quiet('generate', run, ...words);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });
});

describe('sample', () => {
  it('writes a video, numbered pictures, a sheet', async () => {
    const video = scratchPath('made.mkv');
    const first = await quiet('sample', free, '--frames', '8', '--fps', '10', '-o', video);
    expect(first).toEqual({ code: 0, stderr: '', stdout: `${video}: 8 frames, 0.80 s\n` });
    expect(await probe(video, { count: true })).toMatchObject({ frameCount: 8, width: 32 });

    const frames = scratchPath('frames');
    await quiet('sample', free, '--frames', '4', '--loop', '2', '-o', join(frames, '%04d.png'));
    expect(await made(frames)).toEqual(['0001.png', '0002.png', '0003.png', '0004.png']);

    const sheet = scratchPath('sheet.png');
    const { stdout } = await quiet(
      ...['sample', free, '--seed', '7', '--loop', '--sheet', '3x2', '-o', sheet, '--json'],
    );
    expect(JSON.parse(stdout)).toMatchObject({ frames: 6, width: 96, height: 48 });
    expect(decode(await readFile(sheet))).toMatchObject({ width: 96, height: 48, channels: 4 });
  });

  it('begins with a picture, scaled as in training', async () => {
    const frames = scratchPath('frames');
    const { code } = await quiet(
      ...['sample', free, '--frames', '2', '--first-frame', clip, '-o', join(frames, '%d.png')],
    );
    expect(code).toBe(0);
    const [first] = await made(frames);
    const { data } = decode(await readFile(join(frames, first!)));
    const size = { width: 32, height: 24, fit: 'crop' as const };
    const real = await firstValueFrom(decodeFrames(clip, { size, frames: 1 }));
    expect(Buffer.from(data as Uint8Array).equals(real.data)).toBe(true);
  });

  it.each([
    ['RUN', ['-o', 'x.mp4'], 'this model makes each frame from a derived condition'],
    ['FREE', ['-o', 'x.mp4', '--sheet', '2x2'], 'a sheet is one PNG file, and x.mp4 is not'],
    ['FREE', ['-o', 'x.png', '--sheet', '2x2', '--frames', '5'], 'holds 4 frames, not 5'],
    ['FREE', ['-o', 'x.mp4', '--frames', '10', '--loop', '6'], 'close it over 1 to 5 frames'],
    ['FREE', ['-o', 'x.mp4', '--first-frame', 'none.png'], 'none.png does not exist'],
    ['FREE', ['-o', 'x.mp4', '--sheet', '2by2'], 'is not columns and rows'],
  ])('of %s refuses %j', async (which, args, message) => {
    const { code, stdout, stderr } = await quiet('sample', which === 'RUN' ? run : free, ...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });

  it('warns of a run that never began from nothing', async () => {
    const out = scratchPath('made.mkv');
    const words = ['--frames', '2', '-o', out];
    expect((await frameloom('sample', free, ...words)).stderr).not.toContain('--first-frame');
    const never = await makeRun({
      data: { condition: 'none' },
      training: { coldStartFraction: 0 },
    });
    expect((await frameloom('sample', never, ...words)).stderr).toContain(
      'warning: this run was only trained to go on from real frames: give it a --first-frame',
    );
  });
});

describe('the engine', () => {
  it('is not an export of other weights, nor silently one of half precision', async () => {
    const [own, other] = [await makeRun({ seed: 4 }), await makeRun({ seed: 5 })];
    const file = join(own, 'exports', 'generator.onnx');
    expect((await quiet('export', other, '-o', file)).code).toBe(0);
    const make = (...args: string[]) =>
      frameloom('generate', own, '-i', clip, '-o', scratchPath('made.mkv'), ...args);
    const auto = await make();
    expect(auto.code).toBe(0);
    expect(auto.stderr).toContain(
      `${file} is of other weights than the snapshot of step 1: using TensorFlow.js`,
    );
    const asked = await make('--engine', 'onnx');
    expect(asked.code).toBe(2);
    expect(asked.stderr).toContain(`${file} is of other weights`);
    expect((await quiet('export', own, '--fp16')).code).toBe(0);
    expect((await make()).stderr).toContain('has weights of half precision: using TensorFlow.js');
    expect((await make('--engine', 'onnx')).stderr).toContain(`using ${file} on ONNX Runtime`);
    expect((await quiet('export', own)).code).toBe(0);
    expect((await make()).stderr).toContain(`using ${file} on ONNX Runtime`);
  });

  it('is the export of the snapshot where there is one, and makes the same frames', async () => {
    const own = await makeRun({ seed: 4 });
    const videos = ['tensorflow', 'onnx', 'file'].map((name) => scratchPath(`${name}.mkv`));
    const [byTensorFlow, byExport, byFile] = videos as [string, string, string];
    const make = (...args: string[]) => quiet('generate', ...args, '-i', clip);
    expect((await make(own, '-o', byTensorFlow, '--engine', 'onnx')).stderr).toMatch(
      /^error: .* has no export \(frameloom export .*\)\n$/,
    );
    expect((await make(own, '-o', byTensorFlow)).code).toBe(0);
    expect((await quiet('export', own)).code).toBe(0);
    const { code, stderr } = await frameloom(
      ...['--verbose', 'generate', own, '-i', clip, '-o', byExport],
    );
    expect(code).toBe(0);
    expect(stderr).toContain('onnxruntime on cpu');
    const file = join(own, 'exports', 'generator.onnx');
    expect((await make(file, '-o', byFile)).code).toBe(0);
    const pixels = async (path: string): Promise<Buffer> =>
      Buffer.concat((await collect(decodeFrames(path))).map(({ data }) => data));
    const expected = await pixels(byTensorFlow);
    for (const path of [byExport, byFile]) {
      expect(largestDifference(await pixels(path), expected)).toBeLessThanOrEqual(2);
    }
  });

  it.each([
    [['--engine', 'tensorflow', '--device', 'cpu'], '--device is for --engine onnx'],
    [['--engine', 'abacus'], 'Allowed choices are auto, onnx, tensorflow'],
    [['--device', 'abacus'], 'Allowed choices are cpu'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await quiet('generate', run, '-i', clip, '-o', 'x.mp4', ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
