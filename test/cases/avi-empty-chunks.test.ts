// Screen captures in AVI mark a dropped frame by an empty chunk: the last picture stays.
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { dataOptions, openDataset } from '../../src/clips/index.js';
import { probe } from '../../src/video/index.js';
import { changeAvi } from './bytes.js';
import { echoed } from './echo.js';
import { decoded, fromFirst, furthest, nearest, shown } from './look.js';
import { caseFolder, ffmpeg, flatVideo, series, shownOf, tone } from './make.js';

const path = caseFolder();
const COUNT = 100;
const lumas = series(COUNT, (k) => 16 + 2 * k);
const greys = lumas.map(shownOf);

/** Which picture is shown as frame k where those that `drop` names are empty. */
const shownFrames = (drop: (k: number) => boolean): number[] => {
  const order: number[] = [];
  for (let k = 0; k < COUNT; k += 1) order.push(drop(k) ? order[k - 1]! : k);
  return order;
};
const drops: Readonly<Record<string, (k: number) => boolean>> = {
  'dropped.avi': (k) => k % 5 === 4,
  'many.avi': (k) => k > 0 && k % 7 !== 0,
  'still-end.avi': (k) => k >= 90,
  'xvid.avi': (k) => k % 5 === 4,
};

beforeAll(async () => {
  const mjpeg = ['-c:v', 'mjpeg', '-q:v', '2', '-pix_fmt', 'yuvj420p', '-c:a', 'pcm_s16le'];
  await flatVideo(path('full.avi'), { lumas, inputs: tone(4), options: mjpeg });
  const full = await readFile(path('full.avi'));
  const xvid = ['-c:v', 'mpeg4', '-q:v', '1', '-g', '1'];
  await flatVideo(path('full-xvid.avi'), { lumas, options: xvid });
  const fullXvid = await readFile(path('full-xvid.avi'));
  for (const [name, drop] of Object.entries(drops)) {
    const source = name === 'xvid.avi' ? fullXvid : full;
    const changed = changeAvi(source, (chunk, video) =>
      chunk.name.endsWith('dc') && drop(video) ? { ...chunk, data: Buffer.alloc(0) } : chunk,
    );
    await writeFile(path(name), changed);
  }
});

describe.each(Object.keys(drops))('%s', (name) => {
  const order = shownFrames(drops[name]!);

  it('has a hundred frames shown, the last picture in place of each dropped one', async () => {
    expect((await probe(path(name), { count: true })).frameCount).toBe(COUNT);
    const seen = await decoded(path(name));
    expect([seen.error, seen.warnings]).toEqual(['', '']);
    expect(nearest(seen.greys, greys)).toEqual(order);
    expect(
      furthest(
        seen.times,
        series(COUNT, (k) => k / 25),
      ),
    ).toBeLessThan(0.001);
    const part = await decoded(path(name), { startFrame: 23, frames: 4 });
    expect(nearest(part.greys, greys)).toEqual(order.slice(23, 27));
  });

  it('is generated from and trained on whole', async () => {
    const output = path(`${name}.mkv`);
    const made = await echoed({ input: path(name), output });
    expect([made.error, made.warnings]).toEqual(['', '']);
    expect(nearest(made.seen, greys)).toEqual(order);
    const result = await shown(output);
    expect(nearest(result.greys, greys)).toEqual(order);
    expect(
      furthest(
        fromFirst(result.times),
        series(COUNT, (k) => k / 25),
      ),
    ).toBeLessThan(0.001);
    const data = dataOptions.parse({ clips: [path(name)], size: '64x36', condition: 'grey' });
    const dataset = await openDataset(data, {
      ...{ seed: 1, baseFolder: path(), historyFrames: 1, conditionFrames: 1 },
    });
    const { frames } = dataset.report.totals;
    await dataset.close();
    expect(frames).toBe(COUNT);
  });
});

describe('an AVI with every second chunk empty', () => {
  it('is of the rate that it says', async () => {
    // ffmpeg itself writes them, of a stream whose rate it does not know.
    const jpegs = path('plain.mjpeg');
    const options = ['-c:v', 'mjpeg', '-q:v', '2', '-pix_fmt', 'yuvj420p'];
    await flatVideo(jpegs, { lumas, options });
    await ffmpeg('-f', 'mjpeg', '-framerate', '25', '-i', jpegs, '-c', 'copy', path('half.avi'));
    const info = await probe(path('half.avi'), { count: true });
    expect(info).toMatchObject({ fps: { num: 50, den: 1 } });
    const seen = await decoded(path('half.avi'));
    expect(seen.error).toBe('');
    expect(seen.greys).toHaveLength(info.frameCount!);
    expect([...new Set(nearest(seen.greys, greys))]).toEqual(series(COUNT, (k) => k));
    const piped = await decoded(createReadStream(path('half.avi')));
    expect([...new Set(nearest(piped.greys, greys))]).toEqual(series(COUNT, (k) => k));
  });
});
