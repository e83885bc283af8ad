import type { BlockCache } from './block-cache.js';
import { sizeDividedBy } from './options.js';
import type { FrameRange, Motion, MotionEstimator, WindowOrigin } from './types.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Parts of a pixel that motion is kept in: far finer than any estimate. */
const PARTS = 64;
/** In the place of a motion to the right: none that can be trusted. */
const HIDDEN = -32768;
const FARTHEST = 32767;

/** [H, W, 2] of parts of pixels, a quarter of what both arrays take. */
function packed({ flow, seen }: Motion): Int16Array {
  const out = new Int16Array(flow.length);
  seen.forEach((isSeen, i) => {
    const [u, v] = [flow[2 * i]! * PARTS, flow[2 * i + 1]! * PARTS];
    const fits = Math.abs(u) < FARTHEST && Math.abs(v) < FARTHEST;
    out[2 * i] = isSeen === 1 && fits ? Math.round(u) : HIDDEN;
    out[2 * i + 1] = isSeen === 1 && fits ? Math.round(v) : 0;
  });
  return out;
}

/**
 * The motion of whole frames as it is in a clip, each estimated when it is first asked for and kept in the cache of
 * frames, within its bounds; what falls out is estimated again, to the same numbers.
 */
export class MotionStore {
  readonly #estimate: MotionEstimator;
  readonly #cache: BlockCache;
  readonly #keys = new Map<string, number>();

  constructor(estimate: MotionEstimator, cache: BlockCache) {
    this.#estimate = estimate;
    this.#cache = cache;
  }

  /**
   * Motion of frames `first` … of a range since those before them in it, each [H, W, 2] in parts of a pixel.
   * @param range of frames that are `stride` apart in the clip, unchanged; `first` ≥ 1
   */
  async read(range: FrameRange, first: number, stride: number): Promise<Int16Array[]> {
    const bytes = range.width * range.height * 3;
    const frame = (i: number): Uint8Array => range.frames.subarray(i * bytes, (i + 1) * bytes);
    const motions: Int16Array[] = [];
    for (let i = first; i < range.frameCount; i += 1) {
      const key = this.#key(`${range.clip}/${range.startFrame + i * stride}/${stride}`);
      const kept = await this.#cache.get(key);
      if (kept) {
        motions.push(new Int16Array(kept.buffer, kept.byteOffset, kept.length / 2));
        continue;
      }
      const made = packed(this.#estimate(frame(i), frame(i - 1), range));
      await this.#cache.put(key, new Uint8Array(made.buffer));
      motions.push(made);
    }
    return motions;
  }

  /** Below those of frames, which count from 0. */
  #key(name: string): number {
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const fresh = -1 - this.#keys.size;
    this.#keys.set(name, fresh);
    return fresh;
  }
}

/**
 * Motion as a window shows it: mirrored, enlarged, made smaller and cut out as its frames are, in pixels of the window.
 * Each of its pixels has the motion of the one that its centre lies on.
 *
 * @param motions of whole frames, in parts of a pixel
 * @param whole size of those
 * @param size of the window
 * @returns [T, h, w, 3]: right, down, and 1 where it can be trusted; all 0 where not
 */
export function motionOfWindow(
  motions: readonly Int16Array[],
  whole: Size,
  origin: Pick<WindowOrigin, 'flipped' | 'crop' | 'patch'>,
  divideBy: number,
  size: Size,
): Float32Array {
  const { flipped, patch } = origin;
  const crop = origin.crop ?? { left: 0, top: 0, ...whole };
  const shown = sizeDividedBy(whole, divideBy);
  // Pixels of the window for one of the clip.
  const [scaleX, scaleY] = [shown.width / crop.width, shown.height / crop.height];
  const columns = Int32Array.from({ length: size.width }, (_, x) => {
    const centre = (patch?.left ?? 0) + x + 0.5;
    return Math.floor(crop.left + (flipped ? shown.width - centre : centre) / scaleX);
  });
  const [right, down] = [(flipped ? -scaleX : scaleX) / PARTS, scaleY / PARTS];
  const out = new Float32Array(motions.length * size.height * size.width * 3);
  let to = 0;
  for (const motion of motions) {
    for (let y = 0; y < size.height; y += 1) {
      const row = Math.floor(crop.top + ((patch?.top ?? 0) + y + 0.5) / scaleY) * whole.width;
      for (const column of columns) {
        const at = 2 * (row + column);
        const isSeen = motion[at] !== HIDDEN;
        out[to++] = isSeen ? motion[at]! * right : 0;
        out[to++] = isSeen ? motion[at + 1]! * down : 0;
        out[to++] = isSeen ? 1 : 0;
      }
    }
  }
  return out;
}
