import { execFile } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from '../../src/base/log.js';
import { findFfmpeg, teeFrames, writeFrames, type Frame } from '../../src/video/index.js';
import { labelPng } from './label-png.js';
import { createNoise } from './noise.js';
import { PALETTE } from './palette.js';
import { drawPicture } from './picture.js';
import { createScene } from './scene.js';
import { FPS, FRAMES } from './settings.js';

export interface ClipSettings {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** The frame of the street that is drawn first. */
  readonly from: number;
  readonly seed: number;
}

/** The street and, beneath it in the same frame, its label map. */
function* drawAll(settings: ClipSettings, log: Logger): Generator<Frame> {
  const { width, height, frames, from, seed } = settings;
  const noise = createNoise(seed);
  const scene = createScene(seed, noise, FRAMES / FPS);
  for (let index = 0; index < frames; index += 1) {
    if (index % 25 === 0) log.info(`drawing frame ${index} of ${frames}`);
    const seconds = (from + index) / FPS;
    const { colours, labels } = drawPicture(scene, seconds, noise, { width, height, smooth: true });
    const data = new Uint8Array(2 * colours.length);
    data.set(colours);
    data.set(labels, colours.length);
    const size = { width, height: 2 * height };
    yield { index, timeSeconds: index / FPS, ...size, pixelFormat: 'rgb24', data };
  }
}

/** The upper (0) or lower (1) half of every frame. */
async function* halves(frames: AsyncIterable<Frame>, half: 0 | 1): AsyncGenerator<Frame> {
  for await (const frame of frames) {
    const bytes = frame.data.length / 2;
    const data = frame.data.subarray(half * bytes, (half + 1) * bytes);
    yield { ...frame, height: frame.height / 2, data };
  }
}

/** Lossless, and each picture on its own: PNG in Matroska, which flat colours keep at a fifth of FFV1's size. */
async function encodeLabels(path: string, frames: AsyncIterable<Frame>): Promise<void> {
  const temporary = await mkdtemp(join(tmpdir(), 'street-'));
  try {
    const pictures = join(temporary, 'labels.png');
    for await (const frame of frames) {
      await appendFile(pictures, labelPng(frame.data, frame, Object.values(PALETTE)));
    }
    const { ffmpegPath } = await findFfmpeg();
    const input = ['-f', 'image2pipe', '-framerate', String(FPS), '-c:v', 'png', '-i', pictures];
    await promisify(execFile)(ffmpegPath, ['-v', 'error', '-y', ...input, '-c:v', 'copy', path]);
  } finally {
    await rm(temporary, { recursive: true });
  }
}

/** Draws `street.mp4`, `street-labels.mkv` and `street-palette.json` into a folder; what is there is replaced. */
export async function drawClips(
  folder: string,
  settings: ClipSettings,
  log: Logger,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const [street, labels] = teeFrames(drawAll(settings, log));
  const film = { fps: FPS, crf: 21, preset: 'veryslow', overwrite: true } as const;
  await Promise.all([
    writeFrames(halves(street, 0), join(folder, 'street.mp4'), film),
    encodeLabels(join(folder, 'street-labels.mkv'), halves(labels, 1)),
  ]);
  const lines = Object.entries(PALETTE).map(([name, rgb]) => `  "${name}": [${rgb.join(', ')}]`);
  await writeFile(join(folder, 'street-palette.json'), `{\n${lines.join(',\n')}\n}\n`);
}
