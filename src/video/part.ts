import { concat, defer, EMPTY, filter, map, tap, type Observable } from 'rxjs';
import { FrameloomError } from '../base/error.js';
import { rationalToNumber } from '../base/rational.js';
import { decodeRange } from './decode-plan.js';
import type { OpenedVideo } from './open.js';
import type { DecodeOptions, Frame, VideoInfo } from './types.js';

/** A part of a video, in seconds after its first frame. */
export interface PartOptions {
  /** Its first frame is the one shown nearest to this time. Default 0. */
  readonly startSeconds?: number | undefined;
  /** It ends that long after its first frame, or where the video does. Default: to the end. */
  readonly durationSeconds?: number | undefined;
}

/** Frames of a source that belong to a part. */
interface Span {
  readonly first: number;
  /** Undefined to the end. */
  readonly count: number | undefined;
  /** When the first is shown, after the source's first. */
  readonly beginsSeconds: number;
}

function spanOf(info: VideoInfo, part: PartOptions, fps?: DecodeOptions['fps']): Span {
  const { resampleTo, startFrame, frames: count } = decodeRange(info, { ...part, fps });
  // The last frame is the nearest one for as long as it is shown.
  const { frameCount, durationSeconds } = info;
  const isShown = durationSeconds !== null && (part.startSeconds ?? 0) < durationSeconds;
  const last = frameCount === null || resampleTo || !isShown ? Infinity : frameCount - 1;
  const first = Math.min(startFrame, last);
  const rate = rationalToNumber(resampleTo ?? info.fps);
  const own = resampleTo ? undefined : info.frameTimes?.[first];
  return { first, count, beginsSeconds: own ?? first / rate };
}

/** What a part of a file says of itself. */
function infoOf(info: VideoInfo, { first, count, beginsSeconds }: Span): VideoInfo {
  const { frameCount, frameTimes, durationSeconds } = info;
  const rest = frameCount === null ? null : frameCount - first;
  const frames = rest === null ? (count ?? null) : Math.min(rest, count ?? rest);
  const isCut = frames !== null && rest !== null && frames < rest;
  // It ends when the first frame that is no longer of it would be shown.
  const next = first + (frames ?? 0);
  const end = isCut ? (frameTimes?.[next] ?? next / rationalToNumber(info.fps)) : durationSeconds;
  return {
    ...info,
    frameCount: frames,
    durationSeconds: end === null ? null : end - beginsSeconds,
    frameTimes:
      frameTimes?.subarray(first, first + (frames ?? 0)).map((time) => time - beginsSeconds) ??
      null,
  };
}

/** There is nothing of a part: its video ended before. @param length seconds; null where nobody knows */
function beyondEnd({ path }: VideoInfo, length: number | null, start: number): FrameloomError {
  const end = length === null ? '' : ` after ${length.toFixed(2)} s`;
  return new FrameloomError(
    'bad-option',
    `${path ?? 'the stream'} ends${end}: nothing is there at ${start} s`,
    path === null ? {} : { path },
  );
}

/**
 * The frames from number `from` on, counted anew.
 * @param tooShort made of how long the video was, where there were frames, and none of these
 */
function behind(
  frames: Observable<Frame>,
  from: number,
  tooShort: (seconds: number) => FrameloomError,
): Observable<Frame> {
  return defer(() => {
    let last: Frame | undefined;
    const wanted = frames.pipe(
      tap((frame) => (last = frame)),
      filter(({ index }) => index >= from),
      map((frame) => ({ ...frame, index: frame.index - from })),
    );
    const end = defer(() => {
      if (!last || last.index >= from) return EMPTY;
      throw tooShort(last.timeSeconds + (last.fps ? 1 / rationalToNumber(last.fps) : 0));
    });
    return concat(wanted, end);
  });
}

/**
 * A part of an opened video, as a video of its own: its frames are exactly those that the whole has there,
 * counted from its first one and shown at times after it.
 * @throws FrameloomError bad-option for a part that begins behind the end
 */
export function partOf(video: OpenedVideo, part: PartOptions): OpenedVideo {
  const { startSeconds = 0 } = part;
  const { info, isStream } = video;
  const span = spanOf(info, part);
  const length = info.durationSeconds;
  if ((length !== null && startSeconds >= length) || span.first >= (info.frameCount ?? Infinity)) {
    throw beyondEnd(info, length, startSeconds);
  }
  return {
    // What a stream holds is known when it has been read.
    info: isStream ? info : infoOf(info, span),
    isStream,
    beginsSeconds: span.beginsSeconds,
    whole: { info, framesBefore: (fps) => spanOf(info, part, fps).first },
    close: () => video.close(),
    decode({ startFrame = 0, frames, ...rest } = {}) {
      // Resampled, frames are counted at the rate that was asked for.
      const { first, count, beginsSeconds } = spanOf(info, part, rest.fps);
      const left = count === undefined ? undefined : Math.max(0, count - startFrame);
      const most = Math.min(frames ?? Infinity, left ?? Infinity);
      const from = first + startFrame;
      const upTo = (count: number) => (Number.isFinite(count) ? { frames: count } : {});
      // What comes through a pipe tells only at its end that it was too short.
      const wanted = isStream
        ? behind(video.decode({ ...rest, ...upTo(most + from) }), from, (seconds) =>
            beyondEnd(info, seconds, startSeconds),
          )
        : video.decode({ ...rest, startFrame: from, ...upTo(most) });
      return wanted.pipe(
        map((frame) => ({
          ...frame,
          timeSeconds: Math.max(0, frame.timeSeconds - beginsSeconds),
        })),
      );
    },
  };
}
