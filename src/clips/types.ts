import type * as tf from '@tensorflow/tfjs-core';
import type { Logger } from '../base/log.js';
import type { Rational } from '../base/rational.js';
import type { Share } from '../base/share.js';
import type { Augmentation } from './augment.js';
import type { BrokenClip } from './broken.js';
import type { ConditionKind } from './condition-options.js';
import type { Patch } from './patch.js';
import type { FrameSpan } from './split.js';

/** Red, green and blue, 0–255. */
export type Colour = readonly [number, number, number];

/** A number that a generator is told at each frame: a key, 0 or 1, or an axis, −1 to 1. */
export interface ActionColumn {
  readonly name: string;
  readonly kind: 'key' | 'axis';
  /** What it is where nothing is said of it. */
  readonly default: number;
}

/** What a condition is made of, and how its bytes become channels. */
export interface ConditionLayout {
  readonly kind: ConditionKind;
  readonly content: 'none' | 'image' | 'labels';
  /** Channels of the tensor: 1 or 3 of an image, one for each class of labels, 0 for none. */
  readonly channels: number;
  /** Bytes a pixel: as many as the channels of an image, one id of labels, 0 for none. */
  readonly bytesPerPixel: number;
  /** Names of the classes of labels, in the order of the channels. */
  readonly classNames: readonly string[];
  /** Colours of the classes in the same order, where a palette says them. */
  readonly classColours?: readonly Colour[] | undefined;
  /** The id of a pixel that is of no class: 0 in every channel. Where labels are ignored. */
  readonly ignoredId?: number | undefined;
  /** Whether colour changes of the frame have to be made to the condition too. */
  readonly followsColour: boolean;
  /** What the generator is told at each frame besides, in this order; left out where it is told nothing. */
  readonly actions?: readonly ActionColumn[] | undefined;
}

/** Decoded frames in a row. */
export interface FrameRange {
  readonly clip: number;
  readonly startFrame: number;
  readonly frameCount: number;
  readonly width: number;
  readonly height: number;
  /** rgb24, THWC. */
  readonly frames: Uint8Array;
  /** THW × bytesPerPixel of the layout; null where there is no condition. */
  readonly condition: Uint8Array | null;
  /** [T, columns], keys 0 or 1 and axes −1 to 1; null where there are none. */
  readonly actions: Float32Array | null;
  readonly layout: ConditionLayout;
}

/** Where a window of a batch was taken, and how it was changed. */
export interface WindowOrigin extends Augmentation {
  readonly clip: number;
  readonly startFrame: number;
  readonly strideFrames: number;
  /** What was cut out of its frames; null for whole ones. */
  readonly patch: Patch | null;
}

/** How a frame moved since the one before. */
export interface Motion {
  /** [H, W, 2] in pixels, right and down: now[y, x] is before[y + v, x + u]. */
  readonly flow: Float32Array;
  /** [H, W], 1 where the motion can be trusted and 0 where it is hidden or unsure. */
  readonly seen: Uint8Array;
}

/**
 * Finds the motion between two frames, rgb24; always the same of the same frames. What it is stands above clips, so
 * that who opens them brings it along.
 */
export type MotionEstimator = (
  now: Uint8Array,
  before: Uint8Array,
  size: { readonly width: number; readonly height: number },
) => Motion;

/** A batch of training windows as tensors, owned by whoever asked for it. */
export interface Window {
  /** [N, leadFrames + warmUpFrames + T, H, W, 3] in [-1, 1]. */
  readonly frames: tf.Tensor5D;
  /** [N, leadFrames + warmUpFrames + T, H, W, conditionChannels]: images in [-1, 1], labels one-hot. */
  readonly condition: tf.Tensor5D | null;
  /** [N, leadFrames + warmUpFrames + T, columns], keys 0 or 1 and axes −1 to 1; left out where there are none. */
  readonly actions?: tf.Tensor3D;
  /** The same of other windows of as many frames, drawn so that something else is done in them where that is possible. */
  readonly otherActions?: tf.Tensor3D;
  /**
   * [N, T, H, W, 3], of the T frames that are trained since those before them: pixels to the right, pixels down, and 1
   * where that can be trusted, else all 0. There where the data set was opened with an estimator.
   */
  readonly motion?: tf.Tensor5D;
  /**
   * [N, H, W, 3] in [-1, 1], whole frames of the same clips, in the same colours, that show each window's look; none
   * where they were not asked for.
   */
  readonly looks?: tf.Tensor4D | null;
  /** Real frames in front of all others. */
  readonly leadFrames: number;
  /** Frames between those and the T that are trained: at most as many as were asked for. */
  readonly warmUpFrames: number;
  readonly origin: readonly WindowOrigin[];
  /** Of all windows of the step: those of the other processes that train on it too. */
  readonly drawn: readonly WindowOrigin[];
  dispose(): void;
}

