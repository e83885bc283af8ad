import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../../backend/scope.js';
import { randomStream } from '../../base/random.js';
import {
  bytesToTensor,
  conditionToTensor,
  tensorToBytes,
  type ConditionLayout,
} from '../../clips/index.js';
import { registerKernels } from '../../kernels/index.js';
import type { Generator, GeneratorOutput } from '../../networks/index.js';
import { assertStyle } from '../../networks/clip-styles.js';
import { checkNumbers, otherState } from './conditions.js';
import { ActionRing } from './told-actions.js';
import { synthesizerOf, type Stepper, type Synthesizer } from './synthesizer.js';

export interface TensorFlowOptions {
  readonly generator: Generator;
  /** The generator's weights, one number for each of `generator.layout.size`. */
  readonly weights: Float32Array | tf.Tensor1D;
  readonly width: number;
  readonly height: number;
  readonly layout: ConditionLayout;
  /** The look of all its frames, where the generator is told one. */
  readonly style?: Float32Array | undefined;
  /** Seed of the noise, where the generator takes any. 1 unless given. */
  readonly seed?: number;
}

const numbers = (values: tf.TypedArray | undefined): Float32Array | null =>
  values === undefined ? null : Float32Array.from(values);

/** Runs a generator on TensorFlow.js; `useBackend` must have been called. */
export const createTensorFlowSynthesizer = (options: TensorFlowOptions): Synthesizer =>
  synthesizerOf(createStepper(options), options.layout);

function createStepper(options: TensorFlowOptions): Stepper {
  registerKernels();
  const { generator, width, height, layout } = options;
  const { historyFrames, conditionFrames, noiseChannels, styleChannels } = generator.options;
  assertStyle(options.style, styleChannels);
  const style =
    options.style && styleChannels > 0
      ? tf.tensor4d(options.style, [1, 1, 1, styleChannels])
      : null;
  const parameters = scoped(() => {
    const { weights } = options;
    return generator.weights(weights instanceof Float32Array ? tf.tensor1d(weights) : weights);
  });
  let seed = options.seed ?? 1;
  let history: tf.Tensor4D | null = null;
  /** The last conditions, oldest first, at most conditionFrames − 1 of them. */
  let conditions: tf.Tensor4D[] = [];
  let index = 0;
  const acts =
    generator.actionColumns > 0 ? new ActionRing(generator.actionColumns, conditionFrames) : null;

  const imageOf = (bytes: Uint8Array): tf.Tensor4D =>
    bytesToTensor(bytes, [1, height, width, 3]) as tf.Tensor4D;
  const conditionOf = (bytes: Uint8Array): tf.Tensor4D =>
    conditionToTensor(bytes, [1, height, width], layout) as tf.Tensor4D;
  const blank = (): tf.Tensor4D => tf.zeros([1, height, width, 3 * historyFrames]);

  function push(frame: tf.Tensor4D): void {
    if (historyFrames === 0) return;
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
    acts?.forget();
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
    done: Float32Array | null,
  ): Pick<GeneratorOutput, 'frame' | 'flow' | 'mask'> {
    const current = bytes && conditionOf(bytes);
    if (done) acts?.push(done);
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
        history: historyFrames === 0 ? null : (history ?? blank()),
        hasHistory: history !== null,
        noise: noise(),
        style,
        ...(acts && { actions: tf.tensor4d(acts.values.slice(), [1, 1, 1, acts.values.length]) }),
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
    async next(bytes, inDetail, done) {
      const { frame, flow, mask } = make(bytes, inDetail, done);
      const numbersOf = async (tensor: tf.Tensor): Promise<Float32Array> =>
        Float32Array.from(await tensor.data());
      try {
        return {
          rgb: await tensorToBytes(frame),
          flow: flow && (await numbersOf(flow)),
          mask: mask && (await numbersOf(mask)),
        };
      } finally {
        tf.dispose([frame, flow, mask].filter((tensor) => tensor !== null));
      }
    },
    start(frames, startConditions, startActions) {
      forget();
      frames.forEach((bytes, i) => {
        const frame = imageOf(bytes);
        push(frame);
        frame.dispose();
        const condition = startConditions?.[i];
        if (condition) remember(conditionOf(condition));
        const done = startActions?.[i];
        if (done) acts?.push(done);
      });
    },
    reset(nextSeed) {
      forget();
      seed = nextSeed ?? seed;
    },
    reseed(nextSeed) {
      seed = nextSeed;
      index = 0;
    },
    async snapshot() {
      const place = { seed, index, ...(acts && { actions: acts.values.slice() }) };
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
      if (state.actions) checkNumbers(state.actions, acts?.values.length ?? 0);
      forget();
      acts?.restore(state.actions ?? null);
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
      style?.dispose();
    },
  };
}
