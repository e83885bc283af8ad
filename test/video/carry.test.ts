import { writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import {
  decodeFrames,
  type EncodeOptions,
  encodeFrames,
  type EncodeResult,
  findFfmpeg,
  probe,
} from '../../src/video/index.js';
import { formatCues, metadataText, readCues, shiftSpans } from '../../src/video/cues.js';
import { clicks, flashes, makeFlashAndClick } from './flash-and-click.js';
import { failure, flatFrames } from './frames.js';
import { runFfmpeg, scratchPath } from './make-clip.js';

const run = promisify(execFile);

const encode = (
  frames: ReturnType<typeof decodeFrames>,
  target: string | PassThrough,
  options: Partial<EncodeOptions>,
): Promise<EncodeResult> =>
  lastValueFrom(frames.pipe(encodeFrames(target, { fps: 25, ...options })));

/** A film of 4 s whose video begins 0.6 s late, with all that can be carried along. */
async function makeFilm(): Promise<string> {
  const film = await makeFlashAndClick({ videoFrom: 0.6 });
  const [srt, described, path] = ['film.srt', 'film.txt', 'film.mkv'].map(scratchPath) as [
    string,
    string,
    string,
  ];
  writeFileSync(
    srt,
    '1\n00:00:00,100 --> 00:00:00,500\nbefore\n\n2\n00:00:00,500 --> 00:00:01,600\nfirst\n\n3\n00:00:02,600 --> 00:00:09,000\nlast = ü\n\n',
  );
  writeFileSync(
    described,
    ';FFMETADATA1\ntitle=A = B; C\nartist=me\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1600\ntitle=one\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=1600\nEND=9000\ntitle=two\n',
  );
  await runFfmpeg(
    ...['-copyts', '-i', film, '-i', srt, '-f', 'ffmetadata', '-i', described, '-map', '0'],
    ...['-map', '1', '-map_metadata', '2', '-map_chapters', '2', '-c', 'copy', '-c:s', 'srt'],
    ...['-metadata:s:s:0', 'language=eng', path],
  );
  return path;
}

interface Report {
  readonly chapters: { start_time: string; end_time: string; tags: Record<string, string> }[];
  readonly format: { tags?: Record<string, string> };
  readonly streams: { codec_type: string; codec_name: string; tags?: Record<string, string> }[];
}

async function report(path: string): Promise<Report> {
  const { ffprobePath } = await findFfmpeg();
  const what = ['-show_chapters', '-show_format', '-show_streams', '-of', 'json', path];
  const { stdout } = await run(ffprobePath, ['-v', 'error', ...what]);
  return JSON.parse(stdout) as Report;
}

const all = { subtitles: true, chapters: true, metadata: true };

describe('what else a film has', () => {
  it.each([
    ['mp4', 'mov_text'],
    ['mov', 'mov_text'],
    ['mkv', 'subrip'],
    ['webm', 'webvtt'],
  ])('comes along to %s on the clock of the frames', async (extension, codec) => {
    const film = await makeFilm();
    const path = scratchPath(`carried.${extension}`);
    await encode(decodeFrames(film), path, { audioFrom: film, carry: all });
    const found = await report(path);
    const subtitles = found.streams.find((stream) => stream.codec_type === 'subtitle');
    expect(subtitles).toMatchObject({ codec_name: codec, tags: { language: 'eng' } });
    const text = await runFfmpeg('-i', path, '-map', '0:s', '-f', 'srt', '-');
    const cues = readCues(text.toString('utf8'));
    // Old builds say the font of each.
    const words = cues.map((cue) => cue.text.replaceAll(/<[^>]*>/g, ''));
    expect(words).toEqual(['first', 'last = ü']);
    const times = cues.flatMap((cue) => [cue.startSeconds, cue.endSeconds]);
    [0, 1, 2, 3.4].forEach((time, i) => expect(times[i]).toBeCloseTo(time, 1));
    expect(found.chapters.map(({ tags }) => tags.title)).toEqual(['one', 'two']);
    expect(Number(found.chapters[1]?.start_time)).toBeCloseTo(1, 2);
    expect(Number(found.chapters[1]?.end_time)).toBeCloseTo(3.4, 1);
    const tags = Object.entries(found.format.tags ?? {}).map(([k, v]) => [k.toLowerCase(), v]);
    expect(Object.fromEntries(tags)).toMatchObject({ title: 'A = B; C', artist: 'me' });
    expect((await probe(path, { count: true })).frameCount).toBe(85);
    const [seen, heard] = [await flashes(path), await clicks(path)];
    seen.forEach((time, i) => expect(Math.abs((heard[i] ?? NaN) - time)).toBeLessThan(0.04));
  });

  it('comes without the sound too, and not unasked', async () => {
    const film = await makeFilm();
    const [some, none] = [scratchPath('chapters.mkv'), scratchPath('none.mkv')];
    await encode(decodeFrames(film), some, { carry: { from: film, chapters: true } });
    const found = await report(some);
    expect(found.chapters).toHaveLength(2);
    expect(found.streams.map((stream) => stream.codec_type)).toEqual(['video']);
    expect(found.format.tags?.title).toBeUndefined();
    await encode(decodeFrames(film), none, { audioFrom: film });
    const without = await report(none);
    expect(without.chapters).toEqual([]);
    expect(without.streams.map((stream) => stream.codec_type)).toEqual(['video', 'audio']);
    expect(without.format.tags?.title).toBeUndefined();
  });

  it('is refused at once where the format holds none of it, and missed aloud', async () => {
    const film = await makeFilm();
    const frames = flatFrames({ colour: [1, 2, 3] });
    for (const [target, carry] of [
      [scratchPath('x.ts'), { subtitles: true }],
      [scratchPath('x.gif'), { metadata: true, from: film }],
      [scratchPath('x.mkv'), { chapters: true, from: undefined }],
      [new PassThrough(), { chapters: true, from: film }],
    ] as const) {
      const from = 'from' in carry ? {} : { audioFrom: film };
      expect(await failure(encode(frames, target, { carry, ...from }))).toMatchObject({
        code: 'bad-option',
      });
    }
    const said: string[] = [];
    const log = createLogger({ write: (line) => void said.push(line) });
    const plain = await makeFlashAndClick();
    const carry = { from: plain, subtitles: true, chapters: true };
    await encode(frames, scratchPath('plain.mkv'), { carry, log });
    expect(said.join('')).toContain('has no subtitles, no chapters to carry along');
  });
});

describe('spans of time', () => {
  it('are shifted and cut', () => {
    const spans = [
      { startSeconds: 0, endSeconds: 1 },
      { startSeconds: 1, endSeconds: 3 },
      { startSeconds: 5, endSeconds: 9 },
      { startSeconds: 9, endSeconds: 10 },
    ];
    expect(shiftSpans(spans, 2, 6)).toEqual([
      { startSeconds: 0, endSeconds: 1 },
      { startSeconds: 3, endSeconds: 6 },
    ]);
  });

  it('are read and written as SubRip, with empty lines in a text', () => {
    const cues = [
      { startSeconds: 0.5, endSeconds: 3723.004, text: 'one\n\ntwo' },
      { startSeconds: 4000, endSeconds: 4001, text: 'three' },
    ];
    expect(readCues(formatCues(cues))).toEqual(cues);
    expect(readCues('1\r\n00:00:01,000 --> 00:00:02,000\r\nx\r\n\r\n')).toEqual([
      { startSeconds: 1, endSeconds: 2, text: 'x' },
    ]);
    expect(metadataText({ title: 'a=b\nc' }, [])).toBe(';FFMETADATA1\ntitle=a\\=b\\\nc\n');
  });
});
