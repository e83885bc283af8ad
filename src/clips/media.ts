import { map, Subscription, type Observable } from 'rxjs';
import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import type { Rational } from '../base/rational.js';
import {
  decodeFrames,
  DemandGate,
  withDemand,
  type DecodeOptions,
  type Frame,
  type VideoInfo,
} from '../video/index.js';
import type { ActionTable } from './action-table.js';
import type { ActionRules } from './actions.js';
import type { UnequalLength } from './lockstep.js';
import { lockstep } from './lockstep.js';
import { ID_PICTURES, idFrame } from './label-pictures.js';
import type { LabelReader, LabelTally } from './labels.js';
import type { ConditionLayout } from './types.js';

/** How all clips of a dataset are decoded. */
export interface MediaPlan {
  readonly width: number;
  readonly height: number;
  readonly fit: 'crop' | 'pad' | 'stretch';
  readonly fps: Rational;
  /** That rate was asked for: sources of another one are resampled. Otherwise every frame is taken. */
  readonly resample: boolean;
  readonly layout: ConditionLayout;
  /** Of a derived condition. */
  readonly filtergraph: string | null;
  /** It is one of ours, which give one frame for each: frame and condition come of one decoding. */
  readonly isPreset: boolean;
  /** Of paired labels. */
  readonly labels: LabelReader | null;
  /** Of what is told beside the condition; null where nothing is. */
  readonly actions: ActionRules | null;
  /** The filter that makes whole pictures of fields, of `data.deinterlace`. */
  readonly deinterlace: string | null;
  /** Whether what can be decoded of a damaged file is used, with a warning. */
  readonly onDamage: 'error' | 'warn';
  /** Another ffmpeg may scale otherwise, so scans are told apart by it. */
  readonly ffmpegVersion: string;
}

/** What settles how a source is decoded. */
export type SourcePlan = Pick<
  MediaPlan,
  'width' | 'height' | 'fit' | 'fps' | 'resample' | 'deinterlace' | 'onDamage'
>;

/** A clip, with the part of it that is used. */
export interface ClipMedia {
  readonly path: string;
  readonly info: VideoInfo;
  readonly conditionPath: string | null;
  readonly conditionInfo: VideoInfo | null;
  /** Frames of the file, at the plan's rate, before frame 0 of the clip. */
  readonly firstFrame: number;
  /** Frames of the clip at the most; null to the end. */
  readonly frameLimit: number | null;
  /** Frames of the clip before which pictures are missing from its folder. */
  readonly gapFrames: readonly number[];
  /** The condition is pictures whose ids are read as they stand in the files. */
  readonly isIdPictures: boolean;
  /** What was done in it, as its file says; null where the generator is told nothing. */
  readonly actions: ActionTable | null;
}

export interface ClipFrame {
  /** rgb24, HWC. */
  readonly rgb: Uint8Array;
  /** HW × bytesPerPixel of the layout. */
  readonly condition: Uint8Array | null;
}

interface Part {
  readonly startFrame: number;
  readonly frames?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly log?: Logger | undefined;
}

/** The frames of a clip, scaled. */
export function sourceOptions(plan: SourcePlan, info: VideoInfo | undefined): DecodeOptions {
  const { width, height, fit, fps, resample, deinterlace, onDamage } = plan;
  return {
    size: { width, height, fit },
    ...{ sequenceFps: fps, info, onDamage },
    fps: resample ? fps : undefined,
    ...(deinterlace !== null && { preFilter: deinterlace }),
  };
}

/**
 * Label maps are scaled without mixing neighbours, which would make colours that mean nothing.
 * @param isIdPictures as `holdsIdPictures` says: `idFrame` takes what is decoded
 */
export function labelOptions(
  plan: Omit<SourcePlan, 'deinterlace'>,
  info: VideoInfo,
  labels: LabelReader,
  isIdPictures: boolean,
): DecodeOptions {
  const { width, height, fit } = plan;
  const base: DecodeOptions = {
    // Deinterlacing mixes neighbours too.
    ...sourceOptions({ ...plan, deinterlace: null }, info),
    // In colour where it may be stored so: of a colour's grey level nobody knows that it is no id.
    pixelFormat: mayBeInColour(info) ? 'rgb24' : labels.pixelFormat,
    sampling: 'nearest',
    ...(isIdPictures && ID_PICTURES),
  };
  const square = info.sampleAspectRatio.num === info.sampleAspectRatio.den;
  if (info.width === width && info.height === height && square) return base;
  // The geometry of the video layer's own fit, so that labels lie on what they label.
  const scaled = {
    stretch: `w=${width}:h=${height}`,
    crop: `w='max(${width},round(${height}*dar))':h='max(${height},round(${width}/dar))'`,
    pad: `w='min(${width},max(1,round(${height}*dar)))':h='min(${height},max(1,round(${width}/dar)))'`,
  }[fit];
  const fitted = {
    stretch: '',
    crop: `,crop=${width}:${height}`,
    pad: `,pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:color=${labels.padColour(isIdPictures)}`,
  }[fit];
  return {
    ...base,
    size: { width, height, fit: 'stretch' },
    preFilter: `${scaleExactly(scaled, info)}${fitted},setsar=1`,
  };
}

