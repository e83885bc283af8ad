import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../base/error.js';
import type { RandomStream } from '../base/random.js';
import { ownShare, WHOLE } from '../base/share.js';
import type { TrainingOptions } from './options.js';

/**
 * Refuses noise on a past that there is none of.
 * @throws FrameloomError bad-option
 */
export function assertHistoryNoiseFits({
  training: { historyNoise },
  generator: { historyFrames },
}: {
  readonly training: Pick<TrainingOptions, 'historyNoise'>;
  readonly generator: { readonly historyFrames: number };
}): void {
  if (historyNoise === 0 || historyFrames > 0) return;
  throw new FrameloomError('bad-option', 'a generator without memory has no past to put noise on', {
    path: 'training.historyNoise',
    hint: 'set it to 0, or raise generator.historyFrames',
  });
}

/** Sides of the coarse noise's cells, in pixels: what is smeared or wrongly coloured is about so large. */
const CELL = 4;

/**
 * A real past with errors in it, as a generator's own has: each window gets fine noise and coarse noise, of deviations that it draws
 * between 0 and the largest (noise augmentation, Valevski et al. 2024, GameNGen, arXiv 2408.14837, 3.2.1; coarse
 * noise beside it is ours). Who has only seen clean frames takes whatever is in the last one for the truth and carries it on;
 * who has to make the clean next frame of a spoilt last one redraws what it knows.
 *
 * @param history [N, H, W, C] in [−1, 1]; sides divide by 4
 * @param most largest deviation of each, in units of the colours
 * @param share of the windows of all processes, for each of which noise is drawn
 * @returns of the same shape, the caller's
 */
export function spoilt(
  history: tf.Tensor4D,
  most: number,
  random: RandomStream,
  share = WHOLE,
): tf.Tensor4D {
  const [samples, height, width, channels] = history.shape;
  const all = samples * share.size;
  const deviations = (): tf.Tensor4D =>
    tf.tensor4d(
      [
        ...ownShare(
          Array.from({ length: all }, () => most * random.uniform()),
          share,
        ),
      ],
      [samples, 1, 1, 1],
    );
  const normals = (shape: [number, number, number, number]): tf.Tensor4D => {
    const length = shape.reduce((product, size) => product * size);
    const values = random.fillNormal(new Float32Array(length * share.size));
    return tf.tensor4d(values.slice(share.rank * length, (share.rank + 1) * length), shape);
  };
  return tf.tidy(() => {
    const fine = tf.mul(normals([samples, height, width, channels]), deviations());
    const cells = normals([samples, height / CELL, width / CELL, channels]);
    const coarse = tf.mul(tf.image.resizeBilinear(cells, [height, width]), deviations());
    const noisy: tf.Tensor4D = tf.add(history, tf.add(fine, coarse));
    return tf.clipByValue(noisy, -1, 1);
  });
}
