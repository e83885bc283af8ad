import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { firstValueFrom } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeFrames, probe } from '../../../src/video/index.js';
import { makeRun } from '../../synthesis/make-run.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';
import { frameloom } from '../support.js';

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
    expect((await frameloom('sample', never, ...words, '-y')).stderr).toContain(
      'warning: this run was only trained to go on from real frames: give it a --first-frame',
    );
  });
});
