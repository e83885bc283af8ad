import type { Colour, ConditionLayout } from './types.js';

/** The golden angle as a share of the circle: neighbouring ids get hues far apart. */
const HUE_STEP = 0.381966;

/**
 * What a class looks like whose pipeline names no colour: a hue of its own, the same for the same id
 * in every picture.
 */
export function hueOf(id: number): Colour {
  const hue = (id * HUE_STEP) % 1;
  const channel = (shift: number): number => {
    const distance = Math.abs(((((hue + shift) % 1) + 1) % 1) - 0.5) * 6 - 1;
    return Math.round(40 + 200 * Math.min(1, Math.max(0, distance)));
  };
  return [channel(0), channel(2 / 3), channel(1 / 3)];
}

/** The colours of all classes: the palette's, or else {@link hueOf} each. */
export function classColoursOf(
  layout: Pick<ConditionLayout, 'channels' | 'classColours'>,
): readonly Colour[] {
  const { channels, classColours = [] } = layout;
  return Array.from({ length: channels }, (_, id) => classColours[id] ?? hueOf(id));
}

/**
 * A map of ids as people look at it.
 * @param ids one byte a pixel; those of no class are black
 * @returns rgb24
 */
export function coloursOfIds(ids: Uint8Array, colours: readonly Colour[]): Uint8Array {
  const table = new Uint8Array(3 * 256);
  colours.forEach((colour, id) => table.set(colour, 3 * id));
  const rgb = new Uint8Array(3 * ids.length);
  for (let i = 0, at = 0; i < ids.length; i += 1, at += 3) {
    const from = 3 * ids[i]!;
    rgb[at] = table[from]!;
    rgb[at + 1] = table[from + 1]!;
    rgb[at + 2] = table[from + 2]!;
  }
  return rgb;
}

/**
 * A condition for people to look at: labels in their colours, one channel as grey, colour as it is.
 * @param bytes as the layout holds them
 * @returns rgb24
 */
export function conditionToRgb(bytes: Uint8Array, layout: ConditionLayout): Uint8Array {
  if (layout.content === 'labels') return coloursOfIds(bytes, classColoursOf(layout));
  if (layout.bytesPerPixel === 3) return bytes;
  const rgb = new Uint8Array(3 * bytes.length);
  for (let i = 0; i < bytes.length; i += 1) rgb.fill(bytes[i]!, 3 * i, 3 * i + 3);
  return rgb;
}
