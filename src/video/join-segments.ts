import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FrameloomError } from '../base/error.js';
import { type CommandInput, fileUrl } from './command.js';
import type { FilmSegment } from './film-progress.js';
import type { TimeBase } from './nut.js';
import { FIRST_VIDEO, readPackets } from './packets.js';
import type { OutputFormatName } from './types.js';

/**
 * What segments of a film are written as. Each is a file that ends in exact times: of MP4 and QuickTime
 * each begins at nothing and has ticks of the film's own; Matroska, whose ticks are milliseconds, is
 * written with the film's times, so that each is rounded as it would be in one piece.
 */
interface SegmentKind {
  readonly extension: string;
  readonly fromZero: boolean;
  /** Behind those of the format. */
  readonly options: readonly string[];
}

const MILLISECONDS = { extension: '.mkv', fromZero: false, options: ['-copyts'] };
const KINDS: Readonly<Partial<Record<OutputFormatName, SegmentKind>>> = {
  mp4: { extension: '.mp4', fromZero: true, options: [] },
  // Ticks of 1/90000 would not hold every rate.
  mpegts: { extension: '.mp4', fromZero: true, options: ['-f', 'mp4'] },
  mov: { extension: '.mov', fromZero: true, options: [] },
  mkv: MILLISECONDS,
  webm: { ...MILLISECONDS, extension: '.webm' },
};

/** Old ffmpegs hide a last frame whose duration they do not know. */
const OLD_MOV = ['-use_editlist', '0'];

/** How a format is written in segments; undefined where it is not. */
export function segmentKind(
  format: OutputFormatName,
  programs: { readonly fpsMode: boolean },
): SegmentKind | undefined {
  const kind = KINDS[format];
  if (!kind?.fromZero || programs.fpsMode) return kind;
  return { ...kind, options: [...kind.options, ...OLD_MOV] };
}

/** Whether films of a format can be written in segments: those of a codec with times of their own. */
export const isSegmentable = (format: OutputFormatName): boolean => format in KINDS;

/** Where a segment begins in the joined film, microseconds, as its container rounds it. */
function startOf({ firstTick }: FilmSegment, { num, den }: TimeBase, kind: SegmentKind): number {
  const seconds = (firstTick * num) / den;
  return kind.fromZero ? Math.round(seconds * 1e6) : Math.round(seconds * 1e3) * 1000;
}

/**
 * The segments of a folder one behind the other, as one input of ffmpeg.
 * @throws NodeJS.ErrnoException where the list cannot be written
 */
export async function joinedInput(
  folder: string,
  segments: readonly FilmSegment[],
  timeBase: TimeBase,
  kind: SegmentKind,
): Promise<CommandInput> {
  const lines = ['ffconcat version 1.0'];
  segments.forEach((segment, i) => {
    const url = fileUrl(join(folder, segment.name)).replaceAll("'", "'\\''");
    lines.push(`file '${url}'`);
    const next = segments[i + 1];
    if (!next) return;
    const microseconds = startOf(next, timeBase, kind) - startOf(segment, timeBase, kind);
    lines.push(`duration ${(microseconds / 1e6).toFixed(6)}`);
  });
  const list = join(folder, 'segments.ffconcat');
  await writeFile(list, `${lines.join('\n')}\n`);
  return {
    url: fileUrl(list),
    // Packets go over as they are: what one segment begins with holds for all.
    options: ['-f', 'concat', '-safe', '0', '-auto_convert', '0', '-thread_queue_size', '512'],
    own: true,
  };
}

/** Matroska's rounding of two times, and ffprobe's. */
const TOLERANCE_SECONDS = 0.0011;

/**
 * Proves that nothing was lost or moved at the seams of a joined film.
 * @throws FrameloomError ffmpeg-failed where it was; cancelled
 */
export async function checkJoined(
  film: { readonly url: string; readonly path: string },
  segments: readonly FilmSegment[],
  timeBase: TimeBase,
  signal?: AbortSignal,
): Promise<void> {
  const frames = segments.reduce((sum, segment) => sum + segment.frames, 0);
  const { count, times } = await readPackets(film, FIRST_VIDEO, signal);
  const failed = (what: string): FrameloomError =>
    new FrameloomError('ffmpeg-failed', `joining the segments of ${film.path} failed: ${what}`, {
      path: film.path,
    });
  if (count !== frames) throw failed(`it has ${count} of ${frames} frames`);
  let at = 0;
  for (const segment of segments) {
    const expected = (segment.firstTick * timeBase.num) / timeBase.den;
    const found = times ? times[at]! - times[0]! : expected;
    if (Math.abs(found - expected) > TOLERANCE_SECONDS) {
      throw failed(`frame ${at} is at ${found.toFixed(4)} s instead of ${expected.toFixed(4)}`);
    }
    at += segment.frames;
  }
}
