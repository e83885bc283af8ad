import type { RandomStream } from '../base/random.js';
import type { ByteFrames } from './augment.js';
import { SIZE_MULTIPLE } from './options.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Where in its frames a window was cut out, the same in all of them. */
export interface Patch {
  /** Pixels from the left and from the top, multiples of 4, as the generator's grid is. */
  readonly left: number;
  readonly top: number;
  /** Of the frames that it was cut from. */
  readonly frameWidth: number;
  readonly frameHeight: number;
}

/**
 * Where a patch begins along one side. Beginnings are drawn from half a patch further out on both ends and brought back,
 * so that what lies at a border is seen half as often as the middle at the least, and not hardly ever.
 */
function beginning(random: RandomStream, whole: number, own: number): number {
  const drawn = random.uniform() * whole - own / 2;
  const at = Math.round(drawn / SIZE_MULTIPLE) * SIZE_MULTIPLE;
  return Math.min(whole - own, Math.max(0, at));
}

/**
 * Draws where windows of a size are cut out of frames.
 * @returns null where they are as large as the frames
 */
export function drawPatch(random: RandomStream, whole: Size, own: Size): Patch | null {
  if (whole.width === own.width && whole.height === own.height) return null;
  return {
    left: beginning(random, whole.width, own.width),
    top: beginning(random, whole.height, own.height),
    frameWidth: whole.width,
    frameHeight: whole.height,
  };
}

/** The bytes of a patch of so many pixels. */
export function cutPatch(
  { data, width, height, channels }: ByteFrames,
  { left, top }: Pick<Patch, 'left' | 'top'>,
  own: Size,
): Uint8Array {
  const frames = data.length / (width * height * channels);
  const row = own.width * channels;
  const out = new Uint8Array(frames * own.height * row);
  for (let frame = 0, to = 0; frame < frames; frame += 1) {
    for (let y = 0; y < own.height; y += 1, to += row) {
      const from = ((frame * height + top + y) * width + left) * channels;
      out.set(data.subarray(from, from + row), to);
    }
  }
  return out;
}
