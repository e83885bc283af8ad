import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeFrames, probe } from '../../../src/video/index.js';
import { makeRun } from '../../synthesis/make-run.js';
import { clicks, flashes, makeFlashAndClick } from '../../video/flash-and-click.js';
import { collect, largestDifference } from '../../video/frames.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';
import { frameloom } from '../support.js';

let run: string;

beforeAll(async () => {
  run = await makeRun();
});

describe('generate of a part', () => {
  it('is of exactly those frames, in segments too', async () => {
    const clip = await makeClip({ frames: 40 });
    const size = { width: 32, height: 24, fit: 'crop' as const };
    const real = await collect(decodeFrames(clip, { size, startFrame: 10, frames: 4 }));
    const words = ['-q', 'generate', run, '-i', clip, '--start', '0.4', '--duration', '0:00.8'];
    const films = [scratchPath('whole.mkv'), scratchPath('parts.mkv')];
    const first = await frameloom(...words, '--start-frames', '4', '-o', films[0]!);
    expect(first).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `${films[0]}: 20 frames, 0.80 s\n`,
    });
    const segments = ['--start-frames', '4', '--segment-frames', '6', '-o', films[1]!];
    expect(await frameloom(...words, ...segments)).toMatchObject({ code: 0, stderr: '' });
    const [whole, parts] = await Promise.all(films.map((path) => collect(decodeFrames(path))));
    for (const [k, frame] of real.entries()) {
      expect(largestDifference(whole![k]!.data, frame.data)).toBe(0);
    }
    expect(whole).toHaveLength(20);
    for (const [k, frame] of parts!.entries()) {
      expect(largestDifference(frame.data, whole![k]!.data)).toBe(0);
    }
  });

  it('has its sound in step', async () => {
    const clip = await makeFlashAndClick({ seconds: 4 });
    const made = join(scratchPath('out'), 'made.mkv');
    const { code, stderr } = await frameloom(
      ...['-q', 'generate', run, '-i', clip, '--start', '0.8', '--duration', '2.4', '--audio'],
      ...['--start-frames', '59', '-o', made],
    );
    expect([code, stderr]).toEqual([0, '']);
    const [shown, heard] = [await flashes(made), await clicks(made)];
    expect(shown.slice(0, 2).map((time) => time.toFixed(2))).toEqual(['0.20', '1.20']);
    expect(heard).toHaveLength(3);
    for (const [k, time] of heard.entries()) expect(Math.abs(time - (0.2 + k))).toBeLessThan(0.01);
    expect((await probe(made)).hasAudio).toBe(true);
  });

  it('belongs to what a batch made, and begins before the end', async () => {
    const clip = await makeClip({ frames: 10 });
    const out = join(scratchPath('out'), '{name}.mkv');
    const make = (...more: string[]) =>
      frameloom('-q', 'generate', run, '-i', clip, '-o', out, ...more);
    expect((await make('--duration', '0.2')).stdout).toContain('1 made, 0 there already');
    expect((await make('--duration', '0.2')).stdout).toContain('0 made, 1 there already');
    expect((await make('--duration', '0.12')).stdout).toContain('1 made, 0 there already');
    const late = await frameloom(
      '-q',
      'generate',
      run,
      '-i',
      clip,
      '-o',
      'x.mkv',
      '--start',
      '0.4',
    );
    expect([late.code, late.stderr]).toEqual([2, expect.stringContaining('ends after 0.40 s')]);
    const none = await frameloom(
      '-q',
      'generate',
      run,
      '-i',
      clip,
      '-o',
      'x.mkv',
      '--duration',
      '0',
    );
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('not a time above 0')]);
  });
});

describe('generate', () => {
  it('is kept to so many threads, decoder and generator too, and makes the same', async () => {
    const clip = await makeClip({ frames: 4 });
    const films = [scratchPath('all.y4m'), scratchPath('one.y4m')];
    const before = process.env.TF_NUM_INTRAOP_THREADS;
    const words = ['-q', 'generate', run, '-i', clip];
    expect(await frameloom(...words, '-o', films[0]!)).toMatchObject({ code: 0, stderr: '' });
    const few = await frameloom(...words, '--threads', '1', '-o', films[1]!);
    expect(few).toMatchObject({ code: 0, stderr: '' });
    expect(process.env.TF_NUM_INTRAOP_THREADS).toBe(before ?? '1');
    const [all, one] = await Promise.all(films.map((path) => readFile(path)));
    expect(all!.equals(one!)).toBe(true);
    const none = collect(decodeFrames(clip, { threads: 0 }));
    await expect(none).rejects.toThrow('threads is 0, not a number from 1');
  });

  it('writes another codec, of a film in segments too, and pictures of other kinds', async () => {
    const clip = await makeClip({ frames: 8, width: 96, height: 72 });
    const own = await makeRun({ data: { size: '64x64' } });
    const films = join(scratchPath('out'), 'film.mp4');
    const words = ['-q', 'generate', own, '-i', clip, '--codec', 'hevc', '--crf', '18.5'];
    const made = await frameloom(...words, '--segment-frames', '3', '--threads', '1', '-o', films);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(await probe(films, { count: true })).toMatchObject({ codec: 'hevc', frameCount: 8 });
    expect((await readFile(films)).includes('hvc1')).toBe(true);
    const pictures = join(scratchPath('out'), '%02d.webp');
    const numbered = await frameloom(
      ...['-q', 'generate', own, '-i', clip, '-o', pictures, '--quality', '100'],
    );
    expect(numbered).toMatchObject({ code: 0, stderr: '' });
    expect(await probe(pictures)).toMatchObject({ codec: 'webp', frameCount: 8, width: 64 });
  });
});
