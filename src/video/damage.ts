import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import type { StderrLog } from './stderr-log.js';
import type { OnDamage, VideoInfo } from './types.js';

/** What ffmpeg says of streams that are whole, or when nobody takes its frames any more: told to nobody. */
const HARMLESS =
  /mmco: unref short failure|co located POCs unavailable|reference picture missing|[Mm]issing reference picture|number of reference frames|Could not find ref with POC|illegal short term buffer|[Nn]on.?monoton|deprecated|EOF timestamp|Unknown codec tag|Changing video frame properties on the fly|DTS .*, next:|timestamp discontinuity|Broken pipe|Connection reset by peer|Error writing trailer/;
/** Only the video is decoded; ffmpeg looks into the audio when it opens a file. */
const OF_AUDIO =
  /^(?:aac\w*|mp[123]\w*|ac3|eac3|opus|vorbis|flac|dca|dts|truehd|pcm_\w+|alac|amrnb|amrwb|wma\w*): /;
/** Warnings that tell of a file that ends too early. */
const CUT_SHORT = /truncat|partial file|ended prematurely|incomplete frame|middle of a frame/i;
/** Pictures that are there and hold something else than what was recorded. */
const BROKEN_PICTURE =
  /corrupt|conceal|error while decoding|Error submitting|Invalid data found|invalid|decode_slice|cabac|damaged|overread|ac-tex|left block|bytestream|CRC|checksum|end of (?:data|slice)|no frame!|Failed to decode|buffer (?:too small|exhausted)|Truncating|out of range|mb_type|slice|bits (?:over|left)|block/i;
/** What is said of other parts of a file than its pictures. */
const BESIDE_PICTURES =
  /SEI|chapter|APP\d|app fields|chunk too big|Exif|metadata|side data|timecode/i;

/** What came out of decoding a source. */
export interface DecodeOutcome {
  readonly where: string;
  readonly info: VideoInfo;
  /** Frames that the source should have given in the part that was read; null where it does not tell. */
  readonly expected: number | null;
  /** Frames that it gave. */
  readonly frames: number;
  /** Of those that it did not give, the ones before the first that was shown. */
  readonly leading: number;
  /** What else was noticed, such as pictures that gave no frame, by name. */
  readonly notes: readonly string[];
  readonly stderr: StderrLog;
}

export interface Findings {
  /** Frames are lost, or pictures spoilt. */
  readonly damage: string | undefined;
  /** ffmpeg complains of something else. */
  readonly complaint: string | undefined;
  /** The recording begins before its first frame that can be shown. */
  readonly leading: number;
}

/** Packets of fields make one frame in two. */
const comesInFields = ({ info, frames, expected }: DecodeOutcome): boolean =>
  (info.interlaced || /^(h264|hevc|vc1|mpeg2video)$/.test(info.codec)) &&
  expected !== null &&
  Math.abs(2 * frames - expected) <= 1 &&
  frames > 1;

/** ffmpeg exits with 0 on a file that is cut in half: its complaints are read, its frames counted. */
export function findDamage(outcome: DecodeOutcome): Findings {
  const { frames, expected, leading, stderr, notes } = outcome;
  const told = (line: string): boolean => !HARMLESS.test(line) && !OF_AUDIO.test(line);
  const errors = stderr.errors().filter(told);
  const warnings = stderr.warnings().filter((line) => told(line) && CUT_SHORT.test(line));
  const lost = expected === null || comesInFields(outcome) ? 0 : expected - frames - leading;
  // What is missing in front makes decoders complain until the first key frame.
  const spoilt =
    leading > 0
      ? []
      : errors.filter((line) => BROKEN_PICTURE.test(line) && !BESIDE_PICTURES.test(line));
  const cut = [...errors, ...warnings].filter((line) => CUT_SHORT.test(line));
  const said = [...new Set([...notes, ...cut, ...spoilt])].slice(0, 3);
  const isDamaged = lost > 0 || said.length > 0;
  const count =
    expected === null || lost <= 0
      ? `${frames} frames could be read`
      : `${frames} of ${expected - leading} frames could be read`;
  const why = said.length > 0 ? said : [...new Set(errors)].slice(0, 2);
  return {
    damage: isDamaged ? [count, ...why].join('; ') : undefined,
    complaint:
      !isDamaged && errors.length > 0 ? [...new Set(errors)].slice(0, 2).join('; ') : undefined,
    leading,
  };
}

/** @throws FrameloomError bad-input on damage, unless it is to be a warning */
export function reportDamage(outcome: DecodeOutcome, onDamage: OnDamage, log: Logger): void {
  const { where, info } = outcome;
  const { damage, complaint, leading } = findDamage(outcome);
  if (leading > 0) {
    log.warn(
      `${where} begins between key frames: its first ${leading} frames cannot be shown and are left out`,
    );
  }
  if (complaint !== undefined) {
    log.warn(`${where}: every frame could be read, but ffmpeg says: ${complaint}`);
  }
  if (damage === undefined) return;
  const message = `${where} is damaged or cut short: ${damage}`;
  if (onDamage === 'warn') return log.warn(message);
  throw new FrameloomError('bad-input', message, {
    hint: 'mend it, for instance by encoding it again with ffmpeg',
    ...(info.path === null ? {} : { path: info.path }),
  });
}
