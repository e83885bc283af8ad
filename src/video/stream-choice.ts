import { FrameloomError } from '../base/error.js';
import type { ProbedStream, ProbeReport } from './ffprobe.js';

/** Text art, which ffmpeg plays too. */
const NOT_VIDEO_CODECS = new Set(['ansi', 'bintext', 'xbin', 'idf']);

const areaOf = (stream: ProbedStream): number => (stream.width ?? 0) * (stream.height ?? 0);
const isDefault = (stream: ProbedStream): boolean => stream.disposition?.default === 1;

/** The stream that is decoded, and what there is to say of the choice. */
export interface StreamChoice {
  readonly stream: ProbedStream;
  /** Where there were several: which one was taken. */
  readonly note: string | undefined;
}

/**
 * Of several video streams the one that ffmpeg takes by itself: a default one before others, the
 * larger picture before the smaller, the first of equals. Cover art is no video.
 * @throws FrameloomError bad-input where there is none
 */
export function chooseStream(report: ProbeReport, path: string | null): StreamChoice {
  const where = path ?? 'the stream';
  const video = report.streams.filter(
    (stream) =>
      stream.codec_type === 'video' &&
      stream.disposition?.attached_pic !== 1 &&
      !NOT_VIDEO_CODECS.has(stream.codec_name ?? ''),
  );
  const usable = video.filter((stream) => areaOf(stream) > 0);
  const [first, ...others] = usable;
  if (!first) {
    const audio = report.streams.some((stream) => stream.codec_type === 'audio');
    const what =
      video.length > 0
        ? 'has video whose size cannot be told: it is damaged or cut short'
        : audio
          ? 'has no video, only audio'
          : 'has no video';
    throw new FrameloomError('bad-input', `${where} ${what}`, path === null ? {} : { path });
  }
  const better = (a: ProbedStream, b: ProbedStream): boolean =>
    isDefault(a) === isDefault(b) ? areaOf(a) > areaOf(b) : isDefault(a);
  const stream = others.reduce((best, other) => (better(other, best) ? other : best), first);
  if (others.length === 0) return { stream, note: undefined };
  const why = isDefault(stream) ? 'default' : 'largest';
  return {
    stream,
    note: `${where} has ${usable.length} video streams: stream ${stream.index} (${stream.width}x${stream.height}, the ${why} one) is taken`,
  };
}
