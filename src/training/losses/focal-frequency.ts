import * as tf from '@tensorflow/tfjs-core';

/** cos and sin of 2πjk/n for j < n and k < columns, each [n, columns], row by row. */
function waves(n: number, columns: number): { cos: Float32Array; sin: Float32Array } {
  // Angles are whole parts of a turn: by a table of n of them each is as exact as any.
  const turn = (by: (angle: number) => number): Float64Array =>
    Float64Array.from({ length: n }, (_, i) => by((2 * Math.PI * i) / n));
  const table = (values: Float64Array): Float32Array =>
    Float32Array.from({ length: n * columns }, (_, at) => {
      const [j, k] = [Math.floor(at / columns), at % columns];
      return values[(j * k) % n]!;
    });
  return { cos: table(turn(Math.cos)), sin: table(turn(Math.sin)) };
}

/** Frequencies of a line of real numbers that are not another one's mirror image. */
const ownFrequencies = (width: number): number => Math.floor(width / 2) + 1;

/** Along rows: [w, 2k], to the real parts of the k frequencies, then to the imaginary ones. */
function alongRows(width: number): tf.Tensor2D {
  const columns = ownFrequencies(width);
  const { cos, sin } = waves(width, columns);
  return tf.concat(
    [
      tf.tensor2d(cos, [width, columns]),
      tf.tensor2d(
        sin.map((x) => -x),
        [width, columns],
      ),
    ],
    1,
  );
}

/** Along columns: [2h, 2h], of the real parts and the imaginary ones below them, scaled to keep lengths. */
function alongColumns(height: number, width: number): tf.Tensor2D {
  const { cos, sin } = waves(height, height);
  const scale = 1 / Math.sqrt(height * width);
  const block = (values: Float32Array, factor: number): tf.Tensor2D =>
    tf.tensor2d(
      values.map((x) => x * factor),
      [height, height],
    );
  return tf.concat([
    tf.concat([block(cos, scale), block(sin, scale)], 1),
    tf.concat([block(sin, -scale), block(cos, scale)], 1),
  ]);
}

/** Frames [N, H, W, C] cut into p×p patches each: M = N·p·p·C pictures of h×w. */
interface Cut {
  readonly frames: readonly [samples: number, height: number, width: number, channels: number];
  readonly patches: number;
  readonly height: number;
  readonly width: number;
  readonly pictures: number;
}

function cutOf(frames: tf.Tensor4D, patches: number): Cut {
  const [samples, height, width, channels] = frames.shape;
  return {
    frames: frames.shape,
    patches,
    height: height / patches,
    width: width / patches,
    pictures: samples * patches * patches * channels,
  };
}

/** [N, H, W, C] as [h, M, w]. */
function planes(x: tf.Tensor, { frames, patches, height, width, pictures }: Cut): tf.Tensor3D {
  const [samples, , , channels] = frames;
  const apart = tf.reshape(x, [samples, patches, height, patches, width, channels]);
  return tf.reshape(tf.transpose(apart, [2, 0, 1, 3, 5, 4]), [height, pictures, width]);
}

/** Back again. */
function fromPlanes(x: tf.Tensor, { frames, patches, height, width }: Cut): tf.Tensor4D {
  const [samples, , , channels] = frames;
  const apart = tf.reshape(x, [height, samples, patches, patches, channels, width]);
  return tf.reshape(tf.transpose(apart, [1, 2, 0, 3, 5, 4]), [...frames]);
}

/**
 * The unitary DFT of real pictures as two matrix products, which every backend has; the one for WebAssembly has no FFT.
 * @param x [h, M, w]
 * @returns [2, h, M, k], real and imaginary parts of half the plane: the other half is its mirror image
 */
function spectrum(x: tf.Tensor, { height, width, pictures }: Cut): tf.Tensor4D {
  const k = ownFrequencies(width);
  const rows = tf.matMul(tf.reshape<tf.Rank.R2>(x, [height * pictures, width]), alongRows(width));
  const parts = tf.transpose(tf.reshape(rows, [height, pictures, 2, k]), [2, 0, 1, 3]);
  const below = tf.reshape<tf.Rank.R2>(parts, [2 * height, pictures * k]);
  const whole = tf.matMul(alongColumns(height, width), below);
  return tf.reshape(whole, [2, height, pictures, k]);
}

/** Its transpose, which takes a gradient in the spectrum to one in the pictures, [h, M, w]. */
function fromSpectrum(dy: tf.Tensor, { height, width, pictures }: Cut): tf.Tensor3D {
  const k = ownFrequencies(width);
  const whole = tf.reshape<tf.Rank.R2>(dy, [2 * height, pictures * k]);
  const below = tf.matMul(alongColumns(height, width), whole, true);
  const parts = tf.transpose(tf.reshape(below, [2, height, pictures, k]), [1, 2, 0, 3]);
  const rows = tf.reshape<tf.Rank.R2>(parts, [height * pictures, 2 * k]);
  return tf.reshape(tf.matMul(rows, alongRows(width), false, true), [height, pictures, width]);
}

/** How often each of k columns of half a spectrum stands in the whole one, over all that stands there, [k]. */
function mirrorShare({ height, width, pictures }: Cut): tf.Tensor1D {
  const isOwnMirror = (column: number): boolean => column === 0 || 2 * column === width;
  const count = height * width * pictures;
  return tf.tensor1d(
    Array.from({ length: ownFrequencies(width) }, (_, i) => (isOwnMirror(i) ? 1 : 2) / count),
  );
}

/**
 * Focal frequency loss (Jiang et al. 2021, ICCV; alpha 1): the mean over frequencies of the squared distance between
 * the spectra of two frames, where each frequency weighs by how far it is from right, |ΔF| over the largest |ΔF| of
 * its picture. These weights are data to the gradient. What is wrong at some frequencies alone, as a softness or a
 * grid is, is not lost among those that are right.
 *
 * The spectrum of a difference is the difference of the spectra, so one transform is taken, not two.
 *
 * @param x [N, H, W, C]
 * @param target [N, H, W, C]; gets no gradient
 * @param patches into how many parts each side is cut, all of which are pictures by themselves; divides H and W
 */
export function focalFrequency(x: tf.Tensor4D, target: tf.Tensor4D, patches = 1): tf.Scalar {
  const cut = cutOf(x, patches);
  const op = tf.customGrad((...args) => {
    const [value, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    const apart = spectrum(planes(tf.sub(value, target), cut), cut);
    const squared = tf.sum(tf.square(apart), 0);
    const distance = tf.sqrt(squared);
    const largest = tf.max(distance, [0, 2], true);
    // A picture that is right to the last bit has nothing that could weigh.
    const weight = tf.mul(tf.divNoNan(distance, largest), mirrorShare(cut));
    save([apart, weight]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor =>
      tf.tidy(() => {
        const [own, constant] = saved as [tf.Tensor, tf.Tensor];
        const slope = tf.mul(own, tf.mul(constant, tf.mul(dy, 2)));
        return fromPlanes(fromSpectrum(slope, cut), cut);
      });
    return { value: tf.sum(tf.mul(weight, squared)), gradFunc };
  });
  return op(x) as tf.Scalar;
}
