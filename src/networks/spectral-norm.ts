import * as tf from '@tensorflow/tfjs-core';
import { ParameterLayout, sizeOf, type Parameters, type ParameterSpec } from './parameters.js';

/**
 * Spectral normalization (Miyato et al. 2018, arXiv 1802.05957): each weight, seen as a matrix of
 * its inputs by its output channels, is divided by its largest singular value σ ≈ vᵀWu, where u and
 * v follow the weight by one power iteration a training step and count as constants in gradients.
 */
export interface SpectralNorm {
  /** The left and right singular vectors of all weights, in one flat vector that training keeps. */
  readonly layout: ParameterLayout;
  /** One power iteration: the singular vectors after it [layout.size]. Not differentiable. */
  iterate(parameters: Parameters, vectors: tf.Tensor1D): tf.Tensor1D;
  /** `parameters` with each weight replaced by W/σ; differentiable in the parameters. */
  normalize(parameters: Parameters, vectors: tf.Tensor1D): Parameters;
  /**
   * The least stable rank ‖W‖²_F / σ₁² of the weights, seen as the matrices that are normalized: how many
   * directions a layer has, in effect, from 1 to the shorter side of its matrix. It sinks towards 1 as a
   * discriminator comes to look at one direction alone, spectral collapse (Liu et al. 2019, "Spectral
   * Regularization for Combating Mode Collapse in GANs", ICCV), which goes with the generator's modes. σ₁
   * is vᵀWu of the vectors as they are, which is never more than the true one: right after the first few steps
   * the rank is too high. A weight of zeros has rank 0. Matrices of one row or column, such as that
   * of the logits, always have rank 1 and say nothing: they are left out.
   * @returns null where no other weight is normalized
   */
  leastStableRank(parameters: Parameters, vectors: tf.Tensor1D): tf.Scalar | null;
}

const EPSILON = 1e-12;

/** A unit vector; the zero vector stays zero. */
const unit = (x: tf.Tensor): tf.Tensor =>
  tf.div(x, tf.maximum(tf.sqrt(tf.sum(tf.square(x))), EPSILON));

/**
 * 1 for the vector that a weight of zeros has, else 0. A constant: such a weight has no norm to be divided
 * by, stays as it is, and has a gradient to leave by.
 */
const oneForNothing = (v: tf.Tensor): tf.Scalar => tf.sub(1, tf.sign(tf.sum<tf.Scalar>(tf.abs(v))));

export function createSpectralNorm(specs: readonly ParameterSpec[]): SpectralNorm {
  const weights = specs.filter((spec) => spec.name.endsWith('.weight'));
  const layout = new ParameterLayout(
    weights.flatMap(({ name, shape }) => {
      const outputs = shape.at(-1)!;
      return [
        { name: `${name}.u`, shape: [outputs, 1], init: { normal: 1 } },
        { name: `${name}.v`, shape: [sizeOf(shape) / outputs, 1], init: { normal: 1 } },
      ];
    }),
  );
  const matrix = (weight: tf.Tensor): tf.Tensor2D =>
    tf.reshape<tf.Rank.R2>(weight, [-1, weight.shape.at(-1)!]);
  const sigmaOf = (weight: tf.Tensor, constant: Parameters, name: string): tf.Scalar =>
    tf.sum(
      tf.mul(
        tf.matMul(matrix(weight), constant[`${name}.u`] as tf.Tensor2D),
        constant[`${name}.v`] as tf.Tensor2D,
      ),
    );
  const ranked = weights.filter(({ shape }) => shape.at(-1)! > 1 && sizeOf(shape) > shape.at(-1)!);

  return {
    layout,
    iterate: (parameters, vectors) =>
      tf.tidy(() => {
        if (weights.length === 0) return tf.clone(vectors);
        const old = layout.unflatten(vectors);
        const fresh = weights.flatMap(({ name }) => {
          const w = matrix(parameters[name]!);
          const v = unit(tf.matMul(w, old[`${name}.u`] as tf.Tensor2D));
          const u = unit(tf.matMul(w, v, true));
          return [tf.reshape<tf.Rank.R1>(u, [-1]), tf.reshape<tf.Rank.R1>(v, [-1])];
        });
        return tf.concat1d(fresh);
      }),
    normalize: (parameters, vectors) => {
      if (weights.length === 0) return parameters;
      const constant = layout.unflatten(vectors);
      const normalized = weights.map(({ name }) => {
        const weight = parameters[name]!;
        const v = constant[`${name}.v`] as tf.Tensor2D;
        const sigma = sigmaOf(weight, constant, name);
        return [name, tf.div(weight, tf.add(sigma, oneForNothing(v)))] as const;
      });
      return { ...parameters, ...Object.fromEntries(normalized) };
    },
    leastStableRank: (parameters, vectors) => {
      if (ranked.length === 0) return null;
      return tf.tidy(() => {
        const constant = layout.unflatten(vectors);
        const squares = ranked.map(({ name }) => tf.sum<tf.Scalar>(tf.square(parameters[name]!)));
        const sigmas = ranked.map(({ name }) => sigmaOf(parameters[name]!, constant, name));
        const least = tf.maximum(tf.square(tf.stack(sigmas)), EPSILON);
        return tf.min(tf.div(tf.stack(squares), least));
      });
    },
  };
}
