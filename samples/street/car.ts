import type { Label } from './palette.js';
import type { Footprint, Occluder } from './shadow.js';
import { cylinder, extruded, box, group, type Shape } from './shapes.js';
import {
  fromBytes,
  plain,
  scale,
  type Colour,
  type Material,
  type Point,
  type Surface,
} from './surface.js';

const PAINTS = {
  'red car': fromBytes(204, 40, 36),
  'white car': fromBytes(238, 236, 230),
  'blue car': fromBytes(38, 92, 178),
  'yellow car': fromBytes(240, 186, 42),
} as const satisfies Partial<Record<Label, Colour>>;
export type Paint = keyof typeof PAINTS;
export const CAR_PAINTS = Object.keys(PAINTS) as Paint[];

export interface Car {
  readonly x: number;
  /** Of its middle, at a time of the clip. */
  readonly z: (seconds: number) => number;
  /** 1 looks ahead, −1 towards us. */
  readonly heading: 1 | -1;
  readonly paint: Paint;
  readonly van: boolean;
}

const GLASS: Colour = [0.035, 0.05, 0.065];
const BLACK: Surface = { label: 'tyre', colour: [0.022, 0.022, 0.026], gloss: 0.03 };
const HUB: Surface = { label: 'tyre', colour: fromBytes(140, 142, 148), gloss: 0.1 };
const HEADLIGHT: Surface = {
  label: 'headlight',
  colour: [0.8, 0.8, 0.72],
  glow: [0.5, 0.5, 0.44],
};
const TAIL_LIGHT: Surface = {
  label: 'tail light',
  colour: [0.7, 0.03, 0.02],
  glow: [0.42, 0.03, 0.01],
};

/** Outlines from the tail (−z) to the nose, as if heading were 1. */
const BODY = [
  [-2.1, 0.3],
  [2.1, 0.3],
  [2.2, 0.55],
  [2.08, 0.84],
  [1.2, 1],
  [-1.85, 1.03],
  [-2.16, 0.9],
  [-2.2, 0.5],
] as const;
const CABIN = [
  [-1.8, 0.96],
  [1.25, 0.96],
  [0.45, 1.45],
  [0.1, 1.52],
  [-1, 1.52],
  [-1.35, 1.44],
] as const;
const VAN_CABIN = [
  [-2.12, 0.96],
  [1.6, 0.96],
  [1, 1.85],
  [0.6, 2.02],
  [-1.85, 2.05],
  [-2.08, 1.9],
] as const;
const WHEELS = [-1.32, 1.32] as const;

/** The same outline for a car that looks the other way. */
const turned = (
  outline: readonly (readonly [number, number])[],
  heading: 1 | -1,
): (readonly [number, number])[] => outline.map(([z, y]) => [z * heading, y]);

/** A little of another direction, so that flat sheets of metal look bent. */
function bent(normal: Point, by: Point): Point {
  const [x, y, z] = [normal.x + by.x, normal.y + by.y, normal.z + by.z];
  const length = Math.hypot(x, y, z);
  return { x: x / length, y: y / length, z: z / length };
}

/** What a car is drawn of, and the shadow that it throws, at a time of the clip. */
export function carAt(
  car: Car,
  seconds: number,
): { shape: Shape; occluder: Occluder; footprint: Footprint } {
  const { x, heading, paint, van } = car;
  const z = car.z(seconds);
  const colour = PAINTS[paint];
  const width = van ? 1.92 : 1.82;
  const painted = (normal: Point, level = 1): Surface => ({
    label: paint,
    colour: scale(colour, level),
    gloss: 0.09,
    normal,
  });
  const body: Material = ({ x: px, y, z: pz }, normal) => {
    const across = px - x;
    const along = (pz - z) * heading;
    const facing = normal.z * heading;
    if (Math.abs(facing) > 0.6) {
      if (y > 0.56 && y < 0.84 && Math.abs(across) > 0.46) {
        return facing > 0 ? HEADLIGHT : TAIL_LIGHT;
      }
      if (facing > 0 && y > 0.5 && y < 0.74 && Math.abs(across) < 0.42) return BLACK;
    }
    if (y < 0.4) return BLACK;
    if (Math.abs(normal.x) > 0.6) {
      if (WHEELS.some((at) => Math.hypot(along - at, y - 0.34) < 0.45)) return BLACK;
      const seam = Math.abs(along + 0.15) < 0.03 ? 0.72 : 1;
      return painted(bent(normal, { x: 0, y: 1.1 * (y - 0.62), z: 0.12 * along * heading }), seam);
    }
    return painted(bent(normal, { x: 0.35 * across, y: 0, z: 0 }));
  };
  const cabin: Material = ({ x: px, y, z: pz }, normal) => {
    const across = px - x;
    const along = (pz - z) * heading;
    const top = van ? 1.82 : 1.41;
    if (normal.y > 0.8 || y > top) {
      return painted(bent(normal, { x: 0.5 * across, y: 0, z: 0.1 * along * heading }));
    }
    const pillar =
      Math.abs(normal.x) > 0.6
        ? Math.abs(along + (van ? 0.2 : 0.3)) < 0.07 || along < (van ? -0.7 : -1.3)
        : Math.abs(across) > (van ? 0.78 : 0.66);
    if (pillar) return painted(normal);
    return { label: 'car glass', colour: GLASS, gloss: 0.42 };
  };
  const wheel: Material = ({ y, z: pz }, normal) => {
    const offset = Math.abs(pz - z) - WHEELS[1];
    return Math.abs(normal.x) > 0.6 && Math.hypot(offset, y - 0.33) < 0.19 ? HUB : BLACK;
  };
  const shapes = [
    extruded(turned(BODY, heading), { x, z, width, taper: 0.06 }, body),
    extruded(
      turned(van ? VAN_CABIN : CABIN, heading),
      { x, z, width: width - 0.1, taper: van ? 0.09 : 0.3 },
      cabin,
    ),
    box(
      { min: [x - 0.78, 0.16, z - 1.95], max: [x + 0.78, 0.4, z + 1.95] },
      plain('tyre', BLACK.colour),
    ),
  ];
  for (const side of [-1, 1]) {
    for (const end of WHEELS) {
      const centre = [x + side * (width / 2 - 0.1), 0.33, z + end] as const;
      shapes.push(cylinder(centre, { radius: 0.34, length: 0.24, axis: 'x' }, wheel));
    }
  }
  const height = van ? 1 : 0.72;
  return {
    shape: group(shapes),
    occluder: {
      centre: [x, height * 0.9, z],
      radii: [width * 0.56, height, 2.35],
      darkness: 0.75,
      edge: 0.3,
    },
    footprint: { x, z, halfWidth: width / 2, halfLength: 2.15 },
  };
}
