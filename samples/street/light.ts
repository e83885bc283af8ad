import type { Noise } from './noise.js';
import { blend, clamp, rise, type Colour, type Point, type Surface } from './surface.js';

const length = Math.hypot(-0.36, 0.8, -0.46);
/** Towards the sun: behind us, to the left, high. */
export const SUN: Point = { x: -0.36 / length, y: 0.8 / length, z: -0.46 / length };
const SUNLIGHT: Colour = [2.5, 2.2, 1.75];
const SKYLIGHT: Colour = [0.6, 0.68, 0.82];
const BOUNCE: Colour = [0.3, 0.27, 0.23];
const ZENITH: Colour = [0.07, 0.27, 0.8];
const HORIZON: Colour = [0.86, 1.02, 1.12];
const CLOUD: Colour = [1.5, 1.47, 1.43];
const CLOUD_BASE: Colour = [0.8, 0.88, 1.02];
/** What is mirrored below the horizon: the other side of the street, roughly. */
const STREET_SIDE: Colour = [0.17, 0.16, 0.16];
const HAZE_METRES = 380;

const clear = (up: number): Colour => blend(HORIZON, ZENITH, 1 - Math.exp(-4.5 * Math.max(up, 0)));

/** The sky in a direction; clouds drift with the wind. */
export function sky(
  direction: Point,
  seconds: number,
  noise: Noise,
): { cloud: boolean; colour: Colour } {
  const up = Math.max(direction.y, 0);
  const ground = clear(up);
  if (up < 0.03) return { cloud: false, colour: ground };
  const [x, z] = [direction.x / (up + 0.22), direction.z / (up + 0.22)];
  const body = noise.layers(x * 1.9 + seconds * 0.02 + 3, 0.4, z * 2.2 + 11, 3);
  const cover = rise(0.54, 0.63, body) * rise(0.04, 0.2, up);
  if (cover === 0) return { cloud: false, colour: ground };
  const lit = blend(CLOUD, CLOUD_BASE, rise(0.62, 0.82, body) * 0.8);
  return { cloud: cover > 0.5, colour: blend(ground, lit, cover * 0.95) };
}

interface Shading {
  readonly surface: Surface;
  readonly normal: Point;
  readonly direction: Point;
  /** 0 in shadow, 1 in the sun. */
  readonly sunlit: number;
  /** 0 in a corner, 1 in the open. */
  readonly open: number;
  readonly distance: number;
}

/** Writes the light that a surface sends to the eye into `out`, linear, haze included. */
export function shade(at: Shading, out: Float64Array): void {
  const { surface, direction, sunlit, open, distance } = at;
  const normal = surface.normal ?? at.normal;
  const facing = normal.x * SUN.x + normal.y * SUN.y + normal.z * SUN.z;
  const sun = Math.max(0, facing) * sunlit;
  const above = (0.5 + 0.5 * normal.y) * open;
  const below = (0.5 - 0.5 * normal.y) * open;
  const { colour, gloss = 0, glow } = surface;
  let red = colour[0] * (SUNLIGHT[0] * sun + SKYLIGHT[0] * above + BOUNCE[0] * below);
  let green = colour[1] * (SUNLIGHT[1] * sun + SKYLIGHT[1] * above + BOUNCE[1] * below);
  let blue = colour[2] * (SUNLIGHT[2] * sun + SKYLIGHT[2] * above + BOUNCE[2] * below);
  if (gloss > 0) {
    const along = direction.x * normal.x + direction.y * normal.y + direction.z * normal.z;
    const up = direction.y - 2 * along * normal.y;
    const flat = 1 - Math.min(1, Math.abs(along));
    const grazing = gloss + (1 - gloss) * 0.5 * flat * flat * flat * flat * flat;
    // The skyline opposite is soft, so that nothing flickers on a window far away.
    const seen = blend(STREET_SIDE, clear(up), rise(-0.12, 0.3, up));
    const share = grazing * (0.4 + 0.6 * open);
    red += (seen[0] - red) * share;
    green += (seen[1] - green) * share;
    blue += (seen[2] - blue) * share;
  }
  if (glow) {
    red += glow[0];
    green += glow[1];
    blue += glow[2];
  }
  const haze = 0.92 * (1 - Math.exp(-Math.max(0, distance - 10) / HAZE_METRES));
  out[0] = red + (HORIZON[0] - red) * haze;
  out[1] = green + (HORIZON[1] - green) * haze;
  out[2] = blue + (HORIZON[2] - blue) * haze;
}

/** Highlights rolled off, a little contrast. */
function develop(value: number): number {
  const exposed = value * 1.05;
  const rolled = (exposed * (1 + exposed / 6)) / (1 + 0.5 * exposed);
  const display = clamp(rolled ** (1 / 2.2));
  const contrasted = 0.65 * display + 0.35 * display * display * (3 - 2 * display);
  return Math.round(255 * contrasted);
}

/** All light is white from here on. */
const WHITE = 3;
const STEPS = 4096;
/** By the root of the light, so that the dark has as many steps as it has bytes. */
const DEVELOPED = Uint8Array.from({ length: STEPS }, (_, i) =>
  develop(WHITE * (i / (STEPS - 1)) ** 2),
);

/** Linear light to an sRGB byte. */
export const toByte = (value: number): number =>
  DEVELOPED[Math.round(Math.sqrt(clamp(value / WHITE)) * (STEPS - 1))]!;
