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
const mix = (a: number, b: number, t: number): number => a + (b - a) * t;

export function createNoise(seed: number): Noise {
  const salt = randomStream(seed, 'sample', 'texture').integer(0, 2 ** 31 - 1);
  const cell = (x: number, y: number, z = 0): number => {
    let h = salt ^ Math.imul(x | 0, 0x27d4eb2d) ^ Math.imul(y | 0, 0x165667b1);
    h = Math.imul(h ^ Math.imul(z | 0, 0x1b873593), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 13), 0x27d4eb2f);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
  };
  const smooth = (x: number, y: number, z: number): number => {
    const [x0, y0, z0] = [Math.floor(x), Math.floor(y), Math.floor(z)];
    const [u, v, w] = [fade(x - x0), fade(y - y0), fade(z - z0)];
    const plane = (zi: number): number =>
      mix(
        mix(cell(x0, y0, zi), cell(x0 + 1, y0, zi), u),
        mix(cell(x0, y0 + 1, zi), cell(x0 + 1, y0 + 1, zi), u),
        v,
      );
    return w === 0 ? plane(z0) : mix(plane(z0), plane(z0 + 1), w);
  };
  const layers = (x: number, y: number, z: number, octaves: number): number => {
    let [sum, weight, total, scale] = [0, 1, 0, 1];
    for (let i = 0; i < octaves; i += 1) {
      sum += weight * smooth(x * scale, y * scale, z * scale);
      total += weight;
      weight /= 2;
      scale *= 2;
    }
    return sum / total;
  };
  return { cell, smooth, layers };
}
