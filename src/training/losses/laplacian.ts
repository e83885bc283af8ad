import * as tf from '@tensorflow/tfjs-core';
import { l1 } from './reconstruction.js';

/** Binomial, after Burt & Adelson 1983; its sum is 16. */
const TAPS = [1, 4, 6, 4, 1] as const;
const REACH = (TAPS.length - 1) / 2;

/** One over the taps' sum at each place of a line that has nothing beyond its ends. */
function insideShare(length: number): Float32Array {
  return Float32Array.from({ length }, (_, at) => {
    const inside = TAPS.filter((_tap, i) => at + i >= REACH && at + i < length + REACH);
    return 1 / inside.reduce((sum, tap) => sum + tap, 0);
  });
}

/** Each channel by itself with the taps both ways, zeros beyond the border. */
function binomial(x: tf.Tensor4D): tf.Tensor4D {
  const channels = x.shape[3];
  const square = TAPS.flatMap((row) =>
    TAPS.flatMap((column) => Array.from({ length: channels }, () => row * column)),
  );
  const kernel = tf.tensor4d(square, [TAPS.length, TAPS.length, channels, 1]);
  return tf.depthwiseConv2d(x, kernel, 1, 'same');
}

/**
 * Blurs by the mean of the pixels that there are, so that nothing is darker at a border. The kernel is symmetric: the
 * gradient is the same convolution of what was divided first, an op that every backend has.
 */
function blur(x: tf.Tensor4D): tf.Tensor4D {
  const [, height, width] = x.shape;
  const share = (): tf.Tensor =>
    tf.mul(
      tf.tensor(insideShare(height), [1, height, 1, 1]),
      tf.tensor(insideShare(width), [1, 1, width, 1]),
    );
  const op = tf.customGrad((...args) => ({
    value: tf.tidy(() => tf.mul(binomial(args[0] as tf.Tensor4D), share())),
    gradFunc: (dy: tf.Tensor) => tf.tidy(() => binomial(tf.mul(dy, share()))),
  }));
  return op(x) as tf.Tensor4D;
}

/** Bands of frames of a size: one for each halving whose shorter side still holds the blur's window. */
export function laplacianBands(height: number, width: number): number {
  let bands = 0;
  for (let side = Math.min(height, width); side >= TAPS.length; side = Math.ceil(side / 2)) {
    bands += 1;
  }
  return bands;
}

/**
 * L1 between Laplacian pyramids (Ling & Okada 2006; Bojanowski et al. 2018, GLO): the sum over bands of the mean
 * absolute difference in each, and of the small picture that is left. GLO weighs sums over pixels by 2^(2j), and band j
 * has 2^(−2j) of the pixels: means that weigh alike. An outline that is too soft then costs as much as a region
 * that is too dark; to plain L1 it is next to nothing.
 *
 * A band is a picture less its blur, and the next picture the blur at half its sides (means of 2×2 pixels; of
 * what there is at odd ends). All of this is linear, so one pyramid of the difference is taken, not two.
 *
 * @param x [N, H, W, C] of any size
 * @param target [N, H, W, C]; gets no gradient
 */
export function laplacian(x: tf.Tensor4D, target: tf.Tensor4D): tf.Scalar {
  const [, height, width] = x.shape;
  const size = (part: tf.Tensor4D): tf.Scalar => l1(part, tf.zerosLike(part));
  const terms: tf.Scalar[] = [];
  let rest: tf.Tensor4D = tf.sub(x, target);
  for (let band = laplacianBands(height, width); band > 0; band -= 1) {
    const low = blur(rest);
    terms.push(size(tf.sub(rest, low)));
    rest = tf.avgPool(low, 2, 2, 'same');
  }
  return tf.addN([...terms, size(rest)]);
}
