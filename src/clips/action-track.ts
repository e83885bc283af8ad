import { FrameloomError } from '../base/error.js';
import { rationalToNumber } from '../base/rational.js';
import { counted } from '../base/units.js';
import { isResampled } from '../video/rate.js';
import type { ActionTable } from './action-table.js';
import type { ActionRules, ActionTrack } from './actions.js';
import type { ClipMedia, MediaPlan } from './media.js';

/** The clip that a file of actions is beside. */
export interface ActionClip extends Pick<ClipMedia, 'path' | 'info' | 'firstFrame'> {
  /** Frames of it that are used. */
  readonly frameCount: number;
}

/** What a file says of a clip, frame for frame. */
export interface ClipActions extends ActionTrack {
  /** As of {@link ActionRules}, column by column. */
  readonly ranges: ActionRules['ranges'];
  readonly table: Pick<ActionTable, 'path' | 'sha256' | 'by' | 'unused'> & {
    readonly rows: number;
  };
  /** Frames that a row tells of; of rows by time, those from the first row on. */
  readonly toldFrames: number;
  readonly warnings: readonly string[];
}

/** Seconds of the file's frames, by their numbers. */
function sourceTimes({ info }: ActionClip): (frame: number) => number {
  const { frameTimes, fps } = info;
  const rate = rationalToNumber(fps);
  const known = frameTimes?.length ?? 0;
  if (!frameTimes || known === 0) return (frame) => frame / rate;
  return (frame) => frameTimes[frame] ?? frameTimes[known - 1]! + (frame - known + 1) / rate;
}

/** Seconds at which frames of the clip are shown, by their numbers; −1 and the one behind the last included. */
function shownAt(clip: ActionClip, { fps, resample }: Pick<MediaPlan, 'fps' | 'resample'>) {
  const rate = rationalToNumber(fps);
  const own = sourceTimes(clip);
  return (frame: number): number => {
    const at = clip.firstFrame + frame;
    return resample || at < 0 ? at / rate : own(at);
  };
}

/** Rows in a row, as one vector: a key is held where any of them says so, an axis is their mean. */
function summedUp(
  { values }: Pick<ActionTable, 'values'>,
  { columns }: ActionRules,
  from: number,
  to: number,
): Float32Array {
  const size = columns.length;
  return Float32Array.from(columns, ({ kind, default: nothing }, i) => {
    let [count, sum, most] = [0, 0, 0];
    for (let row = from; row < to; row += 1) {
      const value = values[row * size + i]!;
      if (Number.isNaN(value)) continue;
      count += 1;
      sum += value;
      most = Math.max(most, value);
    }
    if (count === 0) return nothing;
    return kind === 'key' ? most : sum / count;
  });
}

