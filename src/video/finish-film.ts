import { rename } from 'node:fs/promises';
import { messageOf } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import type { Sound } from './audio.js';
import { type Carried, carriedArguments } from './carry.js';
import { type CommandInput, fileUrl } from './command.js';
import type { FfmpegPrograms } from './ffmpeg-path.js';
import { clockOption } from './formats.js';
import type { FileTarget } from './output.js';
import { runFfmpeg } from './run-ffmpeg.js';
import type { OutputFormatName } from './types.js';

/** A film whose pictures are all there, and what it still lacks. */
export interface UnfinishedFilm {
  readonly target: FileTarget;
  /** Where its pictures are, if not in the target's temporary file: all of it is then made here. */
  readonly pictures?: CommandInput | undefined;
  readonly format: OutputFormatName;
  readonly durationSeconds: number;
  /** How long a last frame is shown that is shown longer than others. */
  readonly lastSeconds?: number | undefined;
  /** Of the film's clock. */
  readonly ticksPerSecond: number;
  readonly sound: Sound | null;
  readonly carried: Carried | null;
  readonly programs: Pick<FfmpegPrograms, 'fpsMode'>;
  readonly log?: Logger | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** ffmpeg before 5.1 leaves the last frame of these without a duration, so that it is never shown. */
const forgetsLastFrame = ({ format, programs }: UnfinishedFilm): boolean =>
  !programs.fpsMode && (format === 'mp4' || format === 'mov');

/** Containers that say how long a last frame is shown, where their muxer is told. */
const HOLDS_LAST: readonly OutputFormatName[] = ['mp4', 'mov', 'mkv', 'webm'];

/** A bitstream filter that tells the muxer how long the last frame is shown. */
function lastOptions({ format, lastSeconds, durationSeconds, programs }: UnfinishedFilm): string[] {
  if (lastSeconds === undefined || !programs.fpsMode || !HOLDS_LAST.includes(format)) return [];
  const from = (durationSeconds - lastSeconds - 0.002).toFixed(6);
  const told = `if(gte(PTS*TB,${from}),${lastSeconds.toFixed(6)}/TB,DURATION)`;
  // Times are named too: one that is not is taken from another.
  return ['-bsf:v', `setts=pts=PTS:dts=DTS:duration='${told}'`];
}

function tellOfLast({ format, lastSeconds, programs, target, log }: UnfinishedFilm): void {
  if (lastSeconds === undefined || programs.fpsMode || !HOLDS_LAST.includes(format)) return;
  log?.warn(
    `the last frame of ${target.path} is shown as long as others, not for ${lastSeconds.toFixed(2)} s: that takes ffmpeg 5.1 or newer`,
  );
}

/**
 * The last pass over a film in its temporary file: sound, subtitles, chapters and tags are added, the
 * pictures are copied as they are. Only now is the duration known at which all of it is cut.
 *
 * The pictures are never lost here: where this fails, the film stays as it is, and a warning says
 * what it lacks.
 * @throws FrameloomError cancelled; ffmpeg-failed, disk-full of pictures that lie elsewhere
 */
export async function finishFilm(film: UnfinishedFilm): Promise<void> {
  const { sound, carried, signal, log = silentLogger } = film;
  const isAllThere = lastOptions(film).length === 0 && !forgetsLastFrame(film);
  tellOfLast(film);
  if (!film.pictures && !sound && !carried && isAllThere) return;
  try {
    await copyWith(film);
  } catch (error) {
    if (signal?.aborted || (film.pictures && !sound && !carried)) throw error;
    const lacks = [
      ...(sound ? ['sound'] : []),
      ...(carried ? ['subtitles, chapters and tags'] : []),
    ];
    const without = lacks.length === 0 ? '' : ` without ${lacks.join(' and ')}`;
    log.warn(`${film.target.path} is kept${without}: ${messageOf(error)}`);
    if (lacks.length > 0) await finishFilm({ ...film, sound: null, carried: null });
  }
}

async function copyWith(film: UnfinishedFilm): Promise<void> {
  const { target, format, durationSeconds, sound, carried, signal } = film;
  const whole = target.beside(/\.[^.]*$/.exec(target.temporary)?.[0] ?? '');
  const firstIndex = sound ? 2 : 1;
  const beside = (extension: string): string => target.beside(extension);
  const more = carried
    ? await carriedArguments(carried, { format, durationSeconds, firstIndex, beside })
    : { inputs: [], options: ['-map_chapters', '-1'] };
  await runFfmpeg({
    inputs: [
      film.pictures ?? {
        url: target.url,
        options: [
          ...['-thread_queue_size', '512'],
          // It ends where the last frame begins, and hides that.
          ...(forgetsLastFrame(film) ? ['-ignore_editlist', '1'] : []),
        ],
      },
      ...(sound ? [sound.input] : []),
      ...more.inputs,
    ],
    output: {
      url: fileUrl(whole),
      options: [
        ...['-map', '0:v:0', '-c:v', 'copy', ...lastOptions(film)],
        ...(sound?.options(1, durationSeconds) ?? []),
        ...more.options,
        // Of a single frame no gap tells how long it is shown: nothing may cut it off.
        ...(forgetsLastFrame(film) && !sound ? ['-use_editlist', '0'] : []),
        ...(format === 'mp4' || format === 'mov' ? clockOption(film.ticksPerSecond) : []),
        ...(COPY_OPTIONS[format] ?? []),
        // Of the same segments comes the same file: Matroska names each film at random otherwise.
        ...(film.pictures ? ['-fflags', '+bitexact'] : []),
      ],
    },
    ...{ doing: 'encode', path: target.path, signal },
  });
  await rename(whole, target.temporary);
}

const COPY_OPTIONS: Readonly<Partial<Record<OutputFormatName, readonly string[]>>> = {
  mp4: ['-movflags', '+faststart', '-f', 'mp4'],
  mov: ['-movflags', '+write_colr', '-f', 'mov'],
  mkv: ['-f', 'matroska'],
  webm: ['-f', 'webm'],
  nut: ['-f', 'nut'],
  mpegts: ['-f', 'mpegts'],
};
