import { throwIfCancelled } from '../../base/cancel.js';
import { FrameloomError } from '../../base/error.js';
import type { ConditionLayout } from '../../clips/types.js';
import { checkBytes, checkLabels } from './conditions.js';
import { actionVector, type GivenActions } from './told-actions.js';
import { LatencyMeter, type LatencyFigures } from './latency.js';

/** All that a generator carries from frame to frame. Numbers lie as its engine has them. */
export interface SynthesizerState {
  readonly seed: number;
  /** Frames made since `reset` or `start`: the place in the noise. */
  readonly index: number;
  /** The last frames, unrounded; null where there is none yet. */
  readonly history: Float32Array | null;
  /** The conditions that are remembered; null where there is none. */
  readonly conditions: Float32Array | null;
  /** What was done in the last frames, as the generator is told it; left out of one that is told nothing. */
  readonly actions?: Float32Array | null | undefined;
}

/** A frame with what the generator composed it of. */
export interface DetailedFrame {
  /** rgb24, HWC. */
  readonly rgb: Uint8Array;
  /**
   * [H, W, 2], pixels, x right and y down: backward flow. What is at p in this frame was at p + flow in
   * the one before. It is what the generator moves its own last frame by, learned and not measured. Null
   * of a generator without flow, and of a first frame, which there is none before.
   */
  readonly flow: Float32Array | null;
  /** [H, W], how much of a pixel is hallucinated, 1, and not moved from the last frame, 0. Null with flow. */
  readonly mask: Float32Array | null;
}

export interface NextOptions {
  /**
   * Ends the waiting with `cancelled`. A frame that is being made already is made to its end, and is
   * then a part of the history like any other.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * What is done in this frame, of a model whose `layout` has `actions`, which has to be said: numbers by their names or in
   * their order, or null where it is not known.
   */
  readonly actions?: GivenActions | undefined;
}

/** A generator with its recurrent state: one call, one frame. */
export interface Synthesizer {
  /** Pixels of a frame. */
  readonly width: number;
  readonly height: number;
  /** Calls of `next` that are worth having under way at once; more wait their turn. */
  readonly inFlight: number;
  /** How long the last 1,000 frames took. The very first is slower: kernels are chosen during it. */
  readonly latency: LatencyFigures;
  /**
   * The next frame, made from its condition and the frames before it. Calls are answered in order.
   * @param condition bytes of one frame as the model's `layout` says: `bytesPerPixel` for each pixel,
   *   row by row, which are the ids of labels or the channels of an image; null for a model without
   * @returns rgb24, HWC, owned by the caller
   * @throws FrameloomError bad-input when the condition has another size, is missing or not wanted, or
   *   holds ids of no class; diverged when the frame holds NaN; cancelled; bad-call after `dispose`
   */
  next(
    condition: Uint8Array | Uint8ClampedArray | null,
    options?: NextOptions,
  ): Promise<Uint8Array>;
  /** `next`, with flow and mask beside the frame. */
  nextInDetail(
    condition: Uint8Array | Uint8ClampedArray | null,
    options?: NextOptions,
  ): Promise<DetailedFrame>;
  /**
   * Goes on from real frames: the last of them become history.
   * @param frames rgb24, oldest first
   * @param conditions theirs, null without condition
   * @param actions what was done in each of them; not known unless given
   * @throws FrameloomError bad-input; bad-call while a frame is being made, as do reset, reseed and restore
   */
  start(
    frames: readonly Uint8Array[],
    conditions: readonly Uint8Array[] | null,
    actions?: readonly GivenActions[] | null,
  ): void;
  /** Forgets all history, as before the first frame. @param seed another one of the noise */
  reset(seed?: number): void;
  /** Draws other noise from here on, and keeps the history. */
  reseed(seed: number): void;
  /**
   * Its state after the frames that were asked for before, for `restore`. May be called while they are
   * being made.
   */
  snapshot(): Promise<SynthesizerState>;
  /**
   * Goes on from a state as if nothing had been in between: the same conditions give the same bytes.
   * @throws FrameloomError bad-shape for one of another generator or size
   */
  restore(state: SynthesizerState): void;
  /** Lets go of its memory once the frames that were asked for are made; a second time does nothing. */
  dispose(): void;
}

/**
 * What an engine does of a synthesizer: it is only called with what fits, in order, and not after
 * `dispose`; only `next` and `snapshot` while frames are being made, which it answers in order.
 */
export interface Stepper {
  readonly width: number;
  readonly height: number;
  /** 1 unless given. */
  readonly inFlight?: number | undefined;
  /**
   * @param inDetail flow and mask are wanted too, where the generator has them
   * @param actions as the generator is told them; null of one that is told nothing
   */
  next(
    condition: Uint8Array | null,
    inDetail: boolean,
    actions: Float32Array | null,
  ): Promise<DetailedFrame>;
  start(
    frames: readonly Uint8Array[],
    conditions: readonly Uint8Array[] | null,
    actions: readonly Float32Array[] | null,
  ): void;
  reset(seed?: number): void;
  reseed(seed: number): void;
  snapshot(): Promise<SynthesizerState>;
  restore(state: SynthesizerState): void;
  dispose(): void;
}

