import { fileUrl } from './command.js';
import { RESTARTING } from './containers.js';
import { runFfprobe } from './ffprobe.js';
import { runFfmpeg } from './run-ffmpeg.js';
import type { SourceClock } from './source-clock.js';

/** From a moment on, a sound is to be moved against where ffmpeg puts it. */
export interface SoundMove {
  /** After the sound's first packet, where ffmpeg puts it. */
  readonly fromSeconds: number;
  readonly bySeconds: number;
}

interface Packet {
  readonly time: number;
  /** Where it lies in the file, bytes. */
  readonly at: number;
}

/** Clocks that jump by less have lost a packet. */
const JUMP_SECONDS = 0.25;
/** Out of step by less nobody is. */
const IN_STEP_SECONDS = 0.02;

/** The packets of two streams as the file holds them, on its own clock. */
async function packetsOf(
  path: string,
  streams: readonly [number, number],
  signal: AbortSignal | undefined,
): Promise<[Packet[], Packet[]]> {
  const found: [Packet[], Packet[]] = [[], []];
  let rest = '';
  const line = (row: string): void => {
    const [index, pts, dts, at] = row.split(',').map((text) => Number.parseFloat(text));
    const list = found[streams.indexOf(index ?? -1)];
    // Of several packets that came in one only the first one tells.
    const before = list?.at(-1);
    const time = [dts, pts, before?.time].find(Number.isFinite);
    const place = [at, before?.at].find(Number.isFinite);
    list?.push({ time: time ?? Number.NaN, at: place ?? Number.NaN });
  };
  await runFfprobe(
    { url: fileUrl(path), path },
    ['-show_entries', 'packet=stream_index,pts_time,dts_time,pos', '-of', 'csv=p=0'],
    (piece) => {
      const rows = (rest + piece).split('\n');
      rest = rows.pop() ?? '';
      rows.forEach(line);
    },
    signal,
  );
  if (rest !== '') line(rest);
  return found;
}

/** When each packet of a stream comes where it is the only one that ffmpeg reads, seconds. */
async function laidTimes(
  path: string,
  stream: number,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const text = await runFfmpeg({
    inputs: [{ url: fileUrl(path) }],
    output: {
      url: 'pipe:1',
      options: ['-map', `0:${stream}`, '-c', 'copy', '-copyinkf', '-f', 'framecrc'],
    },
    ...{ doing: 'decode', path, keepText: true, signal },
  });
  const [, num, den] = /^#tb 0: (\d+)\/(\d+)/m.exec(text) ?? [];
  return Array.from(
    text.matchAll(/^0,\s*(-?\d+),/gm),
    ([, dts]) => (Number(dts) * Number(num)) / Number(den),
  );
}

/** Numbers of the packets at which the clock begins anew. */
const jumpsOf = (packets: readonly Packet[]): number[] =>
  packets.flatMap(({ time }, i) => {
    const before = packets[i - 1]?.time ?? time;
    return time < before - JUMP_SECONDS / 2 || time > before + JUMP_SECONDS ? [i] : [];
  });

/**
 * How a sound has to be moved to stay beside its pictures in a file of several recordings, one behind
 * the other, each with a clock of its own. ffmpeg lets each stream go on where its last part ended,
 * which is not one moment for both.
 * @returns null where the packets do not tell
 * @throws FrameloomError bad-input, ffmpeg-failed, cancelled
 */
export async function soundMoves(
  { path, report, videoStream }: SourceClock,
  soundStream: number,
  signal: AbortSignal | undefined,
): Promise<readonly SoundMove[] | null> {
  if (videoStream === undefined || !RESTARTING.test(report.format.format_name)) return [];
  const [video, sound] = await packetsOf(path, [videoStream, soundStream], signal);
  const parts = jumpsOf(video);
  if (parts.length === 0) return [];
  const laidVideo = await laidTimes(path, videoStream, signal);
  const laidSound = await laidTimes(path, soundStream, signal);
  const isKnown = [...video, ...sound].every(({ time, at }) => Number.isFinite(time + at));
  const isWhole = laidVideo.length === video.length && laidSound.length === sound.length;
  if (!isKnown || !isWhole || sound.length === 0) return null;
  const offset = (laid: readonly number[], packets: readonly Packet[], i: number): number =>
    laid[i]! - laid[0]! - (packets[i]!.time - packets[0]!.time);
  const moves = jumpsOf(sound).map((i) => {
    // A sound that begins anew behind the last picture of a part is of the next one.
    const part = parts.findLast((k) => video[k - 1]!.at < sound[i]!.at) ?? 0;
    return {
      fromSeconds: laidSound[i]! - laidSound[0]!,
      bySeconds: offset(laidVideo, video, part) - offset(laidSound, sound, i),
    };
  });
  return moves.some(({ bySeconds }) => Math.abs(bySeconds) > IN_STEP_SECONDS) ? moves : [];
}

/**
 * An ffmpeg filter that moves a sound, whose first packet is at `beginSeconds`; empty where there is
 * nothing to move.
 */
export function moveFilter(moves: readonly SoundMove[], beginSeconds: number): string {
  let before = 0;
  const steps = moves.map(({ fromSeconds, bySeconds }) => {
    const step = bySeconds - before;
    before = bySeconds;
    // A little before, since times are rounded.
    return `gte(T,${(beginSeconds + fromSeconds - 0.005).toFixed(6)})*${step.toFixed(6)}`;
  });
  return steps.length === 0 ? '' : `asetpts='PTS+(${steps.join('+')})/TB'`;
}
