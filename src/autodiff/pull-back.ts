import * as tf from '@tensorflow/tfjs-core';
import {
  numbered,
  ordered,
  ownTensors,
  prefixed,
  withoutPrefix,
  type NamedTensors,
  type Runner,
} from '../backend/graph/index.js';
import type { Carried, OpenSegment } from './backpropagate.js';
import { inPhase } from './peak.js';
import {
  blocksIn,
  forwardBlocks,
  readBy,
  runRanges,
  wholeStep,
  type BlockRange,
  type Rollout,
  type Start,
} from './rollout.js';
import { vectorJacobian } from './value-and-gradients.js';

/** What is pulled back, and how. */
export interface Puller {
  readonly rollout: Rollout;
  /** As `rollout.weights` gives them. */
  readonly parameters: NamedTensors;
  readonly runner: Runner;
}

/** Cotangents by the names of what they are in, and the parameters' gradient so far. */
interface Pulled {
  readonly gradient: NamedTensors;
  readonly before: NamedTensors;
  /** Numbered `state`; those alone that something depends on. */
  readonly state: NamedTensors;
}

/**
 * The vector-Jacobian product of consecutive blocks on a tape of their own, added to the gradient.
 *
 * @param ranges of one step, or of whole steps one after the other
 * @param cotangents of what the last block leaves, by its names; those that nothing depends on are
 *   left out
 * @returns gradients of the parameters that the blocks read, the others' are not in it
 */
function pullBackBlocks(
  { rollout, parameters, runner }: Puller,
  ranges: readonly BlockRange[],
  start: Start,
  cotangents: NamedTensors,
  gradient: NamedTensors,
): Pulled {
  const blocks = ranges.map((range) => blocksIn(rollout, range));
  const all = blocks.flat();
  const made = tf.tidy((): NamedTensors => {
    const given = ranges.map(({ t }, i) =>
      prefixed(`given${i}.`, readBy(blocks[i]!, 'reads', rollout.given(t))),
    );
    const inputs: NamedTensors = {
      ...prefixed('parameter.', readBy(all, 'parameters', parameters)),
      ...prefixed('gradient.', readBy(all, 'parameters', gradient)),
      ...prefixed('before.', start.before),
      ...prefixed('state.', readBy(blocks[0]!, 'reads', start.state)),
      ...prefixed('cotangent.', cotangents),
      ...(Object.assign({}, ...given) as NamedTensors),
    };
    const key = ranges.map(({ t, from, to }) => `${rollout.kind(t)} ${from}-${to}`).join(', ');
    return runner.call(`back ${key}`, inputs, (tensors) => {
      const own = withoutPrefix('parameter.', tensors);
      const from = {
        before: withoutPrefix('before.', tensors),
        state: withoutPrefix('state.', tensors),
      };
      const outer = withoutPrefix('cotangent.', tensors);
      const run = (): tf.Tensor[] => {
        const givens = ranges.map((_, i) => withoutPrefix(`given${i}.`, tensors));
        const left = onTape(rollout, ranges[0]!, () =>
          ownTensors(runRanges(rollout, ranges, own, from, givens), from.before),
        );
        return Object.keys(outer).map((name) => left[name]!);
      };
      const xs = {
        ...prefixed('gradient.', own),
        ...prefixed('before.', from.before),
        ...prefixed('state.', from.state),
      };
      const { gradients: found } = vectorJacobian(run, Object.values(xs), () => ({
        // They stay the caller's.
        cotangents: Object.values(outer).map((cotangent) => tf.clone(cotangent)),
        result: null,
      }));
      return Object.fromEntries(
        Object.keys(xs).map((name, i) => {
          const isSum = name.startsWith('gradient.');
          return [name, isSum ? addInto(tensors[name]!, found[i]!) : found[i]!];
        }),
      );
    });
  });
  return {
    gradient: withoutPrefix('gradient.', made),
    before: withoutPrefix('before.', made),
    state: withoutPrefix('state.', made),
  };
}

