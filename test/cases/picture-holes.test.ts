// Folders of numbered pictures with a bad, an empty or a missing one among them, and pictures with
// more behind them than a picture.
import { rmSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../src/base/error.js';
import { dataOptions, openDataset, type DataInput } from '../../src/clips/index.js';
import { probe } from '../../src/video/index.js';
import { withOrientation } from './bytes.js';
import { echoed } from './echo.js';
import { decoded, furthest, keepingLog } from './look.js';
import { caseFolder, series } from './make.js';
import { bmp, encodedPictures, numbered, pictureFolder, png } from './pictures.js';

const path = caseFolder();
const COUNT = 100;
const greys = series(COUNT, (k) => 2 * (k + 1));
/** All but number 50. */
const others = greys.filter((_, i) => i !== 49);

beforeAll(async () => {
  const whole = greys.map((grey) => png(grey));
  for (const name of ['empty', 'jpeg', 'text', 'gap', 'cut']) pictureFolder(path(name), whole);
  const [jpeg] = await encodedPictures(path('one'), [100], { extension: 'jpg' });
  writeFileSync(path('empty', numbered(50)), '');
  writeFileSync(path('jpeg', numbered(50)), jpeg!);
  writeFileSync(path('text', numbered(50)), '<html>502 Bad Gateway</html>\n');
  writeFileSync(path('cut', numbered(50)), whole[49]!.subarray(0, 50));
  rmSync(path('gap', numbered(50)));
});

describe('a folder with a bad picture', () => {
  it.each(['empty', 'jpeg', 'text', 'cut'])('names it: %s', async (name) => {
    const strict = await decoded(path(name));
    expect(`${strict.error}\n${strict.warnings}`).toContain(numbered(50));
    const kept = await decoded(path(name), { onDamage: 'warn' });
    expect(kept.error).toBe('');
    expect(kept.warnings).toContain(numbered(50));
    // A JPEG under the name of a PNG can be read all the same.
    const read = kept.greys.length === COUNT && name === 'jpeg' ? greys : others;
    expect(furthest(kept.greys, read)).toBeLessThanOrEqual(2);
  });

  it.each(['empty', 'text', 'cut'])('ends strict decoding with bad-input: %s', async (name) => {
    expect((await decoded(path(name))).error).toContain(numbered(50));
    const pattern = await decoded(path(name, '%04d.png'));
    expect(pattern.error).toContain(numbered(50));
  });

  it.each(['empty', 'jpeg', 'text', 'cut', 'gap'])(
    'is not generated from without a word: %s',
    async (name) => {
      const { warnings, error } = await echoed({ input: path(name), output: path(`${name}.mkv`) });
      expect(`${warnings}\n${error}`).toContain(name === 'gap' ? '50' : numbered(50));
    },
  );

  it('is generated from with its hole named, where damage only warns', async () => {
    const output = path('kept.mkv');
    const onDamage = 'warn' as const;
    const { seen, warnings, error } = await echoed({ input: path('empty'), output, onDamage });
    expect(error).toBe('');
    expect(warnings).toContain(numbered(50));
    expect(furthest(seen, others)).toBeLessThanOrEqual(1);
  });
});

describe('a folder with a gap in its numbers', () => {
  it('gives the rest and says which is missing', async () => {
    for (const source of [path('gap'), path('gap', '%04d.png')]) {
      const { greys: seen, warnings, error } = await decoded(source);
      expect(error).toBe('');
      expect(furthest(seen, others)).toBeLessThanOrEqual(1);
      expect(warnings).toMatch(/\b(00)?50\b/);
    }
  });

  it('of every tenth number has none', async () => {
    const folder = path('tenths');
    pictureFolder(folder, []);
    greys
      .slice(0, 9)
      .forEach((grey, i) => writeFileSync(path('tenths', numbered(10 * i)), png(grey)));
    const { greys: seen, warnings } = await decoded(folder);
    expect(furthest(seen, greys.slice(0, 9))).toBeLessThanOrEqual(1);
    expect(warnings).toBe('');
  });
});

describe('a pair of folders', () => {
  const open = async (
    data: DataInput,
  ): Promise<{ error: string; frames: number; said: string }> => {
    const { log, said } = keepingLog();
    const context = { seed: 1, baseFolder: path(), historyFrames: 1, conditionFrames: 1, log };
    try {
      const dataset = await openDataset(dataOptions.parse({ size: '64x36', ...data }), context);
      const { report } = dataset;
      await dataset.close();
      const warnings = [...report.warnings, ...report.clips.flatMap((clip) => clip.warnings)];
      return { error: '', frames: report.totals.frames, said: `${said()}\n${warnings.join('\n')}` };
    } catch (thrown) {
      if (!isFrameloomError(thrown)) throw thrown;
      return { error: thrown.toLine(), frames: 0, said: said() };
    }
  };
  const paired = (clip: string, condition: string): DataInput => ({
    clips: [path(clip)],
    condition: { kind: 'paired', content: 'image', path: [path(condition)] },
  });

  it('is matched by number: a missing one is an error that names it', async () => {
    pictureFolder(
      path('all'),
      greys.map((grey) => png(grey)),
    );
    expect((await open(paired('all', 'all'))).frames).toBe(COUNT);
    expect((await open(paired('all', 'gap'))).error).toMatch(/\b(00)?50\b/);
    expect((await open(paired('gap', 'all'))).error).toMatch(/\b(00)?50\b/);
  });

  it('with as many pictures but other numbers is an error too', async () => {
    pictureFolder(
      path('other-gap'),
      greys.map((grey) => png(grey)),
    );
    rmSync(path('other-gap', numbered(60)));
    expect((await open(paired('gap', 'other-gap'))).error).toMatch(/\b(00)?[56]0\b/);
  });

  it('with a bad picture in either is an error that names it', async () => {
    for (const name of ['empty', 'text']) {
      expect((await open(paired(name, 'all'))).error).toContain(numbered(50));
      expect((await open(paired('all', name))).error).toContain(numbered(50));
    }
  });
});

describe('pictures with something behind them', () => {
  const dozen = series(12, (k) => 20 * (k + 1));
  let jpegs: Buffer[] = [];
  let gains: Buffer[] = [];
  beforeAll(async () => {
    jpegs = await encodedPictures(path('jpegs'), dozen, { extension: 'jpg', args: ['-q:v', '1'] });
    const small = { extension: 'jpg', width: 16, height: 10, args: ['-q:v', '2'] };
    gains = await encodedPictures(
      path('gains'),
      dozen.map(() => 250),
      small,
    );
  });
  const noise = (length: number): Buffer =>
    Buffer.from(series(length, (k) => (k * 7919 + (k >> 3) * 104_729) & 0xff));

  it.each([
    ['a gain map', 'jpg', (i: number) => Buffer.concat([jpegs[i]!, gains[i]!])],
    ['two more pictures', 'jpg', (i: number) => Buffer.concat([jpegs[i]!, gains[i]!, jpegs[0]!])],
    [
      "a phone's trailer",
      'jpg',
      (i: number) => Buffer.concat([jpegs[i]!, Buffer.from('SEFHe\0\0\0\x01\0\0\0SEFT')]),
    ],
    ['bytes 255', 'jpg', (i: number) => Buffer.concat([jpegs[i]!, Buffer.alloc(3000, 255)])],
    ['bytes after IEND', 'png', (i: number) => Buffer.concat([png(dozen[i]!), noise(500)])],
    ['another PNG', 'png', (i: number) => Buffer.concat([png(dozen[i]!), png(3, 'grey')])],
    ['nothing, of 16 bits', 'png', (i: number) => png(dozen[i]!, 'rgb16')],
  ] as const)('are one frame each: %s', async (name, extension, picture) => {
    const folder = pictureFolder(
      path(name),
      dozen.map((_, i) => picture(i)),
      extension,
    );
    const { greys: seen, frames, error } = await decoded(folder);
    expect(error).toBe('');
    expect(furthest(seen, dozen)).toBeLessThanOrEqual(2);
    expect(frames[0]).toMatchObject({ width: 64, height: 36 });
    expect((await probe(folder, { count: true })).frameCount).toBe(12);
    const made = await echoed({ input: folder, output: path(`${name}.mkv`) });
    expect(made.error).toBe('');
    expect(furthest(made.seen, dozen)).toBeLessThanOrEqual(2);
  });

  it('are named where ffmpeg cannot read them: a BMP that says it has no bytes', async () => {
    const folder = pictureFolder(
      path('sizeless'),
      dozen.map((grey) => bmp(grey, 0)),
      'bmp',
    );
    const { error, frames } = await decoded(folder);
    expect(frames.length === 12 || error.includes('0001.bmp')).toBe(true);
  });

  it('are each whole where their sizes differ, the later ones lower by half', async () => {
    const low = { extension: 'jpg', width: 64, height: 32 };
    const tall = { extension: 'jpg', width: 64, height: 64 };
    const lower = await encodedPictures(path('low'), dozen.slice(6), low);
    const taller = await encodedPictures(path('tall'), dozen.slice(0, 6), tall);
    const folder = pictureFolder(path('sizes'), [...taller, ...lower], 'jpg');
    const { greys: seen, frames, error } = await decoded(folder);
    expect(error).toBe('');
    expect(furthest(seen, dozen)).toBeLessThanOrEqual(3);
    expect(frames.at(-1)).toMatchObject({ width: 64, height: 64 });
  });

  it('are told turned as they are shown turned, by EXIF', async () => {
    for (const [orientation, turned] of [
      [1, false],
      [3, false],
      [6, true],
      [8, true],
    ] as const) {
      const folder = path(`exif-${orientation}`);
      pictureFolder(
        folder,
        jpegs.map((bytes) => withOrientation(bytes, orientation)),
        'jpg',
      );
      const expected = turned ? { width: 36, height: 64 } : { width: 64, height: 36 };
      expect(await probe(folder)).toMatchObject(expected);
      expect(await probe(path(`exif-${orientation}`, '0001.jpg'))).toMatchObject(expected);
      const { frames, error } = await decoded(folder);
      expect([error, frames.length]).toEqual(['', 12]);
      expect(frames[0]).toMatchObject(expected);
    }
  });
});