/** Of pictures, one may be grey and the next in colour, as optimizers store them. */
const mayBeInColour = ({ kind, pixelFormat }: VideoInfo): boolean =>
  kind === 'sequence' || /^(rgb|bgr|gbr|pal8|argb|abgr|0rgb|0bgr)/.test(pixelFormat);

/**
 * Nearest-neighbour scaling that leaves every value as it is. ffmpeg scales packed RGB by way of
 * YUV with half the chroma, which makes colours that no label has; so RGB goes plane by plane.
 */
function scaleExactly(size: string, info: VideoInfo): string {
  const scale = `scale=${size}:flags=neighbor:in_range=full:out_range=full`;
  if (!mayBeInColour(info) && info.pixelFormat.startsWith('gray')) return `format=gray,${scale}`;
  if (!mayBeInColour(info)) return `format=yuv444p,scale=${size}:flags=neighbor`;
  const planes = ['r', 'g', 'b'];
  const each = planes.map((plane) => `[${plane}]${scale}[${plane}1]`).join(';');
  return `format=gbrp,extractplanes=r+g+b[r][g][b];${each};[g1][b1][r1]mergeplanes=0x001020:gbrp`;
}

function partOf(media: ClipMedia, part: Part): DecodeOptions {
  const left = media.frameLimit === null ? Infinity : media.frameLimit - part.startFrame;
  const frames = Math.min(left, part.frames ?? Infinity);
  return {
    startFrame: media.firstFrame + part.startFrame,
    frames: Number.isFinite(frames) ? Math.max(0, frames) : undefined,
    signal: part.signal,
    log: part.log,
  };
}

/** The frames of a clip, and those of its condition, each by itself. */
function streams(
  media: ClipMedia,
  plan: MediaPlan,
  part: Part,
): { frames: Observable<Frame>; condition: Observable<Frame> | null } {
  const range = partOf(media, part);
  const source = sourceOptions(plan, media.info);
  const frames = decodeFrames(media.path, { ...source, ...range });
  if (plan.filtergraph !== null) {
    const condition = { ...source, ...range, filter: plan.filtergraph };
    return { frames, condition: decodeFrames(media.path, condition) };
  }
  if (media.conditionPath === null || media.conditionInfo === null) {
    return { frames, condition: null };
  }
  const { conditionInfo, isIdPictures } = media;
  const paired = plan.labels
    ? labelOptions(plan, conditionInfo, plan.labels, isIdPictures)
    : sourceOptions(plan, conditionInfo);
  const condition = decodeFrames(media.conditionPath, { ...paired, ...range });
  return { frames, condition: isIdPictures ? condition.pipe(map(idFrame)) : condition };
}

/** Frames with their derived conditions below them, as one decoder gives both. */
function decodeBoth(media: ClipMedia, plan: MediaPlan, part: Part): Observable<ClipFrame> {
  const { width, height } = plan;
  const graph = `${plan.filtergraph ?? 'null'},format=rgb24`;
  const both = decodeFrames(media.path, {
    ...sourceOptions(plan, media.info),
    ...partOf(media, part),
    filter: `split[frame][source];[source]${graph}[condition];[frame][condition]vstack`,
  });
  const bytes = 3 * width * height;
  return both.pipe(
    map((frame, index) => {
      const condition = {
        ...frame,
        height: frame.height - height,
        data: frame.data.subarray(bytes),
      };
      return {
        rgb: frame.data.subarray(0, bytes),
        condition: conditionBytesOf(condition, plan, part.startFrame + index),
      };
    }),
  );
}

/**
 * The frames of a clip from `startFrame` on, each with its condition. Both are decoded at the same
 * size and rate, so that frame k of one belongs to frame k of the other.
 * @returns errors with what decoding throws, UnequalLength where one ends before the other, and
 *   bad-data for an unknown label where no tally is kept
 */
