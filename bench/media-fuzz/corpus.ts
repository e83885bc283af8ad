import { execFile } from 'node:child_process';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFfmpeg } from '../../src/video/index.js';

/** One whole file (or folder of pictures) to be damaged. */
export interface Whole {
  readonly name: string;
  readonly path: string;
}

interface Recipe {
  readonly name: string;
  readonly sound?: boolean;
  readonly options: readonly string[];
}

const H264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '12', '-bf', '2'];
const YUV = ['-pix_fmt', 'yuv420p'];
const AAC = ['-c:a', 'aac', '-b:a', '32k'];

/** A container each, with the codecs that lie in it most. */
const RECIPES: readonly Recipe[] = [
  { name: 'mp4', sound: true, options: [...H264, ...YUV, ...AAC] },
  { name: 'mov', sound: true, options: ['-c:v', 'mpeg4', '-g', '6', ...YUV, '-c:a', 'pcm_s16le'] },
  { name: 'mkv', sound: true, options: [...H264, ...YUV, '-c:a', 'libopus'] },
  { name: 'webm', options: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-g', '12', ...YUV] },
  { name: 'avi', options: ['-c:v', 'mjpeg', '-q:v', '3', '-pix_fmt', 'yuvj420p'] },
  { name: 'ts', sound: true, options: [...H264, ...YUV, ...AAC, '-muxdelay', '0'] },
  { name: 'mpg', sound: true, options: ['-c:v', 'mpeg2video', ...YUV, '-c:a', 'mp2'] },
  { name: 'flv', options: ['-c:v', 'flv', '-g', '12', ...YUV] },
  { name: 'gif', options: [] },
  { name: 'ogv', options: ['-c:v', 'libtheora', '-q:v', '6', '-g', '12', ...YUV] },
  { name: 'y4m', options: [...YUV] },
  { name: 'nut', options: ['-c:v', 'ffv1', ...YUV] },
  { name: 'fragments.mp4', options: [...H264, ...YUV, '-movflags', 'frag_keyframe+empty_moov'] },
  { name: 'h264', options: [...H264, ...YUV] },
];

export const FRAMES = 24;

/** Makes a file of each container in a folder, and a folder of PNGs. */
export async function makeCorpus(folder: string): Promise<Whole[]> {
  const { ffmpegPath } = await findFfmpeg();
  const run = promisify(execFile);
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=64x36:rate=25,noise=alls=30:allf=t'];
  const tone = ['-f', 'lavfi', '-i', 'sine=frequency=440:duration=1'];
  const whole: Whole[] = [];
  for (const { name, sound = false, options } of RECIPES) {
    const path = join(folder, `whole.${name}`);
    const end = ['-frames:v', String(FRAMES), '-strict', '-1', path];
    const inputs = [...source, ...(sound ? tone : [])];
    await run(ffmpegPath, ['-v', 'error', '-nostdin', '-y', ...inputs, ...options, ...end]);
    if ((await stat(path)).size === 0) throw new Error(`${path} is empty`);
    whole.push({ name, path });
  }
  const pictures = join(folder, 'pictures');
  await mkdir(pictures);
  const numbered = ['-frames:v', String(FRAMES), join(pictures, '%04d.png')];
  await run(ffmpegPath, ['-v', 'error', '-nostdin', ...source, ...numbered]);
  return [...whole, { name: 'pictures', path: pictures }];
}
