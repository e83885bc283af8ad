// Picture and sound on one clock: streams that begin at different times, sound with holes, rates a
// little off the nominal one. A white flash and a click stand for the same instants.
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { lastValueFrom } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeFrames, encodeFrames, probe } from '../../src/video/index.js';
import { ALL, covering } from '../covering.js';
import { echoed } from './echo.js';
import { furthest, played } from './look.js';
import { caseFolder, clicks, ffmpeg, flatVideo, series, X264 } from './make.js';

const path = caseFolder();
const FRAME_SECONDS = 0.04;
const white = (flash: (k: number) => boolean, count: number): number[] =>
  series(count, (k) => (flash(k) ? 235 : 16));
/** Flashes at 1, 2, 3 … s of a film of 25 frames a second. */
const flashes = (count: number): number[] => white((k) => k > 0 && k % 25 === 0, count);

const H264 = [...X264, '-bf', '0', '-g', '5'];
const SOURCES = ['mp4', 'mkv', 'mov', 'ts', 'webm'];

/** The film with one of its streams begun later, by leaving out what comes before. */
async function late(which: 'video' | 'audio', seconds: number, target: string): Promise<void> {
  const [video, audio] =
    which === 'video' ? [`trim=start=${seconds}`, 'anull'] : ['null', `atrim=start=${seconds}`];
  const film = ['-i', path('sync.mkv'), '-vf', video, '-af', audio, '-copyts'];
  await ffmpeg(...film, ...H264, '-c:a', 'aac', '-b:a', '128k', '-pix_fmt', 'yuv420p', target);
}

beforeAll(async () => {
  await flatVideo(path('sync.mkv'), {
    ...{ lumas: flashes(100), inputs: clicks(4), options: [...H264, '-c:a', 'pcm_s16le'] },
  });
  for (const which of ['video', 'audio'] as const) {
    const first = path(`late-${which}.mkv`);
    await late(which, 0.6, first);
    const made = (extension: string): string => path(`late-${which}.${extension}`);
    const copies = ['mp4', 'mov', 'ts'].flatMap((name) => ['-c', 'copy', '-copyts', made(name)]);
    const webm = ['-c:v', 'libvpx', '-auto-alt-ref', '0', '-b:v', '1M', '-c:a', 'libopus'];
    await ffmpeg('-copyts', '-i', first, ...copies, ...webm, '-copyts', made('webm'));
  }
});

async function expectInStep(output: string, count: number, most = FRAME_SECONDS): Promise<void> {
  const { clicks: heard, flashes: seen } = await played(output);
  expect(seen).toHaveLength(count);
  expect(heard).toHaveLength(count);
  expect(furthest(heard, seen)).toBeLessThan(most);
}

const LATE = ['video', 'audio'] as const;
const WRITTEN = ['mkv', 'mov', 'ts', 'webm', 'mp4'] as const;
const STREAMED = ['mp4', 'mkv', 'nut', 'mpegts'] as const;

// Each container is read, and each is written, with the one or with the other beginning late: in turn, and so that a
// container that is read with the one is written with the other.
describe.each(LATE)('a file whose %s begins 0.6 s late', (which) => {
  const pairs = covering(SOURCES, WRITTEN).filter((_, i) => ALL || i % 2 === LATE.indexOf(which));
  it.each(pairs)('is in step when made from .%s as .%s', async (from, to) => {
    const input = path(`late-${which}.${from}`);
    // The file itself is right, so that it can come out right.
    await expectInStep(input, 3);
    const output = path(`made-${which}-${from}.${to}`);
    const { error } = await echoed({ input, output, audio: true });
    expect(error).toBe('');
    await expectInStep(output, 3);
  });
});

describe('streams that begin 0.6 s apart', () => {
  it.each(covering(LATE, STREAMED, 2))(
    '(%s late) are in step when streamed as %s',
    async (which, format) => {
      const input = path(`late-${which}.mkv`);
      const output = path(`streamed-${which}.${format}`);
      const stream = createWriteStream(output);
      const { error } = await echoed({ input, output: stream, format, audio: true });
      expect(error).toBe('');
      await expectInStep(output, 3);
    },
  );
});

