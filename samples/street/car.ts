import { blend, fromBytes, plain, type Colour, type Material } from './materials.js';
import { box, cylinder, extruded, type Shape } from './shapes.js';

export interface Car {
  readonly x: number;
  /** Of its middle when the clip begins. */
  readonly z: number;
  /** Metres a second along z; negative comes towards us. 0 is parked. */
  readonly speed: number;
  /** 1 looks ahead, −1 towards us. */
  readonly heading: 1 | -1;
  readonly paint: Colour;
  readonly van: boolean;
}

const GLASS: Colour = [0.03, 0.04, 0.05];
const RUBBER = plain('car', [0.02, 0.02, 0.022]);
const HUB = fromBytes(150, 152, 156);

/** Outline from the tail (−z) to the nose, as if heading were 1. */
const BODY = [
  [-2.1, 0.32],
  [2.1, 0.32],
  [2.15, 0.62],
  [2.0, 0.84],
  [0.9, 0.98],
  [-1.9, 1.0],
  [-2.15, 0.8],
] as const;
const CABIN = [
  [-1.75, 0.94],
  [1.1, 0.94],
  [0.35, 1.46],
  [-1.15, 1.5],
] as const;
const VAN_CABIN = [
  [-2.05, 0.94],
  [1.45, 0.94],
  [0.85, 1.95],
  [-1.95, 2.05],
] as const;

function turned(
  outline: readonly (readonly [number, number])[],
  heading: 1 | -1,
): (readonly [number, number])[] {
  if (heading === 1) return [...outline];
  // Mirrored, the order of the points must turn round as well.
  return outline.map(([z, y]) => [-z, y] as const).reverse();
}

/** The shapes of a car whose middle is at z now. */
export function carShapes(car: Car, z: number): Shape[] {
  const { x, heading, paint, van } = car;
  const ahead = (px: number, pz: number): [number, number] => [px - x, (pz - z) * heading];
  const body: Material = ({ x: px, y, z: pz }, normal) => {
    const [side, along] = ahead(px, pz);
    const facing = normal.z * heading;
    if (Math.abs(facing) > 0.6 && y > 0.5 && y < 0.82 && Math.abs(side) > 0.45) {
      const light: Colour = facing > 0 ? [0.95, 0.93, 0.85] : [0.75, 0.04, 0.03];
      return {
        label: 'car',
        colour: light,
        gloss: 0.2,
        glow: facing > 0 ? [0.25, 0.25, 0.22] : [0.2, 0, 0],
      };
    }
    if (Math.abs(facing) > 0.6 && y > 0.4 && y < 0.56 && Math.abs(side) < 0.3) {
      return { label: 'car', colour: [0.75, 0.74, 0.7], gloss: 0 };
    }
    if (y < 0.42) return { label: 'car', colour: [0.03, 0.03, 0.035], gloss: 0.02 };
    const seam = Math.abs(normal.x) > 0.6 && Math.abs(along + 0.1) < 0.02;
    return { label: 'car', colour: seam ? blend(paint, [0, 0, 0], 0.6) : paint, gloss: 0.12 };
  };
  const cabin: Material = ({ x: px, y, z: pz }, normal) => {
    const [side, along] = ahead(px, pz);
    if (normal.y > 0.8) return { label: 'car', colour: paint, gloss: 0.15 };
    const top = van ? 1.8 : 1.4;
    const pillar =
      Math.abs(normal.x) > 0.6
        ? Math.abs(along + 0.35) < 0.07 || y > top || along < (van ? -0.6 : -1.4)
        : Math.abs(side) > 0.68 || y > top;
    return pillar
      ? { label: 'car', colour: paint, gloss: 0.12 }
      : { label: 'car', colour: GLASS, gloss: 0.45 };
  };
  const width = van ? 1.9 : 1.78;
  const wheel: Material = ({ y, z: pz }, normal) => {
    const offset = Math.abs((pz - z) * heading) - 1.3;
    const inner = Math.abs(normal.x) > 0.6 && Math.hypot(offset, y - 0.32) < 0.19;
    return inner ? { label: 'car', colour: HUB, gloss: 0.1 } : RUBBER({ x, y, z: pz }, normal);
  };
  const shapes = [
    extruded(turned(BODY, heading), { x, z, width, taper: 0.06 }, body),
    extruded(
      turned(van ? VAN_CABIN : CABIN, heading),
      { x, z, width: width - 0.12, taper: van ? 0.08 : 0.3 },
      cabin,
    ),
    box(
      { min: [x - 0.75, 0.18, z - 1.9], max: [x + 0.75, 0.4, z + 1.9] },
      plain('car', [0.015, 0.015, 0.015]),
    ),
  ];
  for (const side of [-1, 1]) {
    for (const end of [-1.3, 1.3]) {
      const centre = [x + side * (width / 2 - 0.1), 0.32, z + end] as const;
      shapes.push(cylinder(centre, { radius: 0.33, length: 0.24, axis: 'x' }, wheel));
    }
  }
  return shapes;
}
