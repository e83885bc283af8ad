import * as tf from '@tensorflow/tfjs-core';
import { TensorProto_DataType as DataType } from '../format/onnx_pb.js';
import type { Edge, OnnxAttribute } from '../graph.js';
import type { SymbolicAttribute, SymbolicCall, SymbolicValue } from '../trace/symbolic.js';
import type { Dimension } from '../trace/dimension.js';
import {
  inputOf,
  numberOf,
  numbersOf,
  type KernelWriter,
  type Layout,
  type Writer,
} from '../writer.js';

const TYPES: Readonly<Record<string, DataType>> = {
  float32: DataType.FLOAT,
  int32: DataType.INT32,
  bool: DataType.BOOL,
};

/**
 * The layout that elementwise work on these values is done in: planar where one of them lies so and
 * the others can.
 */
export function commonLayout(writer: Writer, values: readonly SymbolicValue[]): Layout {
  const canAll = values.every((value) => {
    const rank = value.shape.length;
    return rank === 4 || rank === 0 || (rank === 1 && channelsLast(writer, value) !== null);
  });
  const any = values.some(
    (value) => value.shape.length === 4 && writer.layoutOf(value) === 'planar',
  );
  return canAll && any ? 'planar' : 'plain';
}

/** A constant for each channel, as it must lie beside planar tensors: [C, 1, 1]. */
function channelsLast(writer: Writer, value: SymbolicValue): Edge | null {
  const constant = writer.constantOf(value);
  if (constant) return writer.graph.constant(constant.values, [...constant.shape, 1, 1]);
  return null;
}

/** The edge of one operand of elementwise work. */
export function operand(writer: Writer, value: SymbolicValue, layout: Layout): Edge {
  if (layout === 'planar' && value.shape.length === 1) return channelsLast(writer, value)!;
  return writer.edge(value, value.shape.length === 4 ? layout : 'plain');
}

/** Work on each element by itself: any layout will do, and the result has it too. */
const elementwise =
  (write: (writer: Writer, operands: Edge[], call: SymbolicCall) => Edge): KernelWriter =>
  (writer, call) => {
    const values = Object.values(call.inputs);
    const layout = commonLayout(writer, values);
    const operands = values.map((value) => operand(writer, value, layout));
    const output = call.outputs[0]!;
    writer.set(output, write(writer, operands, call), output.shape.length === 4 ? layout : 'plain');
  };

const node = (op: string, attributes: Readonly<Record<string, OnnxAttribute>> = {}) =>
  elementwise(({ graph }, operands) => graph.node(op, operands, attributes));

/** Integers divide and floor differently in ONNX: those kernels are for floats. */
const NODES: Readonly<Record<string, string>> = {
  ...{ [tf.Abs]: 'Abs', [tf.Neg]: 'Neg', [tf.Exp]: 'Exp', [tf.Log]: 'Log', [tf.Sqrt]: 'Sqrt' },
  ...{ [tf.Reciprocal]: 'Reciprocal', [tf.Sin]: 'Sin', [tf.Cos]: 'Cos', [tf.Floor]: 'Floor' },
  ...{ [tf.Ceil]: 'Ceil', [tf.Round]: 'Round', [tf.Sign]: 'Sign', [tf.Erf]: 'Erf' },
  ...{ [tf.Tanh]: 'Tanh', [tf.Sigmoid]: 'Sigmoid', [tf.Softplus]: 'Softplus', [tf.Elu]: 'Elu' },
  ...{ [tf.Selu]: 'Selu', [tf.Relu]: 'Relu', [tf.LogicalNot]: 'Not', [tf.Add]: 'Add' },
  ...{ [tf.Sub]: 'Sub', [tf.Multiply]: 'Mul', [tf.RealDiv]: 'Div', [tf.Pow]: 'Pow' },
  ...{ [tf.Maximum]: 'Max', [tf.Minimum]: 'Min', [tf.Greater]: 'Greater', [tf.Less]: 'Less' },
  ...{ [tf.GreaterEqual]: 'GreaterOrEqual', [tf.LessEqual]: 'LessOrEqual', [tf.Equal]: 'Equal' },
  ...{ [tf.LogicalAnd]: 'And', [tf.LogicalOr]: 'Or', [tf.AddN]: 'Sum' },
};

const leaky = (writer: Writer, x: Edge, slope: number): Edge =>
  slope === 0
    ? writer.graph.node('Relu', [x])
    : writer.graph.node('LeakyRelu', [x], { alpha: { float: slope } });