describe('sound with a hole in it', () => {
  beforeAll(async () => {
    const loud = { lumas: flashes(150), inputs: clicks(6) };
    await flatVideo(path('whole.mkv'), { ...loud, options: [...H264, '-c:a', 'pcm_s16le'] });
    const drop = ['-af', "aselect='not(between(t,1.5,2.8))'", '-c:a', 'flac'];
    const aac = ['-c:v', 'copy', '-c:a', 'aac', '-b:a', '128k'];
    await ffmpeg(
      ...['-i', path('whole.mkv'), '-c:v', 'copy', ...drop, path('hole.mkv')],
      ...[...aac, path('aac.ts')],
    );
    const dropped = ['-c', 'copy', '-bsf:a', 'noise=drop=between(n\\,71\\,131)'];
    await ffmpeg('-i', path('aac.ts'), ...dropped, path('hole.ts'));
  });

  it.each(covering(['hole.mkv', 'hole.ts'], ['mp4', 'webm', 'ts', 'mkv', 'mov'], 2))(
    '%s is in step behind it as .%s',
    async (source, extension) => {
      const output = path(`${source}.made.${extension}`);
      const { error } = await echoed({ input: path(source), output, audio: true });
      expect(error).toBe('');
      const { clicks: heard, flashes: seen } = await played(output);
      expect(seen).toHaveLength(5);
      // The click at 2 s is lost with the hole; all others stand where their flashes do.
      const expected = seen.filter((_, i) => i !== 1);
      expect(furthest(heard, expected)).toBeLessThan(FRAME_SECONDS);
    },
  );
});

describe('long clips', () => {
  const SECONDS = 40;
  it('of 23.976 in a timescale of 600 are in step at the end', async () => {
    const count = Math.floor((SECONDS * 24000) / 1001);
    const at = (k: number): number => (k * 1001) / 24000;
    const flash = (k: number): boolean => k > 0 && at(k) % 10 < 0.0417;
    await flatVideo(path('film600.mov'), {
      ...{ lumas: white(flash, count), fps: '24000/1001', inputs: clicks(SECONDS, 10, 16_000) },
      options: [...H264, '-g', '240', '-video_track_timescale', '600', '-c:a', 'aac'],
    });
    const output = path('film600.mp4');
    const { error, result } = await echoed({ input: path('film600.mov'), output, audio: true });
    expect([error, result?.frames]).toEqual(['', count]);
    await expectInStep(output, 3, 0.0417);
  });

  it('with frames missing are in step, counted or not', async () => {
    // Of 30 a second, one in a hundred is missing.
    const kept = series(SECONDS * 30, (k) => k).filter((k) => k % 100 !== 77);
    const lumas = kept.map((k) => (k > 0 && k % 300 === 0 ? 235 : 16));
    await flatVideo(path('drops.mp4'), {
      ...{ lumas, times: { ticks: 600, of: '20*(N+floor((N+22)/99))' } },
      ...{ inputs: clicks(SECONDS, 10, 16_000), options: [...H264, '-g', '240', '-c:a', 'aac'] },
    });
    const input = path('drops.mp4');
    await expectInStep(input, 3);
    const counted = path('counted.mp4');
    const { error, result } = await echoed({ input, output: counted, audio: true });
    expect([error, result?.frames]).toEqual(['', kept.length]);
    await expectInStep(counted, 3);
    const { fps } = await probe(input);
    const plain = path('plain.mp4');
    await lastValueFrom(decodeFrames(input).pipe(encodeFrames(plain, { fps, audioFrom: input })));
    await expectInStep(plain, 3);
  });

  it('with a start that is hidden by an edit list are in step', async () => {
    // A cut without encoding again, and the sound begun before the picture.
    const gop = [...X264, '-g', '50', '-keyint_min', '50', '-sc_threshold', '0', '-c:a', 'aac'];
    await flatVideo(path('gop.mp4'), { lumas: flashes(200), inputs: clicks(8), options: gop });
    const input = path('edited.mov');
    await ffmpeg('-ss', '1.3', '-i', path('gop.mp4'), '-c', 'copy', input);
    await expectInStep(input, 6);
    for (const extension of ['mp4', 'ts']) {
      const output = path(`edited.${extension}`);
      expect((await echoed({ input, output, audio: true })).error).toBe('');
      await expectInStep(output, 6);
    }
  });
});

describe('the sound of a pipe', () => {
  it('is refused in one line, before a frame is made', async () => {
    const input = createReadStream(path('late-video.mkv'));
    const output = path('refused.mp4');
    const { error, seen } = await echoed({ input, output, audio: true });
    expect(error).toContain('sound cannot be carried along from a pipe');
    expect(seen).toHaveLength(0);
    await expect(readFile(output)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
