/**
 * Bytes and numbers channel after channel (CHW), as exported generators want them, without
 * TensorFlow.
 */
import { FrameloomError } from '../base/error.js';

/** The value of each byte: 0 is −1, 255 is 1. */
const LEVELS = new Float32Array(256).map((_, byte) => byte / 127.5 - 1);

/**
 * Interleaved bytes as planes in [−1, 1].
 * @param bytes HWC
 * @param out CHW, as long; written at its start
 */
export function bytesToPlanes(bytes: Uint8Array, channels: number, out: Float32Array): void {
  const pixels = bytes.length / channels;
  for (let channel = 0; channel < channels; channel += 1) {
    const plane = channel * pixels;
    for (let i = 0, at = channel; i < pixels; i += 1, at += channels) {
      out[plane + i] = LEVELS[bytes[at]!]!;
    }
  }
}

/**
 * Label ids as planes of 0 and 1, one for each class.
 * @param ids one byte a pixel; those of no class are 0 in every plane
 */
export function labelsToPlanes(ids: Uint8Array, classes: number, out: Float32Array): void {
  out.fill(0, 0, ids.length * classes);
  for (let i = 0; i < ids.length; i += 1) {
    if (ids[i]! < classes) out[ids[i]! * ids.length + i] = 1;
  }
}

/**
 * Planes in [−1, 1] as interleaved bytes: halves are rounded up, what lies outside is clamped.
 * @param planes CHW
 * @returns HWC
 * @throws FrameloomError diverged for NaN, which has no byte
 */
export function planesToBytes(planes: Float32Array, channels: number): Uint8Array {
  const pixels = planes.length / channels;
  const bytes = new Uint8Array(planes.length);
  for (let channel = 0; channel < channels; channel += 1) {
    const plane = channel * pixels;
    for (let i = 0, at = channel; i < pixels; i += 1, at += channels) {
      const level = Math.floor((planes[plane + i]! + 1) * 127.5 + 0.5);
      if (Number.isNaN(level)) {
        throw new FrameloomError('diverged', 'a generated frame holds NaN', {
          hint: 'the weights are damaged: go back to an earlier snapshot',
        });
      }
      bytes[at] = level < 0 ? 0 : level > 255 ? 255 : level;
    }
  }
  return bytes;
}
