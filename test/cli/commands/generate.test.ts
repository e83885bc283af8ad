import { link, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryBeside } from '../../../src/base/temporaries.js';
import { decodeFrames, probe } from '../../../src/video/index.js';
import { makeRun } from '../../synthesis/make-run.js';
import { collect, largestDifference } from '../../video/frames.js';
import { makeClip, runFfmpeg, scratchPath } from '../../video/make-clip.js';
import { frameloom } from '../support.js';

let run: string;
let free: string;
let clip: string;
let other: string;

beforeAll(async () => {
  run = await makeRun();
  free = await makeRun({
    data: { condition: 'none' },
    generator: { noiseChannels: 2, conditionFrames: 1 },
  });
  clip = await makeClip({ frames: 6, name: 'one.mp4' });
  other = await makeClip({ frames: 2, name: 'two.mp4' });
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
      counts.push(
        Number(/^(\d+) videos?: \1 made, 0 there already, 0 failed\n$/.exec(stdout)?.[1]),
      );
    }
    expect(counts[0]! + counts[1]!).toBe(4);
    expect((await made(out)).filter((name) => name.endsWith('.mkv'))).toHaveLength(4);
    // Whole again: what either shard made is there already.
    const { stdout } = await quiet(...command, '--seeds', '1..3,9');
    expect(stdout).toBe('4 videos: 0 made, 4 there already, 0 failed\n');
  });

  it('says when --jobs changes nothing', async () => {
    const path = scratchPath('made.mkv');
    const { code, stderr } = await frameloom(
      ...['generate', run, '-i', clip, '-o', path, '--jobs', '2'],
    );
    expect(code).toBe(0);
    expect(stderr).toContain('warning: --jobs does nothing for one video');
  });

  it('says when a seed changes nothing', async () => {
    const path = scratchPath('made.mkv');
    const { stderr } = await frameloom('generate', run, '-i', clip, '-o', path, '--seed', '3');
    expect(stderr).toContain('warning: this generator takes no noise');
  });

  it('says when there is nothing to carry along', async () => {
    const path = scratchPath('made.mkv');
    const { code, stderr } = await frameloom(
      ...['generate', run, '-i', clip, '-o', path, '--audio', '--subtitles', '--chapters'],
    );
    expect(code).toBe(0);
    expect(stderr).toContain('has no sound to carry along');
    expect(stderr).toContain('has no subtitles, no chapters to carry along');
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
    [['-o', 'x.mp4'], 'the input (-i) is missing (such as: '],
    [['-i', '-', 'CLIP', '-o', '{name}.mp4'], 'standard input cannot be one of several inputs'],
    [['-i', 'CLIP', '-o', '-', '--seeds', '1..2'], 'a pipe carries one video'],
    [['-i', 'none/*.mp4', '-o', 'x.mp4'], 'no file matches none/*.mp4'],
    [['--list', 'none.txt', '-o', 'x.mp4'], 'the list none.txt cannot be read'],
    [['-i', 'CLIP', '-o', 'x.mp4', '--pix-fmt', 'gray'], 'raw frames need --size too'],
    [
      ['-i', 'CLIP', '-o', 'x.mp4', '--pix-fmt', 'foo', '--size', '4x4', '--fps', '25'],
      '"foo" is not a pixel format that ffmpeg can read',
    ],
    [['-i', 'CLIP', '-o', 'x.mp4', '--size', '8x8'], 'raw frames need --fps too'],
    [['-i', 'CLIP', '-o', 'x.mp4', '--format', 'avi'], '"avi" is no format that can be written'],
    [['-i', 'CLIP', '-o', 'x.mp4', '--shard', '3/2'], 'is not a shard such as 2/8'],
    [['-i', 'CLIP', '-o', 'x.mp4', '--jobs', '0'], 'is not a number from 1'],
    [['-i', 'CLIP', '-o', 'x.xyz'], 'x.xyz has no extension that can be written'],
    [
      ['-i', 'CLIP', '-o', 'outdir/'],
      'outdir/ is a folder (name a file in it, such as outdir/{name}',
    ],
    [['-i', 'CLIP', '-o', 'x.mkv', '--crf', '20'], '--crf does nothing for mkv'],
    [
      ['-i', 'CLIP', '-o', 'x.webm', '--x264-preset', 'slow'],
      '--x264-preset does nothing for webm',
    ],
    [['-i', 'CLIP', '-o', 'x.gif', '--audio'], '--audio does nothing for gif'],
    [['-i', 'CLIP', '-o', 'x.ts', '--chapters'], '--chapters does nothing for mpegts'],
    [['-i', 'CLIP', '-o', 'x.gif', '--output-pix-fmt', 'gray'], '--output-pix-fmt does nothing'],
    [
      ['-i', 'CLIP', '-o', 'x.mp4', '--output-pix-fmt', 'yuv999p'],
      '"yuv999p" is not a pixel format',
    ],
    [
      ['-i', 'CLIP', '-o', '{name}.mp4', '--output-pix-fmt', 'nv99'],
      '"nv99" is not a pixel format',
    ],
    [['-i', 'CLIP', '-o', 'x.mp4', '--crf', 'x'], 'is not a quality such as 18 or 18.5'],
    [['-i', 'in/..mp4', '-o', 'x/{name}/%d.png'], 'cannot name an output: "." is a folder'],
  ])('refuses %j before anything starts', async (args, message) => {
    const words = args.map((word) => ({ CLIP: clip, OTHER: other })[word] ?? word);
    const { code, stdout, stderr } = await quiet('generate', run, ...words);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });
});

