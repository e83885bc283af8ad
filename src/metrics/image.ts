import { FrameloomError } from '../base/error.js';

/**
 * A picture for measuring: `data` is [H,W,C] row by row, float, in [-1, 1]. It is a plain array and
 * not a tensor because measures run one frame at a time, off the training backend.
 */
export interface Image extends ImageSize {
  readonly data: Float32Array;
}

export interface ImageSize {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/**
 * An image of bytes in 0–255 (rgb24, grey, …), as [-1, 1].
 * @throws FrameloomError bad-shape when `bytes` has not width·height·channels values
 */
export function imageFromBytes(bytes: Uint8Array | Uint8ClampedArray, size: ImageSize): Image {
  const { width, height, channels } = size;
  const data = Float32Array.from(bytes, (byte) => byte / 127.5 - 1);
  return checkImage({ width, height, channels, data }, 'image');
}

/** @throws FrameloomError bad-shape when the data does not fill the image */
export function checkImage(image: Image, name: string): Image {
  const { width, height, channels, data } = image;
  if (width < 1 || height < 1 || channels < 1 || data.length !== width * height * channels) {
    throw new FrameloomError(
      'bad-shape',
      `${name} has ${data.length} values, expected ${height} × ${width} × ${channels}`,
    );
  }
  return image;
}

/** @throws FrameloomError bad-shape when two images that are compared differ in size */
export function assertSameSize(a: ImageSize, b: ImageSize): void {
  if (a.width !== b.width || a.height !== b.height || a.channels !== b.channels) {
    const words = (size: ImageSize): string => `${size.width}×${size.height}×${size.channels}`;
    throw new FrameloomError(
      'bad-shape',
      `images of different size cannot be compared: ${words(a)} and ${words(b)}`,
    );
  }
}

/** Both whole, and of one size. @throws FrameloomError bad-shape */
export function assertComparable(a: Image, b: Image): void {
  checkImage(a, 'image');
  checkImage(b, 'image');
  assertSameSize(a, b);
}

/**
 * Grey bytes [H,W] in 0–255 of an image of one channel, or by BT.601 luma (0.299, 0.587, 0.114) of
 * one whose first three channels are RGB, rounded half up.
 * @throws FrameloomError bad-shape for two channels
 */
export function greyBytes(image: Image): Uint8Array {
  const { channels, data } = checkImage(image, 'image');
  if (channels === 2) {
    throw new FrameloomError('bad-shape', 'an image of two channels has no grey');
  }
  const out = new Uint8Array(image.width * image.height);
  for (let i = 0; i < out.length; i += 1) {
    const at = i * channels;
    const value =
      channels === 1
        ? data[at]!
        : 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
    out[i] = Math.min(255, Math.max(0, Math.floor((value + 1) * 127.5 + 0.5)));
  }
  return out;
}
