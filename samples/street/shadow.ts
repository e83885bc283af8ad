import type { House } from './house.js';
import { STREET } from './ground.js';
import { SUN } from './light.js';
import { rise, type Point } from './surface.js';

/**
 * Something that throws a soft shadow, as an ellipsoid. Shadows are reckoned from these, not found by rays:
 * one that is drawn with a soft edge does not flicker, and costs less.
 */
export interface Occluder {
  readonly centre: readonly [number, number, number];
  readonly radii: readonly [number, number, number];
  /** Share of the sun that it takes. */
  readonly darkness: number;
  /** Width of its shadow's edge, as a share of its radius. */
  readonly edge: number;
}

/** A car on the ground, which takes light from the road beneath and beside it. */
export interface Footprint {
  readonly x: number;
  readonly z: number;
  readonly halfWidth: number;
  readonly halfLength: number;
}

/** Metres of street in one bucket. */
const BUCKET = 4;
/** Nothing but houses stands taller, so that its shadow ends so many metres further on. */
const TALLEST = 7;
const REACH = (TALLEST / SUN.y) * -SUN.z;
const REACH_ACROSS = (TALLEST / SUN.y) * -SUN.x;
/** A shadow with its soft edge, in radii of what throws it. */
const SPREAD = 1.3;

function inBuckets<T>(
  things: readonly T[],
  ends: (thing: T) => [number, number],
): Map<number, T[]> {
  const buckets = new Map<number, T[]>();
  for (const thing of things) {
    const [from, to] = ends(thing);
    for (let i = Math.floor(from / BUCKET); i <= Math.floor(to / BUCKET); i += 1) {
      const held = buckets.get(i);
      if (held) held.push(thing);
      else buckets.set(i, [thing]);
    }
  }
  return buckets;
}

export const occluderBuckets = (occluders: readonly Occluder[]): Map<number, Occluder[]> =>
  inBuckets(occluders, ({ centre, radii }) => [
    centre[2] - radii[2] * SPREAD,
    centre[2] + radii[2] * SPREAD + REACH,
  ]);

/** Of the houses on the left. */
export const houseBuckets = (houses: readonly House[]): Map<number, House[]> =>
  inBuckets(houses, ({ from, to }) => [from - 2, to + 2]);

export const footprintBuckets = (cars: readonly Footprint[]): Map<number, Footprint[]> =>
  inBuckets(cars, ({ z, halfLength }) => [z - halfLength - 1, z + halfLength + 1]);

function throughOne(at: Point, { centre, radii, darkness, edge }: Occluder): number {
  const aside = at.x - centre[0];
  if (aside < -SPREAD * radii[0] || aside > SPREAD * radii[0] + REACH_ACROSS) return 1;
  const x = aside / radii[0];
  const y = (at.y - centre[1]) / radii[1];
  const z = (at.z - centre[2]) / radii[2];
  const sx = SUN.x / radii[0];
  const sy = SUN.y / radii[1];
  const sz = SUN.z / radii[2];
  const square = sx * sx + sy * sy + sz * sz;
  const along = -(x * sx + y * sy + z * sz);
  // Behind it as the sun sees it; on it, the side away from the sun is dark by its normal.
  if (along <= 0) return 1;
  const distance = Math.sqrt(Math.max(0, x * x + y * y + z * z - (along * along) / square));
  const inside = x * x + y * y + z * z < 1 ? 0 : 1;
  return 1 - inside * darkness * (1 - rise(1 - edge, 1 + edge / 2, distance));
}

/** Light of the sun that gets by what stands in the street, 0 to 1. */
export function sunThrough(at: Point, buckets: ReadonlyMap<number, readonly Occluder[]>): number {
  let light = 1;
  for (const occluder of buckets.get(Math.floor(at.z / BUCKET)) ?? [])
    light *= throughOne(at, occluder);
  return light;
}

/** Light of the sun that gets over the houses on the left, 0 to 1. */
export function sunOver(at: Point, buckets: ReadonlyMap<number, readonly House[]>): number {
  const steps = (at.x + STREET.pavement) / -SUN.x;
  if (steps < 0.02) return 1;
  const y = at.y + steps * SUN.y;
  if (y > 16) return 1;
  const z = at.z + steps * SUN.z;
  // Wider where the shadow has come further, as the sun's are.
  const blur = 0.15 + 0.05 * steps;
  let light = 1;
  for (const { from, to, height } of buckets.get(Math.floor(z / BUCKET)) ?? []) {
    if (z < from - blur || z > to + blur) continue;
    const beside = rise(-blur, blur, z - from) * rise(-blur, blur, to - z);
    light -= beside * (1 - rise(height - blur, height + blur, y));
  }
  return Math.max(0, light);
}

/** How open the ground is to the sky between cars, 0 to 1. */
export function openBetween(at: Point, buckets: ReadonlyMap<number, readonly Footprint[]>): number {
  let open = 1;
  for (const { x, z, halfWidth, halfLength } of buckets.get(Math.floor(at.z / BUCKET)) ?? []) {
    const across = Math.max(0, Math.abs(at.x - x) - halfWidth + 0.35);
    const along = Math.max(0, Math.abs(at.z - z) - halfLength + 0.35);
    open *= 1 - 0.85 * (1 - rise(0, 0.85, Math.hypot(across, along)));
  }
  return open;
}
