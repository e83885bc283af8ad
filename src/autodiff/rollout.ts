import * as tf from '@tensorflow/tfjs-core';
import {
  numbered,
  ordered,
  ownTensors,
  prefixed,
  runInOrder,
  withoutPrefix,
  type Block,
  type NamedTensors,
  type Runner,
} from '../backend/graph/index.js';

/** What steps of a recurrent computation leave: the last state and the outputs on the way. */
export interface Outcome {
  readonly state: readonly tf.Tensor[];
  readonly outputs: readonly tf.Tensor[];
}

/** A block of a step: its input is the step's state, numbered `state`, and what it is given. */
export interface StepBlock extends Block<NamedTensors> {
  /** Names of what it reads of its input. */
  readonly reads: readonly string[];
}

/**
 * A recurrent computation of `length` steps that can be run from any step on. Each is a pure function
 * of tensors: a recomputed step is the same step, and steps of one kind are recorded once.
 */
export interface Rollout {
  readonly length: number;
  readonly initialState: readonly tf.Tensor[];
  /** The parameters as steps read them; differentiable. The calling scope owns them. */
  weights(parameters: tf.Tensor1D): NamedTensors;
  /** What step `t` reads besides parameters and state. The calling scope owns it. */
  given(t: number): NamedTensors;
  /** Steps of one kind compute the same from equal tensors. */
  kind(t: number): string;
  /**
   * What step `t` is made of; the last block leaves its state and its outputs, numbered `state` and
   * `output`, each a tensor of its own.
   */
  blocks(t: number): readonly StepBlock[];
}

/** Blocks `from` … `to` − 1 of step `t`. */
export interface BlockRange {
  readonly t: number;
  readonly from: number;
  readonly to: number;
}

export const blocksIn = (rollout: Rollout, { t, from, to }: BlockRange): readonly StepBlock[] =>
  rollout.blocks(t).slice(from, to);

export const wholeStep = (rollout: Rollout, t: number): BlockRange => ({
  ...{ t, from: 0, to: rollout.blocks(t).length },
});

/** Those of a record's tensors that blocks name. */
export function readBy(
  blocks: readonly StepBlock[],
  what: 'parameters' | 'reads',
  tensors: NamedTensors,
): NamedTensors {
  const names = new Set(blocks.flatMap((block) => block[what]));
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => names.has(name)));
}

/** What lies before a block, and the state of its step. */
export interface Start {
  readonly before: NamedTensors;
  readonly state: NamedTensors;
}

/**
 * Consecutive blocks on the calling tape, if there is one.
 *
 * @param ranges of one step, or of whole steps one after the other
 * @param given what the step of each range is given
 * @returns what the last block leaves, with the outputs of all steps
 */
export function runRanges(
  rollout: Rollout,
  ranges: readonly BlockRange[],
  parameters: NamedTensors,
  start: Start,
  given: readonly NamedTensors[],
): NamedTensors {
  const outputs: tf.Tensor[] = [];
  let { before, state } = start;
  let left: NamedTensors = before;
  ranges.forEach((range, i) => {
    left = runInOrder(blocksIn(rollout, range), parameters, before, { ...state, ...given[i] });
    outputs.push(...ordered('output', left));
    [before, state] = [{}, numbered('state', ordered('state', left))];
  });
  return { ...left, ...numbered('output', outputs) };
}

/** The whole rollout on the calling tape, if there is one. */
export function runRollout(rollout: Rollout, parameters: NamedTensors): Outcome {
  const ranges = Array.from({ length: rollout.length }, (_, t) => wholeStep(rollout, t));
  const start = { before: {}, state: numbered('state', rollout.initialState) };
  const given = ranges.map(({ t }) => rollout.given(t));
  const left = runRanges(rollout, ranges, parameters, start, given);
  return { state: ordered('state', left), outputs: ordered('output', left) };
}

/** Blocks of a step by a runner, without a tape. The caller owns every tensor of it. */
export function forwardBlocks(
  rollout: Rollout,
  parameters: NamedTensors,
  range: BlockRange,
  before: NamedTensors,
  state: readonly tf.Tensor[],
  runner: Runner,
): NamedTensors {
  const blocks = blocksIn(rollout, range);
  return tf.tidy((): NamedTensors => {
    const input = { ...numbered('state', state), ...rollout.given(range.t) };
    const inputs: NamedTensors = {
      ...prefixed('parameter.', readBy(blocks, 'parameters', parameters)),
      ...prefixed('before.', before),
      ...prefixed('input.', readBy(blocks, 'reads', input)),
    };
    const key = `forward ${rollout.kind(range.t)} ${range.from}-${range.to}`;
    return runner.call(key, inputs, (tensors) => {
      const first = withoutPrefix('before.', tensors);
      const made = runInOrder(
        blocks,
        withoutPrefix('parameter.', tensors),
        first,
        withoutPrefix('input.', tensors),
      );
      return ownTensors(made, first);
    });
  });
}

/** Step `t` by a runner, without a tape. The caller owns every tensor of it. */
export function forwardStep(
  rollout: Rollout,
  parameters: NamedTensors,
  state: readonly tf.Tensor[],
  t: number,
  runner: Runner,
): Outcome {
  const made = forwardBlocks(rollout, parameters, wholeStep(rollout, t), {}, state, runner);
  return { state: ordered('state', made), outputs: ordered('output', made) };
}
