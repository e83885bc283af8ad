import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../../base/error.js';
import type { Edge, OnnxAttribute } from '../graph.js';
import type { Dimension } from '../trace/dimension.js';
import type { SymbolicCall, SymbolicValue } from '../trace/symbolic.js';
import {
  inputOf,
  madeBy,
  numberOf,
  numbersOf,
  transposed,
  type KernelWriter,
  type Writer,
} from '../writer.js';
import { commonLayout, operand } from './elementwise.js';

type Attributes = Record<string, OnnxAttribute>;

const isKnown = (list: readonly unknown[]): boolean =>
  list.every((one) => one !== null && (one as Dimension).constant !== undefined);

function windowOf({ kernel, attributes }: SymbolicCall): Attributes {
  const own: Attributes = {
    kernel_shape: { ints: numbersOf(attributes.kernel, `the window of ${kernel}`) },
    strides: { ints: numbersOf(attributes.strides, `the strides of ${kernel}`) },
  };
  const pads = attributes.pads as readonly unknown[];
  // TensorFlow's SAME pads by the size; ONNX knows that rule too.
  if (!isKnown(pads) && attributes.same === true)
    return { ...own, auto_pad: { text: 'SAME_UPPER' } };
  return { ...own, pads: { ints: numbersOf(attributes.pads, `the padding of ${kernel}`) } };
}

/** A filter with its axes in ONNX's order; that of a parameter is put so when it is written. */
function filterEdge(writer: Writer, filter: SymbolicValue, perm: readonly number[]): Edge {
  const constant = writer.constantOf(filter);
  if (!constant)
    return writer.graph.node('Transpose', [writer.edge(filter)], { perm: { ints: perm } });
  const { values, shape } = constant;
  const name = filter.source.kind === 'given' ? filter.source.name : undefined;
  return writer.graph.constant(
    transposed(values, shape, perm),
    perm.map((axis) => shape[axis]!),
    name,
  );
}

/** [K, K, I, O] → [O, I, K, K] */
const FORWARD = [3, 2, 0, 1];
/** Depthwise [K, K, C, M] → [C, M, K, K], which one reshape makes ONNX's [C·M, 1, K, K]. */
const DEPTHWISE = [2, 3, 0, 1];

function convolve(writer: Writer, call: SymbolicCall, bias: Edge | null): Edge {
  const { graph } = writer;
  const x = writer.edge(inputOf(call, 'x'), 'planar');
  const filter = inputOf(call, 'filter');
  const groups = numberOf(call.attributes.groups, 'the groups of a convolution');
  const dilations = { ints: numbersOf(call.attributes.dilations, 'the dilations') };
  let weight = filterEdge(writer, filter, groups > 1 ? DEPTHWISE : FORWARD);
  if (groups > 1) {
    const [height, width, channels, times] = filter.shape.map((size) => size.constant!);
    weight = graph.node('Reshape', [
      weight,
      graph.integers([channels! * times!, 1, height!, width!]),
    ]);
  }
  return graph.node('Conv', [x, weight, ...(bias === null ? [] : [bias])], {
    ...windowOf(call),
    dilations,
    group: { int: groups },
  });
}

/** [K, K, O, I] → [I, O, K, K] */
const BACKWARD = [3, 2, 0, 1];

function convolveTransposed(writer: Writer, call: SymbolicCall, bias: Edge | null): Edge {
  const x = writer.edge(inputOf(call, 'dy'), 'planar');
  const weight = filterEdge(writer, inputOf(call, 'filter'), BACKWARD);
  return writer.graph.node('ConvTranspose', [x, weight, ...(bias === null ? [] : [bias])], {
    kernel_shape: { ints: numbersOf(call.attributes.kernel, 'the window of a convolution') },
    strides: { ints: numbersOf(call.attributes.strides, 'the strides of a convolution') },
    pads: { ints: numbersOf(call.attributes.pads, 'the padding of a transposed convolution') },
    output_padding: {
      ints: numbersOf(call.attributes.outputPadding, 'the size of a transposed convolution'),
    },
  });
}

const CONVOLUTIONS = {
  [tf.Conv2D]: convolve,
  [tf.DepthwiseConv2dNative]: convolve,
  [tf.Conv2DBackpropInput]: convolveTransposed,
};

const planar =
  (write: (writer: Writer, call: SymbolicCall) => Edge): KernelWriter =>
  (writer, call) => {
    writer.set(call.outputs[0]!, write(writer, call), 'planar');
  };

/** A bias becomes a part of the convolution before it where nothing else reads that. */
function addBias(writer: Writer, call: SymbolicCall): void {
  const [x, bias] = [inputOf(call, 'x'), inputOf(call, 'bias')];
  const output = call.outputs[0]!;
  const constant = writer.constantOf(bias);
  if (constant && x.readers === 1) {
    for (const [kernel, write] of Object.entries(CONVOLUTIONS)) {
      const convolution = madeBy(x, kernel);
      if (!convolution) continue;
      writer.set(output, write(writer, convolution, writer.edge(bias)), 'planar');
      return;
    }
  }
  const layout = commonLayout(writer, [x, bias]);
  const operands = [x, bias].map((value) => operand(writer, value, layout));
  writer.set(output, writer.graph.node('Add', operands), layout);
}

