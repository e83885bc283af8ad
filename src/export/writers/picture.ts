import * as tf from '@tensorflow/tfjs-core';
import type { Edge } from '../graph.js';
import type { Dimension } from '../trace/dimension.js';
import type { SymbolicCall } from '../trace/symbolic.js';
import { inputOf, notExported, numberOf, type KernelWriter, type Writer } from '../writer.js';
import { blockOf } from './blocks.js';

/** The number of the channels' axis: last in TensorFlow.js, and where ONNX has it. */
const CHANNELS = { plain: 3, planar: 1 };

/** From features to the picture all is float32: what is seen is not rounded twice. */
const exact =
  (write: (writer: Writer, call: SymbolicCall) => Edge): KernelWriter =>
  (writer, call) => {
    writer.set(call.outputs[0]!, write(writer, call));
  };

const unary = (op: string): KernelWriter =>
  exact((writer, call) => writer.graph.node(op, [writer.edge(inputOf(call, 'x'))]));

/** In the type of its operands; exact as soon as one of them is. */
const binary =
  (op: string): KernelWriter =>
  (writer, call) => {
    const operands = [inputOf(call, 'a'), inputOf(call, 'b')];
    const output = call.outputs[0]!;
    const alike = operands.every(
      ({ shape }) => shape.length === 0 || shape.length === output.shape.length,
    );
    if (!alike) throw notExported(`${call.kernel} of tensors of different axes`);
    const types = operands.map((operand) => writer.typeOf(operand));
    const type = types.includes('float32') ? 'float32' : (types.find((one) => one) ?? 'float32');
    const edges = operands.map((operand) => writer.edge(operand, type));
    writer.set(output, writer.graph.node(op, edges), type);
  };

export const pictureWriters: Readonly<Record<string, KernelWriter>> = {
  [tf.Add]: binary('Add'),
  [tf.Concat]: (writer, call) => {
    if (!call.attributes.axis || numberOf(call.attributes.axis, 'an axis') !== CHANNELS.plain) {
      throw notExported('pictures beside each other along something else than channels');
    }
    const parts = Object.values(call.inputs);
    const edges = parts.map((part) => writer.edge(part, writer.deep));
    const joined = writer.graph.node('Concat', edges, { axis: { int: CHANNELS.planar } });
    writer.set(call.outputs[0]!, joined, writer.deep);
  },
  // A handle of its own for the same numbers, which edges have no need of.
  [tf.Identity]: (writer, call) => {
    const x = inputOf(call, 'x');
    const type = writer.typeOf(x) ?? 'float32';
    writer.set(call.outputs[0]!, writer.edge(x, type), type);
  },
  [tf.Sub]: binary('Sub'),
  [tf.Multiply]: binary('Mul'),
  [tf.Tanh]: unary('Tanh'),
  [tf.Sigmoid]: unary('Sigmoid'),
  [tf.Floor]: unary('Floor'),
  [tf.ClipByValue]: exact((writer, call) => {
    const [low, high] = ['clipValueMin', 'clipValueMax'].map((name) =>
      writer.graph.float(numberOf(call.attributes[name], name)),
    );
    return writer.graph.node('Clip', [writer.edge(inputOf(call, 'x')), low!, high!]);
  }),
  [tf.Reshape]: exact((writer, call) => {
    const block = blockOf(call.outputs[0]!);
    if (block?.folds !== 'channels') {
      throw notExported('a reshape that does not put channels into pixels');
    }
    return writer.graph.node('DepthToSpace', [writer.edge(block.x)], {
      blocksize: { int: block.size },
      mode: { text: 'DCR' },
    });
  }),
  [tf.Slice]: exact((writer, call) => {
    const x = inputOf(call, 'x');
    const begin = call.attributes.begin as readonly Dimension[];
    const end = call.attributes.end as readonly Dimension[];
    const cut = x.shape
      .map((_, axis) => axis)
      .filter((axis) => !begin[axis]!.equals(0) || !end[axis]!.equals(x.shape[axis]!));
    const edge = writer.edge(x);
    if (cut.length === 0) return edge;
    if (x.shape.length !== 4 || cut.some((axis) => axis !== CHANNELS.plain)) {
      throw notExported('a slice of something else than channels');
    }
    const [from, to] = [begin, end].map((list) => numberOf(list[CHANNELS.plain], 'a slice'));
    return writer.graph.channels(edge, from!, to!);
  }),
  [tf.ResizeBilinear]: exact((writer, call) => {
    const { alignCorners, halfPixelCenters } = call.attributes;
    const images = inputOf(call, 'images');
    const sizes = call.outputs[0]!.shape;
    const factors = [1, 2].map((axis) => sizes[axis]!.ratioTo(images.shape[axis]!));
    if (alignCorners === true || halfPixelCenters !== true || factors.includes(undefined)) {
      throw notExported('a resizing other than by a factor, between the centres of pixels');
    }
    const scales = Float32Array.of(1, 1, ...(factors as number[]));
    return writer.graph.node(
      'Resize',
      [writer.edge(images), '', writer.graph.constant(scales, [4])],
      { mode: { text: 'linear' }, coordinate_transformation_mode: { text: 'half_pixel' } },
    );
  }),
};