/** Blocks' way onto a tape is metered by itself where they are not a whole step. */
const onTape = <T>(rollout: Rollout, range: BlockRange, run: () => T): T =>
  range.to - range.from < rollout.blocks(range.t).length
    ? inPhase(blockPhase('tape', range), run)
    : run();

/** `sum + term`; the term is let go. */
function addInto(sum: tf.Tensor, term: tf.Tensor): tf.Tensor {
  const total = tf.add(sum, term);
  term.dispose();
  return total;
}

/** `old` with `fresh` in place of its tensors of these names, which are let go. */
function replaced(old: NamedTensors, fresh: NamedTensors): NamedTensors {
  tf.dispose(Object.keys(fresh).map((name) => old[name]!));
  return { ...old, ...fresh };
}

const listOf = (state: NamedTensors): readonly tf.Tensor[] | null => {
  const tensors = ordered('state', state);
  return tensors.length > 0 ? tensors : null;
};

/** A segment of whole steps, on one tape. Takes what is carried. */
export function pullBackSteps(
  puller: Puller,
  { from, to, state }: OpenSegment,
  outputCotangents: readonly tf.Tensor[],
  carried: Carried,
): Carried {
  const ranges = Array.from({ length: to - from }, (_, i) => wholeStep(puller.rollout, from + i));
  const last = carried.stateCotangent ?? [];
  const pulled = pullBackBlocks(
    ...([puller, ranges, { before: {}, state: numbered('state', state) }] as const),
    { ...numbered('output', outputCotangents), ...numbered('state', last) },
    carried.gradient,
  );
  tf.dispose([...last]);
  return {
    gradient: replaced(carried.gradient, pulled.gradient),
    stateCotangent: listOf(pulled.state),
  };
}

/**
 * One step in stretches of its blocks, a tape for each: run through once more without a tape, keeping
 * what lies before each stretch, then pulled back from the last. Takes what is carried.
 *
 * @param stretches so many blocks each, first to last; they add up to the step's
 */
export function pullBackInStretches(
  puller: Puller,
  stretches: readonly number[],
  { from: t, state }: OpenSegment,
  outputCotangents: readonly tf.Tensor[],
  carried: Carried,
): Carried {
  const { rollout, parameters, runner } = puller;
  const ranges: BlockRange[] = [];
  for (const count of stretches) {
    const from = ranges.at(-1)?.to ?? 0;
    ranges.push({ t, from, to: from + count });
  }
  const borders: NamedTensors[] = [{}];
  for (const range of ranges.slice(0, -1)) {
    const before = borders.at(-1)!;
    borders.push(
      inPhase(blockPhase('sweep', range), () =>
        forwardBlocks(rollout, parameters, range, before, state, runner),
      ),
    );
  }
  const own = numbered('state', state);
  const last = carried.stateCotangent ?? [];
  let { gradient } = carried;
  let cotangents: NamedTensors = {
    ...numbered('output', outputCotangents),
    ...numbered('state', last),
  };
  const stateCotangent: Record<string, tf.Tensor> = {};
  for (let i = ranges.length - 1; i >= 0; i -= 1) {
    const before = borders[i]!;
    const pulled = inPhase(blockPhase('pull', ranges[i]!), () =>
      pullBackBlocks(puller, [ranges[i]!], { before, state: own }, cotangents, gradient),
    );
    // The outputs' are whoever's who gave them.
    tf.dispose(i === ranges.length - 1 ? [...last] : cotangents);
    tf.dispose(before);
    gradient = replaced(gradient, pulled.gradient);
    cotangents = pulled.before;
    for (const [name, cotangent] of Object.entries(pulled.state)) {
      const sum = stateCotangent[name];
      stateCotangent[name] = sum ? addInto(sum, cotangent) : cotangent;
      sum?.dispose();
    }
  }
  return { gradient, stateCotangent: listOf(stateCotangent) };
}

/** The phase of a stretch of a frame's blocks; named by its first block. */
export const blockPhase = (
  what: 'sweep' | 'tape' | 'pull',
  { from }: Pick<BlockRange, 'from'>,
): string => `${what} ${from}`;
