import type { Label } from './palette.js';

/** Linear light, 0 to 1 and above. */
export type Colour = readonly [number, number, number];

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** A point that is looked at, and how far away that is, in metres. */
export interface Place extends Point {
  readonly distance: number;
}

/** What a point of a surface looks like. */
export interface Surface {
  readonly label: Label;
  readonly colour: Colour;
  /** Share of its surroundings that it mirrors. */
  readonly gloss?: number;
  /** Light of its own. */
  readonly glow?: Colour;
  /** Where it seems to face, if not where its shape does: what is round without many faces. */
  readonly normal?: Point;
}

/** A surface by place and normal, so that textures stay on what they belong to. */
export type Material = (at: Place, normal: Point) => Surface;

export const scale = (colour: Colour, by: number): Colour => [
  colour[0] * by,
  colour[1] * by,
  colour[2] * by,
];

export const blend = (a: Colour, b: Colour, t: number): Colour => [
  a[0] + (b[0] - a[0]) * t,
  a[1] + (b[1] - a[1]) * t,
  a[2] + (b[2] - a[2]) * t,
];

/** sRGB bytes to linear light. */
export const fromBytes = (red: number, green: number, blue: number): Colour => [
  (red / 255) ** 2.2,
  (green / 255) ** 2.2,
  (blue / 255) ** 2.2,
];

export const clamp = (value: number): number => (value < 0 ? 0 : value > 1 ? 1 : value);

/** 0 below `from`, 1 above `to`, smooth between them. */
export function rise(from: number, to: number, value: number): number {
  const t = clamp((value - from) / (to - from));
  return t * t * (3 - 2 * t);
}

/** Radians that a pixel of the sample clip covers, near enough. */
const PIXEL = 0.0061;

/**
 * How much of a pattern is drawn, 0 to 1: all of it where its parts of so many metres are wide enough
 * to be seen as parts, none where pixels could only flicker.
 */
export const detail = (metres: number, distance: number): number =>
  clamp(metres / (PIXEL * (distance + 0.1)) / 1.5 - 0.8);

export const plain =
  (label: Label, colour: Colour, gloss = 0): Material =>
  () => ({ label, colour, gloss });
