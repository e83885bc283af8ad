import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeRun } from '../../synthesis/make-run.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';
import { frameloom } from '../support.js';

let run: string;
let clips: string;

beforeAll(async () => {
  run = await makeRun();
  clips = scratchPath('clips');
  await mkdir(clips);
  const clip = await makeClip({ frames: 6 });
  for (const name of ['a.mp4', 'b.mp4', 'c.mp4']) await copyFile(clip, join(clips, name));
  await writeFile(join(clips, 'd.mp4'), 'no video');
});

const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('generate --dry-run', () => {
  it('says what would become of each video, and writes nothing', async () => {
    const out = join(scratchPath('out'), 'deeper');
    const call = (...words: string[]) =>
      frameloom('-q', 'generate', run, '-i', clips, '-o', join(out, '{name}.mkv'), ...words);
    const first = await call('--dry-run', '--json');
    expect([first.code, first.stderr]).toEqual([1, '']);
    expect(lines(first.stdout).map(({ status, frames }) => [status, frames])).toEqual([
      ...[1, 2, 3].map(() => ['would-make', 6]),
      ['would-fail', undefined],
      ['summary', 18],
    ]);
    await expect(readdir(out)).rejects.toThrow('ENOENT');

    await mkdir(out, { recursive: true });
    await writeFile(join(out, 'b.mkv'), 'theirs');
    const one = join(clips, 'a.mp4');
    const made = await frameloom('-q', 'generate', run, '-i', one, '-o', join(out, '{name}.mkv'));
    expect(made.code).toBe(0);
    const before = await readdir(out);
    const second = await call('--dry-run', '--duration', '0.12');
    expect(second.stdout.replaceAll(out, 'out').replaceAll(clips, 'in').split('\n')).toEqual([
      'would replace out/a.mkv from in/a.mp4, 3 frames',
      'would leave as it is: out/b.mkv from in/b.mp4',
      'would make out/c.mkv from in/c.mp4, 3 frames',
      expect.stringContaining('would fail: out/d.mkv: in/d.mp4 cannot be read as video'),
      '4 videos: 2 would be made (6 frames), 0 there already, 1 left as they are, 1 would fail; nothing was written',
      '',
    ]);
    expect((await call('--dry-run')).stdout).toContain('is there already: ');
    expect(await readdir(out)).toEqual(before);
  });

  it('is of one video too, and warns of what would do nothing', async () => {
    const out = scratchPath('one.mkv');
    const one = join(clips, 'a.mp4');
    const { code, stdout, stderr } = await frameloom(
      ...['-q', 'generate', run, '-i', one, '-o', out, '--dry-run'],
    );
    expect([code, stdout, stderr]).toEqual([0, `would make ${out} from ${one}, 6 frames\n`, '']);
    const raw = scratchPath('a.mp4');
    await writeFile(raw, new Uint8Array(3 * 64 * 48));
    const told = await frameloom(
      ...['generate', run, '-i', raw, '-o', scratchPath('x.mkv'), '--trust-filters'],
      ...['--size', '64x48', '--pix-fmt', 'gray', '--fps', '25', '--input-range', 'full'],
    );
    expect(told.code).toBe(0);
    expect(told.stderr).toContain('warning: --trust-filters does nothing');
    expect(told.stderr).toContain('is read as raw frames, though its name says');
    expect(told.stderr).toContain('warning: --input-range does nothing for gray');
    const pipe = await frameloom('generate', run, '-i', one, '-o', '-', '-y');
    expect([pipe.code, pipe.stderr]).toEqual([
      ...[2, 'error: --overwrite does nothing to a pipe (leave it out)\n'],
    ]);
  });

  it.runIf(process.platform === 'linux')(
    'says what a real run would say of places that cannot be written',
    async () => {
      const one = join(clips, 'a.mp4');
      for (const [output, error] of [
        ['/proc/z.mkv', 'error: cannot write /proc/z.mkv: no such file or directory ('],
        ['/proc/none/%d.png', 'error: cannot write /proc/none/%d.png: no such file'],
        ['/proc/none/{name}.mkv', 'error: cannot write /proc/none/frameloom-manifest.jsonl'],
        [join(one, 'x.mkv'), 'x.mkv cannot be written: there is a file in the place of its folder'],
      ] as const) {
        const line = ['-q', 'generate', run, '-i', one, '-o', output];
        const [real, dry] = [await frameloom(...line), await frameloom(...line, '--dry-run')];
        expect(real.stderr).toContain(error);
        expect(dry).toEqual(real);
      }
      const each = await frameloom(
        '-q',
        'generate',
        run,
        '-i',
        clips,
        '-o',
        '/proc/{name}.mkv',
        '--dry-run',
      );
      expect(each.stdout).toContain('would fail: /proc/a.mkv: cannot write /proc/a.mkv: no such');
    },
  );
});
