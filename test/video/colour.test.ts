import { concat, lastValueFrom, map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { decodeFrames, encodeFrames, probe } from '../../src/video/index.js';
import { collect, flatFrames, largestDifference, pixelAt } from './frames.js';
import { runFfmpeg, scratchPath } from './make-clip.js';

const COLOURS = [
  [200, 30, 60],
  [20, 220, 40],
  [10, 20, 250],
  [0, 0, 0],
  [255, 255, 255],
] as const;

describe('colours', () => {
  it.each(['mp4', 'webm', 'mov', 'mkv', 'gif', 'y4m'] as const)(
    'come back from %s within 2',
    async (format) => {
      const path = scratchPath(`flat.${format}`);
      const each = COLOURS.map((colour) => flatFrames({ colour, count: 2 }));
      const film = concat(...each).pipe(
        map((frame, index) => ({ ...frame, index, timeSeconds: index / 25 })),
      );
      await lastValueFrom(film.pipe(encodeFrames(path, { fps: 25 })));
      const frames = await collect(decodeFrames(path));
      expect(frames).toHaveLength(2 * COLOURS.length);
      for (const [i, frame] of frames.entries()) {
        const colour = COLOURS[i >> 1]!;
        expect(largestDifference(pixelAt(frame, 30, 18), colour)).toBeLessThanOrEqual(2);
      }
    },
  );

  it('come back from HD sizes, tagged or by what readers assume', async () => {
    const [colour] = COLOURS;
    for (const format of ['mp4', 'y4m']) {
      const path = scratchPath(`hd.${format}`);
      const frames = flatFrames({ colour, width: 1280, height: 720, count: 1 });
      await lastValueFrom(frames.pipe(encodeFrames(path, { fps: 25 })));
      const [frame] = await collect(decodeFrames(path));
      expect(largestDifference(frame ? pixelAt(frame, 640, 360) : [], colour)).toBeLessThanOrEqual(
        2,
      );
    }
  });

  it.each(['mp4', 'webm', 'mov'])('are tagged in %s', async (format) => {
    const path = scratchPath(`tagged.${format}`);
    await lastValueFrom(flatFrames({ colour: COLOURS[0] }).pipe(encodeFrames(path, { fps: 25 })));
    expect((await probe(path)).colour).toMatchObject({
      space: 'bt709',
      primaries: 'bt709',
      transfer: 'bt709',
    });
  });

  it.each([
    ['bt709', 'bt709', 'tv'],
    ['smpte170m', 'bt601', 'tv'],
    ['bt709', 'bt709', 'pc'],
    ['smpte170m', 'bt601', 'pc'],
  ])('are read by the tags of the source: %s, %s range %s', async (tag, matrix, range) => {
    const path = scratchPath('source.mp4');
    const convert = `format=rgb24,scale=out_color_matrix=${matrix}:out_range=${range},format=yuv444p`;
    await runFfmpeg(
      ...['-f', 'lavfi', '-i', 'color=0xC81E3C:size=64x36:rate=25', '-vf', convert],
      ...['-frames:v', '2', '-crf', '1', '-colorspace', tag, '-color_range', range, path],
    );
    const [frame] = await collect(decodeFrames(path));
    expect(largestDifference(frame ? pixelAt(frame, 30, 18) : [], COLOURS[0])).toBeLessThanOrEqual(
      3,
    );
  });

  it('can be read by another matrix than the tag says', async () => {
    const path = scratchPath('source.mp4');
    await lastValueFrom(flatFrames({ colour: COLOURS[0] }).pipe(encodeFrames(path, { fps: 25 })));
    const [frame] = await collect(decodeFrames(path, { colourMatrix: 'bt601' }));
    expect(largestDifference(frame ? pixelAt(frame, 30, 18) : [], COLOURS[0])).toBeGreaterThan(8);
  });
});
