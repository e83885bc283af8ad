import * as tf from '@tensorflow/tfjs-core';
import { assertShape } from '../base/shape.js';
import { convolution, rectifier, sequential } from './layers.js';
import { ParameterLayout, type Parameters } from './parameters.js';
import { BLOCK, spaceToDepth } from './pixel-shuffle.js';

/** Tells what was done between frames. */
export interface InverseDynamics {
  readonly layout: ParameterLayout;
  /**
   * A number for each action: [N, actions].
   * @param x [N, T, H, W, 3] in [−1, 1], frames around the one that the actions are of; sides even
   * @throws FrameloomError bad-shape
   */
  actions(parameters: Parameters, x: tf.Tensor5D): tf.Tensor2D;
}

/** Channels at a quarter of the size, at an eighth, of what is seen around each place, and of what all actions are told by. */
const WIDTHS = { quarter: 32, eighth: 48, seen: 64, joined: 64 } as const;
/** Pixels at half of the size that what moved may have moved by from frame to frame: right and down. */
const SHIFTS = [
  ...[-2, -1, 0, 1, 2].map((right) => [right, 0] as const),
  ...[-2, -1, 1, 2].map((down) => [0, down] as const),
];
const FARTHEST = 2;
/** Pixels to a side of what moves together, at half of the size. */
const BLOCK_SIDE = 4;
/** What differs by so much more is less likely by a factor of e, [−1, 1] units. */
const UNSURE = 0.03;

/** Copies of a picture that are moved by each of the shifts; what comes in from outside is 0. */
function shifted(x: tf.Tensor4D): tf.Tensor4D[] {
  const [batch, height, width, channels] = x.shape;
  const around = tf.pad(x, [
    [0, 0],
    [FARTHEST, FARTHEST],
    [FARTHEST, FARTHEST],
    [0, 0],
  ]);
  return SHIFTS.map(([right, down]) =>
    tf.slice(around, [0, FARTHEST + down, FARTHEST + right, 0], [batch, height, width, channels]),
  );
}

/**
 * How likely each block of a frame is to have moved by each of the shifts until the next: from how much it differs from
 * what lies there (the cost volume of optical flow, Sun et al. 2018, arXiv 1709.02371). [N, H/4, W/4, 9]
 */
function moves(now: tf.Tensor4D, next: tf.Tensor4D): tf.Tensor4D {
  const differences = shifted(next).map((moved) => {
    const apart = tf.mean<tf.Tensor4D>(tf.abs(tf.sub(now, moved)), 3, true);
    return tf.avgPool(apart, BLOCK_SIDE, BLOCK_SIDE, 'same');
  });
  return tf.softmax(tf.div(tf.neg(tf.concat(differences, 3)), UNSURE));
}

/**
 * A small inverse-dynamics network: which actions lead from frames to the next (Agrawal et al. 2016, arXiv 1606.07419;
 * of pixels and keys, Baker et al. 2022, arXiv 2206.11795). It is shown how things look and how they moved; the mean of
 * what it makes of that over all places, and the clearest anywhere, tells the actions. So it looks for what a thing does
 * and not for where it stands, and learns that from few frames.
 * @param frames T of what it is shown
 * @param shown which of these it sees most clearly
 */
export function createInverseDynamics(
  actions: number,
  frames: number,
  shown: number,
): InverseDynamics {
  const inputs = 3 * BLOCK * BLOCK + 3 * frames;
  const motion = SHIFTS.length * (frames - 1);
  const { quarter, eighth, seen, joined } = WIDTHS;
  const looks = sequential([
    convolution('inverse.quarter', 3, inputs, quarter, { stride: 2 }),
    rectifier(),
    convolution('inverse.eighth', 3, quarter, eighth, { stride: 2 }),
    rectifier(),
  ]);
  const places = sequential([convolution('inverse.seen', 3, eighth + motion, seen), rectifier()]);
  const told = sequential([
    convolution('inverse.joined', 1, 2 * seen, joined),
    rectifier(),
    convolution('inverse.told', 1, joined, actions, { deviation: 0.01 }),
  ]);
  return {
    layout: new ParameterLayout([looks, places, told].flatMap(({ specs }) => specs)),
    actions(parameters, x) {
      assertShape(x, ['N', frames, 'H', 'W', 3], 'input of the inverse dynamics');
      return tf.tidy(() => {
        const all = tf.unstack(x, 1) as tf.Tensor4D[];
        const halves = all.map((frame) => tf.avgPool(frame, 2, 2, 'valid'));
        const moved = halves.slice(1).map((next, i) => moves(halves[i]!, next));
        const look = looks.apply(parameters, tf.concat([spaceToDepth(all[shown]!), ...halves], 3));
        const around = places.apply(parameters, tf.concat([look, ...moved], 3));
        const whole = [
          tf.mean<tf.Tensor4D>(around, [1, 2], true),
          tf.max<tf.Tensor4D>(around, [1, 2], true),
        ];
        return tf.reshape(told.apply(parameters, tf.concat(whole, 3)), [-1, actions]);
      });
    },
  };
}
