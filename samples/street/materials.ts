import type { Label } from './palette.js';
import type { Noise } from './noise.js';

export type Colour = readonly [number, number, number];

/** What a point of a surface looks like; colours are linear light, 0 to 1. */
export interface Surface {
  readonly label: Label;
  readonly colour: Colour;
  /** Share of the sky it mirrors. */
  readonly gloss: number;
  /** Light of its own. */
  readonly glow?: Colour;
}

/** A surface by place and normal, so that textures stay on what they belong to. */
export type Material = (point: Point, normal: Point) => Surface;

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

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

export const STREET = {
  roadHalf: 6.2,
  kerb: 6.5,
  pavementHalf: 9.5,
} as const;

const DASH = { period: 9, length: 4, half: 0.09 };
const CROSSINGS = [38, 104];
const ASPHALT = fromBytes(92, 92, 98);
const PAINT = fromBytes(228, 226, 214);
const SLAB = fromBytes(164, 156, 146);
const KERB = fromBytes(188, 184, 176);
const LAWN = fromBytes(98, 138, 60);

/** Road, its paint, pavement and lawns, all at height 0. */
export function groundMaterial(noise: Noise): Material {
  const asphalt = ({ x, z }: Point): Colour => {
    const grain = noise.layers(x * 3.1, 0, z * 3.1, 3) - 0.5;
    const patches = noise.layers(x * 0.35, 7, z * 0.16, 2) - 0.5;
    const repaired = noise.cell(Math.floor((x + 6.2) / 3.1), Math.floor(z / 7), 5) < 0.12;
    const tyres = Math.exp(-((Math.abs(Math.abs(x) - 1.75) - 0.8) ** 2) / 0.09);
    const level = 1 + 0.35 * grain + 0.5 * patches - 0.12 * tyres;
    return scale(ASPHALT, level * (repaired ? 0.72 : 1));
  };
  const painted = (x: number, z: number): boolean => {
    const across = Math.abs(x);
    const crossing = CROSSINGS.some((at) => z > at && z < at + 3.2);
    if (crossing) return across < 5.6 && Math.floor((x + 60) / 0.55) % 2 === 0;
    const beforeCrossing = CROSSINGS.some((at) =>
      x > 0 ? z > at - 1.6 && z < at - 1.1 : z > at + 4.3 && z < at + 4.8,
    );
    if (beforeCrossing) return across < 3.5;
    if (across < DASH.half) return ((z % DASH.period) + DASH.period) % DASH.period < DASH.length;
    if (Math.abs(across - 3.6) < 0.07) return true;
    // Bays for parked cars.
    return across > 3.6 && across < 6 && ((z % 6) + 6) % 6 < 0.12;
  };
  return (point) => {
    const { x, z } = point;
    const across = Math.abs(x);
    if (across < STREET.roadHalf) {
      const worn = noise.layers(x * 4, 3, z * 4, 2) > 0.7;
      if (!painted(x, z) || worn) return { label: 'road', colour: asphalt(point), gloss: 0.02 };
      const dirt = 0.85 + 0.3 * (noise.smooth(x * 5, 1, z * 5) - 0.5);
      return { label: 'marking', colour: scale(PAINT, dirt), gloss: 0.02 };
    }
    if (across < STREET.kerb) return { label: 'sidewalk', colour: KERB, gloss: 0 };
    if (across < STREET.pavementHalf) {
      const [u, v] = [(across - STREET.kerb) / 1, z / 1];
      const joint = Math.min(u - Math.floor(u), v - Math.floor(v)) < 0.05;
      const slab = 0.85 + 0.3 * noise.cell(Math.floor(u), Math.floor(v), x < 0 ? 1 : 2);
      const grain = 1 + 0.25 * (noise.layers(x * 4, 0, z * 4, 2) - 0.5);
      return { label: 'sidewalk', colour: scale(SLAB, joint ? 0.6 : slab * grain), gloss: 0 };
    }
    const blades = 0.6 + 0.8 * noise.layers(x * 2.5, 2, z * 2.5, 3);
    return { label: 'grass', colour: scale(LAWN, blades), gloss: 0 };
  };
}

export interface Facade {
  readonly wall: Colour;
  readonly trim: Colour;
  readonly awning: Colour;
  readonly brick: boolean;
  readonly shop: boolean;
  readonly height: number;
  /** Tells one house's windows from another's. */
  readonly number: number;
}

