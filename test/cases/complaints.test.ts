// Whole videos about which ffmpeg complains, and recordings that begin or end in the middle.
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { dataOptions, openDataset } from '../../src/clips/index.js';
import { changeBox, splitAnnexB } from './bytes.js';
import { echoed } from './echo.js';
import { decoded, furthest, nearest, shown } from './look.js';
import { caseFolder, ffmpeg, flatVideo, series, shownOf, tone, X264 } from './make.js';

const path = caseFolder();
const COUNT = 50;
const lumas = series(COUNT, (k) => 16 + 4 * k);
const greys = lumas.map(shownOf);
const order = series(COUNT, (k) => k);

beforeAll(async () => {
  // A user-data SEI that says it is longer than it is: cameras, drones.
  await flatVideo(path('clean.h264'), { lumas, options: [...X264, '-bf', '0', '-g', '25'] });
  const sei = Buffer.concat([
    Buffer.from([0, 0, 0, 1, 0x06, 0x05, 0xc8]),
    Buffer.from(series(24, (k) => 0x41 + k)),
    Buffer.from([0x80]),
  ]);
  const parts = splitAnnexB(await readFile(path('clean.h264')));
  // Start codes of three bytes stay in the part before them.
  const withSei = parts.flatMap((part) => ((part[4]! & 31) === 5 ? [sei, part] : [part]));
  await writeFile(path('sei.h264'), Buffer.concat(withSei));
  await ffmpeg('-framerate', '25', '-i', path('sei.h264'), '-c', 'copy', path('sei.mp4'));
  // A chapter reference to a track that was removed.
  const chapters = [0, 1000].map(
    (at) => `[CHAPTER]\nTIMEBASE=1/1000\nSTART=${at}\nEND=${at + 1000}\n`,
  );
  await writeFile(
    path('chapters.txt'),
    `;FFMETADATA1\n${chapters.join('title=Part\n')}title=Part\n`,
  );
  const meta = ['-i', path('chapters.txt'), '-map_metadata', '1', '-map', '0:v'];
  await flatVideo(path('chapters.m4v'), { lumas, inputs: meta, options: [...X264] });
  const dangling = changeBox(await readFile(path('chapters.m4v')), 'chap', (bytes, at) =>
    bytes.writeUInt32BE(9, at + 4),
  );
  await writeFile(path('dangling.m4v'), dangling);
  // MJPEG whose APP0 is not what it says: webcams, dashcams.
  const square = ['-vf', 'setsar=1'];
  const mjpeg = [...square, '-c:v', 'mjpeg', '-q:v', '2', '-pix_fmt', 'yuvj420p'];
  await flatVideo(path('clean.avi'), { lumas, options: mjpeg });
  const avi = await readFile(path('clean.avi'));
  const JFIF = Buffer.from('\xff\xe0\0\x10JFIF', 'latin1');
  let changed = 0;
  for (let at = avi.indexOf(JFIF); at >= 0; at = avi.indexOf(JFIF, at + 1)) {
    avi.write('Exif', at + 4, 'latin1');
    changed += 1;
  }
  if (changed !== COUNT) throw new Error(`${changed} segments`);
  await writeFile(path('app0.avi'), avi);
  // A broken packet of the sound, the video whole.
  const sound = { lumas, inputs: tone(2), options: [...X264, '-c:a', 'ac3'] };
  await flatVideo(path('sound.mkv'), sound);
  const noise = ['-map', '0', '-c', 'copy', '-bsf:a', 'noise=amount=40'];
  await ffmpeg('-i', path('sound.mkv'), ...noise, path('broken-sound.mkv'));
  // A recording that begins between key frames.
  const television = [...X264, '-g', '20', '-bf', '2', '-f', 'mpegts'];
  await flatVideo(path('whole.ts'), { lumas, options: television });
  const ts = await readFile(path('whole.ts'));
  const packets = Math.floor(ts.length / 188);
  const from = 188 * Math.floor(packets / 6);
  await writeFile(path('midgop.ts'), Buffer.concat([ts.subarray(0, 188 * 3), ts.subarray(from)]));
});

