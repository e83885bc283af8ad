import { aim, coverOf, viewAt, type View } from './camera.js';
import { groundMaterial, STREET } from './ground.js';
import { shade, sky, SUN, toByte } from './light.js';
import type { Noise } from './noise.js';
import { PALETTE, type Label } from './palette.js';
import type { Moment, Scene } from './scene.js';
import { openBetween, sunOver, sunThrough } from './shadow.js';
import { meetsBounds, type Hit, type Ray, type Shape } from './shapes.js';
import { rise, type Material } from './surface.js';

export interface Picture {
  /** rgb24. */
  readonly colours: Uint8Array;
  /** rgb24, each pixel one colour of the palette. */
  readonly labels: Uint8Array;
}

export interface PictureOptions {
  readonly width: number;
  readonly height: number;
  /** Whether edges are drawn of more than one sample a pixel. */
  readonly smooth: boolean;
}

const TILE = 8;
const FAR = 700;
/** Neighbours that differ by more, in sRGB bytes, are drawn with all samples. */
const CONTRAST = 9;
/** Samples of a pixel beside its middle: no two in one row or column, so that edges of any slope are smooth. */
const AROUND = [
  [0.375, 0.125],
  [0.875, 0.375],
  [0.625, 0.875],
  [0.125, 0.625],
] as const;
/** Bright glints are held to what the screen can show before they are averaged. */
const BRIGHTEST = 2;

class FrameScene {
  readonly #tiles: Shape[][];
  readonly #columns: number;
  readonly #ray: Ray = { ox: 0, oy: 0, oz: 0, dx: 0, dy: 0, dz: 0, ix: 0, iy: 0, iz: 0 };
  readonly #hit: Hit = { t: FAR, nx: 0, ny: 1, nz: 0, material: undefined };
  readonly #ground: Material;
  readonly #view: View;

  constructor(
    private readonly moment: Moment,
    private readonly seconds: number,
    private readonly noise: Noise,
    private readonly size: PictureOptions,
  ) {
    this.#view = viewAt(seconds);
    this.#ground = groundMaterial(noise);
    this.#columns = Math.ceil(size.width / TILE);
    const rows = Math.ceil(size.height / TILE);
    this.#tiles = Array.from({ length: this.#columns * rows }, () => []);
    // The nearest first: once something is hit, all that begins behind it is passed over.
    const nearest = (shape: Shape): number => shape.bounds.min[2];
    const sorted = [...moment.shapes].sort((a, b) => nearest(a) - nearest(b));
    for (const shape of sorted) this.#putInTiles(shape, rows);
  }