export interface WindowRequest {
  /** T: the frames that are trained; the window has `leadFrames` more in front. */
  readonly frames: number;
  /**
   * Windows are drawn among those that have room for so many trained frames, of which the first T are
   * taken: the same windows for short rollouts and long ones. T unless given.
   */
  readonly roomFrames?: number;
  /**
   * Frames in front of those and after `leadFrames`, as many of them as there is room for in every scene
   * of the batch. Which T frames are trained does not depend on it. 0 unless given.
   */
  readonly warmUpFrames?: number;
  /** N: the windows of the batch. */
  readonly batch: number;
  /**
   * Where several processes train on one step: N windows are drawn for each of them, as for one process that has them
   * all, and this one's are made. Of one process unless given.
   */
  readonly share?: Share;
  /** Which of the draws of that step; 0, the first, unless given. */
  readonly attempt?: number;
  /** The N windows of each process, by where their first frames in front stand; drawn unless given. */
  readonly origin?: readonly WindowOrigin[];
  /** Frames and condition are made so many times smaller on each side; 1 unless given. */
  readonly divideBy?: number;
  /** A picture of each window's look too: another frame that its clip has to train on. Off unless given. */
  readonly withLooks?: boolean;
}

/** Windows made ahead of the training that uses them. */
export interface WindowFeed {
  /** The window of the next step. Errors of decoding are thrown here, in order. */
  next(): Promise<Window>;
  /** Seconds that next() has had to wait so far. */
  readonly waitedSeconds: number;
  /** Ends the feed; what was made ahead is let go. */
  close(): Promise<void>;
}

/** Frames in a row that were never trained on, all of one scene. */
export interface HeldOutSegment {
  readonly clip: number;
  /** Its first frame. The first historyFrames of the segment are the real start of a rollout. */
  readonly startFrame: number;
  /** All its frames, the start included. */
  readonly frameCount: number;
  /** Frames that are generated and scored: frameCount − historyFrames. */
  readonly scoredFrames: number;
  /** Frames of the same scene that stand before startFrame in the clip (gap and training part). */
  readonly precedingFrames: number;
}

export interface LabelShare {
  readonly name: string;
  /** Share of all pixels, 0 to 1. */
  readonly fraction: number;
}

export interface ClipReport {
  readonly path: string;
  /** Size as displayed, before scaling. */
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  readonly codec: string;
  /** Rate that frames are taken at. */
  readonly fps: Rational;
  /** Rate of the file itself. */
  readonly sourceFps: Rational;
  /** Counted by decoding, at `fps`, inside startSeconds and durationSeconds. */
  readonly frameCount: number;
  readonly durationSeconds: number;
  /** Numbers of the frames that begin a new scene, the first frame left out. */
  readonly sceneCuts: readonly number[];
  readonly train: FrameSpan;
  readonly heldOut: FrameSpan;
  /** Training windows of the longest kind asked for, at every stride. */
  readonly trainWindows: number;
  readonly heldOutSegments: number;
  readonly condition: {
    /** The paired file; null for derived and none. */
    readonly path: string | null;
    /** The filtergraph of a derived condition. */
    readonly filtergraph: string | null;
    /** Share of each class, for labels. */
    readonly labels: readonly LabelShare[];
    /** Share of all pixels that is of no class and ignored, 0 to 1. */
    readonly ignored: number;
  };
  /** What was done in it; left out of data without actions. */
  readonly actions?: ActionsReport;
  readonly warnings: readonly string[];
}

/** What a file says of one number that the generator is told. */
export interface ActionColumnReport extends ActionColumn {
  /** The numbers of the file that are −1 and 1; null of a key. */
  readonly range: readonly [number, number] | null;
  /** Over the frames of the clip. */
  readonly least: number;
  readonly most: number;
  readonly mean: number;
  /** Frames that have another value than the one before. */
  readonly changes: number;
}

/** What was done in a clip. */
export interface ActionsReport {
  readonly path: string;
  /** Of the file's bytes. */
  readonly sha256: string;
  readonly rows: number;
  /** What the rows are numbered by; `row`: there is one for each frame. */
  readonly by: 'frame' | 'time' | 'row';
  /** Frames that a row tells of. */
  readonly toldFrames: number;
  readonly columns: readonly ActionColumnReport[];
  /** Columns of the file that the generator is not told. */
  readonly unused: readonly string[];
}

/** A frame that was painted over. */
export interface KeyframeReport {
  readonly path: string;
  /** Its frame in the clip, from 0. */
  readonly frame: number;
  /** Of its file. */
  readonly sha256: string;
  readonly width: number;
  readonly height: number;
  readonly isHeldOut: boolean;
}

