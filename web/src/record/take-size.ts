import type { Size } from '../../../src/play/live/services.js';

/** Pixels of a take's frames at the most, where nobody says: training makes them smaller anyway. */
const MOST_PIXELS = 640 * 360;
const STEP = 4;

/** The size of a take: as its picture is, as far as that is not too large. */
export function takeSize({ width, height }: Size): Size {
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
  const fitting = (side: number): number =>
    Math.max(STEP, Math.round((side * scale) / STEP) * STEP);
  return { width: fitting(width), height: fitting(height) };
}
