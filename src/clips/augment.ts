import type { RandomStream } from '../base/random.js';

/** One draw of random changes, applied to every frame of a window alike. */
export interface Augmentation {
  readonly flipped: boolean;
  /** The part that is kept and enlarged, in pixels of the frame; null keeps all of it. */
  readonly crop: {
    readonly left: number;
    readonly top: number;
    readonly width: number;
    readonly height: number;
  } | null;
  /** Factors around 1; null changes no colour. */
  readonly colour: {
    readonly brightness: number;
    readonly contrast: number;
    readonly saturation: number;
  } | null;
}

export interface AugmentOptions {
  readonly flip: boolean;
  readonly cropFraction: number;
  readonly colourFraction: number;
}

/** Frames in one array, THWC bytes. */
export interface ByteFrames {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** Draws the changes of one window; draws only what is switched on, always in the same order. */
export function drawAugmentation(
  random: RandomStream,
  options: AugmentOptions,
  size: { width: number; height: number },
): Augmentation {
  const flipped = options.flip && random.uniform() < 0.5;
  let crop: Augmentation['crop'] = null;
  if (options.cropFraction > 0) {
    const kept = 1 - options.cropFraction * random.uniform();
    const width = size.width * kept;
    const height = size.height * kept;
    crop = {
      left: random.uniform() * (size.width - width),
      top: random.uniform() * (size.height - height),
      width,
      height,
    };
  }
  let colour: Augmentation['colour'] = null;
  if (options.colourFraction > 0) {
    const factor = (): number => 1 + options.colourFraction * (2 * random.uniform() - 1);
    colour = { brightness: factor(), contrast: factor(), saturation: factor() };
  }
  return { flipped, crop, colour };
}

/** Where each output coordinate reads: two neighbours and the weight of the second. */
function taps(
  length: number,
  start: number,
  extent: number,
  mirrored: boolean,
): { low: Int32Array; high: Int32Array; weight: Float32Array } {
  const low = new Int32Array(length);
  const high = new Int32Array(length);
  const weight = new Float32Array(length);
  for (let i = 0; i < length; i += 1) {
    const target = mirrored ? length - 1 - i : i;
    const at = Math.min(length - 1, Math.max(0, start + ((target + 0.5) * extent) / length - 0.5));
    low[i] = Math.floor(at);
    high[i] = Math.min(length - 1, low[i]! + 1);
    weight[i] = at - low[i]!;
  }
  return { low, high, weight };
}

function mirror(frames: ByteFrames): Uint8Array {
  const { data, width, channels } = frames;
  const out = new Uint8Array(data.length);
  const row = width * channels;
  for (let base = 0; base < data.length; base += row) {
    for (let x = 0; x < width; x += 1) {
      const from = base + (width - 1 - x) * channels;
      const to = base + x * channels;
      for (let c = 0; c < channels; c += 1) out[to + c] = data[from + c]!;
    }
  }
  return out;
}

/**
 * Mirrors and crops frames, bilinear for pictures and nearest for label ids (half-pixel centres).
 * @returns new bytes of the same size, or the bytes given where nothing changes
 */
export function warpFrames(
  frames: ByteFrames,
  augmentation: Augmentation,
  resample: 'linear' | 'nearest',
): Uint8Array {
  const { data, width, height, channels } = frames;
  if (!augmentation.crop) return augmentation.flipped ? mirror(frames) : data;
  const { left, top, width: cropWidth, height: cropHeight } = augmentation.crop;
  const x = taps(width, left, cropWidth, augmentation.flipped);
  const y = taps(height, top, cropHeight, false);
  const row = width * channels;
  const frameBytes = row * height;
  const out = new Uint8Array(data.length);
  for (let base = 0; base < data.length; base += frameBytes) {
    for (let j = 0; j < height; j += 1) {
      const upper = base + y.low[j]! * row;
      const lower = base + y.high[j]! * row;
      const wy = resample === 'nearest' ? Math.round(y.weight[j]!) : y.weight[j]!;
      let to = base + j * row;
      for (let i = 0; i < width; i += 1) {
        const wx = resample === 'nearest' ? Math.round(x.weight[i]!) : x.weight[i]!;
        const near = x.low[i]! * channels;
        const far = x.high[i]! * channels;
        for (let c = 0; c < channels; c += 1, to += 1) {
          const first = data[upper + near + c]! * (1 - wx) + data[upper + far + c]! * wx;
          const second = data[lower + near + c]! * (1 - wx) + data[lower + far + c]! * wx;
          out[to] = first * (1 - wy) + second * wy + 0.5;
        }
      }
    }
  }
  return out;
}

/**
 * Brightness, then contrast around mid-grey, then saturation around BT.601 luma. One channel is
 * taken as luma. @returns new bytes, or those given where there is no colour change
 */
export function jitterColour(
  data: Uint8Array,
  channels: number,
  colour: Augmentation['colour'],
): Uint8Array {
  if (!colour) return data;
  const gain = colour.brightness * colour.contrast;
  const offset = 127.5 * (1 - colour.contrast);
  const level = new Float32Array(256).map((_, value) => value * gain + offset);
  const out = new Uint8ClampedArray(data.length);
  if (channels === 1) {
    for (let i = 0; i < data.length; i += 1) out[i] = level[data[i]!]!;
  } else {
    const { saturation } = colour;
    for (let i = 0; i < data.length; i += 3) {
      const r = level[data[i]!]!;
      const g = level[data[i + 1]!]!;
      const b = level[data[i + 2]!]!;
      const grey = (0.299 * r + 0.587 * g + 0.114 * b) * (1 - saturation);
      out[i] = r * saturation + grey;
      out[i + 1] = g * saturation + grey;
      out[i + 2] = b * saturation + grey;
    }
  }
  return new Uint8Array(out.buffer);
}