/** Everything that `frameloom check` says about the data. */
export interface DatasetReport {
  readonly width: number;
  readonly height: number;
  readonly fps: Rational;
  readonly condition: ConditionLayout;
  readonly leadFrames: number;
  /** T of the windows that are counted. */
  readonly windowFrames: number;
  readonly clips: readonly ClipReport[];
  /**
   * What is learned in the place of the clip's frames, in the order of these; null without keyframes. `train` and
   * `heldOut` of the clip then count keyframes, those that are held out last.
   */
  readonly keyframes: readonly KeyframeReport[] | null;
  /** Clips that cannot be used and were left out, with `onBroken: skip`. */
  readonly skipped: readonly BrokenClip[];
  /** Frames that actions are told later than their files say; left out of data without. */
  readonly actionOffsetFrames?: number;
  readonly totals: {
    readonly clips: number;
    readonly frames: number;
    readonly durationSeconds: number;
    readonly trainFrames: number;
    readonly heldOutFrames: number;
    readonly trainWindows: number;
    readonly heldOutSegments: number;
    /** Bytes of all decoded frames and conditions, to hold against the cache. */
    readonly decodedBytes: number;
  };
  readonly warnings: readonly string[];
}

export interface Dataset {
  readonly report: DatasetReport;
  readonly width: number;
  readonly height: number;
  readonly fps: Rational;
  /** Channels of the condition tensor; 0 when there is none. */
  readonly conditionChannels: number;
  /** Of the windows that are trained on once frames have grown: smaller than frames where they are patches. */
  readonly windowSize: { readonly width: number; readonly height: number };
  readonly condition: ConditionKind;
  readonly layout: ConditionLayout;
  /**
   * Real frames in front of each window: historyFrames, or conditionFrames − 1 where that is more,
   * so that the first trained frame has its whole condition too.
   */
  readonly leadFrames: number;
  /** Windows of T frames that there are to train on. */
  windowCount(frames: number): number;
  /** The most frames of warm-up that any window of T frames has room for. */
  warmUpRoom(frames: number): number;
  /** T of the longest window that can be taken there, all of it in one scene to train on; 0 or less for none. */
  roomFrom(origin: WindowOrigin): number;
  /**
   * The windows of a training step: a pure function of the seed, the step and the request, whatever
   * was asked before, so that a resumed run needs only its step counter.
   * @throws FrameloomError bad-data where no clip is long enough
   */
  trainWindow(step: number, request: WindowRequest): Promise<Window>;
  /** trainWindow for step after step, prepared up to `ahead` (2) steps early. */
  prefetch(options: {
    fromStep: number;
    plan: (step: number) => WindowRequest;
    ahead?: number;
  }): WindowFeed;
  /** What evaluation may use, by clip and in order of time. */
  heldOut(): HeldOutSegment[];
  /** Frames in a row, unaugmented. @throws FrameloomError bad-option outside the clip */
  readFrames(clip: number, startFrame: number, count: number): Promise<FrameRange>;
  /** Stops decoding, frees the cache and removes its file. */
  close(): Promise<void>;
}

/** How far the opening of a dataset is. */
export interface OpeningProgress {
  /** Looking at every file's packets, then reading every frame. */
  readonly stage: 'looking' | 'reading';
  /** Clips done of `total`. */
  readonly done: number;
  readonly total: number;
  readonly broken: number;
  /** Null while nothing can be said. */
  readonly etaSeconds: number | null;
}

export interface DatasetContext {
  readonly seed: number;
  /** Folder that relative paths start from: the pipeline file's. */
  readonly baseFolder: string;
  readonly historyFrames: number;
  readonly conditionFrames: number;
  /** Longest T that will be asked for; clips are checked against it. 1 unless given. */
  readonly windowFrames?: number;
  readonly log?: Logger;
  /** Where scans (and frames that memory cannot hold) are kept; scans are not kept without it. */
  readonly cacheFolder?: string;
  /** Stops the opening. */
  readonly signal?: AbortSignal;
  /** How far the opening is. */
  readonly onProgress?: (progress: OpeningProgress) => void;
  /**
   * Told of all clips that cannot be used, whether they are then left out or an error says so.
   */
  readonly onBroken?: (broken: readonly BrokenClip[]) => void;
  /**
   * Read the other clips to their end where some are found broken before, so that one error names all.
   * Otherwise that is an error at once.
   */
  readonly findAllBroken?: boolean;
  /** Finds the motion that windows are to have; without it they have none. Which windows are drawn does not depend on it. */
  readonly motion?: MotionEstimator;
  /** Run any filtergraph, not only those that can do no more than change pictures. */
  readonly trustFilters?: boolean;
}
