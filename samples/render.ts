/**
 * Draws the sample clips: a street and its exact label map.
 *
 *     npx tsx samples/render.ts [folder] [seed]
 *
 * About ten minutes on one core. The same seed draws the same street.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { from, lastValueFrom } from 'rxjs';
import { createLogger } from '../src/base/log.js';
import { encodeFrames, type EncodeOptions, type Frame } from '../src/video/index.js';
import { createNoise } from './street/noise.js';
import { PALETTE } from './street/palette.js';
import { drawPicture, type Picture } from './street/picture.js';
import { createScene } from './street/scene.js';
import { FPS, FRAMES, HEIGHT, SEED, WIDTH } from './street/settings.js';

const log = createLogger();

function drawAll(seed: number): Picture[] {
  const noise = createNoise(seed);
  const scene = createScene(seed, noise);
  return Array.from({ length: FRAMES }, (_, index) => {
    if (index % 10 === 0) log.info(`drawing frame ${index} of ${FRAMES}`);
    return drawPicture(scene, index / FPS, noise, { width: WIDTH, height: HEIGHT, samples: 3 });
  });
}

async function encode(path: string, pictures: Uint8Array[], options: EncodeOptions): Promise<void> {
  const frames = pictures.map((data, index): Frame => ({
    index,
    timeSeconds: index / FPS,
    width: WIDTH,
    height: HEIGHT,
    pixelFormat: 'rgb24',
    data,
  }));
  const result = await lastValueFrom(from(frames).pipe(encodeFrames(path, options)));
  log.info(`${path}: ${result.frames} frames`);
}

const [folder = dirname(fileURLToPath(import.meta.url)), seed = String(SEED)] =
  process.argv.slice(2);
await mkdir(folder, { recursive: true });
const pictures = drawAll(Number(seed));
await encode(
  join(folder, 'street.mp4'),
  pictures.map(({ colours }) => colours),
  { fps: FPS, crf: 18, preset: 'veryslow' },
);
// FFV1 of RGB: every pixel comes back as it was.
await encode(
  join(folder, 'street-labels.mkv'),
  pictures.map(({ labels }) => labels),
  { fps: FPS },
);
const lines = Object.entries(PALETTE).map(([name, rgb]) => `  "${name}": [${rgb.join(', ')}]`);
await writeFile(join(folder, 'street-palette.json'), `{\n${lines.join(',\n')}\n}\n`);
