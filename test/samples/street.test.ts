import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { lastValueFrom, toArray } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createNoise } from '../../samples/street/noise.js';
import { PALETTE } from '../../samples/street/palette.js';
import { drawPicture } from '../../samples/street/picture.js';
import { createScene } from '../../samples/street/scene.js';
import { FPS, FRAMES, HEIGHT, SEED, WIDTH } from '../../samples/street/settings.js';
import { imageFromBytes, psnr } from '../../src/metrics/index.js';
import { decodeFrames, type Frame } from '../../src/video/index.js';

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../../samples/${name}`, import.meta.url));
const decode = (name: string): Promise<Frame[]> =>
  lastValueFrom(decodeFrames(pathOf(name)).pipe(toArray()));

let colours: Frame[];
let labels: Frame[];
beforeAll(async () => {
  colours = await decode('street.mp4');
  labels = await decode('street-labels.mkv');
});

describe('the sample clips', () => {
  it('are small and go together frame by frame', () => {
    for (const [name, frames] of [
      ['street.mp4', colours],
      ['street-labels.mkv', labels],
    ] as const) {
      expect(statSync(pathOf(name)).size).toBeLessThan(1.5 * 2 ** 20);
      expect(frames).toHaveLength(FRAMES);
      expect(frames.at(-1)).toMatchObject({ width: WIDTH, height: HEIGHT });
      expect(frames.at(-1)!.timeSeconds).toBeCloseTo((FRAMES - 1) / FPS, 6);
    }
  });

  it('carry labels in the palette’s colours only, every class among them', () => {
    const palette = JSON.parse(readFileSync(pathOf('street-palette.json'), 'utf8')) as object;
    expect(palette).toEqual(PALETTE);
    expect(Object.keys(palette)).toEqual(Object.keys(PALETTE));
    const counts = new Map<number, number>();
    for (const { data } of labels) {
      for (let i = 0; i < data.length; i += 3) {
        const key = (data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    const known = Object.values(PALETTE).map(([r, g, b]) => (r << 16) | (g << 8) | b);
    expect([...counts.keys()].sort()).toEqual(known.sort());
  });

  it('are what the renderer draws', () => {
    const noise = createNoise(SEED);
    const scene = createScene(SEED, noise);
    const index = 83;
    const size = { width: WIDTH, height: HEIGHT };
    const drawn = drawPicture(scene, index / FPS, noise, { ...size, samples: 2 });
    const wrong = drawn.labels.filter((byte, i) => byte !== labels[index]!.data[i]).length;
    // A last bit of Math.sin may differ between machines, and with it a pixel at an edge.
    expect(wrong / drawn.labels.length).toBeLessThan(0.001);
    const image = (bytes: Uint8Array): ReturnType<typeof imageFromBytes> =>
      imageFromBytes(bytes, { ...size, channels: 3 });
    expect(psnr(image(drawn.colours), image(colours[index]!.data))).toBeGreaterThan(25);
  });
});
