import type { RandomStream } from '../../src/base/random.js';
import type { Noise } from './noise.js';
import type { Label } from './palette.js';
import { box, group, prism, type Shape } from './shapes.js';
import {
  blend,
  detail,
  fromBytes,
  plain,
  rise,
  scale,
  type Colour,
  type Material,
  type Place,
  type Surface,
} from './surface.js';

const WALLS: Partial<Record<Label, Colour>> = {
  'brick wall': fromBytes(172, 84, 62),
  'cream wall': fromBytes(240, 222, 186),
  'ochre wall': fromBytes(222, 160, 84),
  'blue wall': fromBytes(136, 166, 190),
};
export const WALL_LABELS = Object.keys(WALLS) as Label[];
const TRIM = fromBytes(242, 236, 222);
const ROOF = fromBytes(158, 84, 62);
const WOOD = fromBytes(30, 84, 76);
const AWNING = fromBytes(206, 52, 48);
const GLASS = fromBytes(58, 78, 98);
const SHOP = fromBytes(232, 178, 108);
const BLOSSOM = fromBytes(232, 120, 170);

export interface House {
  readonly shape: Shape;
  /** Of its front, along the street. */
  readonly from: number;
  readonly to: number;
  /** To the eaves. */
  readonly height: number;
}

interface Plan {
  readonly wall: Label;
  readonly shop: boolean;
  /** −1 on the left of the street. */
  readonly side: 1 | -1;
  readonly from: number;
  readonly to: number;
  readonly floors: number;
  readonly number: number;
}

const SHOP_HEIGHT = 3.9;
const PLAIN_HEIGHT = 3.5;
const FLOOR_HEIGHT = 3.1;
const CORNICE = 0.55;
/** From the front to the back. */
const DEPTH = 11;

const groundHeight = (shop: boolean): number => (shop ? SHOP_HEIGHT : PLAIN_HEIGHT);
const trim = (level = 1): Surface => ({ label: 'trim', colour: scale(TRIM, level) });
const wood = (level = 1): Surface => ({ label: 'door', colour: scale(WOOD, level), gloss: 0.04 });
const glass = (level: number): Surface => ({
  label: 'window',
  colour: scale(GLASS, level),
  gloss: 0.38,
});
const display = (v: number): Surface => ({
  label: 'shop window',
  // Lit from within, darker under the awning and at the floor.
  colour: scale(SHOP, 0.35),
  glow: scale(SHOP, 0.16 + 0.5 * rise(0.4, 1.5, v) * (1 - 0.65 * rise(1.9, 2.7, v))),
  gloss: 0.1,
});

/** A window in a field so many metres wide: frame, sill, glass; undefined beside it. */
function windowAt(a: number, b: number, width: number, distance: number): Surface | undefined {
  const across = Math.abs(a - width / 2);
  if (b > 0.62 && b < 0.82 && across < 0.8) return trim(0.95);
  if (across > 0.66 || b < 0.82 || b > 2.5) return undefined;
  if (across > 0.52 || b > 2.34) return trim(b > 2.34 ? 0.9 : 1);
  // Bars are left out where a pixel would catch them by chance.
  if (distance < 14 && (across < 0.045 || Math.abs(b - 1.75) < 0.045)) return trim();
  // The lintel's shadow, and what is mirrored from further down.
  return glass(0.55 + 0.9 * rise(2.3, 1.1, b));
}

