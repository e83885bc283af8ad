import { blend, scale, type Colour, type Point, type Surface } from './materials.js';
import type { Noise } from './noise.js';

const length = Math.hypot(-0.46, 0.78, -0.42);
/** Towards the sun: behind us, to the left, high. */
export const SUN: Point = { x: -0.46 / length, y: 0.78 / length, z: -0.42 / length };
const SUNLIGHT: Colour = [2.9, 2.5, 1.95];
const SKYLIGHT: Colour = [0.36, 0.46, 0.64];
const BOUNCE: Colour = [0.2, 0.18, 0.15];
const ZENITH: Colour = [0.1, 0.27, 0.64];
const HORIZON: Colour = [0.66, 0.76, 0.86];
const CLOUD: Colour = [1, 0.97, 0.93];
const HAZE_METRES = 260;

/** The sky in a direction; clouds drift with the wind. */
export function skyColour(direction: Point, seconds: number, noise: Noise, clouds = true): Colour {
  const up = Math.max(direction.y, 0);
  const clear = blend(HORIZON, ZENITH, 1 - Math.exp(-4.2 * up));
  if (!clouds || up < 0.02) return clear;
  const [x, z] = [direction.x / (up + 0.12), direction.z / (up + 0.12)];
  const body = noise.layers(x * 1.5 + seconds * 0.05 + 3, 0.4, z * 0.9 + 11, 5);
  const cover = Math.min(1, Math.max(0, (body - 0.47) / 0.16));
  const thick = Math.min(1, Math.max(0, (body - 0.56) / 0.2));
  const lit = blend(CLOUD, [0.66, 0.7, 0.78], thick * 0.6);
  return blend(clear, lit, cover * Math.min(1, (up - 0.02) * 7) * 0.92);
}

/** Light that a surface sends to the eye, linear, haze included. */
export function shade(at: {
  surface: Surface;
  normal: Point;
  direction: Point;
  /** 0 in shadow, 1 in the sun. */
  sunlit: number;
  /** 0 in a corner, 1 in the open. */
  open: number;
  distance: number;
  seconds: number;
  noise: Noise;
}): Colour {
  const { surface, normal, direction, sunlit, open, distance, seconds, noise } = at;
  const facing = normal.x * SUN.x + normal.y * SUN.y + normal.z * SUN.z;
  const sun = Math.max(0, facing) * sunlit;
  const sky = (0.5 + 0.5 * normal.y) * open;
  const ground = (0.5 - 0.5 * normal.y) * open;
  const light = (i: 0 | 1 | 2): number =>
    SUNLIGHT[i] * sun + SKYLIGHT[i] * sky + BOUNCE[i] * ground + 0.06 * open;
  const { colour, gloss, glow } = surface;
  let lit: Colour = [colour[0] * light(0), colour[1] * light(1), colour[2] * light(2)];
  if (gloss > 0) {
    const along = direction.x * normal.x + direction.y * normal.y + direction.z * normal.z;
    const mirrored = {
      x: direction.x - 2 * along * normal.x,
      y: direction.y - 2 * along * normal.y,
      z: direction.z - 2 * along * normal.z,
    };
    const grazing = gloss + (1 - gloss) * 0.6 * (1 - Math.min(1, Math.abs(along))) ** 5;
    // Below the horizon the other side of the street is mirrored, roughly.
    const seen: Colour =
      mirrored.y > 0.08 ? skyColour(mirrored, seconds, noise) : [0.16, 0.15, 0.15];
    lit = blend(lit, seen, grazing);
    const glint = mirrored.x * SUN.x + mirrored.y * SUN.y + mirrored.z * SUN.z;
    const spark = sunlit * gloss * Math.max(0, glint) ** 120 * 6;
    lit = [lit[0] + spark, lit[1] + spark * 0.95, lit[2] + spark * 0.85];
  }
  if (glow) lit = [lit[0] + glow[0], lit[1] + glow[1], lit[2] + glow[2]];
  const haze = 1 - Math.exp(-Math.max(0, distance - 8) / HAZE_METRES);
  return blend(lit, scale(HORIZON, 0.95), haze);
}

/** Linear light to an sRGB byte: highlights rolled off, a little contrast. */
export function toByte(value: number): number {
  const exposed = Math.max(0, value) * 1.1;
  const rolled = (exposed * (1 + exposed / 6)) / (1 + 0.55 * exposed);
  const display = Math.min(1, rolled ** (1 / 2.2));
  const contrasted = 0.6 * display + 0.4 * display * display * (3 - 2 * display);
  return Math.round(255 * contrasted);
}
