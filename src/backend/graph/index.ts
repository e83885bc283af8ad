import * as tf from '@tensorflow/tfjs-core';
import { nativeBackend } from '../native.js';
import { returnFreedMemory } from '../process-addon.js';
import { assertSameRecording, checksGraphs, isCheckedHit, type Recorded } from './check.js';
import { nativeFunction, type NativeFunction } from './functions.js';
import type { NamedTensors } from './named.js';
import { outline } from './outline.js';
import { currentRecorder, record } from './recorder.js';
import { sizeOf } from './recording.js';

export { ownTensors, runInOrder, type Block } from './blocks.js';
export { numbered, ordered, prefixed, withoutPrefix, type NamedTensors } from './named.js';

/** Runs pure functions of tensors, somehow. */
export interface Runner {
  /**
   * `f(inputs)`. The caller owns the result.
   *
   * Within another call it is a piece of that one's function: pieces run one after the other, each in
   * the memory that the one before has left, and what two of them compute is computed twice.
   *
   * @param key names the function with everything that decides what it computes, but for the names
   *   and shapes of `inputs`
   * @param f must compute from `inputs` and constants alone, and read no numbers
   */
  call<O extends NamedTensors>(key: string, inputs: NamedTensors, f: (i: NamedTensors) => O): O;
  /** Lets all that was recorded go; what is called afterwards is recorded anew. */
  dispose(): void;
}

/** Op by op, by TensorFlow.js. */
export const eagerRunner: Runner = {
  call: (_, inputs, f) => tf.tidy(() => f(inputs)),
  dispose: () => undefined,
};

/** `runner`, its functions' keys behind a prefix: for functions that share what decides them. */
export const withPrefix = (runner: Runner, prefix: string): Runner => ({
  call: (key, inputs, f) => runner.call(`${prefix} ${key}`, inputs, f),
  dispose: () => runner.dispose(),
});

interface Compiled {
  readonly native: NativeFunction;
  /** Nodes of the graph. */
  readonly size: number;
  readonly outputs: readonly string[];
  /** What it was made of, where graphs are checked. */
  readonly recorded: Recorded | undefined;
  hits: number;
}

/** About eight whole training steps: with a growing rollout the old ones are not asked for again. */
const KEPT_NODES = 20_000;

/** Graphs take inputs of one shape. */
const shapesOf = (inputs: NamedTensors): string =>
  Object.entries(inputs)
    .map(([name, { dtype, shape }]) => `${name}:${dtype}[${shape.join(',')}]`)
    .join(' ');

/**
 * Records each function at its first call and from then on runs it as one TensorFlow graph, a function of its eager context: no
 * JavaScript between the ops, independent ops side by side, TensorFlow's graph optimizer over all of
 * it, and each intermediate result let go when its last reader is done. The first call, too, returns
 * what the graph computes, so that equal calls give equal bits.
 *
 * On other backends than the native one it is the eager runner.
 *
 * @param keptNodes nodes of the graphs that are kept in all; those not used for longest go first
 */
export function graphRunner(keptNodes = KEPT_NODES): Runner {
  const found = nativeBackend();
  if (found === undefined) return eagerRunner;
  const backend = found;
  const graphs = new Map<string, Compiled>();

  const checks = checksGraphs();

  function recordNamed(inputs: NamedTensors, f: (i: NamedTensors) => NamedTensors) {
    let outputs: readonly string[] = [];
    const names = Object.keys(inputs);
    const recording = record(backend, Object.values(inputs), (own) => {
      const result = f(Object.fromEntries(names.map((name, i) => [name, own[i]!])));
      outputs = Object.keys(result);
      return Object.values(result);
    });
    return { recording, outputs };
  }

  /** @throws Error when a key that is known stands for another function */
  function check(id: string, known: Compiled, again: () => ReturnType<typeof recordNamed>): void {
    known.hits += 1;
    if (known.recorded === undefined || !isCheckedHit(known.hits)) return;
    const { recording, outputs } = again();
    assertSameRecording(id, known.recorded, { ...recording, names: outputs });
  }

  function compile(inputs: NamedTensors, f: (i: NamedTensors) => NamedTensors): Compiled {
    const { recording: whole, outputs } = recordNamed(inputs, f);
    const recorded = checks ? { ...whole, names: outputs } : undefined;
    const recording = outline(whole);
    const native = nativeFunction(backend, recording);
    return { native, outputs, recorded, size: sizeOf(recording), hits: 0 };
  }

  /** Lets the graphs go that were not used for longest, but for the one in use. */
  function letGo(inUse: Compiled): void {
    let nodes = [...graphs.values()].reduce((sum, { size }) => sum + size, 0);
    for (const [id, graph] of graphs) {
      if (nodes <= keptNodes || graph === inUse) return;
      graph.native.dispose();
      graphs.delete(id);
      nodes -= graph.size;
    }
  }

  return {
    call<O extends NamedTensors>(key: string, inputs: NamedTensors, f: (i: NamedTensors) => O): O {
      const id = `${key} ${shapesOf(inputs)}`;
      const recorder = currentRecorder();
      if (recorder) return recorder.call(id, inputs, f);
      const known = graphs.get(id);
      if (known) check(id, known, () => recordNamed(inputs, f));
      const graph = known ?? compile(inputs, f);
      graphs.delete(id);
      graphs.set(id, graph);
      letGo(graph);
      const result = run(graph, inputs);
      // Its first run optimizes the graph, which leaves as much freed memory as the graph takes.
      if (known === undefined) returnFreedMemory();
      return result as O;
    },
    dispose() {
      for (const { native } of graphs.values()) native.dispose();
      graphs.clear();
    },
  };
}

function run({ native, outputs }: Compiled, inputs: NamedTensors): NamedTensors {
  const results = native.run(Object.values(inputs));
  return Object.fromEntries(outputs.map((name, i) => [name, results[i]!]));
}