const SHOP_HEIGHT = 3.8;
const FLOOR_HEIGHT = 3.1;
const WINDOW_PITCH = 2.3;

/** A house front with rows of windows, a shop at the ground, a ledge at the top. */
export function facadeMaterial(facade: Facade, noise: Noise): Material {
  const { wall, trim, awning, brick, shop, height, number } = facade;
  const plaster = (u: number, v: number): Colour => {
    const stains = 1 + 0.4 * (noise.layers(u * 0.6, v * 0.25, number, 3) - 0.5);
    if (!brick) return scale(wall, stains * (1 + 0.16 * (noise.smooth(u * 6, v * 6, 1) - 0.5)));
    const row = Math.floor(v / 0.28);
    const along = u / 0.6 + (row % 2) / 2;
    const mortar = v / 0.28 - row < 0.16 || along - Math.floor(along) < 0.09;
    const tone = 0.78 + 0.44 * noise.cell(Math.floor(along), row, number);
    return mortar ? scale(blend(wall, [0.5, 0.47, 0.42], 0.5), stains) : scale(wall, tone * stains);
  };
  const glass = (key: number, row: number, shade: number): Surface => {
    const chance = noise.cell(key, row, number + 100);
    const inside: Colour =
      chance < 0.16 ? [0.75, 0.55, 0.28] : chance < 0.42 ? [0.42, 0.4, 0.36] : [0.035, 0.05, 0.07];
    return { label: 'window', colour: scale(inside, shade), gloss: chance < 0.42 ? 0.18 : 0.5 };
  };
  const solid = (colour: Colour): Surface => ({ label: 'building', colour, gloss: 0 });
  return ({ x, y, z }, { x: nx, y: ny }) => {
    if (ny > 0.5) return solid([0.2, 0.19, 0.18]);
    const u = Math.abs(nx) > 0.5 ? z : x;
    if (y > height - 0.7) return solid(scale(trim, y > height - 0.25 ? 1 : 0.8));
    if (shop && y < SHOP_HEIGHT) {
      if (y > 3.35) return solid(scale(trim, 0.75));
      if (y > 2.55) {
        const stripe = Math.floor(u / 0.45) % 2 === 0;
        return solid(scale(stripe ? awning : [0.8, 0.78, 0.72], 0.75 + (y - 2.55) / 3));
      }
      const bay = u / 3.2 - Math.floor(u / 3.2);
      if (y < 0.45 || bay < 0.1) return solid(scale(trim, 0.6));
      return glass(Math.floor(u / 3.2), 0, 0.7 + y / 5);
    }
    const ground = shop ? SHOP_HEIGHT : 0.6;
    const [column, row] = [u / WINDOW_PITCH, (y - ground) / FLOOR_HEIGHT];
    const [a, b] = [column - Math.floor(column), row - Math.floor(row)];
    const tall = ground + (Math.floor(row) + 1) * FLOOR_HEIGHT < height - 0.7;
    if (!tall || row < 0) return solid(plaster(u, y));
    if (a > 0.2 && a < 0.8 && b > 0.18 && b < 0.8) {
      const bar = Math.abs(a - 0.5) < 0.025 || Math.abs(b - 0.58) < 0.02;
      const edge = a < 0.245 || a > 0.755 || b < 0.215 || b > 0.765;
      if (bar || edge) return solid(scale(trim, edge && b > 0.765 ? 0.55 : 0.95));
      return glass(Math.floor(column), Math.floor(row), 0.8 + 0.3 * b);
    }
    if (b > 0.1 && b <= 0.18 && a > 0.15 && a < 0.85) return solid(trim);
    return solid(plaster(u, y));
  };
}

export const leafMaterial =
  (colour: Colour, noise: Noise): Material =>
  ({ x, y, z }) => {
    const clump = noise.layers(x * 2.2, y * 2.2, z * 2.2, 3);
    return { label: 'tree', colour: scale(colour, 0.35 + 1.3 * clump), gloss: 0 };
  };

export const barkMaterial =
  (noise: Noise): Material =>
  ({ x, y, z }) => ({
    label: 'tree',
    colour: scale(fromBytes(96, 74, 56), 0.6 + 0.8 * noise.smooth(x * 9, y * 2, z * 9)),
    gloss: 0,
  });

export const plain =
  (label: Label, colour: Colour, gloss = 0, glow?: Colour): Material =>
  () => ({ label, colour, gloss, ...(glow ? { glow } : {}) });
