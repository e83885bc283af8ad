import { open } from 'node:fs/promises';
import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { rationalToNumber } from '../base/rational.js';
import { hasNoTimes } from './containers.js';
import { reportDamage } from './damage.js';
import { type DecodePlan, OUTPUT_OFFSET_SECONDS } from './decode-plan.js';
import { FrameTimes } from './frame-times.js';
import { gifIsCutShort } from './gif.js';
import { matroskaIsCutShort } from './matroska.js';
import type { NutFrame } from './nut-reader.js';
import type { ProbedInput } from './probe.js';
import { y4mIsCutShort } from './y4m.js';
import type { StderrLog } from './stderr-log.js';
import type { DecodeOptions, VideoInfo } from './types.js';

/** A frame of the source: its number there, and when it is shown after the first one. */
export interface SourceFrame {
  readonly number: number;
  readonly timeSeconds: number;
  readonly picture: NutFrame;
}

/** Decoding began at another frame than the one that was sought. */
export class WrongFrame extends Error {}

/** Containers round times to a millisecond. */
const ROUNDING_SECONDS = 0.0015;

/** A recording that begins between key frames has its holes among these. */
const FIRST_FRAMES = 64;

const copyOf = (picture: NutFrame): NutFrame => ({
  ...picture,
  data: Uint8Array.from(picture.data),
});

/** Numbers and times the frames of one ffmpeg, and keeps count of them. */
export class FrameTally {
  /** Frames that came out of ffmpeg. */
  received = 0;
  /** Frames of the source that were given on. */
  given = 0;
  /** Frames that the container shows again without holding them. */
  repeats = 0;
  /** When the first frames are shown, on the file's own clock. */
  readonly firstTimes: number[] = [];
  /** Numbers of pictures of a sequence that gave no frame. */
  readonly missing: number[] = [];
  readonly plan: DecodePlan;
  readonly start: number;
  readonly #info: VideoInfo;
  readonly #perSecond: number;
  readonly #times: FrameTimes;
  #last: SourceFrame | undefined;

  /** @param start the first frame of the source that is wanted */
  constructor(plan: DecodePlan, info: VideoInfo, start: number) {
    this.plan = plan;
    this.start = start;
    this.#info = info;
    this.#perSecond = rationalToNumber(info.fps);
    this.#times = new FrameTimes(info.fps);
  }

