import { map } from 'rxjs';
import { FrameloomError } from '../base/error.js';
import { rationalToNumber } from '../base/rational.js';
import { decodeRange } from './decode-plan.js';
import type { OpenedVideo } from './open.js';
import type { DecodeOptions, VideoInfo } from './types.js';

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
    const end = length === null ? '' : ` after ${length.toFixed(2)} s`;
    throw new FrameloomError(
      'bad-option',
      `${info.path ?? 'the stream'} ends${end}: nothing is there at ${startSeconds} s`,
      info.path === null ? {} : { path: info.path },
    );
  }
  return {
    // What a stream holds is known when it has been read.
    info: isStream ? info : infoOf(info, span),
    isStream,
    beginsSeconds: span.beginsSeconds,
    close: () => video.close(),
    decode({ startFrame = 0, frames, ...rest } = {}) {
      // Resampled, frames are counted at the rate that was asked for.
      const { first, count, beginsSeconds } = spanOf(info, part, rest.fps);
      const left = count === undefined ? undefined : Math.max(0, count - startFrame);
      const most = Math.min(frames ?? Infinity, left ?? Infinity);
      return video
        .decode({
          ...rest,
          startFrame: first + startFrame,
          ...(Number.isFinite(most) && { frames: most }),
        })
        .pipe(
          map((frame) => ({
            ...frame,
            timeSeconds: Math.max(0, frame.timeSeconds - beginsSeconds),
          })),
        );
    },
  };
}
