import { FrameloomError } from '../base/error.js';
import { rationalToNumber } from '../base/rational.js';
import { counted } from '../base/units.js';
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
  readonly table: Pick<ActionTable, 'path' | 'sha256' | 'by' | 'unused'> & {
    readonly rows: number;
  };
  /** Frames that a row tells of; of rows by time, those up to the last row. */
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

/** A table by frames as one by seconds, a row for each frame of the file, so that another rate may be taken of it. */
function byTime(table: ActionTable, clip: ActionClip, rules: ActionRules): ActionTable {
  const times = sourceTimes(clip);
  const size = rules.columns.length;
  const last = Math.max(0, table.at.at(-1)!);
  const frames = Math.min(last + 1, clip.info.frameCount ?? last + 1);
  const values = new Float32Array(frames * size).fill(Number.NaN);
  table.at.forEach((frame, row) => {
    if (frame < 0 || frame >= frames) return;
    values.set(table.values.subarray(row * size, (row + 1) * size), frame * size);
  });
  return {
    ...table,
    by: 'time',
    at: Float64Array.from({ length: frames }, (_, i) => times(i)),
    values,
  };
}

/** Refuses rows that cannot be of these frames, before anything is made of them. */
function assertRows({ by, at, path }: ActionTable, clip: ActionClip): void {
  const rows = at.length;
  if (by === 'row') {
    const whole = clip.info.frameCount ?? clip.firstFrame + clip.frameCount;
    if (rows === whole || rows === clip.firstFrame + clip.frameCount) return;
    throw new FrameloomError(
      'bad-data',
      `${path} has ${counted(rows, 'row')}, and ${clip.path} ${counted(whole, 'frame')}`,
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

/** What is odd, and could still be meant. */
function oddities(
  table: ActionTable,
  clip: ActionClip,
  seconds: (frame: number) => number,
): string[] {
  const { by, at, path } = table;
  const [first, last] = [at[0]!, at.at(-1)!];
  if (by === 'time') {
    const [begins, ends] = [seconds(0), seconds(clip.frameCount - 1)];
    if (last < begins || first > ends) {
      throw new FrameloomError(
        'bad-data',
        `${path} tells of ${first} to ${last} s, and ${clip.path} of ${begins.toFixed(2)} to ${ends.toFixed(2)} s`,
        { path, hint: 'time is in seconds after the first frame of the clip' },
      );
    }
    const whole = sourceTimes(clip)(
      Math.max(clip.info.frameCount ?? 0, clip.firstFrame + clip.frameCount) - 1,
    );
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
  const end = clip.firstFrame + clip.frameCount;
  const inside = at.reduce(
    (sum, frame) => sum + (frame >= clip.firstFrame && frame < end ? 1 : 0),
    0,
  );
  if (inside === 0) {
    throw new FrameloomError(
      'bad-data',
      `${path} tells of frames ${first} to ${last}, and ${clip.path} has ${clip.firstFrame} to ${end - 1}`,
      { path, hint: 'frames are numbered from 0' },
    );
  }
  const missing = clip.frameCount - inside;
  const whole = clip.info.frameCount ?? end;
  const fromOne =
    first === 1 ? ': if they are numbered from 1, set data.actions.offsetFrames to -1' : '';
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
  plan: Pick<MediaPlan, 'fps' | 'resample'>,
): ClipActions {
  assertRows(table, clip);
  const seconds = shownAt(clip, plan);
  const warnings = oddities(table, clip, seconds);
  const size = rules.columns.length;
  const values = new Float32Array(clip.frameCount * size);
  const nothing = Float32Array.from(rules.columns, (column) => column.default);
  const isByFrame = table.by !== 'time' && !plan.resample;
  const rows = isByFrame || table.by === 'time' ? table : byTime(table, clip, rules);
  const vectorAt = isByFrame ? ofFrame(rows, rules) : ofMoment(rows, rules, seconds);
  let told = 0;
  for (let frame = 0; frame < clip.frameCount; frame += 1) {
    const own = vectorAt(frame - rules.offsetFrames, clip.firstFrame);
    if (own) told += 1;
    values.set(own ?? nothing, frame * size);
  }
  const { path, sha256, by, unused } = table;
  return {
    values,
    columns: rules.columns,
    table: { path, sha256, by, unused, rows: table.at.length },
    toldFrames: told,
    warnings,
  };
}

type VectorAt = (frame: number, firstFrame: number) => Float32Array | null;

function ofFrame(table: ActionTable, rules: ActionRules): VectorAt {
  const rowOf = new Map(Array.from(table.at, (frame, row) => [frame, row]));
  return (frame, firstFrame) => {
    const row = rowOf.get(frame + firstFrame);
    return row === undefined ? null : summedUp(table, rules, row, row + 1);
  };
}

function ofMoment(
  table: ActionTable,
  rules: ActionRules,
  seconds: (frame: number) => number,
): VectorAt {
  const { at } = table;
  /** The first row that is not before a moment. */
  const rowFrom = (moment: number): number => {
    let [low, high] = [0, at.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at[middle]! < moment) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return (frame) => {
    const from = rowFrom((seconds(frame - 1) + seconds(frame)) / 2);
    const to = rowFrom((seconds(frame) + seconds(frame + 1)) / 2);
    if (to > from) return summedUp(table, rules, from, to);
    return from === 0 ? null : summedUp(table, rules, from - 1, from);
  };
}
