import { FrameloomError } from '../base/error.js';
import { silentLogger } from '../base/log.js';
import { ownShare, WHOLE } from '../base/share.js';
import { actionsOfFrames, mirrorActions, type ActionTrack } from './actions.js';
import { jitterColour, warpFrames } from './augment.js';
import { BlockCache } from './block-cache.js';
import { conditionToTensor, bytesToTensor, valuesToTensor } from './frame-tensor.js';
import { FrameStore } from './frame-store.js';
import { openKeyframes } from './keyframes.js';
import type { MediaPlan } from './media.js';
import { motionOfWindow, MotionStore } from './motion.js';
import {
  dataOptions,
  patchProblem,
  sizeDividedBy,
  windowSize,
  type DataOptions,
  type WindowSizes,
} from './options.js';
import { cutPatch, type Patch } from './patch.js';
import { createFeed } from './prefetch.js';
import { makeReport, type ClipFacts } from './report.js';
import { WindowSampler } from './sampler.js';
import { shrinkFrames } from './shrink.js';
import { scanAll } from './scan-all.js';
import { shotsWithin } from './split.js';
import type {
  Dataset,
  DatasetContext,
  FrameRange,
  HeldOutSegment,
  MotionEstimator,
  Window,
  WindowOrigin,
  WindowRequest,
} from './types.js';
import type * as tf from '@tensorflow/tfjs-core';

const DEFAULT_AHEAD = 2;

/** A batch of windows before it becomes tensors. */
interface WindowBytes {
  readonly origin: readonly WindowOrigin[];
  readonly drawn: readonly WindowOrigin[];
  /** NTHWC. */
  readonly frames: Uint8Array;
  readonly condition: Uint8Array | null;
  /** [N, T, columns]. */
  readonly actions: Float32Array | null;
  /** The same of other windows. */
  readonly otherActions: Float32Array | null;
  /** NTHWC, of the frames that are trained; null without an estimator. */
  readonly motion: Float32Array | null;
  /** NHWC, whole frames; null where none were asked for. */
  readonly looks: Uint8Array | null;
  /** Of its frames, which may be smaller than the data set's. */
  readonly size: { readonly width: number; readonly height: number };
  /** Frames of each window, lead and warm-up included. */
  readonly length: number;
  readonly warmUpFrames: number;
}

