import * as tf from '@tensorflow/tfjs-core';
import type { Rollout, StepBlock } from '../autodiff/index.js';
import { numbered, type NamedTensors } from '../backend/graph/index.js';
import { actionsAt, frameAt, type Generator, type GeneratorBlock } from '../networks/index.js';

/** What a rollout is made from. A window begins with `lead` real frames that are not generated. */
export interface RolloutInput {
  /** [N, lead + warmUp + T, H, W, 3] in [−1, 1]. */
  readonly frames: tf.Tensor5D;
  /** [N, lead + warmUp + T, H, W, C], or null. */
  readonly condition: tf.Tensor5D | null;
  /** [N, lead + warmUp + T, columns + 1], what was done, as the generator is told it; left out of one that is told none. */
  readonly actions?: tf.Tensor3D;
  /** The same of what could have been done, which discriminators are shown beside the real frames. */
  readonly otherActions?: tf.Tensor3D;
  /** [N, warmUp + T, H/4, W/4, noiseChannels], or null. */
  readonly noise: tf.Tensor5D | null;
  /** [N, 4], where in their frames these are, as generators with positions are shown it; left out of whole frames. */
  readonly places?: tf.Tensor2D;
  /** [N, h, w, 3] in [−1, 1], a picture of each window's look, where the generator is told it. */
  readonly looks?: tf.Tensor4D;
  readonly lead: number;
  /** Frames after those that are generated without being trained on. */
  readonly warmUp: number;
  /** Its own past that a rollout goes on from, newest first, in place of the window's frames. */
  readonly history?: tf.Tensor4D;
  /** The frames in front as that past has them, where it is none of this window's, [N, lead, H, W, 3]. */
  readonly front?: tf.Tensor5D;
  /** Standard normal, [N, lead + T, H, W, 3]: what judges' input is moved by in steps that ask for it. */
  readonly nudge?: tf.Tensor5D;
  /** [N, T, H, W, 3], the real frames' motion as a window has it; of a window there and back only of the way there. */
  readonly motion?: tf.Tensor5D;
  /** True to begin with no history, as a video's first frame does. */
  readonly coldStart: boolean;
  /**
   * The first frame of the window that may be read, as history or by its condition: `lead` where it began
   * with no history, and what is before stays hidden after a warm-up too; else 0.
   */
  readonly visibleFrom: number;
  /** For each generated frame: does it see real history instead of the generator's own? */
  readonly teacherForced: readonly boolean[];
}

/** The generated frames by time, as the losses read them. */
export interface RolledOut {
  /** T frames [N, H, W, 3]. */
  readonly frames: tf.Tensor4D[];
  /** T hallucinated images [N, H, W, 3]. */
  readonly raws: tf.Tensor4D[];
  /** Flow to the frame before, by generated frame; the first has none after a cold start. */
  readonly flows: { readonly t: number; readonly flow: tf.Tensor4D }[];
}

/** Condition frames up to time `t` of a window, concatenated, [N, H, W, count·C]. */
export function conditionAt(
  condition: tf.Tensor5D,
  t: number,
  count: number,
  first: number,
): tf.Tensor4D {
  return tf.tidy(() => {
    const frames = Array.from({ length: count }, (_, i) =>
      frameAt(condition, Math.max(first, t - count + 1 + i)),
    );
    return frames.length === 1 ? frames[0]! : tf.concat(frames, 3);
  });
}

/** The `count` frames before time `t`, newest first, zeros before the window, [N, H, W, 3·count]. */
export function realHistory(
  frames: tf.Tensor5D,
  t: number,
  count: number,
  first: number,
): tf.Tensor4D {
  return tf.tidy(() => {
    const past = Array.from({ length: count }, (_, i) => t - 1 - i);
    const blank = (): tf.Tensor4D => tf.zerosLike(frameAt(frames, t));
    return tf.concat(
      past.map((time) => (time < first ? blank() : frameAt(frames, time))),
      3,
    );
  });
}

/** History with `frame` as its newest, the oldest dropped. */
export function pushHistory(history: tf.Tensor4D, frame: tf.Tensor4D): tf.Tensor4D {
  const kept = history.shape[3] - frame.shape[3];
  if (kept === 0) return tf.clone(frame);
  return tf.concat([frame, tf.slice(history, [0, 0, 0, 0], [-1, -1, -1, kept])], 3);
}

