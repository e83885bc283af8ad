import type { Edge } from '../graph.js';
import type { Dimension } from '../trace/dimension.js';
import { inputOf, nameOf, notExported, type KernelWriter } from '../writer.js';
import { linesOf } from './lines.js';

/** x + columns·w₀ + rows·w₁, channel by channel. */
export const placeWriter: KernelWriter = (writer, call) => {
  const { graph, deep } = writer;
  const [x, weight] = [inputOf(call, 'x'), inputOf(call, 'weight')];
  const constant = writer.constantOf(weight);
  if (!constant) throw notExported('places weighed by numbers that are computed');
  const values = constant.values as Float32Array;
  const channels = values.length / 2;
  const edge = writer.edge(x, deep);
  const lines = linesOf(
    writer,
    x.shape as [Dimension, Dimension, Dimension, Dimension],
    () => edge,
  );
  const sum = lines.reduce<Edge>((before, { places }, axis) => {
    const own = values.subarray(axis * channels, (axis + 1) * channels);
    const name = `${nameOf(weight)}.${axis}`;
    const weights = graph.constant(own, [1, channels, 1, 1], { type: deep, name });
    const line = deep === 'float32' ? places : graph.cast(places, deep);
    return graph.node('Add', [before, graph.node('Mul', [line, weights])]);
  }, edge);
  writer.set(call.outputs[0]!, sum, deep);
};