function joined<A extends Uint8Array | Float32Array>(
  parts: readonly A[],
  make: new (length: number) => A,
): A {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const out = new make(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** A window as its draw wants it: the same mirror and crop on frames and condition. */
function augmented(range: FrameRange, origin: WindowOrigin, plan: MediaPlan): FrameRange {
  const { width, height, layout } = plan;
  const warped = warpFrames({ data: range.frames, width, height, channels: 3 }, origin, 'linear');
  const channels = layout.bytesPerPixel;
  const resample = layout.content === 'labels' ? 'nearest' : 'linear';
  const condition =
    range.condition &&
    warpFrames({ data: range.condition, width, height, channels }, origin, resample);
  return {
    ...range,
    frames: jitterColour(warped, 3, origin.colour),
    condition:
      condition && layout.followsColour
        ? jitterColour(condition, channels, origin.colour)
        : condition,
    actions:
      range.actions && plan.actions && origin.flipped
        ? mirrorActions(range.actions, plan.actions)
        : range.actions,
  };
}

/** A window made smaller, its condition with it. */
function shrunk(range: FrameRange, divideBy: number): FrameRange {
  if (divideBy === 1) return range;
  const { width, height, layout } = range;
  const channels = layout.bytesPerPixel;
  const resample = layout.content === 'labels' ? 'nearest' : 'area';
  return {
    ...range,
    ...sizeDividedBy(range, divideBy),
    frames: shrinkFrames({ data: range.frames, width, height, channels: 3 }, divideBy, 'area'),
    condition:
      range.condition &&
      shrinkFrames({ data: range.condition, width, height, channels }, divideBy, resample),
  };
}

/** The part of a window that was drawn, its condition's with it. */
function cut(
  range: FrameRange,
  patch: Patch | null,
  size: { readonly width: number; readonly height: number },
): FrameRange {
  if (patch === null) return range;
  const { width, height, frames, condition, layout } = range;
  const channels = layout.bytesPerPixel;
  return {
    ...range,
    ...size,
    frames: cutPatch({ data: frames, width, height, channels: 3 }, patch, size),
    condition: condition && cutPatch({ data: condition, width, height, channels }, patch, size),
  };
}

function heldOutSegments(clips: readonly ClipFacts[], historyFrames: number): HeldOutSegment[] {
  return clips.flatMap(({ heldOut, cuts }, clip) =>
    shotsWithin(heldOut, cuts)
      .map(({ start, end }) => {
        const scene = cuts.filter((cut) => cut <= start).at(-1) ?? 0;
        return {
          clip,
          startFrame: start,
          frameCount: end - start,
          scoredFrames: end - start - historyFrames,
          precedingFrames: start - scene,
        };
      })
      .filter((segment) => segment.scoredFrames >= 1),
  );
}

class ClipDataset implements Dataset {
  readonly report;
  readonly width;
  readonly height;
  readonly fps;
  readonly conditionChannels;
  readonly condition;
  readonly layout;
  readonly leadFrames;
  readonly windowSize;
  readonly #plan: MediaPlan;
  readonly #sizes: WindowSizes;
  readonly #segments: readonly HeldOutSegment[];
  readonly #sampler: WindowSampler;
  readonly #store: Pick<FrameStore, 'read' | 'close'>;
  readonly #cache: BlockCache;
  readonly #motions: MotionStore | null;
  /** Of each clip; none where nothing is told. */
  readonly #actions: readonly (ActionTrack | null)[];
  #closed = false;

  constructor(
    plan: MediaPlan,
    parts: {
      sampler: WindowSampler;
      segments: readonly HeldOutSegment[];
      store: Pick<FrameStore, 'read' | 'close'>;
      cache: BlockCache;
      report: Dataset['report'];
      sizes: WindowSizes;
      motion: MotionEstimator | undefined;
      actions: readonly (ActionTrack | null)[];
    },
  ) {
    this.#plan = plan;
    this.#sizes = parts.sizes;
    this.windowSize = windowSize(parts.sizes);
    this.#segments = parts.segments;
    this.#sampler = parts.sampler;
    this.#store = parts.store;
    this.#cache = parts.cache;
    this.#motions = parts.motion ? new MotionStore(parts.motion, parts.cache) : null;
    this.#actions = parts.actions;
    this.report = parts.report;
    this.leadFrames = parts.report.leadFrames;
    this.width = plan.width;
    this.height = plan.height;
    this.fps = plan.fps;
    this.layout = plan.layout;
    this.condition = plan.layout.kind;
    this.conditionChannels = plan.layout.channels;
  }

  windowCount(frames: number): number {
    return this.#sampler.count(frames);
  }

  warmUpRoom(frames: number): number {
    return this.#sampler.warmUpRoom(frames);
  }

  roomFrom(origin: WindowOrigin): number {
    return this.#sampler.roomFrom(origin);
  }

  async trainWindow(step: number, request: WindowRequest): Promise<Window> {
    return this.#asWindow(await this.#prepare(step, request));
  }

  prefetch(options: Parameters<Dataset['prefetch']>[0]) {
    return createFeed({
      fromStep: options.fromStep,
      ahead: options.ahead ?? DEFAULT_AHEAD,
      prepare: async (step) => this.#prepare(step, options.plan(step)),
      finish: (bytes) => this.#asWindow(bytes),
    });
  }

  heldOut(): HeldOutSegment[] {
    return [...this.#segments];
  }

  async readFrames(clip: number, startFrame: number, count: number): Promise<FrameRange> {
    this.#assertOpen();
    return this.#store.read(clip, startFrame, count);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#store.close();
    await this.#cache.close();
  }

  async #prepare(step: number, request: WindowRequest): Promise<WindowBytes> {
    this.#assertOpen();
    const { divideBy = 1, share = WHOLE } = request;
    const size = windowSize(this.#sizes, divideBy);
    const { origin, drawn, warmUpFrames } = this.#sampler.draw(step, request);
    const length = this.leadFrames + warmUpFrames + request.frames;
    const windows = await Promise.all(
      origin.map(async (one) => {
        const range = await this.#store.read(one.clip, one.startFrame, length, one.strideFrames);
        const motions = await this.#motions?.read(range, length - request.frames, one.strideFrames);
        return {
          ...cut(shrunk(augmented(range, one, this.#plan), divideBy), one.patch, size),
          motion: motions && motionOfWindow(motions, range, one, divideBy, size),
        };
      }),
    );
    const conditions = windows.flatMap(({ condition }) => condition ?? []);
    const actions = windows.flatMap((one) => one.actions ?? []);
    const others =
      actions.length > 0
        ? this.#otherActions(step, request, { origin, drawn }, length, actions)
        : [];
    const motions = windows.flatMap(({ motion }) => motion ?? []);
    const looks = request.withLooks
      ? ownShare(this.#sampler.drawLooks(step, request.attempt ?? 0, drawn, length), share).map(
          async (frame, i) => {
            const { clip, colour } = origin[i]!;
            const { frames } = await this.#store.read(clip, frame, 1);
            return jitterColour(frames, 3, colour);
          },
        )
      : null;
    return {
      origin,
      drawn,
      size,
      length,
      warmUpFrames,
      frames: joined(
        windows.map(({ frames }) => frames),
        Uint8Array,
      ),
      condition: conditions.length > 0 ? joined(conditions, Uint8Array) : null,
      actions: actions.length > 0 ? joined(actions, Float32Array) : null,
      otherActions: others.length > 0 ? joined(others, Float32Array) : null,
      motion: motions.length > 0 ? joined(motions, Float32Array) : null,
      looks: looks && joined(await Promise.all(looks), Uint8Array),
    };
  }

  /** What is done in other windows: the first of those that were drawn in which it is something else in the end. */
  #otherActions(
    step: number,
    { attempt = 0, frames, share = WHOLE }: WindowRequest,
    { origin, drawn }: Pick<WindowBytes, 'origin' | 'drawn'>,
    length: number,
    actions: readonly Float32Array[],
  ): Float32Array[] {
    const others = this.#sampler.drawOthers(step, attempt, drawn, length);
    return ownShare(others, share).map((places, i) => {
      const { strideFrames, flipped } = origin[i]!;
      const own = actions[i]!;
      const shown = (own.length / length) * frames;
      const made = places.map(({ clip, startFrame }) => {
        const track = this.#actions[clip]!;
        const values = actionsOfFrames(track, startFrame, length, strideFrames);
        return flipped && this.#plan.actions ? mirrorActions(values, this.#plan.actions) : values;
      });
      const isOther = (values: Float32Array): boolean =>
        values.subarray(-shown).some((value, at) => value !== own[own.length - shown + at]);
      return made.find(isOther) ?? made.at(-1)!;
    });
  }

  #asWindow(bytes: WindowBytes): Window {
    const { origin, drawn, size, length, warmUpFrames, frames } = bytes;
    const { condition, actions, motion, looks } = bytes;
    const trained = length - this.leadFrames - warmUpFrames;
    const axes = [origin.length, length, size.height, size.width];
    const frameTensor = bytesToTensor(frames, [...axes, 3]) as tf.Tensor5D;
    const conditionTensor =
      condition && (conditionToTensor(condition, axes, this.layout) as tf.Tensor5D);
    const columns = this.layout.actions?.length ?? 0;
    const actionTensor =
      actions && (valuesToTensor(actions, [origin.length, length, columns]) as tf.Tensor3D);
    const { otherActions } = bytes;
    const otherTensor =
      otherActions &&
      (valuesToTensor(otherActions, [origin.length, length, columns]) as tf.Tensor3D);
    const motionTensor =
      motion &&
      (valuesToTensor(motion, [origin.length, trained, size.height, size.width, 3]) as tf.Tensor5D);
    const whole = [origin.length, this.height, this.width, 3];
    const lookTensor = looks && (bytesToTensor(looks, whole) as tf.Tensor4D);
    return {
      frames: frameTensor,
      condition: conditionTensor,
      ...(actionTensor && { actions: actionTensor }),
      ...(otherTensor && { otherActions: otherTensor }),
      ...(motionTensor && { motion: motionTensor }),
      looks: lookTensor,
      leadFrames: this.leadFrames,
      warmUpFrames,
      origin,
      drawn,
      dispose() {
        frameTensor.dispose();
        conditionTensor?.dispose();
        actionTensor?.dispose();
        otherTensor?.dispose();
        motionTensor?.dispose();
        lookTensor?.dispose();
      },
    };
  }

  #assertOpen(): void {
    if (this.#closed) throw new FrameloomError('cancelled', 'the dataset is closed');
  }
}

/**
 * Opens the clips of a pipeline: finds them and their conditions, decodes each once (or finds the
 * scan of an earlier time), splits them and counts their windows. Small datasets are in memory
 * afterwards. Clips are looked at and read side by side.
 *
 * @param options the parsed `data:` section
 * @throws FrameloomError bad-option for motion of windows that begin with their first frame; not-found, bad-input, bad-data: what is wrong with which clip; all bad clips
 *   make one error of several lines (with `onBroken: skip` only where none is left). cancelled by the
 *   signal.
 */
export async function openDataset(options: DataOptions, context: DatasetContext): Promise<Dataset> {
  const { seed, historyFrames, conditionFrames, cacheFolder } = context;
  const log = context.log ?? silentLogger;
  const problem = patchProblem(options);
  if (problem !== undefined) {
    throw new FrameloomError('bad-option', problem, { path: 'data.patch' });
  }
  if (context.motion && Math.max(historyFrames, conditionFrames - 1) === 0) {
    throw new FrameloomError('bad-option', 'windows without a frame in front have no motion', {
      path: 'generator.historyFrames',
      hint: 'open them with a history, or without an estimator of motion',
    });
  }
  const cache = new BlockCache({ ...options.cache, folder: cacheFolder, log });
  try {
    const { keyframes } = options;
    if (keyframes) {
      const { plan, ...parts } = await openKeyframes({ ...options, keyframes }, context);
      const sizes = { size: plan, patch: options.patch };
      return new ClipDataset(plan, { ...parts, cache, sizes, motion: undefined, actions: [] });
    }
    const { plan, facts, skipped } = await scanAll(dataOptions.parse(options), context, cache);
    const leadFrames = Math.max(historyFrames, conditionFrames - 1);
    const sampler = new WindowSampler({
      seed,
      leadFrames,
      strides: options.strideFrames,
      augment: options.augment,
      width: plan.width,
      height: plan.height,
      patch: options.patch,
      paths: facts.map(({ media }) => media.path),
      shots: facts.flatMap(({ train, cuts }, clip) =>
        shotsWithin(train, cuts).map((shot) => ({ clip, ...shot })),
      ),
    });
    const windowFrames = context.windowFrames ?? 1;
    if (context.windowFrames !== undefined && sampler.count(windowFrames) === 0) {
      throw sampler.tooShort(windowFrames);
    }
    const segments = heldOutSegments(facts, historyFrames);
    const report = makeReport({
      plan,
      clips: facts,
      skipped,
      sampler,
      segments,
      leadFrames,
      historyFrames,
      windowFrames,
      cacheBytes: options.cache.memoryBytes + options.cache.diskBytes,
    });
    const store = new FrameStore(facts, plan, cache, log);
    const sizes = { size: plan, patch: options.patch };
    const { motion } = context;
    const actions = facts.map((clip) => clip.actions);
    return new ClipDataset(plan, {
      sampler,
      segments,
      store,
      cache,
      report,
      sizes,
      motion,
      actions,
    });
  } catch (error) {
    await cache.close();
    throw error;
  }
}