function activated(writer: Writer, call: SymbolicCall, x: Edge): Edge {
  const { graph } = writer;
  const { activation } = call.attributes;
  switch (activation) {
    case 'linear':
      return x;
    case 'relu':
      return graph.node('Relu', [x]);
    case 'relu6':
      return graph.node('Clip', [x, graph.float(0), graph.float(6)]);
    case 'elu':
      return graph.node('Elu', [x]);
    case 'sigmoid':
      return graph.node('Sigmoid', [x]);
    case 'leakyrelu': {
      const alpha = numberOf(call.attributes.leakyreluAlpha, 'the slope of a leaky ReLU');
      return graph.node('LeakyRelu', [x], { alpha: { float: alpha } });
    }
    default:
      throw new FrameloomError(
        'backend',
        `a convolution with the activation ${activation as string} is not exported`,
      );
  }
}

const resize =
  (mode: 'linear' | 'nearest') =>
  (writer: Writer, call: SymbolicCall): Edge => {
    const { alignCorners, halfPixelCenters } = call.attributes;
    const images = inputOf(call, 'images');
    const output = call.outputs[0]!;
    const x = writer.edge(images, 'planar');
    const rounding =
      mode === 'linear'
        ? {}
        : // TensorFlow rounds halves up, or takes the pixel that a place lies in.
          {
            nearest_mode: {
              text: alignCorners || halfPixelCenters ? 'round_prefer_ceil' : 'floor',
            },
          };
    const attributes = {
      mode: { text: mode },
      coordinate_transformation_mode: {
        text: alignCorners ? 'align_corners' : halfPixelCenters ? 'half_pixel' : 'asymmetric',
      },
      ...rounding,
    };
    const factors = [1, 2].map((axis) => output.shape[axis]!.ratioTo(images.shape[axis]!));
    if (factors.every((factor) => factor !== undefined)) {
      const scales = writer.graph.constant(Float32Array.of(1, 1, ...factors), [4]);
      return writer.graph.node('Resize', [x, '', scales], attributes);
    }
    const [samples, height, width, channels] = output.shape;
    const sizes = writer.shape([samples!, channels!, height!, width!]);
    return writer.graph.node('Resize', [x, '', '', sizes], attributes);
  };

const pool = (op: 'AveragePool' | 'MaxPool') =>
  planar((writer, call) =>
    writer.graph.node(op, [writer.edge(inputOf(call, 'x'), 'planar')], windowOf(call)),
  );

export const convolutionWriters: Readonly<Record<string, KernelWriter>> = {
  [tf.Conv2D]: planar((writer, call) => convolve(writer, call, null)),
  [tf.DepthwiseConv2dNative]: planar((writer, call) => convolve(writer, call, null)),
  [tf.Conv2DBackpropInput]: planar((writer, call) => convolveTransposed(writer, call, null)),
  [tf.FusedConv2D]: planar((writer, call) => {
    const { bias } = call.inputs;
    const x = convolve(writer, call, bias ? writer.edge(bias) : null);
    return activated(writer, call, x);
  }),
  FrameloomBiasAdd: addBias,
  FrameloomInstanceNorm: planar((writer, call) => {
    const epsilon = { float: numberOf(call.attributes.epsilon, 'the epsilon of a norm') };
    const [x, gamma, beta] = ['x', 'gamma', 'beta'].map((name) => inputOf(call, name));
    const operands = [writer.edge(x!, 'planar'), writer.edge(gamma!), writer.edge(beta!)];
    return writer.graph.node('InstanceNormalization', operands, { epsilon });
  }),
  [tf.FusedBatchNorm]: planar((writer, call) => {
    const epsilon = { float: numberOf(call.attributes.epsilon, 'the epsilon of a norm') };
    const channels = call.outputs[0]!.shape[3]!.constant!;
    const fill = (value: number): Edge =>
      writer.graph.constant(new Float32Array(channels).fill(value), [channels]);
    const { scale, offset } = call.inputs;
    const operands = [
      writer.edge(inputOf(call, 'x'), 'planar'),
      scale ? writer.edge(scale) : fill(1),
      offset ? writer.edge(offset) : fill(0),
      writer.edge(inputOf(call, 'mean')),
      writer.edge(inputOf(call, 'variance')),
    ];
    return writer.graph.node('BatchNormalization', operands, { epsilon });
  }),
  [tf.AvgPool]: pool('AveragePool'),
  [tf.MaxPool]: pool('MaxPool'),
  [tf.ResizeBilinear]: planar(resize('linear')),
  [tf.ResizeNearestNeighbor]: planar(resize('nearest')),
};
