import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { map, Observable } from 'rxjs';
import { FrameloomError } from '../base/error.js';
import type { Rational } from '../base/rational.js';
import { deinterlaceFilter } from '../video/deinterlace.js';
import {
  currentDemand,
  decodeFrames,
  withDemand,
  type DecodeOptions,
  type Frame,
  type OpenedVideo,
  type VideoInfo,
} from '../video/index.js';
import { conditionToRgb } from './class-colours.js';
import { planCondition, type ConditionPlan } from './condition-plan.js';
import { assertLabelMaps, holdsIdPictures } from './label-maps.js';
import { idFrame } from './label-pictures.js';
import { conditionBytesOf, consumeFrames, labelOptions, sourceOptions } from './media.js';
import type { DataOptions } from './options.js';
import type { ConditionLayout } from './types.js';

/** A video to be turned into conditions. */
export type ConditionSource =
  | {
      /** A video of the kind that the pipeline derives conditions from, or (paired) the condition. */
      readonly path: string;
      /** What `probe` said of it. */
      readonly info: VideoInfo;
    }
  | {
      /** The same, looked at but not read yet: a pipe, of which there is only one reading. */
      readonly video: OpenedVideo;
    }
  | {
      /** Frames already decoded, of any size that the stream keeps, rgb24 (or gray, of label ids). */
      readonly frames: Observable<Frame>;
    };

/** How luma and chroma of an input are to be read, whatever it says of itself. */
export type InputColour = Pick<DecodeOptions, 'colourMatrix' | 'colourRange'>;

export interface ConditionContext {
  readonly baseFolder: string;
  /** Frames a second that the condition is wanted at: the dataset's. */
  readonly fps: Rational;
  /** Resample sources of another rate to it, as by default; otherwise each of their frames is taken. */
  readonly resample?: boolean | undefined;
  readonly startSeconds?: number | undefined;
  /** The same as a number of frames. Not with startSeconds. */
  readonly startFrame?: number | undefined;
  readonly durationSeconds?: number | undefined;
  /** What a damaged input is; what `data.onDamage` says unless given. */
  readonly onDamage?: 'error' | 'warn' | undefined;
  /** Overrules the colours that the input is tagged with. */
  readonly colour?: InputColour | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Run any filtergraph, not only those that can do no more than change pictures. */
  readonly trustFilters?: boolean | undefined;
}

/** The conditions of one input video. */
export interface ConditionStream {
  readonly layout: ConditionLayout;
  /**
   * One frame for each frame of the input, `data` holding bytesPerPixel of the layout: what
   * conditionToTensor takes. Label frames are `gray` and hold ids.
   */
  readonly frames: Observable<Frame>;
  /** The picture of a condition frame for people, rgb24: labels in their colours. */
  toPicture(condition: Frame): Frame;
}

/**
 * RGB frames through an ffmpeg filtergraph. Frames are taken from the source as ffmpeg takes their
 * bytes, and ffmpeg waits for whoever takes the result.
 */
function filtered(
  source: Observable<Frame>,
  filter: string,
  size: { width: number; height: number; fit: DataOptions['fit'] },
  context: ConditionContext,
): Observable<Frame> {
  return new Observable<Frame>((subscriber) => {
    const pipe = new PassThrough();
    const stop = new AbortController();
    const { fps, signal } = context;
    const downstream = currentDemand();
    let first: Frame | undefined;
    /** When the frames under way are shown: raw bytes carry no times. */
    const times: number[] = [];
    const begin = ({ width, height, pixelFormat }: Frame): void => {
      const raw = { width, height, fps, pixelFormat };
      const output = decodeFrames(pipe, { raw, size, filter, oneToOne: true, signal });
      const timed = output.pipe(
        map((frame) => ({ ...frame, timeSeconds: times.shift() ?? frame.timeSeconds })),
      );
      subscriber.add(withDemand(downstream, () => timed.subscribe(subscriber)));
    };
    // The source is paced by the pipe alone: the pipe is paced by ffmpeg, and that by demand.
    consumeFrames(
      source,
      (frame) => {
        if (!first) begin((first = frame));
        if (frame.data.length !== first.data.length || frame.width !== first.width) {
          return Promise.reject(sizeChanged(first, frame));
        }
        times.push(frame.timeSeconds);
        if (pipe.write(frame.data)) return undefined;
        return once(pipe, 'drain', { signal: stop.signal }).then(() => undefined);
      },
      stop.signal,
    ).then(
      () => {
        pipe.end();
        if (!first) subscriber.complete();
      },
      (error: unknown) => {
        if (!stop.signal.aborted) subscriber.error(error);
      },
    );
    return () => {
      stop.abort();
      pipe.destroy();
    };
  });
}

