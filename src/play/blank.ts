import type { PlayableModel } from './playable.js';

/**
 * The condition of nothing drawn: black, or pixels of no class, or of the first; null of a generator without.
 */
export function blankCondition(
  model: Pick<PlayableModel, 'layout' | 'width' | 'height'>,
): Uint8Array | null {
  const { layout, width, height } = model;
  if (layout.content === 'none') return null;
  const nothing = layout.content === 'labels' ? (layout.ignoredId ?? 0) : 0;
  return new Uint8Array(layout.bytesPerPixel * width * height).fill(nothing);
}
