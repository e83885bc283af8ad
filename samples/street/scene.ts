import { randomStream, type RandomStream } from '../../src/base/random.js';
import { carShapes, type Car } from './car.js';
import {
  barkMaterial,
  facadeMaterial,
  fromBytes,
  leafMaterial,
  plain,
  STREET,
  type Colour,
} from './materials.js';
import type { Noise } from './noise.js';
import { box, cylinder, foliage, type Shape } from './shapes.js';

const END_METRES = 250;

const WALLS: readonly { wall: Colour; brick: boolean }[] = [
  { wall: fromBytes(158, 84, 64), brick: true },
  { wall: fromBytes(214, 184, 132), brick: false },
  { wall: fromBytes(226, 214, 196), brick: false },
  { wall: fromBytes(128, 66, 56), brick: true },
  { wall: fromBytes(150, 172, 176), brick: false },
  { wall: fromBytes(206, 142, 110), brick: false },
  { wall: fromBytes(176, 122, 82), brick: true },
  { wall: fromBytes(196, 200, 178), brick: false },
];
const TRIMS = [fromBytes(236, 230, 216), fromBytes(206, 196, 178), fromBytes(92, 84, 78)];
const AWNINGS = [fromBytes(170, 44, 40), fromBytes(36, 92, 70), fromBytes(40, 70, 128)];
const PAINTS = [
  fromBytes(196, 34, 32),
  fromBytes(232, 232, 228),
  fromBytes(34, 84, 160),
  fromBytes(44, 46, 50),
  fromBytes(222, 178, 44),
  fromBytes(150, 154, 160),
  fromBytes(40, 110, 84),
];
const LEAVES = [fromBytes(92, 132, 52), fromBytes(74, 120, 58), fromBytes(134, 140, 56)];

export interface Scene {
  /** Everything that stands on the ground at a time of the clip. */
  shapesAt(seconds: number): Shape[];
}

const pick = <T>(random: RandomStream, from: readonly T[]): T =>
  from[random.integer(0, from.length - 1)]!;
const between = (random: RandomStream, low: number, high: number): number =>
  low + (high - low) * random.uniform();

function houses(seed: number, side: 1 | -1, noise: Noise): Shape[] {
  const random = randomStream(seed, 'sample', `houses ${side}`);
  const shapes: Shape[] = [];
  let z = -30;
  let before = -1;
  for (let number = 0; z < END_METRES; number += 1) {
    const depth = between(random, 9, 17);
    if (number % 5 === 3) {
      // A small park.
      shapes.push(...tree(random, [side * between(random, 12, 14), z + depth / 2], 1.25, noise));
      shapes.push(...tree(random, [side * between(random, 16, 19), z + depth / 3], 1.5, noise));
      z += depth;
      continue;
    }
    let kind = random.integer(0, WALLS.length - 1);
    if (kind === before) kind = (kind + 1) % WALLS.length;
    before = kind;
    const height = between(random, side === 1 ? 9 : 7, side === 1 ? 19 : 13);
    const material = facadeMaterial(
      {
        ...WALLS[kind]!,
        trim: pick(random, TRIMS),
        awning: pick(random, AWNINGS),
        shop: random.uniform() < 0.65,
        height,
        number: number * 2 + (side === 1 ? 1 : 0),
      },
      noise,
    );
    const front = STREET.pavementHalf + between(random, 0, 0.5);
    const [near, far] = [side * front, side * (front + 14)];
    shapes.push(
      box(
        { min: [Math.min(near, far), 0, z], max: [Math.max(near, far), height, z + depth] },
        material,
      ),
    );
    z += depth + (random.uniform() < 0.25 ? 1.5 : 0);
  }
  return shapes;
}

