import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../../backend/scope.js';
import { FrameloomError } from '../../base/error.js';
import { randomStream } from '../../base/random.js';
import {
  bytesToTensor,
  conditionToTensor,
  tensorToBytes,
  type ConditionLayout,
} from '../../clips/index.js';
import { registerKernels } from '../../kernels/index.js';
import type { Generator, GeneratorOutput } from '../../networks/index.js';
import { checkLength, checkNumbers, otherState } from './lengths.js';

export interface SynthesizerOptions {
  readonly generator: Generator;
  /** The generator's weights, one number for each of `generator.layout.size`. */
  readonly weights: Float32Array | tf.Tensor1D;
  readonly width: number;
  readonly height: number;
  readonly layout: ConditionLayout;
  /** Seed of the noise, where the generator takes any. 1 unless given. */
  readonly seed?: number;
}

/** All that a generator carries from frame to frame. Numbers lie as its engine has them. */
export interface SynthesizerState {
  readonly seed: number;
  /** Frames made since `reset` or `start`: the place in the noise. */
  readonly index: number;
  /** The last frames, unrounded; null where there is none yet. */
  readonly history: Float32Array | null;
  /** The conditions that are remembered; null where there is none. */
  readonly conditions: Float32Array | null;
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

/** A generator with its recurrent state: one call, one frame. */
export interface Synthesizer {
  readonly width: number;
  readonly height: number;
  /** Calls of `next` that may be under way at once; 1, the call before settled, unless given. */
  readonly inFlight?: number;
  /**
   * The next frame, made from its condition and the frames before it.
   * @param condition bytes of one frame as `layout` says, null without condition
   * @returns rgb24, HWC
   * @throws FrameloomError bad-input when the condition has another size, or there is none;
   *   diverged when the frame holds NaN
   */
  next(condition: Uint8Array | null): Promise<Uint8Array>;
  /** `next`, with flow and mask beside the frame. A synthesizer of one's own need not have it. */
  nextInDetail?(condition: Uint8Array | null): Promise<DetailedFrame>;
  /**
   * Goes on from real frames: the last of them become history.
   * @param frames rgb24, oldest first
   * @param conditions theirs, null without condition
   */
  start(frames: readonly Uint8Array[], conditions: readonly Uint8Array[] | null): void;
  /** Forgets all history, as before the first frame. */
  reset(seed?: number): void;
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
  dispose(): void;
}

const numbers = (values: tf.TypedArray | undefined): Float32Array | null =>
  values === undefined ? null : Float32Array.from(values);

/** Runs a generator on TensorFlow.js; `useBackend` must have been called. */
export function createSynthesizer(options: SynthesizerOptions): Synthesizer {
  registerKernels();
  const { generator, width, height, layout } = options;
  const { historyFrames, conditionFrames, noiseChannels } = generator.options;
  const parameters = scoped(() => {
    const { weights } = options;
    return generator.layout.unflatten(
      weights instanceof Float32Array ? tf.tensor1d(weights) : weights,
    );
  });
  let seed = options.seed ?? 1;
  let history: tf.Tensor4D | null = null;
  /** The last conditions, oldest first, at most conditionFrames − 1 of them. */
  let conditions: tf.Tensor4D[] = [];
  let index = 0;

  const frameBytes = width * height * 3;
  const conditionBytes = width * height * layout.bytesPerPixel;
  const imageOf = (bytes: Uint8Array): tf.Tensor4D => {
    checkLength(bytes, frameBytes, 'a frame');
    return bytesToTensor(bytes, [1, height, width, 3]) as tf.Tensor4D;
  };
  const conditionOf = (bytes: Uint8Array): tf.Tensor4D => {
    checkLength(bytes, conditionBytes, 'a condition');
    return conditionToTensor(bytes, [1, height, width], layout) as tf.Tensor4D;
  };
  const blank = (): tf.Tensor4D => tf.zeros([1, height, width, 3 * historyFrames]);

  function push(frame: tf.Tensor4D): void {
    const old = history;
    history = scoped(() => {
      const kept = 3 * (historyFrames - 1);
      if (kept === 0) return tf.clone(frame);
      const rest = tf.slice(old ?? blank(), [0, 0, 0, 0], [-1, -1, -1, kept]);
      return tf.concat([frame, rest], 3);
    });
    old?.dispose();
  }

  function remember(condition: tf.Tensor4D): void {
    conditions.push(condition);
    while (conditions.length > conditionFrames - 1) conditions.shift()!.dispose();
  }

  function forget(): void {
    history?.dispose();
    history = null;
    tf.dispose(conditions);
    conditions = [];
    index = 0;
  }

  const noise = (): tf.Tensor4D | null => {
    if (noiseChannels === 0) return null;
    const shape: [number, number, number, number] = [1, height / 4, width / 4, noiseChannels];
    const values = new Float32Array(shape.reduce((product, size) => product * size));
    return tf.tensor4d(randomStream(seed, 'sample', index).fillNormal(values), shape);
  };

  /** The next frame as tensors, which are the caller's to dispose of. */
  function make(
    bytes: Uint8Array | null,
    inDetail: boolean,
  ): Pick<GeneratorOutput, 'frame' | 'flow' | 'mask'> {
    const current = bytes === null || layout.content === 'none' ? null : conditionOf(bytes);
    if (current === null && layout.content !== 'none') {
      throw new FrameloomError('bad-input', 'this generator needs a condition for each frame');
    }
    const made = scoped(() => {
      let condition: tf.Tensor4D | null = null;
      if (current) {
        const known = [...conditions, current];
        // Before the first frame the first condition stands for those that are missing.
        while (known.length < conditionFrames) known.unshift(known[0]!);
        condition = known.length === 1 ? current : tf.concat(known, 3);
      }
      const { frame, flow, mask } = generator.step(parameters, {
        condition,
        history: history ?? blank(),
        hasHistory: history !== null,
        noise: noise(),
      });
      return { frame, flow: inDetail ? flow : null, mask: inDetail ? mask : null };
    });
    push(made.frame);
    if (current) remember(current);
    index += 1;
    return made;
  }

  return {
    width,
    height,
    // Asynchronous for the other engines' sake, and so that what it throws is a rejection too.
    // eslint-disable-next-line @typescript-eslint/require-await
    async next(bytes) {
      const { frame } = make(bytes, false);
      try {
        return tensorToBytes(frame);
      } finally {
        frame.dispose();
      }
    },
    // eslint-disable-next-line @typescript-eslint/require-await
    async nextInDetail(bytes) {
      const { frame, flow, mask } = make(bytes, true);
      const numbersOf = (tensor: tf.Tensor): Float32Array => Float32Array.from(tensor.dataSync());
      try {
        return {
          rgb: tensorToBytes(frame),
          flow: flow && numbersOf(flow),
          mask: mask && numbersOf(mask),
        };
      } finally {
        tf.dispose([frame, flow, mask].filter((tensor) => tensor !== null));
      }
    },
    start(frames, startConditions) {
      forget();
      frames.forEach((bytes, i) => {
        const frame = imageOf(bytes);
        push(frame);
        frame.dispose();
        const condition = startConditions?.[i];
        if (condition && layout.content !== 'none') remember(conditionOf(condition));
      });
    },
    reset(nextSeed) {
      forget();
      seed = nextSeed ?? seed;
    },
    async snapshot() {
      const place = { seed, index };
      // Copies of their own: the next frame lets go of what it follows.
      const kept = scoped(() => ({
        history: history && tf.clone(history),
        conditions: conditions.length === 0 ? null : tf.concat(conditions, 3),
      }));
      try {
        const [past, known] = await Promise.all([kept.history?.data(), kept.conditions?.data()]);
        return { ...place, history: numbers(past), conditions: numbers(known) };
      } finally {
        tf.dispose([kept.history, kept.conditions].filter((tensor) => tensor !== null));
      }
    },
    restore(state) {
      const known = state.conditions?.length ?? 0;
      const count = known / (width * height * layout.channels || 1);
      if (state.history) checkNumbers(state.history, width * height * 3 * historyFrames);
      if (known > 0 && !(Number.isInteger(count) && count < conditionFrames)) throw otherState();
      forget();
      ({ seed, index } = state);
      const shape = (channels: number): [number, number, number, number] => [
        ...([1, height, width] as const),
        channels,
      ];
      if (state.history) history = tf.tensor4d(state.history, shape(3 * historyFrames));
      if (!state.conditions) return;
      const all = tf.tensor4d(state.conditions, shape(layout.channels * count));
      conditions = count === 1 ? [all] : tf.split(all, count, 3);
      if (count > 1) all.dispose();
    },
    dispose() {
      forget();
      tf.dispose(parameters);
    },
  };
}