export function decodeClip(
  media: ClipMedia,
  plan: MediaPlan,
  part: Part & { readonly tally?: LabelTally | undefined },
): Observable<ClipFrame> {
  if (plan.filtergraph !== null && plan.isPreset) return decodeBoth(media, plan, part);
  const { frames, condition } = streams(media, plan, part);
  if (!condition) return frames.pipe(map(({ data }) => ({ rgb: data, condition: null })));
  return lockstep(frames, condition).pipe(
    map(([frame, other], index) => ({
      rgb: frame.data,
      condition: conditionBytesOf(other, plan, part.startFrame + index, part.tally),
    })),
  );
}

/**
 * A decoded condition frame as it is held: label ids, one channel or three.
 * @throws FrameloomError bad-data where the filtergraph changed the size, or for an unknown label
 */
export function conditionBytesOf(
  frame: Frame,
  plan: Pick<MediaPlan, 'width' | 'height' | 'layout' | 'labels'>,
  index: number,
  tally?: LabelTally,
): Uint8Array {
  if (frame.width !== plan.width || frame.height !== plan.height) {
    throw new FrameloomError(
      'bad-data',
      `the condition comes as ${frame.width}x${frame.height}, its frames as ${plan.width}x${plan.height}`,
      { hint: 'end the filtergraph in the size that it began with', path: 'data.condition' },
    );
  }
  if (plan.labels) return plan.labels.toIds(frame.data, index, tally, frame.pixelFormat);
  if (plan.layout.bytesPerPixel === 3) return frame.data;
  // One channel is decoded as grey RGB: a filtergraph is given colour whatever it makes of it.
  const grey = new Uint8Array(plan.width * plan.height);
  for (let i = 0; i < grey.length; i += 1) grey[i] = frame.data[3 * i]!;
  return grey;
}

const toError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));

/**
 * Subscribes, and lets the source wait while a frame is being worked on.
 * @param signal unsubscribes
 * @returns when the source has completed and all work is done
 * @throws what the source or the work fails with; FrameloomError cancelled by the signal
 */
export async function consumeFrames<T>(
  source: Observable<T>,
  work: (value: T) => Promise<void> | undefined,
  signal?: AbortSignal,
): Promise<void> {
  const gate = new DemandGate();
  let busy: Promise<void> = Promise.resolve();
  let unfinished = 0;
  const subscription = new Subscription();
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: unknown): void => reject(toError(error));
      const cancel = (): void => fail(new FrameloomError('cancelled', 'reading was cancelled'));
      if (signal?.aborted) return cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      subscription.add(() => signal?.removeEventListener('abort', cancel));
      const begin = (value: T): Promise<void> | undefined => {
        try {
          return unfinished === 0 ? work(value) : busy.then(async () => work(value));
        } catch (error) {
          fail(error);
          return undefined;
        }
      };
      const sink = {
        next(value: T) {
          const done = begin(value);
          if (!done) return;
          unfinished += 1;
          gate.set(false);
          busy = done.then(() => {
            unfinished -= 1;
            if (unfinished === 0) gate.set(true);
          });
          busy.catch(fail);
        },
        error: fail,
        complete: () => void busy.then(resolve, fail),
      };
      subscription.add(withDemand(gate, () => source.subscribe(sink)));
    });
  } finally {
    subscription.unsubscribe();
  }
}

async function countFrames(source: Observable<Frame>): Promise<number> {
  let count = 0;
  await consumeFrames(source, () => {
    count += 1;
    return undefined;
  });
  return count;
}

/**
 * The error for a clip and a condition that do not end together; counts the longer to its end.
 * @returns bad-data that names both counts
 */
export async function unequalError(
  media: ClipMedia,
  plan: MediaPlan,
  unequal: UnequalLength,
  signal: AbortSignal | undefined,
): Promise<FrameloomError> {
  const { count: shorter, longer } = unequal;
  const { frames, condition } = streams(media, plan, { startFrame: shorter, signal });
  const rest = longer === 'first' ? frames : condition;
  const total = shorter + (rest ? await countFrames(rest) : 0);
  const [clipFrames, conditionFrames] = longer === 'first' ? [total, shorter] : [shorter, total];
  if (plan.filtergraph !== null) {
    return new FrameloomError(
      'bad-data',
      `the condition's filtergraph makes ${conditionFrames} frames of the ${clipFrames} of ${media.path}`,
      { hint: 'its filters must give one frame for each frame', path: media.path },
    );
  }
  return new FrameloomError(
    'bad-data',
    `${media.path} has ${clipFrames} frames but its condition ${media.conditionPath ?? ''} has ${conditionFrames}`,
    { hint: 'cut both to the same frames, or use data.durationSeconds', path: media.path },
  );
}
