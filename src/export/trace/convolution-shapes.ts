import * as tf from '@tensorflow/tfjs-core';
import type { Attributes, KernelShape } from './kernel-shape.js';

type Shape4D = [number, number, number, number];
type Pair = [number, number];

function checkFormat(attributes: Attributes): void {
  const format = attributes.dataFormat ?? 'NHWC';
  if (format !== 'NHWC') throw new Error(`a convolution of ${format as string} is not exported`);
}

/** Pads before and after, of height and width, as ONNX orders them. */
const padsOf = ({ padInfo }: tf.backend_util.Conv2DInfo): number[] => [
  ...[padInfo.top, padInfo.left, padInfo.bottom, padInfo.right],
];

/** What both kinds of writers need; `same` where the pads are those of TensorFlow's SAME. */
const windowAttributes = (info: tf.backend_util.Conv2DInfo, pad: unknown): Attributes => ({
  kernel: [info.filterHeight, info.filterWidth],
  strides: [info.strideHeight, info.strideWidth],
  dilations: [info.dilationHeight, info.dilationWidth],
  pads: padsOf(info),
  same: pad === 'same',
});

const rounding = (attributes: Attributes) =>
  attributes.dimRoundingMode as 'floor' | 'round' | 'ceil' | undefined;

const convolution =
  (depthwise: boolean): KernelShape =>
  ({ x, filter }, attributes) => {
    checkFormat(attributes);
    const info = tf.backend_util.computeConv2DInfo(
      x!.shape as Shape4D,
      filter!.shape as Shape4D,
      attributes.strides as Pair,
      (attributes.dilations ?? 1) as Pair,
      attributes.pad as 'same',
      rounding(attributes),
      depthwise,
    );
    return {
      outputs: [{ shape: info.outShape, dtype: 'float32' }],
      attributes: {
        ...windowAttributes(info, attributes.pad),
        groups: depthwise ? info.inChannels : 1,
        activation: attributes.activation ?? 'linear',
        leakyreluAlpha: attributes.leakyreluAlpha ?? 0.2,
      },
    };
  };

const transposed: KernelShape = ({ dy, filter }, attributes) => {
  checkFormat(attributes);
  const shape = attributes.inputShape as Shape4D;
  const info = tf.backend_util.computeConv2DInfo(
    shape,
    filter!.shape as Shape4D,
    attributes.strides as Pair,
    1,
    attributes.pad as 'same',
    rounding(attributes),
  );
  const { padInfo: pad, strideHeight, strideWidth } = info;
  const [, inHeight, inWidth] = dy!.shape as Shape4D;
  // What the sizes of a transposed convolution leave open.
  const rest = [
    shape[1] - (strideHeight * (inHeight - 1) + info.filterHeight - pad.top - pad.bottom),
    shape[2] - (strideWidth * (inWidth - 1) + info.filterWidth - pad.left - pad.right),
  ];
  return {
    outputs: [{ shape, dtype: 'float32' }],
    attributes: { ...windowAttributes(info, attributes.pad), outputPadding: rest },
  };
};

const pool: KernelShape = ({ x }, attributes) => {
  const info = tf.backend_util.computePool2DInfo(
    x!.shape as Shape4D,
    attributes.filterSize as Pair,
    attributes.strides as Pair,
    1,
    attributes.pad as 'same',
    rounding(attributes),
  );
  return {
    outputs: [{ shape: info.outShape, dtype: x!.dtype }],
    attributes: windowAttributes(info, attributes.pad),
  };
};

const resize: KernelShape = ({ images }, { size, alignCorners, halfPixelCenters }) => {
  const [height, width] = size as Pair;
  const [samples, , , channels] = images!.shape as Shape4D;
  return {
    outputs: [{ shape: [samples, height, width, channels], dtype: 'float32' }],
    attributes: {
      alignCorners: Boolean(alignCorners),
      halfPixelCenters: Boolean(halfPixelCenters),
    },
  };
};

const instanceNorm: KernelShape = ({ x }, { epsilon }) => {
  const perSample = [x!.shape[0]!, x!.shape[3]!];
  return {
    outputs: [x!.shape, perSample, perSample].map((shape) => ({
      shape,
      dtype: 'float32' as const,
    })),
    attributes: { epsilon },
  };
};

/** Windows that slide over a frame, and what works on whole frames. */
export const convolutionShapes: Readonly<Record<string, KernelShape>> = {
  [tf.Conv2D]: convolution(false),
  [tf.FusedConv2D]: convolution(false),
  [tf.DepthwiseConv2dNative]: convolution(true),
  [tf.Conv2DBackpropInput]: transposed,
  [tf.AvgPool]: pool,
  [tf.MaxPool]: pool,
  [tf.ResizeBilinear]: resize,
  [tf.ResizeNearestNeighbor]: resize,
  FrameloomInstanceNorm: instanceNorm,
  FrameloomWarp: ({ image }) => ({ outputs: [{ shape: image!.shape, dtype: 'float32' }] }),
  [tf.FusedBatchNorm]: ({ x }, { varianceEpsilon }) => ({
    outputs: [{ shape: x!.shape, dtype: 'float32' }],
    attributes: { epsilon: varianceEpsilon },
  }),
};
