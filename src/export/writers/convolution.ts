import * as tf from '@tensorflow/tfjs-core';
import type { Edge, OnnxAttribute } from '../graph.js';
import type { SymbolicCall, SymbolicValue } from '../trace/symbolic.js';
import {
  inputOf,
  madeBy,
  nameOf,
  notExported,
  numberOf,
  numbersOf,
  type KernelWriter,
  type Writer,
} from '../writer.js';
import { blockOf } from './blocks.js';

/** [rows, columns, inputs, outputs] of a weight, or [rows, columns, outputs, inputs] of one back. */
type FilterShape = readonly [number, number, number, number];

/** A filter's numbers, written in the order that `from` reads them in; 0 where it reads none. */
function filterEdge(
  writer: Writer,
  filter: SymbolicValue,
  shape: (filter: FilterShape) => FilterShape,
  from: (at: FilterShape) => FilterShape | null,
): Edge {
  const constant = writer.constantOf(filter);
  if (!constant) throw notExported('a convolution with a filter that is computed');
  const own = constant.shape as FilterShape;
  const strides = own.map((_, axis) => own.slice(axis + 1).reduce((a, b) => a * b, 1));
  const numbers = constant.values as Float32Array;
  const target = shape(own);
  const values = new Float32Array(target.reduce((a, b) => a * b));
  let i = 0;
  for (let a = 0; a < target[0]; a += 1)
    for (let b = 0; b < target[1]; b += 1)
      for (let c = 0; c < target[2]; c += 1)
        for (let d = 0; d < target[3]; d += 1, i += 1) {
          const at = from([a, b, c, d]);
          if (at)
            values[i] = numbers[at.reduce((sum, one, axis) => sum + one * strides[axis]!, 0)]!;
        }
  return writer.graph.constant(values, target, { type: writer.deep, name: nameOf(filter) });
}

const windowOf = (
  { kernel, attributes }: SymbolicCall,
  scale: number,
): Record<'kernel_shape' | 'strides' | 'pads', OnnxAttribute> => {
  const list = (name: string): OnnxAttribute => ({
    ints: numbersOf(attributes[name], `the ${name} of ${kernel}`).map((one) => one * scale),
  });
  return { kernel_shape: list('kernel'), strides: list('strides'), pads: list('pads') };
};

/**
 * Channels of zeros that are added to so many. ONNX Runtime's WebGPU kernels (1.30) compute other
 * numbers of a convolution's input whose channels are neither three nor whole fours.
 */
const emptyChannels = (channels: number): number => (channels === 3 ? 0 : -channels & 3);

/**
 * A convolution. One over pixels that were folded into channels becomes one over the pixels
 * themselves, with a window and a stride as many times as large: it has as many multiplications,
 * and spares the folding, which many runtimes have no kernel for.
 */
function convolve(writer: Writer, call: SymbolicCall, bias: SymbolicValue | null): Edge {
  const input = inputOf(call, 'x');
  const block = blockOf(input);
  const { x, size } = block?.folds === 'pixels' ? block : { x: input, size: 1 };
  const channels = numberOf(x.shape[3], 'the number of channels');
  const empty = writer.target.unevenChannels ? 0 : emptyChannels(channels);
  const weight = filterEdge(
    writer,
    inputOf(call, 'filter'),
    ([rows, columns, , outputs]) => [outputs, channels + empty, rows * size, columns * size],
    // A folded channel is its pixel's place in the block first, row by row, then the channel there.
    ([output, channel, row, column]) =>
      channel >= channels
        ? null
        : [
            Math.floor(row / size),
            Math.floor(column / size),
            ((row % size) * size + (column % size)) * channels + channel,
            output,
          ],
  );
  const own = writer.edge(x, writer.deep);
  const pads = (): Edge => writer.graph.integers([0, 0, 0, 0, 0, empty, 0, 0]);
  const operands = [empty === 0 ? own : writer.graph.node('Pad', [own, pads()]), weight];
  if (bias) operands.push(writer.edge(bias, writer.deep));
  return writer.graph.node('Conv', operands, windowOf(call, size));
}