/**
 * A synthesizer by any engine: what is asked of it is checked here, the same for all.
 * @param layout of its conditions
 * @param now milliseconds of a clock that only goes forward
 */
export function synthesizerOf(
  stepper: Stepper,
  layout: ConditionLayout,
  now: () => number = () => performance.now(),
): Synthesizer {
  const { width, height } = stepper;
  const pixels = width * height;
  const meter = new LatencyMeter();
  let pending = 0;
  let disposed = false;

  const assertLiving = (): void => {
    if (disposed) throw new FrameloomError('bad-call', 'this synthesizer was disposed of');
  };
  /** Before the state is changed by a call that does not wait for its turn. */
  const assertStill = (call: string): void => {
    assertLiving();
    if (pending === 0) return;
    throw new FrameloomError('bad-call', `${call} was called while a frame is being made`, {
      hint: 'await what next gives before',
    });
  };
  const assertSeed = (seed: number): void => {
    if (Number.isSafeInteger(seed)) return;
    throw new FrameloomError('bad-option', `${seed} is no seed`, { hint: 'give a whole number' });
  };
  const conditionOf = (given: Uint8Array | Uint8ClampedArray): Uint8Array => {
    const bytes = checkBytes(given, pixels * layout.bytesPerPixel, 'a condition');
    if (layout.content === 'labels') checkLabels(bytes, layout);
    return bytes;
  };
  const checked = (given: Uint8Array | Uint8ClampedArray | null | undefined): Uint8Array | null => {
    if (layout.content === 'none') {
      if (given === null || given === undefined) return null;
      throw new FrameloomError('bad-input', 'this generator takes no condition', {
        hint: 'call next(null)',
      });
    }
    if (given !== null && given !== undefined) return conditionOf(given);
    throw new FrameloomError('bad-input', 'this generator needs a condition for each frame', {
      hint: `give ${layout.bytesPerPixel} bytes for each of ${width}x${height} pixels`,
    });
  };

  /** Makes one frame, whether somebody still waits for it or not. */
  async function make(
    condition: Uint8Array | null,
    inDetail: boolean,
    actions: Float32Array | null,
  ): Promise<DetailedFrame> {
    const started = now();
    pending += 1;
    try {
      const frame = await stepper.next(condition, inDetail, actions);
      meter.add(now() - started);
      return frame;
    } finally {
      pending -= 1;
      if (disposed && pending === 0) stepper.dispose();
    }
  }

  async function next(
    given: Uint8Array | Uint8ClampedArray | null,
    { signal, actions }: NextOptions = {},
    inDetail: boolean,
  ): Promise<DetailedFrame> {
    assertLiving();
    throwIfCancelled(signal, DOING);
    const frame = make(checked(given), inDetail, actionVector(actions, layout.actions));
    return signal ? untilCancelled(frame, signal) : frame;
  }

  return {
    width,
    height,
    inFlight: stepper.inFlight ?? 1,
    get latency() {
      return meter.figures;
    },
    next: async (condition, options) => (await next(condition, options, false)).rgb,
    nextInDetail: (condition, options) => next(condition, options, true),
    start(frames, given, actions) {
      assertStill('start');
      if (given && layout.content !== 'none' && given.length !== frames.length) {
        throw new FrameloomError(
          'bad-input',
          `there are ${frames.length} frames to start from and ${given.length} conditions`,
        );
      }
      if (actions && actions.length !== frames.length) {
        throw new FrameloomError(
          'bad-input',
          `there are ${frames.length} frames to start from and actions of ${actions.length}`,
        );
      }
      const vectors = frames.map((_, i) => actionVector(actions?.[i] ?? null, layout.actions));
      stepper.start(
        frames.map((frame) => checkBytes(frame, 3 * pixels, 'a frame')),
        given && layout.content !== 'none' ? given.map(conditionOf) : null,
        vectors.every((vector) => vector !== null) ? vectors : null,
      );
    },
    reset(seed) {
      assertStill('reset');
      if (seed !== undefined) assertSeed(seed);
      stepper.reset(seed);
    },
    reseed(seed) {
      assertStill('reseed');
      assertSeed(seed);
      stepper.reseed(seed);
    },
    // Asynchronous, so that what it throws is a rejection.

    async snapshot() {
      assertLiving();
      return stepper.snapshot();
    },
    restore(state) {
      assertStill('restore');
      stepper.restore(state);
    },
    dispose() {
      if (disposed) return;
      disposed = true;
      if (pending === 0) stepper.dispose();
    },
  };
}

const DOING = 'generating';

/** What comes first: the frame, or the signal. */
async function untilCancelled<T>(made: Promise<T>, signal: AbortSignal): Promise<T> {
  let cancel: (() => void) | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    cancel = (): void => reject(new FrameloomError('cancelled', `${DOING} was cancelled`));
    signal.addEventListener('abort', cancel, { once: true });
  });
  try {
    return await Promise.race([made, stopped]);
  } finally {
    if (cancel) signal.removeEventListener('abort', cancel);
  }
}
