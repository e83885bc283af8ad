import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { environmentFor } from '../../src/video/ffmpeg-path.js';
import { decodeFrames, findFfmpeg } from '../../src/video/index.js';
import { collect } from './frames.js';
import { runFfmpeg, scratchPath } from './make-clip.js';

const run = promisify(execFile);
const RATE = 48_000;

export interface FlashAndClick {
  /** The extension chooses the container. Default mkv. */
  readonly extension?: string;
  /** Seconds of the programme that the video, or the sound, lacks at its beginning. */
  readonly videoFrom?: number;
  readonly soundFrom?: number;
  /** Seconds of the programme without sound packets. */
  readonly hole?: readonly [from: number, to: number];
  readonly seconds?: number;
  /** Options of the sound's encoder. */
  readonly sound?: readonly string[];
  /** A filter on the sound, such as another layout. */
  readonly soundFilter?: string;
}

/** A white frame and a click at each full second of the programme from 1 on, 25 frames a second. */
export async function makeFlashAndClick(clip: FlashAndClick = {}): Promise<string> {
  const { extension = 'mkv', videoFrom = 0, soundFrom = 0, hole, seconds = 4 } = clip;
  const flash = `drawbox=c=white:t=fill:enable='not(mod(n,25))*gt(n,0)'`;
  const click = `aevalsrc='if(lt(mod(t,1),0.01)*gt(t,0.5),sin(2*PI*1000*t),0)':s=${RATE}:d=${seconds}`;
  const sync = scratchPath('sync.mkv');
  await runFfmpeg(
    ...['-f', 'lavfi', '-i', `color=black:s=64x36:r=25:d=${seconds},${flash}`],
    ...['-f', 'lavfi', '-i', click, '-c:v', 'ffv1', '-c:a', 'pcm_s16le', sync],
  );
  const path = scratchPath(`clip.${extension}`);
  const webm = extension === 'webm';
  const video = webm
    ? ['-c:v', 'libvpx', '-auto-alt-ref', '0']
    : ['-c:v', 'libx264', '-bf', '2', '-crf', '10'];
  const sound =
    clip.sound ??
    (webm ? ['-c:a', 'libopus'] : extension === 'mkv' ? ['-c:a', 'pcm_s16le'] : ['-c:a', 'aac']);
  const soundFilters = [
    `atrim=start=${soundFrom}`,
    ...(hole ? [`aselect='not(between(t,${hole[0]},${hole[1]}))'`] : []),
    ...(clip.soundFilter === undefined ? [] : [clip.soundFilter]),
  ];
  await runFfmpeg(
    ...['-copyts', '-i', sync, '-vf', `trim=start=${videoFrom}`, '-af', soundFilters.join(',')],
    ...[...video, '-pix_fmt', 'yuv420p', ...sound, path],
  );
  return path;
}

async function firstTime(path: string, stream: string): Promise<number> {
  const { ffprobePath } = await findFfmpeg();
  const { stdout } = await run(
    ffprobePath,
    [
      ...['-v', 'error', '-select_streams', stream, '-read_intervals', '%+#40', '-show_frames'],
      ...['-show_entries', 'frame=best_effort_timestamp_time', '-of', 'csv=p=0', path],
    ],
    { env: environmentFor(ffprobePath) },
  );
  const times = stdout.split('\n').map(Number.parseFloat).filter(Number.isFinite);
  return Math.min(...times);
}

/** When white frames are shown, seconds after the first frame. */
export async function flashes(path: string): Promise<number[]> {
  const frames = await collect(decodeFrames(path, { pixelFormat: 'gray' }));
  return frames
    .filter(({ data }) => (data[data.length >> 1] ?? 0) > 128)
    .map(({ timeSeconds }) => timeSeconds);
}

/** When clicks begin, seconds after the first frame. */
export async function clicks(path: string): Promise<number[]> {
  const bytes = await runFfmpeg(
    ...['-i', path, '-map', '0:a', '-ac', '1', '-ar', String(RATE), '-f', 's16le', '-'],
  );
  const begin = (await firstTime(path, 'a:0')) - (await firstTime(path, 'v:0'));
  const found: number[] = [];
  let last = -Infinity;
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    if (Math.abs(bytes.readInt16LE(i)) < 5000) continue;
    if (i / 2 - last > RATE / 4) found.push(begin + i / 2 / RATE);
    last = i / 2;
  }
  return found;
}
