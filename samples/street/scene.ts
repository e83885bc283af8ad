import { randomStream, type RandomStream } from '../../src/base/random.js';
import { SPEED } from './camera.js';
import { CAR_PAINTS, carAt, type Car, type Paint } from './car.js';
import { pastCrossing, STREET, TREE_PERIOD } from './ground.js';
import { house, planHouse, tower, WALL_LABELS, type House } from './house.js';
import type { Noise } from './noise.js';
import {
  footprintBuckets,
  houseBuckets,
  occluderBuckets,
  type Footprint,
  type Occluder,
} from './shadow.js';
import { box, cylinder, group, type Shape } from './shapes.js';
import { fromBytes, plain, type Material } from './surface.js';
import { tree, type Leaves } from './tree.js';

/** What stands in the street at a time of the clip. */
export interface Moment {
  readonly shapes: readonly Shape[];
  readonly occluders: ReadonlyMap<number, readonly Occluder[]>;
  readonly cars: ReadonlyMap<number, readonly Footprint[]>;
  /** On the left, whose shadow falls into the street. */
  readonly houses: ReadonlyMap<number, readonly House[]>;
}

export interface Scene {
  at(seconds: number): Moment;
}

/** Metres of street beyond where the camera stops: haze hides what is further. */
const AHEAD = 230;
const BEHIND = 30;

interface Standing {
  readonly shapes: Shape[];
  readonly occluders: Occluder[];
  readonly houses: House[];
}

const between = (random: RandomStream, low: number, high: number): number =>
  low + (high - low) * random.uniform();

/** Each of them as often as the others, in changing order, and never the same twice running. */
function deck<T>(random: RandomStream, things: readonly T[]): () => T {
  let last: T | undefined;
  let left: T[] = [];
  return () => {
    if (left.length === 0) left = [...things];
    const others = left.filter((thing) => thing !== last);
    last = others.length > 0 ? others[random.integer(0, others.length - 1)]! : left[0]!;
    left.splice(left.indexOf(last), 1);
    return last;
  };
}

function addHouses(to: Standing, seed: number, side: 1 | -1, end: number, noise: Noise): void {
  const random = randomStream(seed, 'sample', `houses ${side}`);
  const wall = deck(random, WALL_LABELS);
  let z = -BEHIND - (side === 1 ? 8 : 0);
  for (let number = side === 1 ? 3 : 0; z < end; number += 1) {
    if (number % 5 === 4) {
      // A small park.
      const width = between(random, 11, 14);
      for (const [x, along, size] of [
        [11.5, 0.3, 1.05],
        [14.5, 0.75, 1.3],
        [19, 0.35, 1.6],
      ] as const) {
        const leaves: Leaves = random.uniform() < 0.4 ? 'blossom' : 'foliage';
        addTree(to, random, { x: side * x, z: z + along * width, size, leaves }, noise);
      }
      z += width;
      continue;
    }
    const plan = planHouse(random, { side, from: z, number, wall: wall() });
    const front = STREET.pavement + (side === 1 ? between(random, 0, 0.3) : 0);
    const built = house(plan, front, noise);
    to.shapes.push(built.shape);
    if (side === -1) to.houses.push(built);
    z = plan.to;
  }
}

function addTree(
  to: Standing,
  random: RandomStream,
  at: { x: number; z: number; size: number; leaves: Leaves },
  noise: Noise,
): void {
  const { shape, occluder } = tree(random, at, noise);
  to.shapes.push(shape);
  to.occluders.push(occluder);
}

const METAL = plain('lamp post', fromBytes(62, 74, 76), 0.04);
const LAMP: Material = () => ({
  label: 'lamp post',
  colour: fromBytes(62, 74, 76),
});

/** A lamp on a post whose arm reaches over the road. */
function lamp(x: number, z: number): Shape {
  const inwards = -Math.sign(x);
  const arm = x + inwards * 1.5;
  return group([
    cylinder([x, 0.4, z], { radius: 0.16, length: 0.8, axis: 'y' }, METAL),
    cylinder([x, 3.1, z], { radius: 0.09, length: 6.2, axis: 'y' }, METAL),
    box({ min: [Math.min(x, arm), 6.06, z - 0.07], max: [Math.max(x, arm), 6.2, z + 0.07] }, METAL),
    box({ min: [arm - 0.4, 5.86, z - 0.18], max: [arm + 0.4, 6.08, z + 0.18] }, LAMP),
  ]);
}