function reduction(op: string): KernelWriter {
  return (writer, call) => {
    const x = inputOf(call, 'x');
    const keepDims = call.attributes.keepDims === true;
    const axes = numbersOf(call.attributes.axes, 'the axes of a reduction');
    const planar = keepDims && x.shape.length === 4 && commonLayout(writer, [x]) === 'planar';
    // An axis of the plain layout is at this place of the planar one.
    const own = planar ? axes.map((axis) => [0, 2, 3, 1][axis]!) : axes;
    const edge = writer.edge(x, planar ? 'planar' : 'plain');
    const keepdims = { int: keepDims ? 1 : 0 };
    // Until opset 18 the axes of a sum alone are an input.
    const reduced =
      op === 'ReduceSum'
        ? writer.graph.node(op, [edge, writer.graph.integers(own)], { keepdims })
        : writer.graph.node(op, [edge], { axes: { ints: own }, keepdims });
    writer.set(call.outputs[0]!, reduced, planar ? 'planar' : 'plain');
  };
}

/** A bound that may be a function of the size, such as the last column's number. */
const bound = (writer: Writer, value: SymbolicAttribute | undefined, dtype: string): Edge =>
  writer.scalar(value as Dimension, dtype);

export const elementwiseWriters: Readonly<Record<string, KernelWriter>> = {
  ...Object.fromEntries(Object.entries(NODES).map(([kernel, op]) => [kernel, node(op)])),
  [tf.Identity]: elementwise((_, [x]) => x!),
  [tf.Rsqrt]: elementwise(({ graph }, [x]) => graph.node('Reciprocal', [graph.node('Sqrt', [x!])])),
  [tf.Square]: elementwise(({ graph }, [x]) => graph.node('Mul', [x!, x!])),
  [tf.SquaredDifference]: elementwise(({ graph }, operands) => {
    const difference = graph.node('Sub', operands);
    return graph.node('Mul', [difference, difference]);
  }),
  [tf.FloorDiv]: elementwise(({ graph }, operands) =>
    graph.node('Floor', [graph.node('Div', operands)]),
  ),
  [tf.NotEqual]: elementwise(({ graph }, operands) =>
    graph.node('Not', [graph.node('Equal', operands)]),
  ),
  [tf.Relu6]: elementwise(({ graph }, [x]) =>
    graph.node('Clip', [x!, graph.float(0), graph.float(6)]),
  ),
  [tf.ClipByValue]: elementwise((writer, [x], { attributes, outputs }) => {
    const { dtype } = outputs[0]!;
    return writer.graph.node('Clip', [
      x!,
      bound(writer, attributes.clipValueMin, dtype),
      bound(writer, attributes.clipValueMax, dtype),
    ]);
  }),
  [tf.LeakyRelu]: elementwise((writer, [x], { attributes }) =>
    leaky(writer, x!, numberOf(attributes.alpha, 'the slope of a leaky ReLU')),
  ),
  FrameloomLeakyRelu: elementwise((writer, [x], { attributes }) =>
    leaky(writer, x!, numberOf(attributes.slope, 'the slope of a leaky ReLU')),
  ),
  [tf.Prelu]: elementwise(({ graph }, [x, alpha]) => graph.node('PRelu', [x!, alpha!])),
  [tf.Select]: elementwise(({ graph }, operands) => graph.node('Where', operands)),
  [tf.Cast]: elementwise(({ graph }, [x], { inputs, outputs }) => {
    const { dtype } = outputs[0]!;
    const same = Object.values(inputs)[0]!.dtype === dtype;
    return same ? x! : graph.node('Cast', [x!], { to: { int: TYPES[dtype]! } });
  }),
  [tf.Softmax]: (writer, call) => {
    const logits = inputOf(call, 'logits');
    const layout = commonLayout(writer, [logits]);
    const axis = layout === 'planar' ? 1 : -1;
    const edge = writer.graph.node('Softmax', [writer.edge(logits, layout)], {
      axis: { int: axis },
    });
    writer.set(call.outputs[0]!, edge, layout);
  },
  [tf.Sum]: reduction('ReduceSum'),
  [tf.Mean]: reduction('ReduceMean'),
  [tf.Max]: reduction('ReduceMax'),
  [tf.Min]: reduction('ReduceMin'),
  [tf.Prod]: reduction('ReduceProd'),
};
