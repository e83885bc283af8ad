import type { RandomStream } from '../../src/base/random.js';
import type { Noise } from './noise.js';
import type { Occluder } from './shadow.js';
import { cylinder, foliage, group, type Shape } from './shapes.js';
import { fromBytes, rise, scale, type Material } from './surface.js';

export type Leaves = 'foliage' | 'blossom';

const LEAVES = { foliage: fromBytes(86, 146, 54), blossom: fromBytes(242, 158, 192) };
const BARK = fromBytes(112, 84, 62);

/** Light on top, dark below and where lumps of leaves meet, as if they shaded each other. */
function leafMaterial(
  kind: Leaves,
  centre: readonly [number, number, number],
  radius: number,
  noise: Noise,
): Material {
  const [cx, cy, cz] = centre;
  return ({ x, y, z }, normal) => {
    const clump = noise.layers(x * 1.7, y * 1.7, z * 1.7, 2) - 0.5;
    const out = Math.hypot(x - cx, y - cy, z - cz) / radius;
    const height = (y - cy) / radius;
    const level = (0.5 + 0.5 * rise(0.45, 1, out)) * (0.72 + 0.3 * height) * (1 + 0.5 * clump);
    // The crown as a whole is what is round; its lumps are only a part of that.
    const round = {
      x: normal.x + (0.8 * (x - cx)) / radius,
      y: normal.y + 0.8 * height,
      z: normal.z + (0.8 * (z - cz)) / radius,
    };
    const length = Math.hypot(round.x, round.y, round.z) || 1;
    return {
      label: kind,
      colour: scale(LEAVES[kind], Math.max(0.15, level)),
      normal: { x: round.x / length, y: round.y / length, z: round.z / length },
    };
  };
}

/** A tree and the shadow that it throws. */
export function tree(
  random: RandomStream,
  at: { x: number; z: number; size: number; leaves: Leaves },
  noise: Noise,
): { shape: Shape; occluder: Occluder } {
  const { x, z, size, leaves } = at;
  const trunk = 2.5 * size;
  const reach = 1.75 * size;
  const centre = [x, trunk + 1.25 * size, z] as const;
  const material = leafMaterial(leaves, centre, reach, noise);
  const bark: Material = ({ x: px, y, z: pz }) => ({
    label: 'trunk',
    colour: scale(BARK, 0.9 + 0.3 * (noise.smooth(px * 5, y * 1.2, pz * 5) - 0.5)),
  });
  const post = { radius: 0.17 * size, length: trunk + 0.6, axis: 'y' } as const;
  const shapes: Shape[] = [cylinder([x, (trunk + 0.6) / 2, z], post, bark)];
  const lump = (angle: number, out: number, up: number, radius: number): void => {
    const middle = [
      x + out * size * Math.cos(angle),
      trunk + up * size,
      z + out * size * Math.sin(angle),
    ] as const;
    shapes.push(foliage(middle, radius * size, noise, material));
  };
  lump(0, 0, 1.3, 1.25);
  const turn = random.uniform() * 2 * Math.PI;
  for (let i = 0; i < 5; i += 1) {
    const angle = turn + (2 * Math.PI * (i + 0.4 * random.uniform())) / 5;
    lump(angle, 0.85, 0.75 + 0.45 * random.uniform(), 0.8 + 0.2 * random.uniform());
  }
  for (let i = 0; i < 3; i += 1) {
    lump(turn + 1 + (2 * Math.PI * i) / 3, 0.5, 1.75 + 0.4 * random.uniform(), 0.75);
  }
  return {
    shape: group(shapes),
    occluder: {
      centre,
      radii: [reach * 1.02, reach * 0.95, reach * 1.02],
      darkness: 0.72,
      edge: 0.4,
    },
  };
}