function addVerge(to: Standing, seed: number, end: number, noise: Noise): void {
  const random = randomStream(seed, 'sample', 'verge');
  for (const side of [-1, 1]) {
    let number = side === 1 ? 1 : 0;
    for (let z = -2 * TREE_PERIOD; z < end; z += TREE_PERIOD) {
      number += 1;
      const at = z + 4 + between(random, -0.6, 0.6);
      const leaves: Leaves = number % 3 === 0 ? 'blossom' : 'foliage';
      const size = between(random, 0.85, 1.08);
      if (Math.abs(pastCrossing(at) - 1.7) > 3.4) {
        addTree(to, random, { x: side * 7.3, z: at, size, leaves }, noise);
      }
      if (number % 2 === 0) to.shapes.push(lamp(side * 6.9, z + 11));
    }
  }
}

function cars(seed: number, end: number): Car[] {
  const random = randomStream(seed, 'sample', 'cars');
  const next = deck<Paint>(random, CAR_PAINTS);
  const list: Car[] = [];
  const add = (x: number, heading: 1 | -1, z: Car['z'], paint = next()): void => {
    list.push({ x, z, heading, paint, van: random.uniform() < 0.22 });
  };
  // Ahead of us, as fast as we are, now nearer and now further.
  for (const [paint, distance, slack, rate] of [
    ['yellow car', 17, 3, 0.11],
    ['red car', 41, 6, 0.07],
    ['white car', 66, 7, 0.05],
  ] as const) {
    const phase = between(random, 0, 6);
    const wave = (t: number): number => slack * Math.sin(2 * Math.PI * rate * t + phase);
    add(1.75, 1, (t) => SPEED * t + distance + wave(t), paint);
  }
  // Towards us.
  const speed = -7;
  const met = end - speed * 25;
  for (let z = 26; z < met; z += between(random, 16, 36)) {
    const start = z;
    add(-1.75, -1, (t) => start + speed * t);
  }
  for (const side of [-1, 1] as const) {
    for (let z = -24; z < end; z += 6) {
      // Nobody parks by a crossing.
      const past = pastCrossing(z + 3);
      if ((past > -6 && past < 9.5) || random.uniform() < 0.3) continue;
      const at = z + 3.08 + between(random, -0.3, 0.3);
      add(side * 4.98, side, () => at);
    }
  }
  return list;
}

/** A street of houses, trees, lamps and cars, the same for the same seed and as long as it is driven. */
export function createScene(seed: number, noise: Noise, seconds: number): Scene {
  const end = SPEED * seconds + AHEAD;
  const standing: Standing = { shapes: [], occluders: [], houses: [] };
  addHouses(standing, seed, -1, end, noise);
  addHouses(standing, seed, 1, end, noise);
  addVerge(standing, seed, end, noise);
  // The street ends at a square with a tower, in the same haze from first to last of a short drive.
  const random = randomStream(seed, 'sample', 'square');
  standing.shapes.push(tower(end + 30, noise));
  for (let x = -44; x <= 44; x += 8) {
    const at = { x, z: end + 14 + between(random, 0, 6), size: between(random, 1.9, 2.5) };
    addTree(standing, random, { ...at, leaves: 'foliage' }, noise);
  }
  const houses = houseBuckets(standing.houses);
  const all = cars(seed, end);
  return {
    at(now) {
      const seen = all.map((car) => carAt(car, now));
      return {
        shapes: [...standing.shapes, ...seen.map(({ shape }) => shape)],
        occluders: occluderBuckets([
          ...standing.occluders,
          ...seen.map(({ occluder }) => occluder),
        ]),
        cars: footprintBuckets(seen.map(({ footprint }) => footprint)),
        houses,
      };
    },
  };
}
