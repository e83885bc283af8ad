import { randomStream } from '../../src/base/random.js';

/** Textures that belong to places: the same point always has the same value. */
export interface Noise {
  /** Uniform in [0, 1) for a cell of whole numbers. */
  cell(x: number, y: number, z?: number): number;
  /** Smooth in [0, 1] between cells of side 1 (value noise). */
  smooth(x: number, y: number, z: number): number;
  /** Octaves of `smooth`, each twice as fine and half as strong, in [0, 1]. */
  layers(x: number, y: number, z: number, octaves: number): number;
}

const fade = (t: number): number => t * t * (3 - 2 * t);

/** The hash of (x, y, z) and salt, in [0, 1). */
function hash(salt: number, x: number, y: number, z: number): number {
  let h = salt ^ Math.imul(x | 0, 0x27d4eb2d) ^ Math.imul(y | 0, 0x165667b1);
  h = Math.imul(h ^ Math.imul(z | 0, 0x1b873593), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13), 0x27d4eb2f);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

/** Smooth between the corners of a square of cells, u and v of the way. */
function plane(salt: number, x: number, y: number, z: number, u: number, v: number): number {
  const a = hash(salt, x, y, z);
  const b = hash(salt, x + 1, y, z);
  const c = hash(salt, x, y + 1, z);
  const d = hash(salt, x + 1, y + 1, z);
  const near = a + (b - a) * u;
  return near + (c + (d - c) * u - near) * v;
}

function smooth(salt: number, x: number, y: number, z: number): number {
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const z0 = Math.floor(z);
  const u = fade(x - x0);
  const v = fade(y - y0);
  const w = fade(z - z0);
  const near = plane(salt, x0, y0, z0, u, v);
  return near + (plane(salt, x0, y0, z0 + 1, u, v) - near) * w;
}

function layers(salt: number, x: number, y: number, z: number, octaves: number): number {
  let sum = 0;
  let weight = 1;
  let total = 0;
  let scale = 1;
  for (let i = 0; i < octaves; i += 1) {
    sum += weight * smooth(salt, x * scale, y * scale, z * scale);
    total += weight;
    weight /= 2;
    scale *= 2;
  }
  return sum / total;
}

export function createNoise(seed: number): Noise {
  const salt = randomStream(seed, 'sample', 'texture').integer(0, 2 ** 31 - 1);
  return {
    cell: (x, y, z = 0) => hash(salt, x, y, z),
    smooth: (x, y, z) => smooth(salt, x, y, z),
    layers: (x, y, z, octaves) => layers(salt, x, y, z, octaves),
  };
}
