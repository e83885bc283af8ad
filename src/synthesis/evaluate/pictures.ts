import type { ConditionLayout } from '../../clips/index.js';
import type { Image } from '../../metrics/index.js';

/** A picture of rgb24 bytes, HWC. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The golden angle as a share of the circle: neighbouring ids get hues far apart. */
const HUE_STEP = 0.381966;

function classColour(id: number): readonly [number, number, number] {
  const hue = (id * HUE_STEP) % 1;
  const channel = (shift: number): number => {
    const distance = Math.abs(((((hue + shift) % 1) + 1) % 1) - 0.5) * 6 - 1;
    return Math.round(40 + 200 * Math.min(1, Math.max(0, distance)));
  };
  return [channel(0), channel(2 / 3), channel(1 / 3)];
}

/** A condition for people to look at: grey or RGB as it is, each label class in a hue of its own. */
export function conditionPicture(
  bytes: Uint8Array,
  layout: ConditionLayout,
  size: { width: number; height: number },
): Picture {
  const { width, height } = size;
  if (layout.content === 'image' && layout.channels === 3) return { width, height, data: bytes };
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i += 1) {
    const value = bytes[i]!;
    data.set(layout.content === 'labels' ? classColour(value) : [value, value, value], i * 3);
  }
  return { width, height, data };
}

/** A condition as numbers that may be compared: labels as one channel each, others as they are. */
export function conditionImage(
  bytes: Uint8Array,
  layout: ConditionLayout,
  size: { width: number; height: number },
): Image {
  const { channels } = layout;
  const data = new Float32Array(size.width * size.height * channels);
  if (layout.content === 'labels') bytes.forEach((id, i) => (data[i * channels + id] = 1));
  else bytes.forEach((byte, i) => (data[i] = byte / 127.5 - 1));
  return { ...size, channels, data };
}
