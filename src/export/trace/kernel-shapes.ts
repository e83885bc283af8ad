import * as tf from '@tensorflow/tfjs-core';

export interface TensorMeta {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
}

type Attributes = Readonly<Record<string, unknown>>;
type Inputs = Readonly<Record<string, tf.TensorInfo>>;

/**
 * What a kernel returns for inputs of these shapes, and its attributes in the form that its writer
 * reads: numbers and lists of numbers, nothing left to be derived from a shape.
 */
export type KernelShape = (
  inputs: Inputs,
  attributes: Attributes,
) => { outputs: readonly TensorMeta[]; attributes?: Attributes };

type Shape4D = [number, number, number, number];
type Pair = [number, number];

/** One input that decides shape and type, whatever its name; attributes as they are. */
const like: KernelShape = (inputs, attributes) => {
  const { shape, dtype } = Object.values(inputs)[0]!;
  return { outputs: [{ shape, dtype }], attributes };
};

const binary: KernelShape = ({ a, b }) => ({
  outputs: [
    {
      shape: tf.broadcast_util.assertAndGetBroadcastShape([...a!.shape], [...b!.shape]),
      dtype: a!.dtype,
    },
  ],
});

const float = (shape: readonly number[]): TensorMeta => ({ shape, dtype: 'float32' });

/** The window of a convolution; pads before and after, of height and width, as ONNX orders them. */
function windowOf(info: tf.backend_util.Conv2DInfo): Attributes {
  const { top, left, bottom, right } = info.padInfo;
  return {
    kernel: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: [top, left, bottom, right],
  };
}

function convolutionInfo(
  shape: readonly number[],
  filter: tf.TensorInfo,
  attributes: Attributes,
): tf.backend_util.Conv2DInfo {
  const format = attributes.dataFormat ?? 'NHWC';
  const dilations = attributes.dilations ?? 1;
  if (format !== 'NHWC' || [dilations].flat().some((one) => one !== 1)) {
    throw new Error('only convolutions of neighbours, channels last, are exported');
  }
  return tf.backend_util.computeConv2DInfo(
    shape as Shape4D,
    filter.shape as Shape4D,
    attributes.strides as Pair,
    1,
    attributes.pad as 'same',
    attributes.dimRoundingMode as 'floor' | undefined,
  );
}

const convolution: KernelShape = ({ x, filter }, attributes) => {
  const info = convolutionInfo(x!.shape, filter!, attributes);
  return { outputs: [float(info.outShape)], attributes: windowOf(info) };
};

const transposedConvolution: KernelShape = ({ dy, filter }, attributes) => {
  const shape = attributes.inputShape as Shape4D;
  const info = convolutionInfo(shape, filter!, attributes);
  const { padInfo: pad, strideHeight, strideWidth } = info;
  const [, inHeight, inWidth] = dy!.shape as Shape4D;
  // What the sizes of a transposed convolution leave open.
  const rest = [
    shape[1] - (strideHeight * (inHeight - 1) + info.filterHeight - pad.top - pad.bottom),
    shape[2] - (strideWidth * (inWidth - 1) + info.filterWidth - pad.left - pad.right),
  ];
  return { outputs: [float(shape)], attributes: { ...windowOf(info), outputPadding: rest } };
};

const resize: KernelShape = ({ images }, { size, alignCorners, halfPixelCenters }) => {
  const [samples, , , channels] = images!.shape as Shape4D;
  return {
    outputs: [float([samples, ...(size as Pair), channels])],
    attributes: {
      alignCorners: Boolean(alignCorners),
      halfPixelCenters: Boolean(halfPixelCenters),
    },
  };
};

const instanceNorm: KernelShape = ({ x }, { epsilon }) => {
  const perSample = [x!.shape[0]!, x!.shape[3]!];
  return { outputs: [x!.shape, perSample, perSample].map(float), attributes: { epsilon } };
};

/**
 * The shapes of what each kernel of a generator returns, by the kernel's name. They are all that
 * the networks of `src/networks` run, whatever their options.
 */
export const KERNEL_SHAPES: Readonly<Record<string, KernelShape>> = {
  [tf.Add]: binary,
  [tf.Sub]: binary,
  [tf.Multiply]: binary,
  [tf.Identity]: like,
  [tf.Tanh]: like,
  [tf.Sigmoid]: like,
  [tf.Floor]: like,
  [tf.ClipByValue]: like,
  FrameloomLeakyRelu: like,
  FrameloomBiasAdd: like,
  FrameloomInstanceNorm: instanceNorm,
  FrameloomChange: ({ history }, attributes) => ({
    outputs: [float([...history!.shape.slice(0, 3), 1])],
    attributes,
  }),
  FrameloomPlace: ({ x }) => ({ outputs: [float(x!.shape)] }),
  [tf.Conv2D]: convolution,
  [tf.Conv2DBackpropInput]: transposedConvolution,
  [tf.ResizeBilinear]: resize,
  // What else it returns is for gradients, which nothing here asks for.
  FrameloomWarp: ({ image }) => ({ outputs: [float(image!.shape)] }),
  [tf.Concat]: (inputs, { axis }) => {
    const all = Object.values(inputs);
    const { shape, dtype } = all[0]!;
    const length = all.reduce((sum, one) => sum + one.shape[axis as number]!, 0);
    return {
      outputs: [{ shape: shape.map((size, i) => (i === axis ? length : size)), dtype }],
      attributes: { axis },
    };
  },
  [tf.Reshape]: ({ x }, { shape }) => {
    const size = tf.util.sizeFromShape([...x!.shape]);
    const exact = tf.util.inferFromImplicitShape(shape as number[], size);
    return { outputs: [{ shape: exact, dtype: x!.dtype }] };
  },
  [tf.Transpose]: ({ x }, { perm }) => {
    const order = perm as readonly number[];
    const shape = order.map((axis) => x!.shape[axis]!);
    return { outputs: [{ shape, dtype: x!.dtype }], attributes: { perm: order } };
  },
  [tf.Slice]: ({ x }, { begin, size }) => {
    const [starts, sizes] = tf.slice_util.parseSliceParams(x!, begin as number[], size as number[]);
    const ends = starts!.map((start, i) => start + sizes![i]!);
    return {
      outputs: [{ shape: sizes!, dtype: x!.dtype }],
      attributes: { begin: starts, end: ends },
    };
  },
};
