import { conditionToRgb } from '../../clips/class-colours.js';
import type { ConditionLayout } from '../../clips/index.js';
import type { Image } from '../../metrics/index.js';

/** A picture of rgb24 bytes, HWC. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A condition for people to look at: grey or RGB as it is, labels in the colours of their classes. */
export const conditionPicture = (
  bytes: Uint8Array,
  layout: ConditionLayout,
  { width, height }: { width: number; height: number },
): Picture => ({ width, height, data: conditionToRgb(bytes, layout) });

/** A condition as numbers that may be compared: labels as one channel each, others as they are. */
export function conditionImage(
  bytes: Uint8Array,
  layout: ConditionLayout,
  size: { width: number; height: number },
): Image {
  const { channels } = layout;
  const data = new Float32Array(size.width * size.height * channels);
  if (layout.content === 'labels') {
    // Ids of no class, which are ignored, are 0 in every channel.
    bytes.forEach((id, i) => {
      if (id < channels) data[i * channels + id] = 1;
    });
  } else bytes.forEach((byte, i) => (data[i] = byte / 127.5 - 1));
  return { ...size, channels, data };
}
