import * as tf from '@tensorflow/tfjs-core';
import { assertShape } from '../base/shape.js';
import { convolution, rectifier, sequential, type Layer } from './layers.js';
import { ParameterLayout, type Parameters } from './parameters.js';
import { BLOCK, depthToSpace, spaceToDepth } from './pixel-shuffle.js';

/** Tells the class of every pixel of a picture. */
export interface Segmenter {
  readonly layout: ParameterLayout;
  /**
   * One number for each pixel and class, larger is likelier: [N, H, W, classes].
   * @param x [N, H, W, 3] in [−1, 1], sides multiples of 4
   * @throws FrameloomError bad-shape
   */
  logits(parameters: Parameters, x: tf.Tensor4D): tf.Tensor4D;
}

/** Channels at half the size, at a quarter, and of what the classes are told by. */
const WIDTHS = { half: 32, quarter: 48, joined: 24 } as const;

/**
 * A small segmenter, of 50,000 parameters for ten classes: a quarter of the size and back, with what was seen at half
 * of it laid beside (Ronneberger et al. 2015). It sees some twenty pixels around and knows no place: a picture that
 * shows nothing gets no class for where it is.
 */
export function createSegmenter(classes: number): Segmenter {
  const { half, quarter, joined } = WIDTHS;
  const step = (name: string, from: number, to: number, stride = 1): Layer =>
    sequential([convolution(name, 3, from, to, { stride }), rectifier()]);
  const folded = BLOCK * BLOCK;
  const seen = step('segmenter.seen', 3 * folded, half);
  const down = step('segmenter.down', half, quarter, 2);
  const deep = step('segmenter.deep', quarter, quarter);
  const up = convolution('segmenter.up', 1, quarter, joined * folded);
  const beside = step('segmenter.beside', half + joined, joined);
  const told = convolution('segmenter.told', 1, joined, classes * folded);
  return {
    layout: new ParameterLayout([seen, down, deep, up, beside, told].flatMap(({ specs }) => specs)),
    logits(parameters, x) {
      assertShape(x, ['N', 'H', 'W', 3], 'input of the segmenter');
      return tf.tidy(() => {
        const near = seen.apply(parameters, spaceToDepth(x));
        const far = down.apply(parameters, near);
        const context = tf.add<tf.Tensor4D>(far, deep.apply(parameters, far));
        const enlarged = depthToSpace(up.apply(parameters, context));
        const both = beside.apply(parameters, tf.concat([near, enlarged], 3));
        return depthToSpace(told.apply(parameters, both));
      });
    },
  };
}
