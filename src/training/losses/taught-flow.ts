import * as tf from '@tensorflow/tfjs-core';
import { channelsOf } from '../../kernels/index.js';
import { l1 } from './reconstruction.js';

/**
 * How far flow is from a teacher's: the mean absolute difference in pixels, where the teacher cannot be trusted 0
 * (vid2vid, Wang et al. 2018, whose teacher is FlowNet2). The mean is over all pixels, so that those of parts of a
 * window add up and a frame of which little is known counts little.
 *
 * @param flow [N, H, W, 2], pixels
 * @param motion [N, H, W, 3]: the teacher's flow, and 1 where it can be trusted; all 0 where not
 */
export const taughtFlow = (flow: tf.Tensor4D, motion: tf.Tensor4D): tf.Scalar =>
  l1(tf.mul(flow, channelsOf(motion, 2, 1)), channelsOf(motion, 0, 2));