function facade(plan: Plan, front: number, noise: Noise): Material {
  const { wall, shop, side, from, to, floors, number } = plan;
  const ground = groundHeight(shop);
  const height = ground + floors * FLOOR_HEIGHT + CORNICE;
  const bays = Math.max(3, Math.round((to - from) / 2.5));
  const pitch = (to - from) / bays;
  const doorBay = number % bays;
  const colour = WALLS[wall]!;
  const plaster = (u: number, v: number, distance: number): Surface => {
    const stains = 1 + 0.14 * (noise.layers(u * 0.5, v * 0.3, number, 2) - 0.5);
    // Rain darkens what is near the ground.
    const level = stains * (0.84 + 0.16 * rise(0, 1.8, v));
    if (wall !== 'brick wall') return { label: wall, colour: scale(colour, level) };
    const row = Math.floor(v / 0.34);
    const along = u / 0.8 + (row % 2) / 2;
    const [b, a] = [v / 0.34 - row, along - Math.floor(along)];
    const seen = detail(0.4, distance);
    const mortar = Math.max(
      1 - rise(0.04, 0.2, Math.min(b, 1 - b)),
      1 - rise(0.02, 0.09, Math.min(a, 1 - a)),
    );
    const tone = 1 + 0.22 * seen * (noise.cell(Math.floor(along), row, number) - 0.5);
    const stone = scale(colour, tone * level);
    return { label: wall, colour: blend(stone, [0.5, 0.44, 0.38], 0.4 * seen * mortar) };
  };
  const shopFront = (u: number, v: number): Surface => {
    if (v > SHOP_HEIGHT - 0.3) return trim(0.95);
    if (v > 2.75) return wood(1.1);
    const bay = Math.floor(u / pitch);
    const across = Math.abs(u - (bay + 0.5) * pitch);
    if (across > pitch / 2 - 0.16 || v < 0.5) return wood(v < 0.5 ? 0.8 : 1);
    if (bay === doorBay && (across > 0.42 || v < 1)) return wood(across > 0.6 ? 1 : 0.75);
    return display(v);
  };
  const groundFloor = (u: number, v: number, distance: number): Surface => {
    if (v > PLAIN_HEIGHT - 0.25) return trim(0.95);
    const bay = Math.floor(u / pitch);
    const across = Math.abs(u - (bay + 0.5) * pitch);
    if (bay === doorBay && v < 2.75 && across < 0.85) {
      if (across > 0.66 || v > 2.55) return trim();
      return wood(0.9 + 0.25 * rise(0.1, 0.4, across));
    }
    if (v < 0.55) return trim(0.7);
    return windowAt(u - bay * pitch, v + 0.1, pitch, distance) ?? plaster(u, v, distance);
  };
  const streetSide = (u: number, v: number, distance: number): Surface => {
    if (v > height - CORNICE) return trim(v > height - 0.2 ? 1 : 0.86);
    if (v < ground) return shop ? shopFront(u, v) : groundFloor(u, v, distance);
    if (wall === 'brick wall' && Math.min(u, to - from - u) < 0.35) return trim(0.95);
    const [bay, floor] = [Math.floor(u / pitch), Math.floor((v - ground) / FLOOR_HEIGHT)];
    const [a, b] = [u - bay * pitch, v - ground - floor * FLOOR_HEIGHT];
    // Flowers stand before the windows of cream houses.
    if (wall === 'cream wall' && b > 0.5 && b < 0.98 && Math.abs(a - pitch / 2) < 0.72) {
      const heads = 0.8 + 0.5 * noise.smooth(u * 5, v * 5, number);
      return { label: 'blossom', colour: scale(BLOSSOM, heads) };
    }
    return windowAt(a, b, pitch, distance) ?? plaster(u, v, distance);
  };
  /** What faces a park: windows above, a bare wall below. */
  const gable = (u: number, v: number, distance: number): Surface => {
    if (v > height - CORNICE) return trim(0.86);
    const width = DEPTH / 4;
    const [bay, floor] = [Math.floor(u / width), Math.floor((v - ground) / FLOOR_HEIGHT)];
    const seen =
      floor < 0
        ? undefined
        : windowAt(u - bay * width, v - ground - floor * FLOOR_HEIGHT, width, distance);
    return seen ?? plaster(u, v, distance);
  };
  return (at, normal) => {
    if (normal.x * side < -0.5) return streetSide(at.z - from, at.y, at.distance);
    return gable(Math.abs(at.x) - front, at.y, at.distance);
  };
}