function tree(
  random: RandomStream,
  [x, z]: readonly [number, number],
  size: number,
  noise: Noise,
): Shape[] {
  const leaves = leafMaterial(pick(random, LEAVES), noise);
  const trunk = 2.3 * size;
  const shapes: Shape[] = [
    cylinder(
      [x, trunk / 2, z],
      { radius: 0.15 * size, length: trunk, axis: 'y' },
      barkMaterial(noise),
    ),
  ];
  const balls = 5;
  for (let i = 0; i < balls; i += 1) {
    const angle = (2 * Math.PI * (i + random.uniform())) / balls;
    const reach = i === 0 ? 0 : 0.85 * size;
    const centre = [
      x + reach * Math.cos(angle),
      trunk + (i === 0 ? 1.7 : between(random, 0.5, 1.3)) * size,
      z + reach * Math.sin(angle),
    ] as const;
    shapes.push(foliage(centre, between(random, 0.95, 1.3) * size, noise, leaves));
  }
  return shapes;
}

function pavementThings(seed: number, noise: Noise): Shape[] {
  const random = randomStream(seed, 'sample', 'pavement');
  const shapes: Shape[] = [];
  const metal = plain('pole', fromBytes(70, 76, 80), 0.05);
  for (const side of [-1, 1]) {
    for (let z = -8 + (side === 1 ? 6 : 0); z < END_METRES; z += 14) {
      shapes.push(
        ...tree(
          random,
          [side * between(random, 7.3, 7.7), z + between(random, -1.5, 1.5)],
          between(random, 0.85, 1.15),
          noise,
        ),
      );
      if (Math.round(z / 14) % 2 === 0) {
        const [x, at] = [side * 6.85, z + 7];
        shapes.push(cylinder([x, 3.1, at], { radius: 0.09, length: 6.2, axis: 'y' }, metal));
        shapes.push(
          box(
            {
              min: [Math.min(x, x - side * 1.6), 6.1, at - 0.06],
              max: [Math.max(x, x - side * 1.6), 6.22, at + 0.06],
            },
            metal,
          ),
          box(
            {
              min: [x - side * 1.4 - 0.3, 5.95, at - 0.15],
              max: [x - side * 1.4 + 0.3, 6.1, at + 0.15],
            },
            metal,
          ),
        );
      }
    }
  }
  return shapes;
}

function cars(seed: number): Car[] {
  const random = randomStream(seed, 'sample', 'cars');
  let painted = random.integer(0, PAINTS.length - 1);
  const next = (): Colour => {
    painted = (painted + random.integer(1, PAINTS.length - 1)) % PAINTS.length;
    return PAINTS[painted]!;
  };
  const list: Car[] = [];
  const drive = (x: number, z: number, speed: number): void => {
    const heading = speed > 0 ? 1 : -1;
    list.push({ x, z, speed, heading, paint: next(), van: random.uniform() < 0.2 });
  };
  drive(1.75, 14, 9.6);
  drive(1.7, 34, 10.4);
  drive(1.75, 70, 8.4);
  for (const z of [24, 41, 66, 84, 112, 150]) drive(-1.75, z + between(random, -3, 3), -7.5);
  for (const side of [-1, 1] as const) {
    for (let z = -12; z < END_METRES; z += 6) {
      // Nobody parks by a crossing.
      const crossing = [38, 104].some((at) => z > at - 6 && z < at + 7);
      if (crossing || random.uniform() < 0.35) continue;
      const at = z + 3.05 + between(random, -0.3, 0.3);
      list.push({
        x: side * 4.95,
        z: at,
        speed: 0,
        heading: side,
        paint: next(),
        van: random.uniform() < 0.2,
      });
    }
  }
  return list;
}

/** A street of houses, trees, lamps and cars, the same for the same seed. */
export function createScene(seed: number, noise: Noise): Scene {
  const endHouse = box(
    { min: [-40, 0, END_METRES], max: [40, 22, END_METRES + 20] },
    facadeMaterial(
      {
        ...WALLS[2]!,
        trim: TRIMS[0]!,
        awning: AWNINGS[0]!,
        shop: false,
        height: 22,
        number: 999,
      },
      noise,
    ),
  );
  const standing = [
    ...houses(seed, -1, noise),
    ...houses(seed, 1, noise),
    ...pavementThings(seed, noise),
    endHouse,
  ];
  const all = cars(seed);
  return {
    shapesAt: (seconds) => [
      ...standing,
      ...all.flatMap((car) => carShapes(car, car.z + car.speed * seconds)),
    ],
  };
}
