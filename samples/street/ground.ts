import type { Noise } from './noise.js';
import { detail, fromBytes, rise, scale, type Material, type Place } from './surface.js';

/** Half widths of the street's parts, in metres from its middle. */
export const STREET = {
  road: 6.2,
  kerb: 6.5,
  verge: 8,
  pavement: 10.2,
} as const;

const DASH = { period: 9, length: 4, half: 0.1 };
/** From one pedestrian crossing to the next. */
const CROSSING_PERIOD = 54;
const FIRST_CROSSING = 34;
/** Metres past the beginning of a crossing, between half a period before it and half a period after. */
export const pastCrossing = (z: number): number => {
  const half = CROSSING_PERIOD / 2;
  const past = (z - FIRST_CROSSING + half) % CROSSING_PERIOD;
  return (past < 0 ? past + CROSSING_PERIOD : past) - half;
};
/** Trees and lamps stand on the verge, and a path crosses it between them. */
export const TREE_PERIOD = 13;
/** Half the width of a park's front. */
const ASPHALT = fromBytes(96, 97, 104);
const PAINT = fromBytes(236, 234, 226);
const SLAB = fromBytes(190, 178, 160);
const KERB = fromBytes(206, 202, 194);
const LAWN = fromBytes(104, 152, 58);

function isPainted(x: number, z: number): boolean {
  const across = Math.abs(x);
  const past = pastCrossing(z);
  if (past > 0 && past < 3.4) return across < 5.7 && (x + 60) % 1.2 < 0.6;
  const stop = x > 0 ? past > -1.7 && past < -1.2 : past > 4.6 && past < 5.1;
  if (stop) return across < 3.5;
  if (across < DASH.half) return ((z % DASH.period) + DASH.period) % DASH.period < DASH.length;
  if (across > 3.5 && across < 3.68) return true;
  // Bays for parked cars.
  return across > 3.5 && across < 6 && ((z % 6) + 6) % 6 < 0.16;
}

/** Road, its paint, pavement and lawns, all at height 0. */
export function groundMaterial(noise: Noise): Material {
  const asphalt = ({ x, z, distance }: Place) => {
    const patches = noise.layers(x * 0.4, 7, z * 0.18, 2) - 0.5;
    const grain = (noise.smooth(x * 2.6, 0, z * 2.6) - 0.5) * detail(0.38, distance);
    const tyres = Math.exp(-((Math.abs(Math.abs(x) - 1.75) - 0.8) ** 2) / 0.09);
    const gutter = rise(5.5, 6.2, Math.abs(x));
    return scale(ASPHALT, 1 + 0.18 * patches + 0.14 * grain - 0.09 * tyres - 0.18 * gutter);
  };
  const slabs = ({ x, z, distance }: Place) => {
    const across = Math.abs(x);
    const seen = detail(0.9, distance);
    const [u, v] = [across - STREET.kerb, z];
    const edge = Math.min(Math.abs(u - Math.round(u)), Math.abs(v - Math.round(v)));
    const joint = 1 - rise(0.02, 0.07, edge);
    const tone = noise.cell(Math.floor(u), Math.floor(v), x < 0 ? 1 : 2) - 0.5;
    return scale(SLAB, 1 + seen * (0.12 * tone - 0.2 * joint));
  };
  return (at) => {
    const { x, z, distance } = at;
    const across = Math.abs(x);
    if (across < STREET.road) {
      if (!isPainted(x, z)) return { label: 'road', colour: asphalt(at) };
      return { label: 'marking', colour: PAINT };
    }
    if (across < STREET.kerb) return { label: 'pavement', colour: KERB };
    const past = ((z % TREE_PERIOD) + TREE_PERIOD) % TREE_PERIOD;
    const isPath = past > 9.5 || Math.abs(pastCrossing(z) - 1.7) < 3;
    const isVerge = across < STREET.verge && !isPath;
    if (across < STREET.pavement && !isVerge) return { label: 'pavement', colour: slabs(at) };
    const tufts = noise.layers(x * 0.9, 2, z * 0.9, 2) - 0.5;
    const blades = (noise.smooth(x * 3, 4, z * 3) - 0.5) * detail(0.33, distance);
    return { label: 'grass', colour: scale(LAWN, 1 + 0.5 * tufts + 0.25 * blades) };
  };
}
