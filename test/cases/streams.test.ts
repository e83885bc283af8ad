// Files with more than one picture stream: previews, cover art, timecodes.
import { beforeAll, describe, expect, it } from 'vitest';
import { probe } from '../../src/video/index.js';
import { echoed } from './echo.js';
import { decoded, keepingLog, nearest } from './look.js';
import { writeFile } from 'node:fs/promises';
import { caseFolder, ffmpeg, flatVideo, series, shownOf, tone, X264 } from './make.js';

const path = caseFolder();
const COUNT = 25;
const lumas = series(COUNT, (k) => 40 + 5 * k);
const greys = lumas.map(shownOf);
const order = series(COUNT, (k) => k);

beforeAll(async () => {
  const film = { lumas, inputs: tone(1), options: [...X264, '-c:a', 'aac'] };
  await flatVideo(path('film.mp4'), film);
  const small = { lumas: series(COUNT, () => 20), width: 32, height: 18 };
  await flatVideo(path('small.mp4'), { ...small, options: [...X264] });
  await ffmpeg('-f', 'lavfi', '-i', 'color=red:s=100x100', '-frames:v', '1', path('cover.png'));
  const [cover, movie, proxy] = [path('cover.png'), path('film.mp4'), path('small.mp4')];
  const three = ['-map', '0:v', '-map', '1:v', '-map', '1:a', '-c', 'copy'];
  const attached = ['-disposition:v:0', 'attached_pic'];
  await ffmpeg('-i', cover, '-i', movie, ...three, ...attached, path('cover.mp4'));
  const mime = ['-metadata:s:t', 'mimetype=image/png', '-metadata:s:t', 'filename=cover.png'];
  await ffmpeg('-i', movie, '-attach', cover, ...mime, '-c', 'copy', path('covers.mkv'));
  const second = ['-disposition:v:0', '0', '-disposition:v:1', 'default'];
  // Neither is the default, or both are: the largest is taken, as ffmpeg does.
  const none = ['-disposition:v:0', '0', '-disposition:v:1', '0'];
  await ffmpeg(
    ...['-i', proxy, '-i', movie],
    ...[...three, ...second, path('proxy.mkv'), ...three, ...second, path('proxy.mov')],
    ...[...three, ...none, path('largest.mkv'), ...three, path('largest.ts')],
  );
  await writeFile(path('s.srt'), '1\n00:00:00,000 --> 00:00:01,000\nhi\n');
  const data = ['-map', '0', '-map', '1', '-c', 'copy', '-c:s', 'mov_text'];
  await ffmpeg(
    '-i',
    movie,
    '-i',
    path('s.srt'),
    ...data,
    '-timecode',
    '01:00:00:00',
    path('data.mov'),
  );
  const song = ['-map', '0', '-map', '1', '-c:a', 'aac', '-c:v', 'copy', '-disposition:v'];
  await ffmpeg(...tone(1), '-i', cover, ...song, 'attached_pic', path('song.m4a'));
});

describe.each([
  ...['film.mp4', 'cover.mp4', 'covers.mkv', 'proxy.mkv', 'proxy.mov', 'largest.mkv'],
  ...['largest.ts', 'data.mov'],
])('%s', (name) => {
  it('is read for its film', async () => {
    const info = await probe(path(name), { count: true });
    expect(info).toMatchObject({ width: 64, height: 36, frameCount: COUNT, hasAudio: true });
    const seen = await decoded(path(name), { info });
    expect(seen.error).toBe('');
    expect(nearest(seen.greys, greys)).toEqual(order);
  });
});

describe('the sound of a film among other streams', () => {
  it.each(['cover.mp4', 'proxy.mkv', 'largest.ts', 'data.mov'])(
    'of %s comes along',
    async (name) => {
      const made = await echoed({
        input: path(name),
        output: path(`${name}.made.mkv`),
        audio: true,
      });
      expect([made.error, nearest(made.seen, greys)]).toEqual(['', order]);
    },
  );
});

describe('which of several streams is taken', () => {
  it.each(['proxy.mkv', 'proxy.mov', 'largest.mkv'])('is said of %s', async (name) => {
    const { log, said } = keepingLog();
    await decoded(path(name), { log });
    expect(said()).toMatch(/stream/);
    expect(said()).toContain(path(name));
  });

  it('is none of a song with a cover', async () => {
    await expect(probe(path('song.m4a'))).rejects.toMatchObject({ code: 'bad-input' });
    expect((await decoded(path('song.m4a'))).error).toContain('no video');
  });
});