/** The first of ascending numbers, by their places, that is not below another; their count where all are. */
function placeFrom(count: number, at: (place: number) => number, least: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(middle) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Far below what is between any two frames. */
const ROUNDING_SECONDS = 1e-6;

/** The clip's part of its file, in frames of the file, whose numbers are those of rows. */
interface FilePart {
  readonly first: number;
  /** The one behind its last. */
  readonly end: number;
  /** Frames of the file, as far as is known. */
  readonly whole: number;
  /** As many rows without a number may be of it: of the whole file, or of all up to the end of the part. */
  readonly rows: (count: number) => boolean;
  /** First frame of those that are shown in one of the clip, and the one behind them. */
  readonly shownIn: (frame: number) => readonly [number, number];
}

function filePart(clip: ActionClip, plan: Pick<MediaPlan, 'fps' | 'resample'>): FilePart {
  const { firstFrame, frameCount, info } = clip;
  if (!plan.resample) {
    const end = firstFrame + frameCount;
    const whole = info.frameCount ?? end;
    return {
      ...{ first: firstFrame, end, whole },
      rows: (count) => count === whole || count === end,
      shownIn: (frame) => [firstFrame + frame, firstFrame + frame + 1],
    };
  }
  const [seconds, times] = [shownAt(clip, plan), sourceTimes(clip)];
  const rate = rationalToNumber(info.fps);
  const known = Math.max(info.frameCount ?? 0, info.frameTimes?.length ?? 0);
  const frameFrom = (moment: number): number =>
    placeFrom(Math.max(known, Math.ceil(moment * rate) + 1), times, moment);
  // Half-way a frame is of the later one, as it is decoded, whichever way numbers are rounded.
  const between = (frame: number): number =>
    (seconds(frame - 1) + seconds(frame)) / 2 - ROUNDING_SECONDS;
  const shownIn = (frame: number): readonly [number, number] => {
    // Where the file has none there, the last one before is shown on.
    const end = Math.min(frameFrom(between(frame + 1)), known || Infinity);
    return [Math.max(0, Math.min(frameFrom(between(frame)), end - 1)), end];
  };
  const [[first], [, nearest]] = [shownIn(0), shownIn(frameCount - 1)];
  // Of frames that are left out at the end nobody knows whether they were told.
  const end = frameFrom(seconds(frameCount) - ROUNDING_SECONDS);
  const whole = info.frameCount ?? end;
  const isWhole = end >= (info.frameCount ?? Infinity);
  return {
    ...{ first, end: Math.min(end, whole), whole },
    rows: (count) => count === info.frameCount || (!isWhole && count >= nearest && count <= end),
    shownIn,
  };
}

/** Refuses rows that cannot be of these frames, before anything is made of them. */
function assertRows({ by, at, path }: ActionTable, clip: ActionClip, part: FilePart): void {
  const rows = at.length;
  if (by === 'row') {
    if (part.rows(rows)) return;
    throw new FrameloomError(
      'bad-data',
      `${path} has ${counted(rows, 'row')}, and ${clip.path} ${counted(part.whole, 'frame')}`,
      {
        path,
        hint: 'give a row for each frame, or a column frame or time that says what each is of',
      },
    );
  }
  if (by !== 'frame') return;
  const twice = at.findIndex((frame, i) => i > 0 && frame === at[i - 1]);
  if (twice === -1) return;
  throw new FrameloomError('bad-data', `${path} has two rows of frame ${at[twice]!}`, {
    path,
    hint: 'give each frame one row; of several in one frame, give time in seconds instead',
  });
}

/** A file of seconds does not go on for so many times its clip. */
const MILLISECONDS_FROM = 100;

/** What is odd of rows by time, and could still be meant. */
function odditiesOfTimes(
  { at, path }: ActionTable,
  clip: ActionClip,
  seconds: (frame: number) => number,
): string[] {
  const [first, last] = [at[0]!, at.at(-1)!];
  const [begins, ends] = [seconds(0), seconds(clip.frameCount - 1)];
  if (last < begins || first > ends) {
    throw new FrameloomError(
      'bad-data',
      `${path} tells of ${first} to ${last} s, and ${clip.path} of ${begins.toFixed(2)} to ${ends.toFixed(2)} s`,
      { path, hint: 'time is in seconds after the first frame of the clip' },
    );
  }
  const whole = Math.max(ends, sourceTimes(clip)((clip.info.frameCount ?? 0) - 1));
  // Events that are seconds apart, for hours, of a clip of minutes: milliseconds.
  if (last > MILLISECONDS_FROM * whole && (last - first) / at.length > 1) {
    throw new FrameloomError(
      'bad-data',
      `${path} tells of ${first} to ${last} s, and ${clip.path} ends at ${whole.toFixed(2)} s`,
      { path, hint: 'time is in seconds: divide milliseconds by 1000' },
    );
  }
  const missing = ends - last;
  const slack = Math.max(1, 0.05 * (ends - begins));
  if (last > whole + slack) {
    return [`has actions up to ${last.toFixed(2)} s, and ends at ${whole.toFixed(2)} s`];
  }
  // A second without a row may be one in which nothing was done.
  return missing > slack
    ? [
        `has actions up to ${last.toFixed(2)} s of ${ends.toFixed(2)} s: what was done last is taken to go on`,
      ]
    : [];
}

/** What is odd of rows by frame, which are numbered as the frames of the file are. */
function odditiesOfFrames(
  { at, path }: ActionTable,
  clip: ActionClip,
  { first: begins, end, whole, shownIn }: FilePart,
  resample: boolean,
): string[] {
  const [first, last] = [at[0]!, at.at(-1)!];
  let missing = 0;
  for (let frame = 0; frame < clip.frameCount; frame += 1) {
    const [from, to] = rowsOf(at, shownIn(frame));
    if (from >= to) missing += 1;
  }
  if (missing === clip.frameCount) {
    throw new FrameloomError(
      'bad-data',
      `${path} tells of frames ${first} to ${last}, and ${clip.path} has ${begins} to ${end - 1}`,
      { path, hint: 'frames are numbered from 0' },
    );
  }
  // Of another rate an offset is of other frames.
  const remedy = resample ? 'number them from 0' : 'set data.actions.offsetFrames to -1';
  const fromOne = first === 1 ? `: if they are numbered from 1, ${remedy}` : '';
  return [
    ...(missing > 0
      ? [
          `has no actions for ${missing} of ${clip.frameCount} frames: they have the defaults${missing === 1 && last < whole ? fromOne : ''}`,
        ]
      : []),
    ...(last >= whole
      ? [`has actions of frame ${last}, and its last frame is ${whole - 1}${fromOne}`]
      : []),
  ];
}

/**
 * Brings the rows of a file to the frames of its clip. Rows by time belong to the frame that is shown nearest to them:
 * what several of them say of one frame is put together, and a frame without any goes on with the last before it.
 * @throws FrameloomError bad-data for rows that cannot be of these frames
 */
export function trackOf(
  table: ActionTable,
  clip: ActionClip,
  rules: ActionRules,
  { fps, resample: isAsked }: Pick<MediaPlan, 'fps' | 'resample'>,
): ClipActions {
  const plan = { fps, resample: isAsked && isResampled(clip.info, fps) };
  const part = filePart(clip, plan);
  assertRows(table, clip, part);
  const isByTime = table.by === 'time';
  const seconds = shownAt(clip, plan);
  const warnings = isByTime
    ? odditiesOfTimes(table, clip, seconds)
    : odditiesOfFrames(table, clip, part, plan.resample);
  const vectorAt = isByTime ? ofMoment(table, rules, seconds) : ofFrames(table, rules, part);
  const size = rules.columns.length;
  const values = new Float32Array(clip.frameCount * size);
  const nothing = Float32Array.from(rules.columns, (column) => column.default);
  let told = 0;
  for (let frame = 0; frame < clip.frameCount; frame += 1) {
    const own = vectorAt(frame - rules.offsetFrames);
    if (own) told += 1;
    values.set(own ?? nothing, frame * size);
  }
  const { path, sha256, by, unused } = table;
  return {
    values,
    columns: rules.columns,
    ranges: rules.ranges,
    table: { path, sha256, by, unused, rows: table.at.length },
    toldFrames: told,
    warnings,
  };
}

/** What is told of one of the clip's frames; null where no row is. */
type VectorAt = (frame: number) => Float32Array | null;

/** Rows of some frames of the file: the first, and the one behind the last. */
function rowsOf(at: Float64Array, frames: readonly [number, number]): readonly [number, number] {
  const [from, to] = frames.map((frame) => placeFrom(at.length, (row) => at[row]!, frame));
  return [from!, to!];
}

function ofFrames(table: ActionTable, rules: ActionRules, { shownIn }: FilePart): VectorAt {
  return (frame) => {
    const [from, to] = rowsOf(table.at, shownIn(frame));
    return from < to ? summedUp(table, rules, from, to) : null;
  };
}

function ofMoment(
  table: ActionTable,
  rules: ActionRules,
  seconds: (frame: number) => number,
): VectorAt {
  const { at } = table;
  const rowFrom = (moment: number): number => placeFrom(at.length, (row) => at[row]!, moment);
  return (frame) => {
    const from = rowFrom((seconds(frame - 1) + seconds(frame)) / 2);
    const to = rowFrom((seconds(frame) + seconds(frame + 1)) / 2);
    if (to > from) return summedUp(table, rules, from, to);
    return from === 0 ? null : summedUp(table, rules, from - 1, from);
  };
}
