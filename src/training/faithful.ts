import type * as tf from '@tensorflow/tfjs-core';
import type { adder } from './judged-parts.js';
import type { LossOptions } from './options.js';
import { focalFrequency } from './losses/focal-frequency.js';
import { laplacian } from './losses/laplacian.js';
import { l1 } from './losses/reconstruction.js';

/** Of the losses, those that hold composed frames to the real ones by themselves. */
export type FaithfulLosses = Pick<
  LossOptions,
  'reconstruction' | 'moving' | 'laplacian' | 'focalFrequency' | 'focalFrequencyPatches'
>;

/** Whether anything holds frames to the real ones, so that there is something for judges to pull beside. */
export const isFaithful = (losses: FaithfulLosses): boolean =>
  losses.reconstruction > 0 || hasDetail(losses);

/** Whether it is more than the reconstruction. */
export const hasDetail = ({ laplacian: bands, focalFrequency: spectra }: FaithfulLosses): boolean =>
  bands > 0 || spectra > 0;

/**
 * Adds what holds composed frames to the real ones: by pixels, by bands and by frequencies, as each is weighed.
 * @param weights of pixels, [N, H, W, 1]; all count alike unless given
 */
export function addFaithful(
  add: ReturnType<typeof adder>,
  losses: FaithfulLosses,
  share: number,
  made: tf.Tensor4D,
  target: tf.Tensor4D,
  weights?: tf.Tensor4D,
): void {
  const { focalFrequencyPatches: patches } = losses;
  add('reconstruction', losses.reconstruction, share, () => l1(made, target, weights));
  add('laplacian', losses.laplacian, share, () => laplacian(made, target));
  add('focal_frequency', losses.focalFrequency, share, () => focalFrequency(made, target, patches));
}
