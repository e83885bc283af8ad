import { BLOCK } from './pixel-shuffle.js';

/** A part of a frame, in pixels. */
export interface FramePart {
  readonly left: number;
  readonly top: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
}

/**
 * Where the features of a part lie in those of the whole frame, as its encoders are shown it: its first and its last
 * column, then its first and its last row, of −1 to 1.
 * @param size of the part
 */
export function placesOf(
  { left, top, frameWidth, frameHeight }: FramePart,
  { width, height }: { readonly width: number; readonly height: number },
): [left: number, right: number, top: number, bottom: number] {
  const at = (pixel: number, side: number): number =>
    (2 * (pixel / BLOCK)) / Math.max(1, side / BLOCK - 1) - 1;
  return [
    at(left, frameWidth),
    at(left + width - BLOCK, frameWidth),
    at(top, frameHeight),
    at(top + height - BLOCK, frameHeight),
  ];
}
