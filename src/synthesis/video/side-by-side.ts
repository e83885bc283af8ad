import { conditionToRgb } from '../../clips/class-colours.js';
import type { ConditionLayout } from '../../clips/index.js';
import type { Frame, FrameShape } from '../../video/index.js';
import type { RolledFrame } from './rollout.js';

/** What stands beside each other: condition | generated | real, as far as there are. */
export interface SideBySide {
  /** How many pictures: two or three. */
  readonly pictures: number;
  readonly shape: FrameShape;
  /** One wide picture, shown when the generated one is. */
  compose(rolled: RolledFrame): Frame;
}

/**
 * Pictures of one size beside each other, without gaps.
 * @param pictures rgb24, `width` × `height`
 */
export function composeRow(
  pictures: readonly Uint8Array[],
  { width, height }: { readonly width: number; readonly height: number },
): Uint8Array {
  const line = 3 * width;
  const row = new Uint8Array(pictures.length * line * height);
  pictures.forEach((picture, i) => {
    for (let y = 0; y < height; y += 1) {
      row.set(picture.subarray(y * line, (y + 1) * line), (y * pictures.length + i) * line);
    }
  });
  return row;
}

/**
 * Shows a rollout beside what it was made from. Labels are in the colours of their palette, or in a
 * hue a class; a paired input is a condition itself, so nothing real stands beside it.
 */
export function sideBySide(
  layout: ConditionLayout,
  size: { readonly width: number; readonly height: number },
): SideBySide {
  const { width, height } = size;
  const hasCondition = layout.content !== 'none';
  const hasReal = layout.kind !== 'paired';
  const pictures = 1 + Number(hasCondition) + Number(hasReal);
  const shape: FrameShape = { width: pictures * width, height, pixelFormat: 'rgb24' };
  return {
    pictures,
    shape,
    compose({ frame, condition, real }) {
      const row = [
        ...(hasCondition ? [conditionToRgb(condition.data, layout)] : []),
        frame.data,
        ...(hasReal ? [real!.data] : []),
      ];
      return { ...frame, ...shape, data: composeRow(row, size) };
    },
  };
}
