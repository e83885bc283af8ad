import { FrameloomError } from '../base/error.js';
import { assertComparable, checkImage, type Image, type ImageSize } from './image.js';
import type { FlowField } from './optical-flow.js';

function assertFlowFits(flow: FlowField, width: number, height: number): void {
  if (
    flow.width !== width ||
    flow.height !== height ||
    flow.data.length !== flow.width * flow.height * 2
  ) {
    throw new FrameloomError(
      'bad-shape',
      `flow of ${flow.width}×${flow.height} does not fit an image of ${width}×${height}`,
    );
  }
}

/**
 * Reads `data` [H,W,C] at (x, y) between pixels, bilinearly, the border repeated, into `out`.
 */
function sample(
  data: Float32Array,
  size: ImageSize,
  x: number,
  y: number,
  out: Float64Array,
): void {
  const { width, height, channels } = size;
  const clampedX = Math.min(Math.max(x, 0), width - 1);
  const clampedY = Math.min(Math.max(y, 0), height - 1);
  const left = Math.floor(clampedX);
  const top = Math.floor(clampedY);
  const rightStep = left + 1 < width ? channels : 0;
  const downStep = top + 1 < height ? width * channels : 0;
  const fx = clampedX - left;
  const fy = clampedY - top;
  const at = (top * width + left) * channels;
  for (let c = 0; c < channels; c += 1) {
    const upper = data[at + c]! * (1 - fx) + data[at + rightStep + c]! * fx;
    const lower = data[at + downStep + c]! * (1 - fx) + data[at + downStep + rightStep + c]! * fx;
    out[c] = upper * (1 - fy) + lower * fy;
  }
}

/**
 * `image` seen through `flow`: out[y, x] = image[y + v, x + u], bilinear, the border repeated.
 * @throws FrameloomError bad-shape
 */
export function warpImage(image: Image, flow: FlowField): Image {
  checkImage(image, 'image');
  const { width, height, channels } = image;
  assertFlowFits(flow, width, height);
  const data = new Float32Array(image.data.length);
  const pixel = new Float64Array(channels);
  for (let i = 0; i < width * height; i += 1) {
    const x = (i % width) + flow.data[2 * i]!;
    const y = Math.floor(i / width) + flow.data[2 * i + 1]!;
    sample(image.data, image, x, y, pixel);
    data.set(pixel, i * channels);
  }
  return { width, height, channels, data };
}

/**
 * Where the motion between two frames can be trusted, [H,W] of 1 (seen in both) and 0 (left out),
 * on the pixels of the frame that `flow` starts from. By Lai et al. 2018 after Ruder et al. 2016:
 * a pixel is out when the flow there and the flow back, w and ŵ, disagree,
 * |w + ŵ|² > 0.01 (|w|² + |ŵ|²) + 0.5, or at a border of motions, |∇w|² > 0.01 |w|² + 0.002.
 * @param flow from this frame to the other, pixels
 * @param back from the other frame to this one, pixels
 * @throws FrameloomError bad-shape
 */
export function visibleMask(flow: FlowField, back: FlowField): Uint8Array {
  const { width, height } = flow;
  assertFlowFits(flow, width, height);
  assertFlowFits(back, width, height);
  const mask = new Uint8Array(width * height);
  const returned = new Float64Array(2);
  const w = flow.data;
  for (let i = 0; i < mask.length; i += 1) {
    const x = i % width;
    const y = Math.floor(i / width);
    const u = w[2 * i]!;
    const v = w[2 * i + 1]!;
    sample(back.data, { width, height, channels: 2 }, x + u, y + v, returned);
    const [backU, backV] = returned as unknown as [number, number];
    const squared = u * u + v * v;
    const gap = (u + backU) ** 2 + (v + backV) ** 2;
    const agrees = gap <= 0.01 * (squared + backU * backU + backV * backV) + 0.5;
    const right = x + 1 < width ? i + 1 : i;
    const below = y + 1 < height ? i + width : i;
    const gradient =
      (w[2 * right]! - u) ** 2 +
      (w[2 * right + 1]! - v) ** 2 +
      (w[2 * below]! - u) ** 2 +
      (w[2 * below + 1]! - v) ** 2;
    mask[i] = agrees && gradient <= 0.01 * squared + 0.002 ? 1 : 0;
  }
  return mask;
}

/**
 * Warping error of one pair of neighbours (Lai et al. 2018, "Learning blind video temporal
 * consistency"): the mean squared difference, in [0, 1] units, between the current frame and the
 * previous one brought to it by `flow`, over the pixels of `mask`. 0 is perfectly steady; the real
 * frames' own value is the floor that can be asked for. Null when the mask is empty.
 * @param flow of the **real** frames, from the current to the previous one, pixels
 * @param mask of the real frames, `visibleMask(flow, previousToCurrent)`
 * @throws FrameloomError bad-shape
 */
export function warpingError(
  previous: Image,
  current: Image,
  flow: FlowField,
  mask: Uint8Array,
): number | null {
  assertComparable(previous, current);
  const { width, height, channels } = current;
  if (mask.length !== width * height) {
    throw new FrameloomError('bad-shape', `mask has ${mask.length} pixels, not ${width * height}`);
  }
  const warped = warpImage(previous, flow);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < mask.length; i += 1) {
    if (mask[i] === 0) continue;
    count += channels;
    for (let c = i * channels; c < (i + 1) * channels; c += 1) {
      sum += (current.data[c]! - warped.data[c]!) ** 2;
    }
  }
  return count === 0 ? null : sum / count / 4;
}