describe('an output', () => {
  it('is never one of the inputs, by whatever name', async () => {
    const folder = scratchPath('in');
    await mkdir(join(folder, 'seq'), { recursive: true });
    const own = join(folder, 'own.mp4');
    await writeFile(own, await readFile(clip));
    await symlink(own, join(folder, 'link.mp4'));
    await link(own, join(folder, 'hard.mp4'));
    await symlink(folder, join(folder, 'here'));
    const pictures = join(folder, 'seq', '%04d.png');
    const { code } = await quiet('generate', run, '-i', own, '-o', pictures);
    expect(code).toBe(0);
    const before = await readFile(own);
    const first = await readFile(join(folder, 'seq', '0001.png'));
    const refusals: [input: string, output: string][] = [
      ...['own.mp4', 'link.mp4', 'hard.mp4', join('here', 'own.mp4')].map(
        (name): [string, string] => [own, join(folder, name)],
      ),
      [join(folder, 'link.mp4'), own],
      [join(folder, 'seq'), pictures],
      [pictures, pictures],
      [join(folder, 'seq'), join(folder, 'seq', '0003.png')],
    ];
    for (const [input, output] of refusals) {
      const { code, stdout, stderr } = await quiet(
        ...['generate', run, '-i', input, '-o', output, '--overwrite', '--fps', '25'],
      );
      expect([output, code, stdout]).toEqual([output, 2, '']);
      expect(stderr).toContain('is one of the inputs');
    }
    const batch = join(folder, 'here', '{name}.mp4');
    const many = await quiet('generate', run, '-i', own, clip, '-o', batch, '-y');
    expect([many.code, many.stderr]).toEqual([2, expect.stringContaining('one of the inputs')]);
    expect(await readFile(own)).toEqual(before);
    expect(await readFile(join(folder, 'seq', '0001.png'))).toEqual(first);
    expect(await made(folder)).toEqual(['hard.mp4', 'here', 'link.mp4', 'own.mp4', 'seq']);
  });

  it('is not the model, the list, or the first frame either', async () => {
    const model = join(await makeRun(), 'exports', 'generator.onnx');
    await quiet('export', join(model, '..', '..'));
    const list = scratchPath('list.mkv');
    await writeFile(list, `${clip}\n`);
    const picture = scratchPath('first.png');
    await runFfmpeg('-i', clip, '-frames:v', '1', picture);
    const kept = await Promise.all([model, list, picture].map((path) => readFile(path)));
    for (const args of [
      ['generate', model, '-i', clip, '-o', model, '--format', 'mkv'],
      ['generate', run, '-i', clip, '-o', join(run, 'pipeline.yaml'), '--format', 'mkv'],
      ['generate', run, '--list', list, '-o', list],
      ['sample', free, '--frames', '1', '--first-frame', picture, '-o', picture],
      ['export', run, '-o', join(run, 'pipeline.yaml')],
    ]) {
      const { code, stderr } = await quiet(...args, '-y');
      expect([args, code]).toEqual([args, 2]);
      expect(stderr).toContain('is one of the inputs');
    }
    expect(await Promise.all([model, list, picture].map((path) => readFile(path)))).toEqual(kept);
  });

  it('calls an exported generator .onnx', async () => {
    const { code, stderr } = await quiet('export', run, '-o', scratchPath('model.mp4'));
    expect([code, stderr]).toEqual([2, expect.stringContaining('does not end in .onnx')]);
  });

  it('replaces nothing unless told to, which is said before anything is loaded', async () => {
    const folder = scratchPath('out');
    await mkdir(folder);
    const there = ['made.mkv', 'sheet.png', 'frame-001.png', 'model.onnx', 'plan.svg', 'x.json'];
    for (const name of there) await writeFile(join(folder, name), 'theirs');
    const at = (name: string): string => join(folder, name);
    // No run, no pipeline: nothing was looked at.
    const none = scratchPath('none');
    const commands = [
      ['generate', none, '-i', clip, '-o', at('made.mkv')],
      ['generate', none, '-i', clip, '-o', at('frame-%03d.png')],
      ['sample', none, '-o', at('made.mkv')],
      ['sample', none, '--sheet', '2x2', '-o', at('sheet.png')],
      ['export', none, '-o', at('model.onnx')],
      ['plan', none, '--plot', at('plan.svg')],
      ['schema', '-o', at('x.json')],
      ['evaluate', none, '--strip', at('sheet.png')],
    ];
    for (const command of commands) {
      const { code, stdout, stderr } = await quiet(...command);
      expect([command, code, stdout]).toEqual([command, 2, '']);
      expect(stderr).toMatch(/is there already .*--overwrite/);
    }
    for (const name of there) expect(await readFile(at(name), 'utf8')).toBe('theirs');
    expect((await quiet('schema', '-o', at('x.json'), '-y')).code).toBe(0);
    expect((await frameloom('schema', '-o', at('x.json'))).stderr).toContain('is up to date');
    const { code } = await quiet('generate', run, '-i', clip, '-o', at('made.mkv'), '-y');
    expect(code).toBe(0);
    expect(await probe(at('made.mkv'), { count: true })).toMatchObject({ frameCount: 6 });
    const pictures = await quiet('generate', run, '-i', clip, '-o', at('frame-%03d.png'), '-y');
    expect(pictures.code).toBe(0);
    expect((await made(folder)).filter((name) => name.startsWith('frame-'))).toHaveLength(6);
  });

  it('of a batch that it did not make stays, and is told of', async () => {
    const folder = scratchPath('out');
    await mkdir(folder);
    await writeFile(join(folder, 'theirs.mkv'), 'theirs');
    const theirs = join(scratchPath('in'), 'theirs.mp4');
    await mkdir(join(theirs, '..'));
    await writeFile(theirs, await readFile(clip));
    const command = ['generate', run, '-i', clip, theirs, '-o', join(folder, '{name}.mkv')];
    const { code, stdout, stderr } = await frameloom(...command);
    expect([code, stdout]).toEqual([
      0,
      '2 videos: 1 made, 0 there already, 1 left as they are (--overwrite replaces them), 0 failed\n',
    ]);
    expect(stderr).toContain('warning: ');
    expect(stderr).toContain('theirs.mkv is there, not made by this batch');
    expect(await readFile(join(folder, 'theirs.mkv'), 'utf8')).toBe('theirs');
    const again = await quiet(...command, '--json', '-y');
    const lines = again.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ status }) => status).sort()).toEqual(['done', 'skipped', 'summary']);
    expect(lines.at(-1)).toMatchObject({ done: 1, skipped: 1, kept: 0, failed: 0 });
  });

  it('may have a name as long as the disk allows', async () => {
    const path = join(scratchPath('out'), `${'長'.repeat(83)}.mkv`);
    expect((await quiet('generate', run, '-i', clip, '-o', path)).code).toBe(0);
    expect(await made(join(path, '..'))).toHaveLength(1);
  });

  it('clears away what an earlier call left when it was killed', async () => {
    const path = join(scratchPath('out'), 'made.mkv');
    await mkdir(join(path, '..'));
    const [random, , , ...rest] = basename(await temporaryBeside(path)).split('-');
    // A process of that number began at another time.
    const left = [random, process.pid, '1', ...rest].join('-');
    await writeFile(join(path, '..', left), 'half a film');
    expect((await quiet('generate', run, '-i', clip, '-o', path)).code).toBe(0);
    expect(await made(join(path, '..'))).toEqual(['made.mkv']);
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
      /^error: .* has no export \((npx )?frameloom export .*\)\n$/,
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
