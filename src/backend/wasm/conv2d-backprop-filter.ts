import * as tf from '@tensorflow/tfjs-core';

type Attributes = tf.Conv2DBackpropFilterAttrs;

/**
 * The gradient of a 2-D convolution by its filter, of ops that the WebAssembly backend has: for each
 * tap (kh, kw) of the filter, the input shifted by the tap, as a matrix [I, N·OH·OW], times the
 * output's gradient [N·OH·OW, O].
 *
 * One product a tap and not one of all taps (im2col): the same time within a few percent, and a
 * KH·KW-th of the memory.
 *
 * @param x input [N, H, W, I] (or NCHW when the attributes say so)
 * @param dy gradient of the output [N, OH, OW, O], in the same layout
 * @returns [KH, KW, I, O]
 */
export function conv2DBackpropFilter(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  { strides, pad, dataFormat, dimRoundingMode, filterShape }: Attributes,
): tf.Tensor4D {
  return tf.tidy(() => {
    const last = dataFormat !== 'NCHW';
    const input = last ? x : tf.transpose(x, [0, 2, 3, 1]);
    const gradient = last ? dy : tf.transpose(dy, [0, 2, 3, 1]);
    const info = tf.backend_util.computeConv2DInfo(
      input.shape,
      filterShape,
      strides,
      1,
      // Explicit padding is given per axis of the tensor's own layout.
      typeof pad === 'object' && !last ? [pad[0], pad[2], pad[3], pad[1]] : pad,
      dimRoundingMode,
    );
    const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels } = info;
    const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info;
    // What the last window reaches; past the padded input when sizes were rounded up.
    const spanHeight = (outHeight - 1) * strideHeight + 1;
    const spanWidth = (outWidth - 1) * strideWidth + 1;
    const below = Math.max(padInfo.bottom, spanHeight + filterHeight - 1 - inHeight - padInfo.top);
    const right = Math.max(padInfo.right, spanWidth + filterWidth - 1 - inWidth - padInfo.left);
    const padded = tf.pad(input, [
      [0, 0],
      [padInfo.top, below],
      [padInfo.left, right],
      [0, 0],
    ]);
    const positions = batchSize * outHeight * outWidth;
    const dyMatrix = tf.reshape(gradient, [positions, outChannels]);
    const taps: tf.Tensor2D[] = [];
    for (let row = 0; row < filterHeight; row++) {
      for (let column = 0; column < filterWidth; column++) {
        taps.push(
          tf.tidy(() => {
            const seen = tf.stridedSlice(
              padded,
              [0, row, column, 0],
              [batchSize, row + spanHeight, column + spanWidth, inChannels],
              [1, strideHeight, strideWidth, 1],
            );
            // Transposed beforehand: the backend's fast product takes only plain operands.
            const seenMatrix = tf.transpose(tf.reshape(seen, [positions, inChannels]));
            return tf.matMul<tf.Tensor2D>(seenMatrix, dyMatrix);
          }),
        );
      }
    }
    return tf.reshape(tf.stack(taps), filterShape);
  });
}

/** The kernel of that name for a backend that has none. */
export const conv2DBackpropFilterConfig = (backendName: string): tf.KernelConfig => ({
  kernelName: tf.Conv2DBackpropFilter,
  backendName,
  kernelFunc: ({ inputs, attrs }) =>
    conv2DBackpropFilter(
      inputs.x as tf.Tensor4D,
      inputs.dy as tf.Tensor4D,
      attrs as unknown as Attributes,
    ),
});
