import { FrameloomError } from '../base/error.js';
import { assertSameSize, checkImage, type Image, type ImageSize } from './image.js';

/** The mean of all the images added, in the memory of one. */
export interface MeanImage {
  add(image: Image): void;
  /** @throws FrameloomError bad-data when nothing was added */
  result(): Image;
}

const sizeOf = ({ width, height, channels }: ImageSize): ImageSize => ({
  width,
  height,
  channels,
});

/** The baseline that shows the mean training frame, whatever is asked of it. */
export function createMeanImage(): MeanImage {
  let size: ImageSize | undefined;
  let sum = new Float64Array(0);
  let count = 0;
  return {
    add(image) {
      checkImage(image, 'image');
      if (size === undefined) {
        size = sizeOf(image);
        sum = new Float64Array(image.data.length);
      }
      assertSameSize(size, image);
      for (let i = 0; i < sum.length; i += 1) sum[i]! += image.data[i]!;
      count += 1;
    },
    result() {
      if (size === undefined) throw new FrameloomError('bad-data', 'no frame to take a mean of');
      return { ...size, data: Float32Array.from(sum, (value) => value / count) };
    },
  };
}

/** Training conditions, to be looked up by likeness. */
export interface NearestCondition<Key> {
  /** Remembers a training frame's condition under `key`, say {clip, frame}. */
  add(condition: Image, key: Key): void;
  /**
   * The key of the training frame whose condition differs least (mean absolute difference).
   * @throws FrameloomError bad-data when nothing was added
   */
  nearest(condition: Image): Key;
  /** Bytes held now, at most about `memoryBytes`. */
  readonly heldBytes: number;
}

export interface NearestConditionOptions {
  /** Memory for conditions, 128 MiB by default. Frames are thinned out evenly to stay within. */
  memoryBytes?: number;
  /** Bytes of one condition, 64 KiB by default; a larger one is averaged over small blocks. */
  conditionBytes?: number;
}

/**
 * The baseline that shows the training frame whose condition is most like the one asked for: what
 * a lookup would give without any network. Conditions are kept as bytes.
 */
export function createNearestCondition<Key>(
  options: NearestConditionOptions = {},
): NearestCondition<Key> {
  const { memoryBytes = 2 ** 27, conditionBytes = 2 ** 16 } = options;
  let held: { descriptor: Uint8Array; key: Key }[] = [];
  let size: ImageSize | undefined;
  let stride = 1;
  let seen = 0;
  const describe = (condition: Image): Uint8Array => {
    size ??= sizeOf(checkImage(condition, 'condition'));
    assertSameSize(size, condition);
    return descriptorOf(condition, conditionBytes);
  };
  return {
    add(condition, key) {
      const wanted = seen % stride === 0;
      seen += 1;
      if (!wanted) return;
      held.push({ descriptor: describe(condition), key });
      if (held.length > 1 && held.length * held[0]!.descriptor.length > memoryBytes) {
        held = held.filter((_, i) => i % 2 === 0);
        stride *= 2;
      }
    },
    nearest(condition) {
      const wanted = describe(condition);
      let best: { distance: number; key: Key } | undefined;
      for (const { descriptor, key } of held) {
        const distance = distanceOf(wanted, descriptor, best?.distance ?? Infinity);
        if (best === undefined || distance < best.distance) best = { distance, key };
      }
      if (best === undefined) {
        throw new FrameloomError('bad-data', 'no training condition to compare with');
      }
      return best.key;
    },
    get heldBytes() {
      return held.length * (held[0]?.descriptor.length ?? 0);
    },
  };
}

/** Sum of absolute differences, given up once over `limit`. */
function distanceOf(a: Uint8Array, b: Uint8Array, limit: number): number {
  let sum = 0;
  for (let start = 0; start < a.length && sum <= limit; start += 1024) {
    const end = Math.min(start + 1024, a.length);
    for (let i = start; i < end; i += 1) sum += Math.abs(a[i]! - b[i]!);
  }
  return sum;
}

/** Bytes of the image, averaged over the smallest square blocks that make it fit. */
function descriptorOf(image: Image, maxBytes: number): Uint8Array {
  const { width, height, channels, data } = image;
  const bytesAt = (block: number): number =>
    Math.ceil(width / block) * Math.ceil(height / block) * channels;
  let block = 1;
  while (bytesAt(block) > maxBytes && block < Math.max(width, height)) block += 1;
  const columns = Math.ceil(width / block);
  const sums = new Float64Array(bytesAt(block));
  const counts = new Uint32Array(sums.length);
  for (let i = 0; i < data.length; i += 1) {
    const pixel = Math.floor(i / channels);
    const x = Math.floor((pixel % width) / block);
    const y = Math.floor(Math.floor(pixel / width) / block);
    const cell = (y * columns + x) * channels + (i % channels);
    sums[cell]! += data[i]!;
    counts[cell]! += 1;
  }
  return Uint8Array.from(sums, (sum, i) => {
    const byte = (sum / counts[i]! + 1) * 127.5;
    return Math.min(255, Math.max(0, Math.round(byte)));
  });
}