const sizeChanged = (first: Frame, frame: Frame): FrameloomError =>
  new FrameloomError(
    'bad-shape',
    `frame ${frame.index} is ${frame.width}x${frame.height} ${frame.pixelFormat}, the first one ${first.width}x${first.height} ${first.pixelFormat}`,
  );

function decoded(
  source: Exclude<ConditionSource, { frames: Observable<Frame> }>,
  plan: ConditionPlan,
  options: DataOptions,
  context: ConditionContext & {
    readonly deinterlace: string | null;
    readonly isIdPictures: boolean;
  },
): Observable<Frame> {
  const { deinterlace, isIdPictures } = context;
  const info = 'video' in source ? source.video.info : source.info;
  const { startSeconds, startFrame, durationSeconds, signal } = context;
  const { fit, onDamage } = options;
  const target = {
    ...{ ...options.size, fit, fps: context.fps, resample: context.resample ?? true, deinterlace },
    onDamage: context.onDamage ?? onDamage,
  };
  const range = { startSeconds, startFrame, durationSeconds };
  const how = plan.labels
    ? { ...labelOptions(target, info, plan.labels, isIdPictures), ...range }
    : {
        ...sourceOptions(target, info),
        ...range,
        ...context.colour,
        filter: plan.filtergraph ?? undefined,
        oneToOne: true,
      };
  const frames =
    'video' in source ? source.video.decode(how) : decodeFrames(source.path, { ...how, signal });
  return isIdPictures ? frames.pipe(map(idFrame)) : frames;
}

/** A frame as the condition holds it. */
function asCondition(frame: Frame, plan: ConditionPlan & { width: number; height: number }): Frame {
  const data = conditionBytesOf(frame, plan, frame.index);
  return { ...frame, data, pixelFormat: plan.layout.bytesPerPixel === 3 ? 'rgb24' : 'gray' };
}

/**
 * The conditions of one input, by the pipeline's rule and so as training saw them: a derived
 * condition is made from the input by the same filtergraph at the same size; for a paired one the
 * input is the condition video itself; `none` has no condition.
 *
 * Frames that are already decoded go through an ffmpeg of their own for a derived condition, and are given
 * back one for one. Paired frames must come in the pipeline's size, labels in their palette's
 * colours (rgb24) or as ids (gray).
 *
 * @param options the parsed `data:` section of the pipeline that was trained
 * @returns null for a pipeline without conditions
 * @throws FrameloomError not-found, bad-data of a palette and of label maps that hold other ids than
 *   can be read; untrusted for a filtergraph that could do
 *   more than change pictures; the stream errors with what decoding errors with, and bad-data for a
 *   label outside the palette
 */
export async function openCondition(
  options: DataOptions,
  source: ConditionSource,
  context: ConditionContext,
): Promise<ConditionStream | null> {
  const { width, height } = options.size;
  const { baseFolder, trustFilters } = context;
  const place = { baseFolder, width, height, trustFilters };
  const plan = await planCondition(options, place);
  const { labels, layout, filtergraph } = plan;
  if (layout.kind === 'none') return null;
  let raw: Observable<Frame>;
  if (!('frames' in source)) {
    const info = 'video' in source ? source.video.info : source.info;
    if (labels) await assertLabelMaps(info, labels);
    const deinterlace = options.deinterlace ? await deinterlaceFilter() : null;
    const isIdPictures = labels !== null && (await holdsIdPictures(info, labels));
    raw = decoded(source, plan, options, { ...context, deinterlace, isIdPictures });
  } else if (filtergraph === null) raw = source.frames;
  else {
    const size = { width, height, fit: options.fit };
    raw = filtered(source.frames, filtergraph, size, context);
  }
  const whole = { ...plan, width, height };
  return {
    layout,
    frames: raw.pipe(map((frame) => asCondition(frame, whole))),
    toPicture(condition) {
      const data = conditionToRgb(condition.data, layout);
      return { ...condition, pixelFormat: 'rgb24', data };
    },
  };
}