/** The generator's rollout over a window as a recurrent computation; its state is the history. */
export function createRollout(generator: Generator, input: RolloutInput): Rollout {
  const { actions } = input;
  const { frames, condition, noise, lead, coldStart, visibleFrom: first, teacherForced } = input;
  const { historyFrames, conditionFrames } = generator.options;
  const hasMemory = historyFrames > 0;
  // Without memory every frame is made as a video's first one is.
  const isFirst = (t: number): boolean => !hasMemory || (coldStart && t === 0);
  return {
    length: teacherForced.length,
    initialState: hasMemory
      ? [input.history ?? realHistory(frames, lead, historyFrames, first)]
      : [],
    weights: (flat) => generator.weights(flat),
    given: (t) => ({
      ...(input.places && { places: input.places }),
      ...(input.looks && { looks: input.looks }),
      ...(teacherForced[t]! && { history: realHistory(frames, lead + t, historyFrames, first) }),
      ...(condition && { condition: conditionAt(condition, lead + t, conditionFrames, first) }),
      ...(actions && { actions: actionsAt(actions, lead + t, conditionFrames, first) }),
      ...(noise && { noise: frameAt(noise, t) }),
    }),
    kind: (t) => (isFirst(t) ? 'first' : 'next'),
    blocks: (t) => {
      const history = teacherForced[t]! ? 'history' : 'state0';
      return stepBlocks(generator.blocks(!isFirst(t)), hasMemory ? history : null);
    },
  };
}

/**
 * A generator's blocks as those of a rollout's step. The last one makes the new history too.
 *
 * @param history the tensor that is read as such: the generator's own, or the real one that it is given; null
 *   of a generator without memory
 */
function stepBlocks(blocks: readonly GeneratorBlock[], history: string | null): StepBlock[] {
  return blocks.map((block, i) => {
    const isLast = i === blocks.length - 1;
    const reads = block.reads.map((name) => (name === 'history' && history ? history : name));
    return {
      parameters: block.parameters,
      reads: isLast && history ? [...new Set([...reads, history])] : reads,
      run(parameters, before, tensors) {
        const input = {
          history: history === null ? null : (tensors[history] as tf.Tensor4D),
          condition: (tensors.condition as tf.Tensor4D | undefined) ?? null,
          noise: (tensors.noise as tf.Tensor4D | undefined) ?? null,
          places: (tensors.places as tf.Tensor2D | undefined) ?? null,
          looks: (tensors.looks as tf.Tensor4D | undefined) ?? null,
          actions: (tensors.actions as tf.Tensor4D | undefined) ?? null,
        };
        const made = block.run(parameters, before, input);
        return isLast ? stepResult(made, input.history) : made;
      },
    };
  });
}

/** The history after a frame, and what the losses read of it; each a tensor of its own. */
function stepResult(made: NamedTensors, history: tf.Tensor4D | null): NamedTensors {
  const { frame, raw, flow } = made as Record<string, tf.Tensor4D>;
  // A first frame is its hallucinated image, and both count.
  const outputs = [frame === raw ? tf.clone(frame!) : frame!, raw!, ...(flow ? [flow] : [])];
  return {
    ...(history && numbered('state', [pushHistory(history, frame!)])),
    ...numbered('output', outputs),
  };
}

/** The rollout's outputs, which come as one list, by what they are. */
export function sortOutputs(outputs: readonly tf.Tensor[], frames: number): RolledOut {
  // Every step gives a frame and a raw image; a flow comes with all of them, all but the first, or none.
  const withFlow = outputs.length - 2 * frames;
  const sorted: RolledOut = { frames: [], raws: [], flows: [] };
  let at = 0;
  for (let t = 0; t < frames; t += 1) {
    sorted.frames.push(outputs[at++] as tf.Tensor4D);
    sorted.raws.push(outputs[at++] as tf.Tensor4D);
    if (t >= frames - withFlow) sorted.flows.push({ t, flow: outputs[at++] as tf.Tensor4D });
  }
  return sorted;
}