  #putInTiles(shape: Shape, rows: number): void {
    const cover = coverOf(this.#view, shape.bounds, this.size);
    if (cover === null) return;
    const clamp = (value: number, most: number): number =>
      Math.min(most, Math.max(0, Math.floor(value / TILE)));
    if (cover.right < 0 || cover.left > this.size.width) return;
    if (cover.bottom < 0 || cover.top > this.size.height) return;
    for (let row = clamp(cover.top, rows - 1); row <= clamp(cover.bottom, rows - 1); row += 1) {
      const last = clamp(cover.right, this.#columns - 1);
      for (let column = clamp(cover.left, this.#columns - 1); column <= last; column += 1) {
        this.#tiles[row * this.#columns + column]!.push(shape);
      }
    }
  }

  /** What is seen at a place of the picture, in pixels; its colour is written into `colour`. */
  look(column: number, row: number, colour: Float64Array): Label {
    const seen = this.#ray;
    aim(seen, this.#view, column, row, this.size);
    const hit = this.#meet(seen, column, row);
    const direction = { x: seen.dx, y: seen.dy, z: seen.dz };
    if (hit.material === undefined && hit.t === FAR) {
      const above = sky(direction, this.seconds, this.noise);
      colour.set(above.colour);
      return above.cloud ? 'cloud' : 'sky';
    }
    const distance = hit.t;
    const at = {
      x: seen.ox + distance * seen.dx,
      y: seen.oy + distance * seen.dy,
      z: seen.oz + distance * seen.dz,
      distance,
    };
    const normal = { x: hit.nx, y: hit.ny, z: hit.nz };
    const surface = (hit.material ?? this.#ground)(at, normal);
    const { x, y, z } = surface.normal ?? normal;
    const { occluders, houses, cars } = this.moment;
    const lit = x * SUN.x + y * SUN.y + z * SUN.z > 0;
    const sunlit = lit ? sunOver(at, houses) * sunThrough(at, occluders) : 0;
    let open: number;
    if (hit.material) {
      // Walls and cars are darker where they meet the ground.
      open = 0.66 + 0.34 * rise(0, 1.8, at.y);
    } else {
      const wall = rise(STREET.pavement + 0.05, STREET.pavement - 1.5, Math.abs(at.x));
      open = openBetween(at, cars) * (0.6 + 0.4 * wall);
    }
    shade({ surface, normal, direction, sunlit, open, distance }, colour);
    return surface.label;
  }

  /** The nearest thing on a ray's way; the ground has no material of its own. */
  #meet(ray: Ray, column: number, row: number): Hit {
    const hit = this.#hit;
    hit.t = ray.dy < 0 ? Math.min(FAR, -ray.oy / ray.dy) : FAR;
    hit.nx = 0;
    hit.ny = 1;
    hit.nz = 0;
    hit.material = undefined;
    const tile = Math.floor(row / TILE) * this.#columns + Math.floor(column / TILE);
    for (const shape of this.#tiles[tile]!) {
      if (shape.bounds.min[2] - ray.oz > hit.t) break;
      if (meetsBounds(ray, shape.bounds, hit.t)) shape.intersect(ray, hit);
    }
    return hit;
  }
}

/**
 * Draws the street at a time. A label is that of the pixel's middle. A colour is that of the middle as
 * well, or, where a neighbour is of another class or colour, the mean of five samples.
 */
export function drawPicture(
  scene: Scene,
  seconds: number,
  noise: Noise,
  options: PictureOptions,
): Picture {
  const { width, height, smooth } = options;
  const frame = new FrameScene(scene.at(seconds), seconds, noise, options);
  const count = width * height;
  const light = new Float32Array(count * 3);
  const colours = new Uint8Array(count * 3);
  const labels = new Uint8Array(count * 3);
  const seen = new Float64Array(3);
  for (let pixel = 0; pixel < count; pixel += 1) {
    const label = frame.look((pixel % width) + 0.5, Math.floor(pixel / width) + 0.5, seen);
    labels.set(PALETTE[label], 3 * pixel);
    for (let i = 0; i < 3; i += 1) {
      light[3 * pixel + i] = Math.min(seen[i]!, BRIGHTEST);
      colours[3 * pixel + i] = toByte(seen[i]!);
    }
  }
  // Found before any is drawn anew: what a pixel is compared with are middles.
  for (const pixel of smooth ? unevenPixels(colours, labels, width) : []) {
    const [column, row] = [pixel % width, Math.floor(pixel / width)];
    const sum = light.subarray(3 * pixel, 3 * pixel + 3);
    for (const [right, down] of AROUND) {
      frame.look(column + right, row + down, seen);
      for (let k = 0; k < 3; k += 1) sum[k]! += Math.min(seen[k]!, BRIGHTEST);
    }
    for (let k = 0; k < 3; k += 1) {
      colours[3 * pixel + k] = toByte(sum[k]! / (1 + AROUND.length));
    }
  }
  return { colours, labels };
}

/** Pixels that differ from one beside, above or below them in class or clearly in colour. */
function unevenPixels(colours: Uint8Array, labels: Uint8Array, width: number): number[] {
  const count = colours.length / 3;
  const uneven = new Uint8Array(count);
  const compare = (a: number, b: number): void => {
    for (let i = 0; i < 3; i += 1) {
      const [p, q] = [3 * a + i, 3 * b + i];
      if (labels[p] === labels[q] && Math.abs(colours[p]! - colours[q]!) <= CONTRAST) continue;
      uneven[a] = 1;
      uneven[b] = 1;
      return;
    }
  };
  for (let pixel = 0; pixel < count; pixel += 1) {
    if (pixel % width < width - 1) compare(pixel, pixel + 1);
    if (pixel + width < count) compare(pixel, pixel + width);
  }
  return Array.from(uneven.keys()).filter((pixel) => uneven[pixel] === 1);
}
