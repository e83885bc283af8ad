import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../backend/graph/index.js';
import { scoped } from '../backend/scope.js';
import { inPhase } from './peak.js';
import type { Outcome } from './rollout.js';
import { stepsIn, type Schedule, type Segment } from './schedule.js';
import type { LossGradient } from './value-and-gradients.js';

/** A segment that is about to be pulled back: where it begins and ends, and the state it begins from. */
export interface OpenSegment {
  readonly from: number;
  readonly to: number;
  readonly state: readonly tf.Tensor[];
}

/** What the walk back carries from segment to segment. */
export interface Carried {
  /** The parameters' gradient so far. */
  readonly gradient: NamedTensors;
  /** In the state after the segment to come; null where nothing depends on it. */
  readonly stateCotangent: readonly tf.Tensor[] | null;
}

/** A recurrent computation whose segments can be run, and pulled back each on a tape of its own. */
export interface Chain {
  readonly length: number;
  readonly initialState: readonly tf.Tensor[];
  /** One step without a tape; a pure function. The caller owns every tensor of it. */
  forward(state: readonly tf.Tensor[], step: number): Outcome;
  /** The parameters' gradient before anything is pulled back: zeros. */
  zeroGradient(): NamedTensors;
  /**
   * The vector-Jacobian product of a segment: from cotangents of its outputs and of its last state to
   * that of its first state; what the parameters get is added to their gradient. Takes what is carried.
   */
  pullBack(open: OpenSegment, outputCotangents: readonly tf.Tensor[], carried: Carried): Carried;
}

/**
 * Backpropagation through time by recomputation (Chen et al. 2016, arXiv 1604.06174; nested as in
 * Griewank & Walther's revolve, ACM TOMS 799, 2000): run forward without a tape, keeping the outputs
 * and the states at the starts of the schedule's segments; take the loss's gradient in each output and
 * let the outputs go; then go through the segments backwards, recomputing each on a tape of its own, the loss's
 * cotangents added to that of the state. Tapes are never nested, because a nested one ends the outer
 * one in TensorFlow.js.
 *
 * @param schedule adds up to `chain.length`
 */
export function backpropagate<R>(
  chain: Chain,
  lossGradient: LossGradient<R>,
  schedule: Schedule,
): { result: R; gradient: NamedTensors } {
  if (stepsIn(schedule) !== chain.length) {
    throw new Error(
      `segments ${schedule.map(stepsIn).join(' + ')} do not make ${chain.length} steps`,
    );
  }
  return scoped(() => {
    // Where each step's outputs begin: a first step may have fewer.
    const firstOutput: number[] = [];
    const outputs: tf.Tensor[] = [];
    const starts = inPhase('forward', () =>
      sweep(chain, { from: 0, state: chain.initialState }, schedule, (own) => {
        firstOutput.push(outputs.length);
        outputs.push(...own);
      }),
    );
    const { result, cotangents } = inPhase('judge', () => lossGradient(outputs));
    const lastOutput = outputs.length;
    tf.dispose(outputs);

    function walkBack(segment: Segment, open: OpenSegment, carried: Carried): Carried {
      if (typeof segment !== 'number') {
        return walkSegments(segment, sweep(chain, open, segment), carried);
      }
      const { from, to } = open;
      const own = cotangents.slice(firstOutput[from], firstOutput[to] ?? lastOutput);
      const pulled = chain.pullBack(open, own, carried);
      tf.dispose(own);
      return pulled;
    }

    function walkSegments(
      segments: Schedule,
      opened: readonly OpenSegment[],
      last: Carried,
    ): Carried {
      let carried = last;
      for (let i = segments.length - 1; i >= 0; i -= 1) {
        carried = walkBack(segments[i]!, opened[i]!, carried);
        // The first segment's state belongs to whoever ran up to it.
        if (i > 0) tf.dispose([...opened[i]!.state]);
      }
      return carried;
    }

    const { gradient } = inPhase('back', () =>
      walkSegments(schedule, starts, { gradient: chain.zeroGradient(), stateCotangent: null }),
    );
    return { result, gradient };
  });
}

/**
 * Runs through a schedule's steps without a tape, one at a time so that nothing but the state goes
 * from one to the next, and keeps the state at the start of each segment.
 *
 * @param keepOutputs takes each step's outputs; without it they are dropped, and the last one,
 *   which leads to no state that is needed, is not run
 */
function sweep(
  chain: Chain,
  start: { from: number; state: readonly tf.Tensor[] },
  segments: Schedule,
  keepOutputs?: (outputs: readonly tf.Tensor[]) => void,
): OpenSegment[] {
  const opened: OpenSegment[] = [];
  let { from, state } = start;
  segments.forEach((segment, i) => {
    const to = from + stepsIn(segment);
    opened.push({ from, to, state });
    const isLast = i === segments.length - 1;
    if (isLast && !keepOutputs) return;
    for (let step = from; step < to; step += 1) {
      const next = chain.forward(state, step);
      if (step > from) tf.dispose([...state]);
      if (keepOutputs) keepOutputs(next.outputs);
      else tf.dispose([...next.outputs]);
      state = next.state;
    }
    if (isLast) tf.dispose([...state]);
    from = to;
  });
  return opened;
}
