import type { Size } from '../support/settings.js';
import type { GENERATOR_PRESETS } from '../../src/networks/index.js';

/** A generator of a preset at a size. */
export interface Point extends Size {
  readonly preset: keyof typeof GENERATOR_PRESETS;
}

/** What all subjects of this bench go by. */
export interface SynthesisSettings {
  readonly rounds: number;
  /** Frames of one timing at 128×72; fewer of larger ones. */
  readonly frames: number;
  readonly quick: boolean;
  /** Where clips and exported files are made. */
  readonly folder: string;
}

export const pointText = ({ preset, width, height }: Point): string =>
  `${preset} ${width}x${height}`;

/** As many frames as take about as long as `frames` of 128×72, and at least `least`. */
export const framesAt = ({ width, height }: Size, frames: number, least: number): number =>
  Math.max(least, Math.round((frames * 128 * 72) / (width * height)));
