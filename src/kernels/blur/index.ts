import * as tf from '@tensorflow/tfjs-core';
import { assertShape } from '../../base/shape.js';
import { registerFused, runKernel, type KernelFunction } from '../native.js';

const BLUR = 'FrameloomBlur';
/** Along both axes, as BlurPool has it (Zhang 2019, arXiv 1904.11486). */
const TAPS = [1, 3, 3, 1].map((tap) => tap / 8);
/** Pixels that an output takes beside one. */
const REACH = TAPS.length - 1;
/** Of one output. */
const MACS = TAPS.length ** 2;

/** Zeros beside the input, pixels. */
interface Padding {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

const PADDINGS = ['top', 'bottom', 'left', 'right'] as const;

const forward: KernelFunction = ([x], padding) => {
  const { top, bottom, left, right } = padding as unknown as Padding;
  const channels = x!.shape[3]!;
  const filter = tf.tensor4d(
    TAPS.flatMap((row) =>
      TAPS.flatMap((column) => Array.from({ length: channels }, () => row * column)),
    ),
    [TAPS.length, TAPS.length, channels, 1],
  );
  const around: [number, number][] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  const padded = tf.pad(x as tf.Tensor4D, around);
  return [tf.depthwiseConv2d(padded, filter, 1, 'valid')];
};

export function registerBlur(): void {
  registerFused(
    BLUR,
    ['x'],
    (inputs, attributes) => tf.tidy(() => forward(inputs, attributes)),
    forward,
  );
  // Its filter is its own mirror image, so that it is its own gradient, of any order, with the rest of the padding.
  tf.registerGradient({
    kernelName: BLUR,
    gradFunc: (dy, _, attributes) => {
      const padding = attributes as unknown as Padding;
      const rest = PADDINGS.map((side) => [side, REACH - padding[side]] as const);
      return { x: () => runKernel(BLUR, { x: dy as tf.Tensor }, Object.fromEntries(rest))[0]! };
    },
  });
}

/** Padding before and after `size` pixels, of a kernel of stride 2 behind the blur: that of one which has both. */
function paddingOf(size: number, kernel: number): [number, number] {
  const total = Math.max((Math.ceil(size / 2) - 1) * 2 + kernel + REACH - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

/**
 * A picture without what a stride of 2 would fold back, for the kernel of stride 2 that comes after it and pads
 * nothing: the two are one larger kernel that pads as `same` does, as in StyleGAN2 (Karras et al. 2020). The filter is
 * (1, 3, 3, 1)/8 along both axes, of sum 1: it makes no difference larger. Half of its sum is at even and half at odd
 * pixels, so that a gradient which is the same at each output has no grid.
 *
 * @param x [N, H, W, C]
 * @param kernel sides of what comes after, pixels
 * @returns [N, H', W', C], of which such a kernel makes ⌈H/2⌉ by ⌈W/2⌉
 * @throws FrameloomError bad-shape
 */
export function blur(x: tf.Tensor4D, kernel: number): tf.Tensor4D {
  const { H, W } = assertShape(x, ['N', 'H', 'W', 'C'], 'x');
  const [top, bottom] = paddingOf(H!, kernel);
  const [left, right] = paddingOf(W!, kernel);
  return runKernel(BLUR, { x }, { top, bottom, left, right })[0] as tf.Tensor4D;
}

/** Multiply-accumulates of {@link blur} for one channel of one sample. */
export function blurMacs(
  { height, width }: { readonly height: number; readonly width: number },
  kernel: number,
): number {
  const blurred = (size: number): number => {
    const [before, after] = paddingOf(size, kernel);
    return size + before + after - REACH;
  };
  return blurred(height) * blurred(width) * MACS;
}
