// Clips cut without encoding again: what leads up to the first frame shown is there, hidden by an
// edit list.
import { createReadStream } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { dataOptions, openDataset } from '../../src/clips/index.js';
import { probe } from '../../src/video/index.js';
import { echoed } from './echo.js';
import { decoded, furthest, keepingLog, nearest, played, shown } from './look.js';
import { caseFolder, clicks, ffmpeg, flatVideo, series, shownOf, tone, X264 } from './make.js';

const path = caseFolder();
const lumas = series(200, (k) => 16 + k);
const greys = lumas.map(shownOf);
const names = ['cut.mp4', 'cut.mov', 'tail.mp4', 'turned.mov'];
/** The frames that a player shows of each. */
const players = new Map<string, number[]>();

beforeAll(async () => {
  const gop = [...X264, '-g', '100', '-keyint_min', '100', '-sc_threshold', '0', '-c:a', 'aac'];
  await flatVideo(path('whole.mp4'), { lumas, inputs: tone(8), options: gop });
  await ffmpeg('-ss', '2.8', '-i', path('whole.mp4'), '-t', '4', '-c', 'copy', path('cut.mp4'));
  await ffmpeg('-ss', '2.8', '-i', path('whole.mp4'), '-c', 'copy', path('cut.mov'));
  await ffmpeg('-ss', '6', '-i', path('whole.mp4'), '-c', 'copy', path('tail.mp4'));
  await ffmpeg('-ss', '1.2', '-i', path('whole.mp4'), '-an', '-c', 'copy', path('turned.mov'));
  for (const name of names) {
    players.set(name, nearest((await shown(path(name))).greys, greys));
  }
});

describe.each(names)('%s', (name) => {
  it('has the frames that a player shows, and no damage', async () => {
    const order = players.get(name)!;
    const info = await probe(path(name), { count: true });
    expect(info.frameCount).toBe(order.length);
    const [from, last] = [order[0]!, order.at(-1)!];
    expect(info.durationSeconds).toBeCloseTo((last - from + 1) / 25, 1);
    for (const more of [{ info }, { onDamage: 'error' as const }]) {
      const seen = await decoded(path(name), more);
      expect([seen.error, seen.warnings]).toEqual(['', '']);
      expect(nearest(seen.greys, greys)).toEqual(order);
      expect(
        furthest(
          seen.times,
          order.map((k) => (k - from) / 25),
        ),
      ).toBeLessThan(0.002);
    }
    const part = await decoded(path(name), { startFrame: 7, frames: 3, info });
    expect(nearest(part.greys, greys)).toEqual(order.slice(7, 10));
  });

  it('is generated from frame for frame, and by a pipe', async () => {
    const order = players.get(name)!;
    const made = await echoed({ input: path(name), output: path(`${name}.mkv`) });
    expect([made.error, made.warnings]).toEqual(['', '']);
    expect(nearest(made.seen, greys)).toEqual(order);
    // A film that ends in its index cannot be read from a pipe: an error, never other frames.
    const piped = await echoed({
      input: createReadStream(path(name)),
      output: path(`${name}.pipe.mkv`),
    });
    const same = nearest(piped.seen, greys).join() === order.join();
    expect(piped.error !== '' || same).toBe(true);
  });

  it('is trained on whole', async () => {
    const { log, warnings } = keepingLog();
    const data = dataOptions.parse({ clips: [path(name)], size: '64x36', condition: 'grey' });
    const dataset = await openDataset(data, {
      ...{ seed: 1, baseFolder: path(), historyFrames: 1, conditionFrames: 1, log },
    });
    const { totals, clips } = dataset.report;
    await dataset.close();
    expect(totals.frames).toBe(players.get(name)!.length);
    const said = [warnings(), ...clips.flatMap((clip) => clip.warnings)].join('\n');
    expect(said).not.toMatch(/damaged|cut short|could be read/);
  });
});

describe('the cut of a film of 200 frames', () => {
  it('is the one that was asked for', () => {
    const cut = players.get('cut.mp4')!;
    expect([cut[0], cut.length]).toEqual([70, 102]);
    expect(players.get('tail.mp4')).toEqual(series(50, (k) => 150 + k));
  });

  it('keeps its sound in step', async () => {
    const flash = series(200, (k) => (k > 0 && k % 25 === 0 ? 235 : 16));
    const gop = [...X264, '-g', '100', '-keyint_min', '100', '-sc_threshold', '0', '-c:a', 'aac'];
    await flatVideo(path('clicks.mp4'), { lumas: flash, inputs: clicks(8), options: gop });
    for (const extension of ['mp4', 'mov']) {
      const cut = path(`cut-clicks.${extension}`);
      await ffmpeg('-ss', '2.8', '-i', path('clicks.mp4'), '-t', '4', '-c', 'copy', cut);
      const output = path(`cut-clicks.${extension}.made.mp4`);
      const { error } = await echoed({ input: cut, output, audio: true });
      expect(error).toBe('');
      const { clicks: heard, flashes: seen } = await played(output);
      expect(seen.length).toBeGreaterThanOrEqual(4);
      expect(furthest(heard, seen)).toBeLessThan(0.04);
    }
  });
});
