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

/** Made once a process, and read by many. */
const programmes = new Map<string, Promise<string>>();

/** A white frame and a click at each full second of the programme from 1 on, 25 frames a second. */
export async function makeFlashAndClick(clip: FlashAndClick = {}): Promise<string> {
  const { ffmpegPath } = await findFfmpeg();
  const key = JSON.stringify([ffmpegPath, clip]);
  const made = programmes.get(key) ?? encodeProgramme(clip);
  programmes.set(key, made);
  return made;
}

async function encodeProgramme(clip: FlashAndClick): Promise<string> {
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

/** When the first picture and the first sound are shown and heard, seconds on the file's clock. */
async function firstTimes(path: string): Promise<{ video: number; audio: number }> {
  const { ffprobePath } = await findFfmpeg();
  const { stdout } = await run(
    ffprobePath,
    [
      ...['-v', 'error', '-read_intervals', '%+#80', '-show_frames'],
      ...['-show_entries', 'frame=media_type,best_effort_timestamp_time', '-of', 'csv=p=0', path],
    ],
    { env: environmentFor(ffprobePath) },
  );
  const first = (kind: string): number =>
    Math.min(
      ...stdout
        .split('\n')
        .filter((line) => line.startsWith(`${kind},`))
        .map((line) => Number.parseFloat(line.split(',')[1]!))
        .filter(Number.isFinite),
    );
  return { video: first('video'), audio: first('audio') };
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
  const { video, audio } = await firstTimes(path);
  const begin = audio - video;
  const found: number[] = [];
  let last = -Infinity;
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    if (Math.abs(bytes.readInt16LE(i)) < 5000) continue;
    if (i / 2 - last > RATE / 4) found.push(begin + i / 2 / RATE);
    last = i / 2;
  }
  return found;
}
