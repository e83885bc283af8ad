import * as tf from '@tensorflow/tfjs-core';

type Lower = 'webgpu' | 'wasm' | 'cpu';

/**
 * Mends kernels of TF.js 4.22 on the backends below native TensorFlow, whose results differ from it: a
 * training there is a slower one, not another one. The backend has to be loaded; calling it again
 * changes nothing.
 */
export function mendKernels(backendName: Lower): void {
  if (mended.has(backendName)) return;
  mended.add(backendName);
  for (const kernelName of [tf.AvgPoolGrad, tf.AvgPool3DGrad]) {
    replaceKernel(kernelName, backendName, averageOfInside);
  }
  if (backendName === 'wasm') replaceKernel(tf.OneHot, backendName, oneHotOfType);
}

const mended = new Set<Lower>();

/** Puts something around a kernel. */
export function replaceKernel(
  kernelName: string,
  backendName: Lower,
  around: (original: tf.KernelFunc) => tf.KernelFunc,
): void {
  const original = tf.getKernel(kernelName, backendName);
  tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({ ...original, kernelFunc: around(original.kernelFunc) });
}

/**
 * At a border, average pooling divides by the pixels inside, and TF.js's gradient of it by the whole
 * window: what arrives is made larger by their ratio first.
 */
function averageOfInside(original: tf.KernelFunc): tf.KernelFunc {
  return (call) => {
    const { dy, input } = call.inputs as Record<'dy' | 'input', tf.Tensor>;
    return tf.tidy(() => {
      // Each axis by itself: the ratio of a window is the product of those of its sides.
      const whole = axesOf(input.shape, call.attrs!).reduce((scaled, axis, i) => {
        const shape = dy.shape.map((_, at) => (at === i + 1 ? axis.windows : 1));
        return tf.mul(scaled, tf.tensor(windowOverInside(axis), shape));
      }, dy);
      return original({ ...call, inputs: { dy: whole, input } }) as tf.Tensor;
    });
  };
}

/** One axis that is pooled over, in pixels. */
interface PooledAxis {
  readonly length: number;
  readonly windows: number;
  readonly window: number;
  readonly stride: number;
  /** Padding in front. */
  readonly before: number;
}

function axesOf(shape: readonly number[], attributes: tf.NamedAttrMap): PooledAxis[] {
  const { backend_util: util } = tf;
  const depth: PooledAxis[] = [];
  let plane: ReturnType<typeof util.computePool2DInfo | typeof util.computePool3DInfo>;
  if (shape.length === 5) {
    const { filterSize, strides, pad, dimRoundingMode } =
      attributes as unknown as tf.AvgPool3DGradAttrs;
    const volume = shape as [number, number, number, number, number];
    const info = util.computePool3DInfo(volume, filterSize, strides, 1, pad, dimRoundingMode);
    depth.push({
      length: info.inDepth,
      windows: info.outDepth,
      window: info.filterDepth,
      stride: info.strideDepth,
      before: info.padInfo.front,
    });
    plane = info;
  } else {
    const { filterSize, strides, pad } = attributes as unknown as tf.AvgPoolGradAttrs;
    plane = util.computePool2DInfo(
      shape as [number, number, number, number],
      filterSize,
      strides,
      1,
      pad,
    );
  }
  return [
    ...depth,
    {
      length: plane.inHeight,
      windows: plane.outHeight,
      window: plane.filterHeight,
      stride: plane.strideHeight,
      before: plane.padInfo.top,
    },
    {
      length: plane.inWidth,
      windows: plane.outWidth,
      window: plane.filterWidth,
      stride: plane.strideWidth,
      before: plane.padInfo.left,
    },
  ];
}

/** For each window along an axis its length over how much of it is inside; 0 where nothing is. */
function windowOverInside({ length, windows, window, stride, before }: PooledAxis): number[] {
  return Array.from({ length: windows }, (_, i) => {
    const start = i * stride - before;
    const inside = Math.min(start + window, length) - Math.max(start, 0);
    return inside > 0 ? window / inside : 0;
  });
}

/**
 * WebAssembly writes whole numbers whatever type was asked for: read as float32, a 1 is 1.4e-45, and
 * the label maps of a training are lost.
 */
function oneHotOfType(original: tf.KernelFunc): tf.KernelFunc {
  return (call) => {
    const { dtype, depth, onValue, offValue } = call.attrs as unknown as tf.OneHotAttrs;
    if (dtype === 'int32') return original(call);
    return tf.tidy(() => {
      const attrs = { depth, onValue: 1, offValue: 0, dtype: 'int32' as const };
      const hot = original({ ...call, attrs }) as tf.TensorInfo;
      const share = tf.cast(tf.engine().makeTensorFromTensorInfo(hot), 'float32');
      return tf.cast(tf.add(tf.mul(share, onValue - offValue), offValue), dtype);
    });
  };
}
