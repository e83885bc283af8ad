import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FrameloomError } from '../base/error.js';
import { syncFile, syncFolder, writeError } from '../base/outputs.js';
import { removeTemporary, temporariesIn } from '../base/temporaries.js';
import type { Rational } from '../base/rational.js';
import type { Sound } from './audio.js';
import type { Carried } from './carry.js';
import { fileUrl } from './command.js';
import { encodePart, noFrames, tellMoved, type Part } from './encode-part.js';
import type { FfmpegPrograms } from './ffmpeg-path.js';
import type { FilmSegment, SegmentFolder } from './film-progress.js';
import { finishFilm } from './finish-film.js';
import { clockOption, OUTPUT_FORMATS } from './formats.js';
import type { FrameIntake } from './frame-intake.js';
import { checkJoined, joinedInput, segmentKind } from './join-segments.js';
import type { FileTarget } from './output.js';
import { planOutput } from './output-plan.js';
import { removeAtExit } from './process.js';
import type { EncodeOptions, EncodeResult, FrameShape, OutputFormatName } from './types.js';

export interface SegmentedFilm {
  readonly options: EncodeOptions;
  readonly format: OutputFormatName;
  readonly fps: Rational;
  readonly shape: FrameShape;
  readonly programs: FfmpegPrograms;
  readonly encoder?: string | undefined;
  readonly sound: Sound | null;
  readonly carried: Carried | null;
  readonly segments: SegmentFolder;
  readonly stop: AbortSignal;
}

/**
 * Writes a film segment by segment, each by an ffmpeg of its own that begins with a key frame, and
 * joins them by copying when all are there. What was finished before is taken as it is.
 * @throws FrameloomError as encodeFrames
 */
export async function encodeSegments(
  target: FileTarget,
  intake: FrameIntake,
  film: SegmentedFilm,
): Promise<EncodeResult> {
  const { options, format, fps, shape, programs, sound, carried, stop } = film;
  const { folder, segmentFrames, progress: before } = film.segments;
  const output = OUTPUT_FORMATS[format];
  const kind = segmentKind(format, programs);
  if (!kind) throw new RangeError(`${format} is not written in segments`);
  const own = { format, fps, shape, options, programs, toPipe: false, numbered: false };
  const { encoder } = film;
  const { plan: usual, times } = planOutput({ ...own, encoder }, before?.times);
  const clock = kind.fromZero ? clockOption(times.timeBase.den) : [];
  const plan = { ...usual, options: [...usual.options, ...kind.options, ...clock] };
  const { timeBase } = times;
  const segments = [...(before?.segments ?? [])];
  let { frames, isComplete } = before ?? { frames: 0, isComplete: false };
  const keep = (): Promise<void> =>
    film.segments.keep({ segments: [...segments], frames, times: times.state, isComplete });
  while (!isComplete) {
    if (frames > 0 && !(await intake.peek())) {
      isComplete = true;
      await keep();
      break;
    }
    const name = `${String(segments.length).padStart(5, '0')}${kind.extension}`;
    const segment = await writeSegment(
      intake,
      { folder, name, extension: kind.extension },
      {
        ...{ options, format, stop, times, before: frames },
        ...{ most: segmentFrames, fromZero: kind.fromZero },
        encoder: {
          ...{ programs, shape, fps, plan, timeBase, times: output.times },
          ...{ filter: undefined, path: target.path },
        },
      },
    );
    segments.push(segment);
    frames += segment.frames;
    isComplete = segment.frames < segmentFrames;
    await keep();
  }
  if (frames === 0) throw noFrames();
  tellMoved(times, { format, fps, log: options.log });
  const durationSeconds = times.endSeconds;
  const pictures = await joinedInput(folder, segments, timeBase, kind);
  const { log } = options;
  const unfinished = { target, pictures, format, durationSeconds, sound, carried, programs, log };
  const { longLastSeconds: lastSeconds } = times;
  await finishFilm({ ...unfinished, lastSeconds, ticksPerSecond: timeBase.den, signal: stop });
  await checkJoined({ url: target.url, path: target.path }, segments, timeBase, stop);
  stop.throwIfAborted();
  await target.commit();
  return {
    ...{ frames, durationSeconds, width: plan.width, height: plan.height, format },
    path: target.path,
  };
}

type SegmentPart = Omit<Part, 'encoder'> & {
  readonly encoder: Omit<Part['encoder'], 'target'>;
};

/** One segment, under its name only when it is whole and on the disk itself. */
async function writeSegment(
  intake: FrameIntake,
  place: { readonly folder: string; readonly name: string; readonly extension: string },
  part: SegmentPart,
): Promise<FilmSegment> {
  const { folder, name, extension } = place;
  const temporary = (await temporariesIn(folder))(extension);
  const forget = removeAtExit(temporary);
  try {
    const target = { kind: 'file', url: fileUrl(temporary) } as const;
    const encoder = { ...part.encoder, target };
    const { frames, sent, firstTick } = await encodePart(intake, { ...part, encoder });
    if (sent !== frames) {
      throw new FrameloomError(
        'ffmpeg-failed',
        `${sent} pictures were written of ${frames} frames`,
      );
    }
    const { size } = await stat(temporary).catch((error: unknown) => {
      throw writeError(temporary, error);
    });
    try {
      await syncFile(temporary);
      await rename(temporary, join(folder, name));
    } catch (error) {
      throw writeError(join(folder, name), error);
    }
    await syncFolder(folder);
    return { name, bytes: size, frames, firstTick };
  } finally {
    await removeTemporary(temporary, part.options.log);
    forget();
  }
}
