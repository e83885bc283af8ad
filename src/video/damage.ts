import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { rationalToNumber } from '../base/rational.js';
import type { Rational } from '../base/rational.js';
import type { StderrLog } from './stderr-log.js';
import type { VideoInfo } from './types.js';

/** What decoders say of streams that are whole, mostly where decoding begins between key frames. */
const HARMLESS =
  /mmco: unref short failure|co located POCs unavailable|reference picture missing|[Mm]issing reference picture|number of reference frames|Could not find ref with POC|illegal short term buffer|non monoton|deprecated|EOF timestamp/;
/** Only the video is decoded; ffmpeg looks into the audio when it opens a file. */
const OF_AUDIO =
  /^(?:aac\w*|mp[123]\w*|ac3|eac3|opus|vorbis|flac|dca|dts|truehd|pcm_\w+|alac|amrnb|amrwb|wma\w*): /;
const CORRUPT = /corrupt|truncat|partial file|ended prematurely|concealing|incomplete frame/i;

/** Fewer frames than this far below what the container promises are taken for a rounding of it. */
function tolerance(expected: number, container: string): number {
  // GIF's decoder is silent about a picture cut short, and its count is exact.
  return container === 'gif' ? 0 : Math.max(2, Math.ceil(expected * 0.01));
}

/** How many frames a decode should give; undefined when the source does not tell. */
export function expectedFrames(
  info: VideoInfo,
  range: { fps: Rational; startFrame: number; frames: number | undefined; resampled: boolean },
): number | undefined {
  const whole =
    info.frameCount !== null && !range.resampled
      ? info.frameCount
      : info.durationSeconds === null
        ? undefined
        : Math.round(info.durationSeconds * rationalToNumber(range.fps));
  if (whole === undefined) return undefined;
  const left = Math.max(0, whole - range.startFrame);
  return range.frames === undefined ? left : Math.min(left, range.frames);
}

export interface DecodeOutcome {
  readonly where: string;
  readonly path: string | undefined;
  readonly container: string;
  readonly frames: number;
  readonly expected: number | undefined;
  readonly stderr: StderrLog;
}

/**
 * ffmpeg exits with 0 on a file that is cut in half. So its complaints are read and its frames
 * counted.
 * @returns what is wrong with the source, or undefined when nothing is.
 */
export function findDamage(outcome: DecodeOutcome): string | undefined {
  const { frames, expected, stderr } = outcome;
  const complaints = [
    ...stderr.errors().filter((line) => !HARMLESS.test(line) && !OF_AUDIO.test(line)),
    ...stderr.warnings().filter((line) => CORRUPT.test(line) && !OF_AUDIO.test(line)),
  ];
  const short =
    expected !== undefined && frames < expected - tolerance(expected, outcome.container);
  if (complaints.length === 0 && !short) return undefined;
  const count =
    expected === undefined || frames >= expected
      ? `${frames} frames could be read`
      : `${frames} of ${expected} frames could be read`;
  return complaints.length === 0
    ? count
    : `${count}; ffmpeg says: ${[...new Set(complaints)].slice(0, 2).join('; ')}`;
}

/** @throws FrameloomError bad-input on damage, unless tolerant: then it is a warning. */
export function reportDamage(outcome: DecodeOutcome, tolerant: boolean, log: Logger): void {
  const damage = findDamage(outcome);
  if (damage === undefined) return;
  const message = `${outcome.where} is damaged or cut short: ${damage}`;
  if (tolerant) return log.warn(message);
  throw new FrameloomError('bad-input', message, {
    hint: 'mend it, for instance by encoding it again with ffmpeg',
    ...(outcome.path === undefined ? {} : { path: outcome.path }),
  });
}