describe.each(['sei.h264', 'sei.mp4', 'dangling.m4v', 'app0.avi', 'broken-sound.mkv'])(
  '%s',
  (name) => {
    it('is whole: all frames, for decoding, generating and training', async () => {
      const strict = await decoded(path(name));
      expect(strict.error).toBe('');
      expect(nearest(strict.greys, greys)).toEqual(order);
      const output = path(`${name}.mkv`);
      const made = await echoed({ input: path(name), output });
      expect([made.error, nearest(made.seen, greys)]).toEqual(['', order]);
      expect((await shown(output)).count).toBe(COUNT);
      const data = dataOptions.parse({ clips: [path(name)], size: '64x36', condition: 'grey' });
      const context = { seed: 1, baseFolder: path(), historyFrames: 1, conditionFrames: 1 };
      const dataset = await openDataset(data, context);
      const { frames } = dataset.report.totals;
      await dataset.close();
      expect(frames).toBe(COUNT);
    });
  },
);

describe('a recording that begins between key frames', () => {
  it('keeps the frames that decode, and says what it is', async () => {
    const input = path('midgop.ts');
    const known = nearest((await shown(input)).greys, greys);
    expect(known.length).toBeGreaterThan(20);
    const output = path('midgop.mkv');
    const { seen, warnings, error } = await echoed({ input, output });
    expect(error).toBe('');
    expect(warnings).not.toBe('');
    const numbers = nearest(seen, greys);
    // From the first key frame on all are there, in order.
    const tail = known.filter((number) => number >= 20);
    expect(numbers.slice(-tail.length)).toEqual(tail);
    numbers.slice(1).forEach((number, i) => expect(number).toBeGreaterThanOrEqual(numbers[i]!));
    const made = await shown(output);
    expect(made.count).toBe(seen.length);
    expect(furthest(nearest(made.greys, greys), numbers)).toBe(0);
    const kept = await decoded(input, { onDamage: 'warn' });
    expect([kept.error, kept.greys.length]).toEqual(['', seen.length]);
  });
});

describe('a file cut short', () => {
  const cutShort = async (extension: string, options: readonly string[]): Promise<string> => {
    await flatVideo(path(`long.${extension}`), { lumas, options });
    const bytes = await readFile(path(`long.${extension}`));
    const input = path(`cut.${extension}`);
    await writeFile(input, bytes.subarray(0, Math.floor(bytes.length * 0.7)));
    return input;
  };

  it.each([
    ['mkv', [...X264, '-g', '10']],
    ['avi', ['-c:v', 'mjpeg', '-q:v', '2', '-pix_fmt', 'yuvj420p']],
    ['y4m', []],
  ])(
    '.%s keeps what decodes, with a warning, and is an error where it must be whole',
    async (extension, options) => {
      const input = await cutShort(extension, options);
      const made = await echoed({ input, output: path(`cut.${extension}.mkv`) });
      expect(made.error).toBe('');
      expect(made.seen.length).toBeGreaterThan(10);
      expect(made.seen.length).toBeLessThan(COUNT);
      expect(furthest(nearest(made.seen, greys), order.slice(0, made.seen.length))).toBeLessThan(2);
      expect(made.warnings).toContain(input);
      expect((await decoded(input)).error).toContain(input);
    },
  );

  it('.y4m by a pipe is told of too', async () => {
    const input = createReadStream(await cutShort('y4m', []));
    const made = await echoed({ input, output: path('cut.y4m.pipe.mkv') });
    expect([made.error, made.seen.length]).toEqual(['', 34]);
    expect(made.warnings).not.toBe('');
  });

  it.each([
    ['ts', [...X264, '-g', '10', '-muxdelay', '0']],
    ['flv', ['-c:v', 'flv', '-q:v', '1']],
  ])(
    '.%s, which does not say how long it was, gives all that is there',
    async (extension, options) => {
      const input = await cutShort(extension, options);
      const known = await shown(input);
      const made = await echoed({ input, output: path(`cut.${extension}.mkv`) });
      expect(made.error).toBe('');
      expect(nearest(made.seen, greys)).toEqual(nearest(known.greys, greys));
    },
  );
});
