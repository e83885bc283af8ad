import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../../backend/scope.js';
import { assertShape } from '../../base/shape.js';
import { gatherRows } from '../gather-rows/index.js';
import { registerFused, runKernel, type KernelFunction } from '../native.js';

const FORWARD = 'FrameloomWarp';

/** For each pixel: its four neighbours' rows in the flattened image, and how far between them. */
interface Sampling {
  /** Row indices [N·H·W], int32: top left, top right, bottom left, bottom right. */
  readonly indices: readonly tf.Tensor1D[];
  /** Fraction of the way right and down [N·H·W, 1]. */
  readonly right: tf.Tensor2D;
  readonly down: tf.Tensor2D;
  /** 1 where the flow decides the position and 0 where the border clamps it, [N·H·W, 1]. */
  readonly freeX: tf.Tensor2D;
  readonly freeY: tf.Tensor2D;
}

function sampling(flow: tf.Tensor4D): Sampling {
  const [samples, height, width] = flow.shape;
  const pixels = samples * height * width;
  const [flowX, flowY] = tf.split(flow, 2, 3) as [tf.Tensor, tf.Tensor];
  const columns = tf.reshape(tf.range(0, width), [1, 1, width, 1]);
  const rows = tf.reshape(tf.range(0, height), [1, height, 1, 1]);
  const axis = (position: tf.Tensor, last: number) => {
    const clamped = tf.clipByValue(position, 0, last);
    // The last pixel belongs to the interval before it, so that its right neighbour exists.
    const low = tf.clipByValue(tf.floor(clamped), 0, Math.max(0, last - 1));
    const inside = tf.logicalAnd(tf.greaterEqual(position, 0), tf.lessEqual(position, last));
    return {
      low: tf.cast(low, 'int32'),
      fraction: tf.reshape<tf.Rank.R2>(tf.sub(clamped, low), [pixels, 1]),
      free: tf.reshape<tf.Rank.R2>(tf.cast(inside, 'float32'), [pixels, 1]),
    };
  };
  const x = axis(tf.add(flowX, columns), width - 1);
  const y = axis(tf.add(flowY, rows), height - 1);
  const sampleStart = tf.reshape(tf.range(0, samples * height * width, height * width, 'int32'), [
    samples,
    1,
    1,
    1,
  ]);
  const stepX = width > 1 ? 1 : 0;
  const stepY = height > 1 ? width : 0;
  // A flow of NaN has no whole part. Its pixels may read any row, but one that exists: the fraction
  // makes NaN of them, and training tells which loss that broke.
  const topLeft: tf.Tensor1D = tf.clipByValue(
    tf.reshape<tf.Rank.R1>(
      tf.add(tf.add(tf.mul(y.low, tf.scalar(width, 'int32')), x.low), sampleStart),
      [pixels],
    ),
    0,
    pixels - 1 - stepX - stepY,
  );
  const shifted = (by: number): tf.Tensor1D =>
    by === 0 ? topLeft : tf.add(topLeft, tf.scalar(by, 'int32'));
  return {
    indices: [topLeft, shifted(stepX), shifted(stepY), shifted(stepX + stepY)],
    right: x.fraction,
    down: y.fraction,
    freeX: x.free,
    freeY: y.free,
  };
}

type Corners = readonly [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];

const lerp = (a: tf.Tensor, b: tf.Tensor, t: tf.Tensor): tf.Tensor =>
  tf.add(a, tf.mul(tf.sub(b, a), t));

function neighbours(image: tf.Tensor4D, at: Sampling): tf.Tensor[] {
  const flat = tf.reshape<tf.Rank.R2>(image, [-1, image.shape[3]]);
  return at.indices.map((index) => gatherRows(flat, index));
}

/** The gradient of bilinear sampling scatters each pixel's share to the four it was read from. */
function imageGradient(dy: tf.Tensor, at: Sampling, shape: tf.Tensor4D['shape']): tf.Tensor4D {
  const [samples, height, width] = shape;
  const right = tf.mul(dy, at.right);
  const left = tf.sub(dy, right);
  const bottomRight = tf.mul(right, at.down);
  const bottomLeft = tf.mul(left, at.down);
  const shares = [tf.sub(left, bottomLeft), tf.sub(right, bottomRight), bottomLeft, bottomRight];
  return tf.reshape<tf.Rank.R4>(
    tf.unsortedSegmentSum(
      tf.concat<tf.Tensor2D>(shares as tf.Tensor2D[]),
      tf.concat<tf.Tensor1D>([...at.indices]),
      samples * height * width,
    ),
    shape,
  );
}

