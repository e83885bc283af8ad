import { aim, coverOf, viewAt, type View } from './camera.js';
import { shade, skyColour, SUN, toByte } from './light.js';
import { groundMaterial, type Colour, type Material, type Surface } from './materials.js';
import type { Noise } from './noise.js';
import { PALETTE } from './palette.js';
import type { Scene } from './scene.js';
import { meetsBounds, type Hit, type Ray, type Shape } from './shapes.js';

export interface Picture {
  /** rgb24. */
  readonly colours: Uint8Array;
  /** rgb24, each pixel one colour of the palette. */
  readonly labels: Uint8Array;
}

export interface PictureOptions {
  readonly width: number;
  readonly height: number;
  /** Colour samples along each side of a pixel. */
  readonly samples: number;
}

const TILE = 16;
/** Metres of street in one bucket of what may throw a shadow. */
const BUCKET = 6;
const FAR = 600;

interface Seen {
  readonly surface: Surface | undefined;
  readonly colour: Colour;
}

class FrameScene {
  readonly #tiles: Shape[][];
  readonly #columns: number;
  readonly #buckets = new Map<number, Shape[]>();
  readonly #ray: Ray = { ox: 0, oy: 0, oz: 0, dx: 0, dy: 0, dz: 0 };
  readonly #shadowRay: Ray = { ox: 0, oy: 0, oz: 0, dx: SUN.x, dy: SUN.y, dz: SUN.z };
  readonly #ground: Material;
  readonly #view: View;

  constructor(
    shapes: readonly Shape[],
    private readonly seconds: number,
    private readonly noise: Noise,
    private readonly size: PictureOptions,
  ) {
    this.#view = viewAt(seconds);
    this.#ground = groundMaterial(noise);
    this.#columns = Math.ceil(size.width / TILE);
    const rows = Math.ceil(size.height / TILE);
    this.#tiles = Array.from({ length: this.#columns * rows }, () => []);
    for (const shape of shapes) {
      this.#putInTiles(shape, rows);
      const first = Math.floor(shape.bounds.min[2] / BUCKET);
      const last = Math.floor(shape.bounds.max[2] / BUCKET);
      for (let bucket = first; bucket <= last; bucket += 1) {
        const held = this.#buckets.get(bucket);
        if (held) held.push(shape);
        else this.#buckets.set(bucket, [shape]);
      }
    }
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

  /** Whether anything stands between a place and the sun. */
  #sunlit(x: number, y: number, z: number): number {
    const ray = this.#shadowRay;
    [ray.ox, ray.oy, ray.oz] = [x, y, z];
    // A ray to the sun leaves the tallest roof (22 m) behind after so many metres of street.
    const reach = ((22 - y) / SUN.y) * Math.abs(SUN.z);
    const last = Math.floor((z - reach) / BUCKET);
    const hit: Hit = { t: FAR, nx: 0, ny: 0, nz: 0, shape: undefined };
    for (let bucket = Math.floor(z / BUCKET); bucket >= last; bucket -= 1) {
      for (const shape of this.#buckets.get(bucket) ?? []) {
        if (meetsBounds(ray, shape.bounds, FAR) && shape.intersect(ray, hit)) return 0;
      }
    }
    return 1;
  }

  /** What is seen at a place of the picture, in pixels. Without colour only its surface is found. */
  look(column: number, row: number, colour: boolean): Seen {
    const ray = this.#ray;
    const { width, height } = this.size;
    aim(ray, this.#view, { column, row, width, height });
    const hit: Hit = { t: FAR, nx: 0, ny: 1, nz: 0, shape: undefined };
    if (ray.dy < 0) hit.t = -ray.oy / ray.dy;
    const onGround = hit.t < FAR;
    const tile = Math.floor(row / TILE) * this.#columns + Math.floor(column / TILE);
    for (const shape of this.#tiles[tile]!) {
      if (meetsBounds(ray, shape.bounds, hit.t)) shape.intersect(ray, hit);
    }
    const direction = { x: ray.dx, y: ray.dy, z: ray.dz };
    if (hit.shape === undefined && !onGround) {
      const sky = colour ? skyColour(direction, this.seconds, this.noise) : ([0, 0, 0] as const);
      return { surface: undefined, colour: sky };
    }
    const point = {
      x: ray.ox + hit.t * ray.dx,
      y: ray.oy + hit.t * ray.dy,
      z: ray.oz + hit.t * ray.dz,
    };
    const normal = { x: hit.nx, y: hit.ny, z: hit.nz };
    const surface = (hit.shape?.material ?? this.#ground)(point, normal);
    if (!colour) return { surface, colour: [0, 0, 0] };
    const towardsSun = normal.x * SUN.x + normal.y * SUN.y + normal.z * SUN.z > 0;
    const lift = 0.01;
    const sunlit = towardsSun
      ? this.#sunlit(
          point.x + lift * normal.x,
          point.y + lift * normal.y,
          point.z + lift * normal.z,
        )
      : 0;
    // Walls and cars are darker where they meet the ground.
    const open = hit.shape === undefined ? 1 : 0.62 + 0.38 * Math.min(1, point.y / 2.2);
    return {
      surface,
      colour: shade({
        surface,
        normal,
        direction,
        sunlit,
        open,
        distance: hit.t,
        seconds: this.seconds,
        noise: this.noise,
      }),
    };
  }
}

/** Draws the street at a time. Colours are averaged over samples; labels are the pixel's middle. */
export function drawPicture(
  scene: Scene,
  seconds: number,
  noise: Noise,
  options: PictureOptions,
): Picture {
  const { width, height, samples } = options;
  const frame = new FrameScene(scene.shapesAt(seconds), seconds, noise, options);
  const colours = new Uint8Array(width * height * 3);
  const labels = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const at = (row * width + column) * 3;
      const middle = frame.look(column + 0.5, row + 0.5, false).surface;
      labels.set(PALETTE[middle?.label ?? 'sky'], at);
      let [red, green, blue] = [0, 0, 0];
      for (let i = 0; i < samples * samples; i += 1) {
        const dx = ((i % samples) + 0.5) / samples;
        const dy = (Math.floor(i / samples) + 0.5) / samples;
        const { colour } = frame.look(column + dx, row + dy, true);
        // Bright glints are held to what the screen can show before they are averaged.
        red += Math.min(colour[0], 2);
        green += Math.min(colour[1], 2);
        blue += Math.min(colour[2], 2);
      }
      const share = 1 / (samples * samples);
      colours[at] = toByte(red * share);
      colours[at + 1] = toByte(green * share);
      colours[at + 2] = toByte(blue * share);
    }
  }
  return { colours, labels };
}
