import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastValueFrom, map, toArray } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { drawClips } from '../../samples/street/clips.js';
import { createNoise } from '../../samples/street/noise.js';
import { PALETTE } from '../../samples/street/palette.js';
import { drawPicture } from '../../samples/street/picture.js';
import { createScene } from '../../samples/street/scene.js';
import { FPS, FRAMES, HEIGHT, SEED, WIDTH } from '../../samples/street/settings.js';
import { silentLogger } from '../../src/base/log.js';
import { imageFromBytes, psnr } from '../../src/metrics/index.js';
import { decodeFrames, type Frame } from '../../src/video/index.js';
import { scratchPath } from '../video/make-clip.js';

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../../samples/${name}`, import.meta.url));
const decode = (path: string): Promise<Frame[]> =>
  lastValueFrom(decodeFrames(path).pipe(toArray()));
/** One of the clip's frames is compared with what is drawn. */
const DRAWN = 283;
const NAMES = Object.keys(PALETTE) as (keyof typeof PALETTE)[];
const keyOf = ([r, g, b]: readonly [number, number, number]): number => (r << 16) | (g << 8) | b;

/** Pixels of each class, and of none. */
function countClasses(frames: readonly Frame[]): Record<string, number> {
  const names = new Map(NAMES.map((name) => [keyOf(PALETTE[name]), name as string]));
  const counts: Record<string, number> = {};
  for (const { data } of frames) {
    for (let i = 0; i < data.length; i += 3) {
      const name = names.get(keyOf([data[i]!, data[i + 1]!, data[i + 2]!])) ?? 'none';
      counts[name] = (counts[name] ?? 0) + 1;
    }
  }
  return counts;
}

let labels: Frame[];
let colours: { frame: Frame; count: number };
beforeAll(async () => {
  labels = await decode(pathOf('street-labels.mkv'));
  let frame: Frame | undefined;
  const times = decodeFrames(pathOf('street.mp4')).pipe(
    map((seen) => {
      if (seen.index === DRAWN) frame = seen;
      return seen.timeSeconds;
    }),
    toArray(),
  );
  colours = { count: (await lastValueFrom(times)).length, frame: frame! };
});

describe('the sample clips', () => {
  it('are small and go together frame by frame', () => {
    const bytes = ['street.mp4', 'street-labels.mkv'].map((name) => statSync(pathOf(name)).size);
    expect(bytes[0]! + bytes[1]!).toBeLessThan(3.2 * 2 ** 20);
    expect(labels).toHaveLength(FRAMES);
    expect(colours.count).toBe(FRAMES);
    for (const frame of [labels[DRAWN]!, colours.frame]) {
      expect(frame).toMatchObject({ width: WIDTH, height: HEIGHT });
      expect(frame.timeSeconds).toBeCloseTo(DRAWN / FPS, 6);
    }
  });

  it('carry labels in the palette’s colours only, every class seen often before the last fifth and in it', () => {
    const palette = JSON.parse(readFileSync(pathOf('street-palette.json'), 'utf8')) as object;
    expect(palette).toEqual(PALETTE);
    expect(Object.keys(palette)).toEqual(NAMES);
    for (const part of [labels.slice(0, 0.8 * FRAMES), labels.slice(0.8 * FRAMES)]) {
      const some = part.filter((_, index) => index % 10 === 0);
      const counts = countClasses(some);
      expect(Object.keys(counts).sort()).toEqual([...NAMES].sort());
      const rarest = Math.min(...Object.values(counts)) / (some.length * WIDTH * HEIGHT);
      expect(rarest).toBeGreaterThan(0.0005);
    }
  });

  it('are what the renderer draws', () => {
    const noise = createNoise(SEED);
    const scene = createScene(SEED, noise, FRAMES / FPS);
    const size = { width: WIDTH, height: HEIGHT };
    const drawn = drawPicture(scene, DRAWN / FPS, noise, { ...size, smooth: false });
    const wrong = drawn.labels.filter((byte, i) => byte !== labels[DRAWN]!.data[i]).length;
    // A last bit of Math.sin may differ between machines, and with it a pixel at an edge.
    expect(wrong / drawn.labels.length).toBeLessThan(0.001);
    const image = (bytes: Uint8Array): ReturnType<typeof imageFromBytes> =>
      imageFromBytes(bytes, { ...size, channels: 3 });
    expect(psnr(image(drawn.colours), image(colours.frame.data))).toBeGreaterThan(22);
  });

  it('are drawn anew at any size, alike each time, with labels whose colours are exact', async () => {
    const folder = scratchPath('street');
    const size = { width: 64, height: 36 };
    await drawClips(folder, { ...size, frames: 2, from: 40, seed: 3 }, silentLogger);
    const maps = await decode(join(folder, 'street-labels.mkv'));
    expect(maps).toHaveLength(2);
    expect(await decode(join(folder, 'street.mp4'))).toHaveLength(2);
    expect(countClasses(maps)).not.toHaveProperty('none');
    const noise = createNoise(3);
    const scene = createScene(3, noise, FRAMES / FPS);
    const again = drawPicture(scene, 41 / FPS, noise, { ...size, smooth: false });
    expect(Buffer.compare(maps[1]!.data, again.labels)).toBe(0);
  });
});
