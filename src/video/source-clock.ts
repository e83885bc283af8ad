import { z } from 'zod';
import { isFrameloomError } from '../base/error.js';
import { fileUrl } from './command.js';
import { parseReport, probeReport, runFfprobe, type ProbeReport } from './ffprobe.js';
import { runFfmpeg } from './run-ffmpeg.js';
import { chooseStream } from './stream-choice.js';

/** Packets that are read until one gives a frame: before the first shown ones may be hidden ones. */
const HEAD_PACKETS = [1, 40, 1500];

const framesSchema = z.object({
  frames: z.array(z.object({ best_effort_timestamp_time: z.string().optional() })).default([]),
});

/** When the first frame of a stream is shown, on the container's own clock; null when unknown. */
async function firstFrame(
  path: string,
  stream: number,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  for (const packets of HEAD_PACKETS) {
    let json = '';
    await runFfprobe(
      { url: fileUrl(path), path },
      [
        ...['-select_streams', String(stream), '-read_intervals', `%+#${packets}`],
        ...['-show_frames', '-show_entries', 'frame=best_effort_timestamp_time', '-of', 'json'],
      ],
      (piece) => (json += piece),
      signal,
    );
    const times = parseReport(framesSchema, json)
      .frames.map((frame) => Number.parseFloat(frame.best_effort_timestamp_time ?? ''))
      .filter((time) => Number.isFinite(time));
    if (times.length > 0) return Math.min(...times);
  }
  return null;
}

const seconds = (text: string | undefined): number => Number.parseFloat(text ?? '') || 0;

/** A file whose times are to be carried along. */
export interface SourceClock {
  readonly path: string;
  readonly report: ProbeReport;
  /**
   * When the first frame is shown, seconds on the container's own clock; of a file without video,
   * where its sound begins.
   */
  readonly firstFrameSeconds: number;
  /** The stream that the frames are of; undefined of a file without video. */
  readonly videoStream: number | undefined;
}

/** @throws FrameloomError bad-input, ffmpeg-failed, cancelled */
export async function readSourceClock(
  path: string,
  signal: AbortSignal | undefined,
): Promise<SourceClock> {
  const report = await probeReport({ url: fileUrl(path), path }, signal);
  const start = seconds(report.format.start_time);
  let video: number | undefined;
  try {
    video = chooseStream(report, path).stream.index;
  } catch (error) {
    // Sound alone, or with a cover.
    if (!isFrameloomError(error)) throw error;
  }
  const first = video === undefined ? start : await firstFrame(path, video, signal);
  return { path, report, firstFrameSeconds: first ?? start, videoStream: video };
}

/** Zero stands for "not given", with which the clock may begin elsewhere. */
const SMALLEST_OFFSET = 1e-6;

const offsetOptions = (seconds: number): string[] => [
  '-itsoffset',
  (Math.abs(seconds) < SMALLEST_OFFSET ? SMALLEST_OFFSET : seconds).toFixed(6),
];

/** A sound stream on the clock of the frames. */
export interface SoundClock {
  /** Of the file as an input of ffmpeg. */
  readonly options: readonly string[];
  /** When the sound's first packet comes, seconds; null where nobody knows. */
  readonly beginSeconds: number | null;
}

/**
 * Options of the file as an input of ffmpeg, by which the clock of one of its sound streams has its
 * zero at `startSeconds` after the first frame.
 *
 * ffmpeg begins a clock at the first packet of the file, or in some formats and versions at that of
 * the streams that are used, and smooths jumps behind it. So it is asked where it puts one frame of
 * the very stream, and what that is off is added.
 * @throws FrameloomError bad-input, ffmpeg-failed, cancelled
 */
export async function clockOptions(
  clock: SourceClock,
  stream: number,
  startSeconds: number,
  signal: AbortSignal | undefined,
): Promise<SoundClock> {
  const { path, report, firstFrameSeconds } = clock;
  const guess = seconds(report.format.start_time) - firstFrameSeconds - startSeconds;
  const text = await runFfmpeg({
    inputs: [{ url: fileUrl(path), options: ['-vn', '-sn', ...offsetOptions(guess)] }],
    output: {
      url: 'pipe:1',
      options: [
        ...['-map', `0:${stream}`, '-frames:a', '1', '-c:a', 'pcm_s16le', '-f', 'framecrc'],
      ],
    },
    ...{ doing: 'decode', path, keepText: true, signal },
  });
  const [, num, den] = /^#tb 0: (\d+)\/(\d+)/m.exec(text) ?? [];
  const [, pts] = /^0,\s*-?\d+,\s*(-?\d+),/m.exec(text) ?? [];
  const there = (Number(pts) * Number(num)) / Number(den);
  const own = await firstFrame(path, stream, signal);
  const begin = own === null ? Number.NaN : own - firstFrameSeconds - startSeconds;
  const off = there - begin;
  const options = offsetOptions(Number.isFinite(off) ? guess - off : guess);
  return { options, beginSeconds: Number.isFinite(off) ? begin : null };
}