function convolveTransposed(writer: Writer, call: SymbolicCall, bias: SymbolicValue | null): Edge {
  const { attributes } = call;
  const what = 'the size of a transposed convolution';
  const [top, left, bottom, right] = numbersOf(attributes.pads, what) as [
    number,
    number,
    number,
    number,
  ];
  // Rows and columns of zeros before the others' let as much be cut off there as at the end.
  const even = !writer.target.unevenPads;
  const [above, before] = even ? [bottom - top, right - left] : [0, 0];
  if (above < 0 || before < 0) throw notExported('a transposed convolution that is padded above');
  const filter = inputOf(call, 'filter');
  const weight = filterEdge(
    writer,
    filter,
    ([rows, columns, outputs, inputs]) => [inputs, outputs, rows + above, columns + before],
    ([input, output, row, column]) =>
      row < above || column < before ? null : [row - above, column - before, output, input],
  );
  const rest = numbersOf(attributes.outputPadding, what);
  const [rows, columns] = numbersOf(attributes.kernel, what) as [number, number];
  return writer.graph.node(
    'ConvTranspose',
    [
      ...[writer.edge(inputOf(call, 'dy'), writer.deep), weight],
      ...(bias ? [writer.edge(bias, writer.deep)] : []),
    ],
    {
      kernel_shape: { ints: [rows + above, columns + before] },
      strides: { ints: numbersOf(attributes.strides, what) },
      pads: { ints: [top + above, left + before, bottom, right] },
      ...(rest.some((pixels) => pixels !== 0) && { output_padding: { ints: rest } }),
    },
  );
}

/** What is computed in the type of the deep layers. */
const deep =
  (write: (writer: Writer, call: SymbolicCall) => Edge): KernelWriter =>
  (writer, call) => {
    writer.set(call.outputs[0]!, write(writer, call), writer.deep);
  };

export const convolutionWriters: Readonly<Record<string, KernelWriter>> = {
  [tf.Conv2D]: deep((writer, call) => convolve(writer, call, null)),
  [tf.Conv2DBackpropInput]: deep((writer, call) => convolveTransposed(writer, call, null)),
  FrameloomBiasAdd: deep((writer, call) => {
    const x = inputOf(call, 'x');
    const bias = inputOf(call, 'bias');
    const [convolution, back] = [madeBy(x, tf.Conv2D), madeBy(x, tf.Conv2DBackpropInput)];
    const made = convolution ?? back;
    if (!made) throw notExported('a bias of something else than a convolution');
    const write = (own: SymbolicValue | null): Edge =>
      convolution ? convolve(writer, made, own) : convolveTransposed(writer, made, own);
    if (writer.target.ownBias) return write(bias);
    const { values, shape } = writer.constantOf(bias)!;
    const apart = { type: writer.deep, name: nameOf(bias) };
    const channels = writer.graph.constant(values, [1, ...shape, 1, 1], apart);
    return writer.graph.node('Add', [write(null), channels]);
  }),
  FrameloomInstanceNorm: deep((writer, call) => {
    const epsilon = { float: numberOf(call.attributes.epsilon, 'the epsilon of a norm') };
    const operands = ['x', 'gamma', 'beta'].map((name) =>
      writer.edge(inputOf(call, name), writer.deep),
    );
    return writer.graph.node('InstanceNormalization', operands, { epsilon });
  }),
  FrameloomLeakyRelu: deep((writer, call) => {
    const x = writer.edge(inputOf(call, 'x'), writer.deep);
    const slope = numberOf(call.attributes.slope, 'the slope of a leaky ReLU');
    if (slope === 0) return writer.graph.node('Relu', [x]);
    return writer.graph.node('LeakyRelu', [x], { alpha: { float: slope } });
  }),
};
