import { concat, defer, EMPTY, filter, lastValueFrom, tap, toArray, type Observable } from 'rxjs';
import { asGiven } from '../../base/caller.js';
import { FrameloomError } from '../../base/error.js';
import { counted } from '../../base/units.js';
import type { Rational } from '../../base/rational.js';
import { openCondition, type ConditionStream, type InputColour } from '../../clips/condition.js';
import { deinterlaceFilter } from '../../video/deinterlace.js';
import {
  knowsEachFrame,
  type Frame,
  type OnDamage,
  type OpenedVideo,
  type VideoInfo,
} from '../../video/index.js';
import type { ConditionLayout, DataOptions } from '../../clips/index.js';
import { dataOf, type AnyModel } from '../models/model.js';

/** What a generator is driven by: conditions, and the real frames that it begins with. */
export interface FrameSource {
  /** A condition for each frame of the input, the start's own included. */
  readonly conditions: Observable<Frame>;
  /** Start frame k, rgb24 in the model's size; known once condition k has come. */
  readonly start: (k: number) => Frame;
  /** What the conditions' bytes are, with the colours of labels where there is a palette. */
  readonly layout: ConditionLayout;
  /**
   * The input's own frame of the condition that came last, rgb24 in the model's size; to be asked for once
   * for each. Null where it was not wanted, or the input is a condition itself.
   */
  readonly takeReal: (() => Frame) | null;
}

export interface FrameSourceOptions {
  /** Real frames to begin with. */
  readonly startFrames: number;
  /** The input's own frames are wanted beside the conditions, where it has any. */
  readonly real?: boolean | undefined;
  /** Conditions to leave out, because their frames are there: none of the start is then needed. */
  readonly skip?: number | undefined;
  /** The rate that was asked for, or the input's own. */
  readonly fps: Rational;
  /** The rate was asked for: the input is resampled to it. Otherwise each of its frames is taken. */
  readonly resample: boolean;
  readonly onDamage: OnDamage;
  readonly colour?: InputColour | undefined;
  readonly baseFolder: string;
  readonly signal?: AbortSignal | undefined;
  /** Run any filtergraph of the model, not only those that can do no more than change pictures. */
  readonly trustFilters?: boolean | undefined;
}

/**
 * The conditions of an opened input by the model's rule. A file is decoded again for the start's
 * frames; of a pipe, which is read once, they are kept as they pass.
 * @throws FrameloomError bad-input where there are fewer frames than the start needs (of a pipe, the
 *   stream errors with it); what opening the condition throws
 */
export async function openFrameSource(
  model: AnyModel,
  video: OpenedVideo,
  options: FrameSourceOptions,
): Promise<FrameSource> {
  const data = dataOf(model);
  const { startFrames, skip = 0, fps, resample, onDamage, colour, ...place } = options;
  const context = { ...place, fps, resample, onDamage, colour };
  const scaled = {
    size: { ...data.size, fit: data.fit },
    fps: resample ? fps : undefined,
    onDamage,
    preFilter: data.deinterlace ? await deinterlaceFilter() : undefined,
    ...colour,
  };
  const missing = (have: number): FrameloomError =>
    new FrameloomError(
      'bad-input',
      `${video.info.path ?? 'the stream'} has only ${counted(have, 'frame')}`,
      {
        hint: `it needs more than ${startFrames}, or ${asGiven('--start-frames none', 'startFrames: 0')}`,
      },
    );
  const starts: Frame[] = [];
  const start = (k: number): Frame => {
    const frame = starts[k];
    if (!frame) throw missing(starts.length);
    return frame;
  };
  const given = (condition: ConditionStream | null) => ({
    ...{ start, layout: condition?.layout ?? model.layout, takeReal: null },
  });
  const enters = skip > 0 && mayEnter(data, video.info, options);
  const startFrame = enters ? skip : undefined;
  /** Of what is decoded, what is not to be given out. */
  const left = enters ? 0 : skip;
  const real = options.real === true && data.condition.kind !== 'paired';
  if (real || (startFrames > 0 && video.isStream)) {
    // One decoding for both: conditions are made of the very frames that are kept.
    const reals: Frame[] = [];
    const frames = video.decode({ ...scaled, startFrame }).pipe(
      tap((frame) => {
        if (starts.length < startFrames) starts.push(frame);
        if (real) reals.push(frame);
      }),
    );
    const condition = await openCondition(data, { frames }, context);
    const conditions = (condition?.frames ?? frames).pipe(
      filter((_, k) => {
        if (k < left) reals.shift();
        return k >= left;
      }),
    );
    const complete = defer(() => {
      if (starts.length < startFrames) throw missing(starts.length);
      return EMPTY;
    });
    return {
      ...given(condition),
      conditions: concat(conditions, complete),
      takeReal: real ? () => reals.shift()! : null,
    };
  }
  if (skip > 0) {
    const condition = await openCondition(data, { video }, { ...context, startFrame });
    const frames = condition?.frames ?? video.decode({ ...scaled, startFrame });
    return { ...given(condition), conditions: frames.pipe(filter((_, k) => k >= left)) };
  }
  if (startFrames > 0) {
    const first = video.decode({ ...scaled, frames: startFrames }).pipe(toArray());
    starts.push(...(await lastValueFrom(first)));
    if (starts.length < startFrames) throw missing(starts.length);
  }
  const condition = await openCondition(data, { video }, context);
  return { ...given(condition), conditions: condition?.frames ?? video.decode(scaled) };
}

/** Filters of these see one frame at a time. */
const OF_ONE_FRAME = new Set(['edges', 'picture', 'grey', 'blur', 'low-resolution']);

/**
 * Whether decoding may begin in mid-stream and still give what it gives from the start: pictures by filters that
 * remember none before, at times that follow from the number. Otherwise the front is decoded too,
 * which takes little beside generating.
 */
function mayEnter(data: DataOptions, info: VideoInfo, options: FrameSourceOptions): boolean {
  const { condition, deinterlace } = data;
  if (condition.kind === 'derived' && !OF_ONE_FRAME.has(condition.preset ?? '')) return false;
  if (deinterlace || options.resample || info.variableFrameRate) return false;
  if (info.kind === 'sequence') return options.onDamage === 'error';
  return info.frameTimes !== null && knowsEachFrame(info.container);
}