  /** @throws WrongFrame where a seek led elsewhere */
  *take(picture: NutFrame): Generator<SourceFrame, void, undefined> {
    const { seek, firstSeconds, firstFrame, skipTo } = this.plan;
    const isFirst = this.received === 0;
    if (isFirst && seek) {
      const off = Math.abs(picture.timeSeconds - seek.expectedSeconds);
      if (off > seek.toleranceSeconds) throw new WrongFrame();
    }
    const seconds = picture.timeSeconds - OUTPUT_OFFSET_SECONDS;
    if (this.received < FIRST_FRAMES) this.firstTimes.push(seconds);
    if (this.#info.kind === 'sequence') return yield* this.#takePicture(picture, seconds);
    const timeSeconds = firstSeconds + this.#times.next(seconds);
    const count = this.received;
    this.received += 1;
    if (this.#info.container === 'avi') {
      const slot = Math.round(timeSeconds * this.#perSecond);
      yield* this.#repeatUpTo(slot);
      return yield* this.#give(slot, picture);
    }
    // Where frames are skipped, the first one comes all the same, to tell when the source begins.
    const number = skipTo > 0 && !isFirst ? skipTo + count - 1 : firstFrame + count;
    if (number < this.start) return;
    const isTold = !hasNoTimes(this.#info.container);
    yield* this.#give(number, picture, isTold ? timeSeconds : undefined);
  }

  /** Its time is its place among the files. */
  *#takePicture(picture: NutFrame, seconds: number): Generator<SourceFrame, void, undefined> {
    this.received += 1;
    const number = this.start + Math.round(seconds * this.#perSecond);
    this.#miss(number);
    yield* this.#give(number, picture);
  }

  /** What comes after the last frame that ffmpeg gave. */
  *finish({ frameCount, repeatedFrames }: VideoInfo): Generator<SourceFrame, void, undefined> {
    if (this.#info.kind === 'sequence') this.#miss(frameCount ?? 0);
    else if (repeatedFrames > 0) yield* this.#repeatUpTo(frameCount ?? 0);
  }

  *#give(
    number: number,
    picture: NutFrame,
    timeSeconds = number / this.#perSecond,
  ): Generator<SourceFrame, void, undefined> {
    // Of what may be shown again bytes are kept that nobody else has.
    const own = this.#info.container === 'avi' ? copyOf(picture) : picture;
    this.#last = { number, timeSeconds, picture: own };
    if (number < this.start) return;
    this.given += 1;
    yield { number, timeSeconds, picture };
  }

  #miss(upTo: number): void {
    for (let n = (this.#last?.number ?? this.start - 1) + 1; n < upTo; n += 1) this.missing.push(n);
  }

  /** An AVI shows its last picture again where it holds nothing. */
  *#repeatUpTo(slot: number): Generator<SourceFrame, void, undefined> {
    while (this.#last && this.#last.number + 1 < slot) {
      const { number, picture } = this.#last;
      this.repeats += 1;
      yield* this.#give(number + 1, picture);
    }
  }
}

export interface Decoded {
  readonly probed: ProbedInput;
  /** The source, counted where it can be. */
  readonly info: VideoInfo;
  readonly options: DecodeOptions;
  readonly tally: FrameTally;
  /** ffmpeg was told to stop after some frames, and did: nothing is known of the rest. */
  readonly isStopped: boolean;
  readonly stderr: StderrLog;
  readonly log: Logger;
}

/**
 * Holds what was decoded against what the container holds, when ffmpeg has ended.
 * @throws FrameloomError bad-input on damage, as `onDamage` says, and where there was no frame at all
 */
export async function checkDecoded(decoded: Decoded): Promise<void> {
  const { info, options, tally, isStopped, stderr, log } = decoded;
  const { plan, start } = tally;
  const where = info.path ?? 'the stream';
  const isFromStart = plan.firstFrame === 0 && plan.seek === undefined;
  const delivered =
    plan.skipTo > 0
      ? Math.max(0, tally.received - 1) + plan.skipTo
      : start * Number(!isFromStart) + tally.received;
  const { decodedFrames } = stderr;
  // The decoder's own count is right whatever filters make of its frames.
  const frames = (isFromStart ? (decodedFrames ?? delivered) : delivered) + tally.repeats;
  const expected = isStopped || info.kind === 'stream' ? null : expectedFrames(info);
  if (tally.received === 0 && !isStopped && (expected === null || start < expected)) {
    const said = stderr.excerpt();
    throw new FrameloomError(
      'bad-input',
      `${where} gave no frame${said === '' ? '' : `: ${said}`}`,
      info.path === null ? {} : { path: info.path },
    );
  }
  const due = framesDue(decoded);
  if (options.oneToOne && due !== null && !isStopped && tally.received !== due) {
    throw new FrameloomError(
      'bad-data',
      `the filtergraph makes ${tally.received} frames of the ${due} of ${where}`,
      {
        hint: 'its filters must give one frame for each frame',
        ...(info.path === null ? {} : { path: info.path }),
      },
    );
  }
  if (info.kind === 'stream' && !isStopped) warnOfLostPackets(where, info, stderr, log);
  reportDamage(
    {
      where,
      info,
      expected,
      frames,
      leading: isFromStart ? leadingFrames(info, tally.firstTimes) : 0,
      notes: isStopped ? [] : await notesOf(decoded),
      stderr,
    },
    options.onDamage ?? 'error',
    log,
  );
}

/** Codecs and containers some of whose packets are not meant to be shown. */
const HIDES_PACKETS = /^(vp[89]|av1|mpeg4|msmpeg4v\d)$/;

/** A stream cannot be counted beforehand, but packets that came to nothing can be told of. */
function warnOfLostPackets(
  where: string,
  info: VideoInfo,
  { readPackets, decodedFrames }: StderrLog,
  log: Logger,
): void {
  if (readPackets === undefined || decodedFrames === undefined) return;
  const isHiding = HIDES_PACKETS.test(info.codec) || info.container.includes('mov');
  // A frame of fields comes in two packets.
  const areFields = info.interlaced || readPackets >= 2 * decodedFrames - 1;
  const lost = readPackets - decodedFrames;
  if (lost <= 0 || isHiding || areFields) return;
  log.warn(`${where}: ${lost} of its ${readPackets} packets gave no picture`);
}

/** The frames of the whole source; null where its header's word is all there is. */
function expectedFrames(info: VideoInfo): number | null {
  return info.isCounted ? info.frameCount : null;
}

/**
 * Frames that could not be shown at the beginning of a recording that begins between key frames:
 * those before the first, and those among the next ones that need what came before it.
 */
function leadingFrames(
  { frameTimes, startSeconds, container }: VideoInfo,
  firstTimes: readonly number[],
): number {
  const first = firstTimes[0];
  if (frameTimes === null || first === undefined || container === 'avi') return 0;
  const placeOf = (seconds: number): number => {
    const found = frameTimes.findIndex((time) => time >= seconds - startSeconds - ROUNDING_SECONDS);
    return found === -1 ? frameTimes.length : found;
  };
  const before = placeOf(first);
  const last = firstTimes.at(-1) ?? first;
  return before === 0 ? 0 : Math.max(before, placeOf(last) + 1 - firstTimes.length);
}

/** Frames that have to come out of ffmpeg, by its decoder's own count; null where that says nothing. */
function framesDue({ tally: { plan }, stderr: { decodedFrames } }: Decoded): number | null {
  if (decodedFrames === undefined || plan.seek !== undefined) return null;
  if (plan.skipTo === 0) return decodedFrames;
  return Math.min(1, decodedFrames) + Math.max(0, decodedFrames - plan.skipTo);
}

async function notesOf(decoded: Decoded): Promise<string[]> {
  const { probed, info, options, tally } = decoded;
  const notes: string[] = [];
  const { input } = probed;
  if (input.kind === 'sequence' && tally.missing.length > 0) {
    const names = tally.missing.slice(0, 3).map((n) => input.sequence.files[n] ?? String(n));
    const more = tally.missing.length > 3 ? ` and ${tally.missing.length - 3} more` : '';
    notes.push(`${names.join(', ')}${more} cannot be decoded`);
  }
  if (tally.repeats > info.repeatedFrames) {
    notes.push(`${tally.repeats - info.repeatedFrames} frames cannot be decoded`);
  }
  if (info.container === 'gif' && info.path !== null && (await gifIsCutShort(info.path))) {
    notes.push('it ends before its trailer');
  }
  const isMatroska = info.container.includes('matroska');
  if (isMatroska && info.path !== null && (await matroskaIsCutShort(info.path))) {
    notes.push('it ends before its segment does');
  }
  if (info.container === 'yuv4mpegpipe' && (await isCutY4m(probed))) {
    notes.push('it ends in the middle of a frame');
  }
  // Filters of the user's may drop or make frames as they like; ours may not.
  const isPlain = options.filter === undefined && options.preFilter === undefined;
  const due = framesDue(decoded);
  if (isPlain && due !== null && tally.received < due) {
    notes.push(`${due - tally.received} decoded frames did not come out of ffmpeg`);
  }
  return notes;
}

async function isCutY4m({ input, feed }: ProbedInput): Promise<boolean> {
  if (feed) return y4mIsCutShort(feed.beginning, feed.bytesRead);
  if (input.kind !== 'file') return false;
  const file = await open(input.path, 'r');
  try {
    const head = Buffer.alloc(512);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return y4mIsCutShort(head.subarray(0, bytesRead), input.bytes);
  } finally {
    await file.close();
  }
}