const tiles: Material = ({ y, distance }: Place, normal) => {
  const row = y / 0.3 - Math.floor(y / 0.3);
  const seen = detail(0.45, distance) * (Math.abs(normal.z) > 0.5 ? 0 : 1);
  return { label: 'roof', colour: scale(ROOF, 1 - 0.22 * seen * (1 - rise(0, 0.5, row))) };
};
const cloth: Material = ({ y }) => ({
  label: 'awning',
  colour: scale(AWNING, y < 2.72 ? 0.72 : 0.9 + 0.2 * rise(2.75, 3.3, y)),
});

/** A house with windows in rows, a shop or a door at the ground, a cornice and a tiled roof. */
export function house(plan: Plan, front: number, noise: Noise): House {
  const { side, from, to, floors, shop } = plan;
  const height = groundHeight(shop) + floors * FLOOR_HEIGHT + CORNICE;
  const x = (metres: number): number => side * (front + metres);
  const bounds = (
    [a, b]: readonly [number, number],
    [low, high]: readonly [number, number],
    along: readonly [number, number],
  ) =>
    ({
      min: [Math.min(x(a), x(b)), low, along[0]],
      max: [Math.max(x(a), x(b)), high, along[1]],
    }) as const;
  const shapes = [
    box(bounds([0, DEPTH], [0, height], [from, to]), facade(plan, front, noise)),
    // The cornice stands out, so that it throws the eye a line.
    box(bounds([-0.35, 0.1], [height - 0.22, height], [from, to]), () => trim()),
    prism(
      [
        [x(-0.3), height],
        [x(4.2), height + 2.9],
        [x(DEPTH - 4.2), height + 2.9],
        [x(DEPTH), height],
      ],
      [from, to],
      tiles,
    ),
  ];
  const middle = (from + to) / 2 + ((plan.number % 3) - 1) * 2.4;
  shapes.push(
    box(
      bounds([2.2, 3.2], [height, height + 3.3], [middle, middle + 1.3]),
      plain('brick wall', scale(WALLS['brick wall']!, 0.9)),
    ),
  );
  if (shop) {
    const under = [2.62, 2.8, 3.4] as const;
    shapes.push(
      prism(
        [
          [x(0), under[0]],
          [x(-1.25), under[0]],
          [x(-1.25), under[1]],
          [x(0), under[2]],
        ],
        [from + 0.6, to - 0.6],
        cloth,
      ),
    );
  }
  return { shape: group(shapes), from, to, height };
}

/** A tower with a pointed roof, at the end of the street. */
export function tower(z: number, noise: Noise): Shape {
  const stone: Material = ({ x, y }) => {
    const opening = Math.abs(x) < 1.3 && y > 26 && y < 32;
    if (opening) return glass(0.6);
    if (y > 35.2 || Math.abs(y - 23) < 0.5) return trim();
    const stains = 1 + 0.2 * (noise.smooth(x * 0.4, y * 0.3, 5) - 0.5);
    return { label: 'cream wall', colour: scale(WALLS['cream wall']!, stains) };
  };
  return group([
    box({ min: [-5, 0, z], max: [5, 36, z + 10] }, stone),
    prism(
      [
        [-5.6, 36],
        [0, 54],
        [5.6, 36],
      ],
      [z - 0.5, z + 10],
      tiles,
    ),
  ]);
}

/** What is drawn for a house: shops more often than not, two or three floors above. */
export function planHouse(
  random: RandomStream,
  at: { side: 1 | -1; from: number; number: number; wall: Label },
): Plan {
  const bays = random.integer(4, 6);
  return {
    ...at,
    to: at.from + bays * 2.5,
    floors: random.integer(2, 3),
    shop: random.uniform() < 0.6,
  };
}
