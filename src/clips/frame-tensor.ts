import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../base/error.js';
import type { Frame, PixelFormat } from '../video/index.js';
import type { ConditionLayout } from './types.js';

/** The value of each byte: 0 is −1, 255 is 1. */
const LEVELS = new Float32Array(256).map((_, byte) => byte / 127.5 - 1);

/**
 * Bytes 0–255 as float32 in [−1, 1].
 * @param shape any shape of as many values; the caller disposes of the tensor
 */
export function bytesToTensor(bytes: Uint8Array, shape: number[]): tf.Tensor {
  const values = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i += 1) values[i] = LEVELS[bytes[i]!]!;
  return tf.tensor(values, shape, 'float32');
}

/** What already are numbers, such as motion in pixels; the caller disposes of the tensor. */
export const valuesToTensor = (values: Float32Array, shape: number[]): tf.Tensor =>
  tf.tensor(values, shape, 'float32');

/**
 * float32 values as bytes: −1 is 0, 1 is 255, halves are rounded up, what lies outside is clamped.
 * Bytes made a tensor by bytesToTensor come back the same.
 * @throws FrameloomError diverged for NaN, which has no byte
 */
export function valuesToBytes(values: Float32Array | Int32Array | Uint8Array): Uint8Array {
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i += 1) {
    const level = Math.floor((values[i]! + 1) * 127.5 + 0.5);
    if (Number.isNaN(level)) {
      throw new FrameloomError('diverged', 'a generated frame holds NaN', {
        hint: 'the weights are damaged: go back to an earlier snapshot',
      });
    }
    bytes[i] = level < 0 ? 0 : level > 255 ? 255 : level;
  }
  return bytes;
}

/** valuesToBytes of a tensor, which is not disposed of. */
export const tensorToBytes = async (tensor: tf.Tensor): Promise<Uint8Array> =>
  valuesToBytes(await tensor.data());

/**
 * One frame as [1, H, W, C] in [−1, 1]: 3 channels of rgb24, 1 of gray.
 * @throws FrameloomError bad-shape for another pixel format
 */
export function frameToTensor(frame: Frame): tf.Tensor4D {
  const { width, height, pixelFormat, data } = frame;
  const channels = pixelFormat === 'rgb24' ? 3 : pixelFormat === 'gray' ? 1 : null;
  if (channels === null) {
    throw new FrameloomError('bad-shape', `a ${pixelFormat} frame cannot become a tensor`, {
      hint: 'decode to rgb24 or gray',
    });
  }
  return bytesToTensor(data, [1, height, width, channels]) as tf.Tensor4D;
}

/**
 * A generated frame as bytes: rgb24 of 3 channels, gray of 1.
 * @param tensor [1, H, W, C] or [H, W, C] in [−1, 1]; not disposed of
 * @param place where the frame stands in its stream
 * @throws FrameloomError bad-shape, diverged
 */
export async function tensorToFrame(
  tensor: tf.Tensor,
  place: { readonly index: number; readonly timeSeconds: number },
): Promise<Frame> {
  const [height, width, channels] = tensor.rank === 4 ? tensor.shape.slice(1) : tensor.shape;
  const formats: Record<number, PixelFormat> = { 1: 'gray', 3: 'rgb24' };
  const pixelFormat = formats[channels ?? 0];
  const single = tensor.rank === 3 || (tensor.rank === 4 && tensor.shape[0] === 1);
  if (!single || height === undefined || width === undefined || pixelFormat === undefined) {
    throw new FrameloomError(
      'bad-shape',
      `a frame is [1, H, W, 1 or 3], not [${tensor.shape.join(', ')}]`,
    );
  }
  return { ...place, width, height, pixelFormat, data: await tensorToBytes(tensor) };
}

/**
 * Label ids as channels of 0 and 1.
 * @param ids one byte a pixel, each below `classes`
 * @param shape of the ids; the tensor has `classes` as one more axis
 */
export function labelsToTensor(ids: Uint8Array, shape: number[], classes: number): tf.Tensor {
  return tf.tidy(() => {
    const flat = tf.tensor1d(Int32Array.from(ids), 'int32');
    return tf.reshape(tf.oneHot(flat, classes, 1, 0, 'float32'), [...shape, classes]);
  });
}

/**
 * The bytes of a condition as it is held (ids of labels, 1 or 3 channels of an image) as a tensor:
 * one-hot labels, images in [−1, 1].
 * @param shape all axes but the channels, such as [N, T, H, W]
 */
export function conditionToTensor(
  bytes: Uint8Array,
  shape: number[],
  layout: ConditionLayout,
): tf.Tensor {
  return layout.content === 'labels'
    ? labelsToTensor(bytes, shape, layout.channels)
    : bytesToTensor(bytes, [...shape, layout.channels]);
}
