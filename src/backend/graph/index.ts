import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { nativeBackend, type NativeBackend } from '../native.js';
import { record } from './recorder.js';
import { outputName, TAG, toSavedModel } from './saved-model.js';

export type NamedTensors = Readonly<Record<string, tf.Tensor>>;

/** Runs pure functions of tensors, somehow. */
export interface Runner {
  /**
   * `f(inputs)`. The caller owns the result.
   *
   * @param key names the function with everything but `inputs` that decides what it computes, the
   *   inputs' shapes included
   * @param f must compute from `inputs` and constants alone, and read no numbers
   */
  call<O extends NamedTensors>(key: string, inputs: NamedTensors, f: (i: NamedTensors) => O): O;
  dispose(): void;
}

/** Op by op, by TensorFlow.js. */
export const eagerRunner: Runner = {
  call: (_, inputs, f) => tf.tidy(() => f(inputs)),
  dispose: () => undefined,
};

interface Compiled {
  readonly model: number;
  readonly outputs: readonly string[];
}

/** Graphs kept: with a growing rollout the old ones are not asked for again. */
const KEPT_GRAPHS = 8;

/**
 * Records each function at its first call and from then on runs it as one TensorFlow graph: no
 * JavaScript between the ops, independent ops side by side, TensorFlow's graph optimizer over all of
 * it, and each intermediate result let go when its last reader is done. The first call, too, returns
 * what the graph computes, so that equal calls give equal bits.
 *
 * On other backends than the native one it is the eager runner.
 */
export function graphRunner(): Runner {
  const found = nativeBackend();
  if (found === undefined) return eagerRunner;
  const backend = found;
  const graphs = new Map<string, Compiled>();

  function compile(inputs: NamedTensors, f: (i: NamedTensors) => NamedTensors): Compiled {
    let outputs: readonly string[] = [];
    const names = Object.keys(inputs);
    const recording = record(backend, Object.values(inputs), (own) => {
      const result = f(Object.fromEntries(names.map((name, i) => [name, own[i]!])));
      outputs = Object.keys(result);
      return Object.values(result);
    });
    const folder = mkdtempSync(join(tmpdir(), 'frameloom-graph-'));
    try {
      writeFileSync(join(folder, 'saved_model.pb'), toSavedModel(backend.binding, recording));
      return { model: backend.binding.loadSavedModel(folder, TAG), outputs };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  return {
    call<O extends NamedTensors>(key: string, inputs: NamedTensors, f: (i: NamedTensors) => O): O {
      const graph = graphs.get(key) ?? compile(inputs, f);
      graphs.delete(key);
      graphs.set(key, graph);
      if (graphs.size > KEPT_GRAPHS) {
        const [oldest, { model }] = graphs.entries().next().value!;
        backend.binding.deleteSavedModel(model);
        graphs.delete(oldest);
      }
      return run(backend, graph, inputs) as O;
    },
    dispose() {
      for (const { model } of graphs.values()) backend.binding.deleteSavedModel(model);
      graphs.clear();
    },
  };
}

function run(backend: NativeBackend, graph: Compiled, inputs: NamedTensors): NamedTensors {
  const tensors = Object.values(inputs);
  const results = backend.binding.runSavedModel(
    graph.model,
    backend.getInputTensorIds(tensors),
    tensors.map((_, i) => `input${i}:0`).join(','),
    graph.outputs.map((_, i) => `${outputName(i)}:0`).join(','),
  );
  return Object.fromEntries(
    graph.outputs.map((name, i) => [name, backend.createOutputTensor(results[i]!)]),
  );
}
