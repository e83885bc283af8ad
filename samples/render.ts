/**
 * Draws the sample clips: a street and its exact label map.
 *
 *     npx tsx samples/render.ts [folder] [seed]
 *
 * About ten minutes on one core. The same seed draws the same street.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { from, lastValueFrom } from 'rxjs';
import { createLogger } from '../src/base/log.js';
import { encodeFrames, findFfmpeg, type EncodeOptions, type Frame } from '../src/video/index.js';
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

/** Lossless: PNG pictures in Matroska, which flat colours keep at a quarter of FFV1's size. */
async function encodeLabels(path: string, pictures: Uint8Array[]): Promise<void> {
  const temporary = await mkdtemp(join(tmpdir(), 'street-'));
  try {
    const lossless = join(temporary, 'labels.mkv');
    await encode(lossless, pictures, { fps: FPS });
    const { ffmpegPath } = await findFfmpeg();
    const png = ['-c:v', 'png', '-pix_fmt', 'rgb24', '-pred', 'none', path];
    await promisify(execFile)(ffmpegPath, ['-v', 'error', '-y', '-i', lossless, ...png]);
  } finally {
    await rm(temporary, { recursive: true });
  }
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
await encodeLabels(
  join(folder, 'street-labels.mkv'),
  pictures.map(({ labels }) => labels),
);
const lines = Object.entries(PALETTE).map(([name, rgb]) => `  "${name}": [${rgb.join(', ')}]`);
await writeFile(join(folder, 'street-palette.json'), `{\n${lines.join(',\n')}\n}\n`);