function flowGradient(dy: tf.Tensor, corners: readonly tf.Tensor[], at: Sampling): tf.Tensor {
  const [topLeft, topRight, bottomLeft, bottomRight] = corners as unknown as Corners;
  const alongX = lerp(tf.sub(topRight, topLeft), tf.sub(bottomRight, bottomLeft), at.down);
  const alongY = lerp(tf.sub(bottomLeft, topLeft), tf.sub(bottomRight, topRight), at.right);
  const project = (slope: tf.Tensor, free: tf.Tensor): tf.Tensor =>
    tf.mul(tf.sum(tf.mul(dy, slope), 1, true), free);
  return tf.concat([project(alongX, at.freeX), project(alongY, at.freeY)], 1);
}

function sampleBilinearly(image: tf.Tensor4D, flow: tf.Tensor4D) {
  const at = sampling(flow);
  const corners = neighbours(image, at);
  const [topLeft, topRight, bottomLeft, bottomRight] = corners as unknown as Corners;
  const top = lerp(topLeft, topRight, at.right);
  const bottom = lerp(bottomLeft, bottomRight, at.right);
  return { at, corners, value: tf.reshape(lerp(top, bottom, at.down), image.shape) };
}

/** What the gradients need of the forward pass, as the list that TensorFlow.js keeps. */
const toSaved = (at: Sampling, corners: readonly tf.Tensor[]): tf.Tensor[] => [
  ...[at.right, at.down, at.freeX, at.freeY],
  ...at.indices,
  ...corners,
];

function fromSaved(saved: readonly tf.Tensor[]): { at: Sampling; corners: tf.Tensor[] } {
  const [right, down, freeX, freeY] = saved as readonly tf.Tensor2D[];
  const indices = saved.slice(4, 8) as tf.Tensor1D[];
  const at = { indices, right: right!, down: down!, freeX: freeX!, freeY: freeY! };
  return { at, corners: saved.slice(8) };
}

/** Of kernels on every backend, and one itself, so that whoever traces a network sees one warp. */
const forward: KernelFunction = ([image, flow]) =>
  scoped(() => {
    const { value, at, corners } = sampleBilinearly(image as tf.Tensor4D, flow as tf.Tensor4D);
    return [value, ...toSaved(at, corners)];
  });

export function registerWarp(): void {
  registerFused(FORWARD, ['image', 'flow'], forward, forward);
}

function checkShapes(image: tf.Tensor4D, flow: tf.Tensor4D): void {
  const { N, H, W } = assertShape(image, ['N', 'H', 'W', 'C'], 'image');
  assertShape(flow, [N!, H!, W!, 2], 'flow');
}

/**
 * Samples `image` bilinearly at each pixel's own place plus `flow`; places outside are clamped to
 * the border. Differentiable in both (Jaderberg et al. 2015); no gradient reaches the flow where
 * the border clamps. Equals PyTorch's `grid_sample` with `align_corners` and border padding.
 *
 * @param image [N, H, W, C]
 * @param flow [N, H, W, 2], pixels, x right and y down
 * @returns [N, H, W, C]
 * @throws FrameloomError bad-shape
 */
export function warp(image: tf.Tensor4D, flow: tf.Tensor4D): tf.Tensor4D {
  checkShapes(image, flow);
  const op = tf.customGrad((...args) => {
    const [imageIn, flowIn, save] = args as unknown as [tf.Tensor4D, tf.Tensor4D, tf.GradSaveFunc];
    const [value, ...kept] = runKernel(FORWARD, { image: imageIn, flow: flowIn });
    save(kept);
    const gradFunc = (dyIn: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
      const sampled = fromSaved(saved);
      const dy = tf.reshape(dyIn, [-1, image.shape[3]]);
      return [
        imageGradient(dy, sampled.at, image.shape),
        tf.reshape(flowGradient(dy, sampled.corners, sampled.at), flow.shape),
      ];
    };
    return { value: value!, gradFunc };
  });
  return op(image, flow) as tf.Tensor4D;
}

/**
 * `warp` of an image that is a constant, such as a real frame: only the flow gets a gradient, and
 * the scatter that the image's would take is saved.
 */
export function warpConstant(image: tf.Tensor4D, flow: tf.Tensor4D): tf.Tensor4D {
  checkShapes(image, flow);
  const op = tf.customGrad((...args) => {
    const [flowIn, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    const [value, ...kept] = runKernel(FORWARD, { image, flow: flowIn });
    save(kept);
    const gradFunc = (dyIn: tf.Tensor, saved: tf.Tensor[]): tf.Tensor => {
      const sampled = fromSaved(saved);
      const dy = tf.reshape(dyIn, [-1, image.shape[3]]);
      return tf.reshape(flowGradient(dy, sampled.corners, sampled.at), flow.shape);
    };
    return { value: value!, gradFunc };
  });
  return op(flow) as tf.Tensor4D;
}
