import type { Colour } from '../../src/clips/types.js';
import { direction, LEDGE, PERIOD, wrap, type State } from './game.js';
import { HEIGHT, WIDTH } from './settings.js';
import {
  DANGLING,
  FEET,
  FLOWERS,
  FRONT,
  HIDDEN,
  INK,
  MUSHROOM,
  PARASOL,
  PAWS,
  SIDE,
  STARS,
  TREE,
  WAVING,
  type Sprite,
} from './sprites.js';

/** The row that feet stand on. */
const GRASS = 46;
const BROOK = 57;
const SUN = { x: 76, y: 13, radius: 6.5 } as const;

const SKY: readonly Colour[] = [
  [70, 118, 206],
  [136, 176, 230],
  [252, 216, 170],
];

const STONES: readonly Colour[] = [
  [196, 188, 184],
  [226, 170, 84],
];

/** What stands in the meadow: its middle along it. */
const THINGS: readonly (readonly [sprite: Sprite, x: number])[] = [
  [TREE, 14],
  [FLOWERS, 30],
  [MUSHROOM, 48],
];

class Canvas {
  readonly data = new Uint8Array(3 * WIDTH * HEIGHT);

  /** Lays a colour over a pixel; nothing outside of the picture. @param share 0 to 1 of it */
  put(x: number, y: number, colour: Colour, share = 1): void {
    if (x < 0 || x >= WIDTH || y < 0 || y >= HEIGHT || share <= 0) return;
    const at = 3 * (y * WIDTH + x);
    const most = Math.min(1, share);
    for (let i = 0; i < 3; i += 1) {
      this.data[at + i] = Math.round(this.data[at + i]! * (1 - most) + colour[i]! * most);
    }
  }

  /** @param isMirrored left and right changed */
  sprite(rows: Sprite, left: number, bottom: number, isMirrored = false): void {
    for (const [row, letters] of rows.entries()) {
      for (let column = 0; column < letters.length; column += 1) {
        const letter = letters[isMirrored ? letters.length - 1 - column : column]!;
        const colour = INK[letter];
        if (colour) this.put(left + column, bottom - rows.length + row, colour);
      }
    }
  }
}

const mixed = (a: Colour, b: Colour, share: number): Colour => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/** Height of a layer's edge: waves that come again after `period` pixels. */
const waves = (x: number, period: number, parts: readonly (readonly [number, number])[]): number =>
  parts.reduce(
    (sum, [times, high], i) => sum + high * Math.sin((2 * Math.PI * times * x) / period + 1.7 * i),
    0,
  );

function drawSky(canvas: Canvas): void {
  for (let row = 0; row < GRASS; row += 1) {
    const at = (row / GRASS) * 2;
    const [from, to] = at < 1 ? [SKY[0]!, SKY[1]!] : [SKY[1]!, SKY[2]!];
    const colour = mixed(from, to, at % 1);
    for (let column = 0; column < WIDTH; column += 1) {
      canvas.put(column, row, colour);
      const away = Math.hypot(column - SUN.x, row - SUN.y);
      canvas.put(column, row, [255, 240, 190], 0.5 - (away - SUN.radius) / 14);
      canvas.put(column, row, [255, 250, 226], SUN.radius - away + 0.5);
    }
  }
  for (const [middle, high, wide] of [
    [14, 10, 11],
    [60, 19, 8],
    [98, 8, 13],
  ] as const) {
    for (let row = high - 4; row <= high + 3; row += 1) {
      for (let column = -wide; column <= WIDTH + wide; column += 1) {
        const away = column - middle;
        const flat = row > high ? 2.2 : 1;
        const bumps = 0.18 * Math.cos(away * 0.9);
        const inside = 1 - Math.hypot(away / wide, ((row - high) * flat) / 4.5) + bumps;
        canvas.put(column, row, row > high ? [222, 226, 244] : [255, 255, 255], 4 * inside);
      }
    }
  }
}

/** What lies behind the meadow is too far away to move. */
function drawHills(canvas: Canvas): void {
  for (let column = 0; column < WIDTH; column += 1) {
    const far = column + 20;
    const top = 31 - Math.abs(waves(far, 96, [[1.5, 9]])) - waves(far, 96, [[3, 2], [7, 1]]); // prettier-ignore
    const near = column;
    const edge = 39 - waves(near, 64, [[1, 3.5], [3, 1.2]]); // prettier-ignore
    for (let row = 10; row < GRASS; row += 1) {
      const haze = Math.max(0, (row - 24) / 40);
      const cap = 24 + waves(far, 96, [[9, 1.4]]);
      const stone = mixed([104, 112, 176], [226, 190, 190], haze);
      canvas.put(column, row, mixed(stone, [246, 246, 255], Math.min(1, Math.max(0, cap - row))), row - top + 0.5); // prettier-ignore
      const stripe = 0.5 + 0.5 * Math.sin((2 * Math.PI * 4 * near) / 64 + row * 0.8);
      canvas.put(column, row, mixed([74, 150, 116], [104, 178, 112], stripe), row - edge + 0.5);
    }
  }
}

/** Grass, earth with stones in it, and the brook, by the pixel. */
function drawGround(canvas: Canvas, { x }: State): void {
  for (let column = 0; column < WIDTH; column += 1) {
    const along = Math.round(column + x - WIDTH / 2);
    const [tuft, stone] = [wrap(along, 16), wrap(along, 32)];
    // Stones of two colours in turn: they tell where in the meadow one is.
    const kind = STONES[Math.floor(wrap(along, PERIOD) / 32)]!;
    const blade = [1, 0, 2, 1, 0, 1, 0, 0, 2, 0, 1, 0, 1, 2, 0, 0][tuft]!;
    for (let row = GRASS - blade; row < BROOK; row += 1) {
      const deep = row - GRASS;
      const isPebble = (stone > 3 && stone < 9 && deep > 5 && deep < 9) || (stone > 18 && stone < 22 && deep > 4 && deep < 7); // prettier-ignore
      let colour: Colour = deep > 7 ? [104, 66, 54] : [136, 88, 62];
      if (isPebble) colour = mixed(kind, [20, 16, 24], deep === 6 || deep === 5 ? 0 : 0.3);
      if (deep < 3 + (tuft % 3 === 0 ? 1 : 0)) colour = [64, 150, 58];
      if (deep < 1) colour = blade > 0 && row === GRASS - blade ? [170, 226, 96] : [110, 196, 74];
      canvas.put(column, row, colour);
    }
    const water = wrap(along, 16);
    for (let row = BROOK; row < HEIGHT; row += 1) {
      const deep = row - BROOK;
      const isGlint = wrap(water + 5 * deep, 16) < 4 - (deep % 2);
      const blue = mixed([70, 152, 210], [42, 96, 170], deep / 6);
      canvas.put(column, row, deep === 0 ? [120, 196, 226] : blue);
      if (isGlint && deep > 0) canvas.put(column, row, [200, 238, 250], 0.8);
    }
  }
}

/** Where in the picture something stands that is everywhere in the meadow where `middle` is, as often as it is in sight. */
function placesOf(middle: number, x: number): number[] {
  const first = wrap(Math.round(middle - x) + WIDTH / 2, PERIOD) - PERIOD;
  const count = Math.ceil(WIDTH / PERIOD) + 2;
  return Array.from({ length: count }, (_, i) => first + i * PERIOD);
}

function drawLedge(canvas: Canvas, left: number): void {
  const last = LEDGE.to - LEDGE.from;
  for (let i = 0; i <= last; i += 1) {
    const round = i === 0 || i === last ? 1 : 0;
    const top = GRASS - LEDGE.height;
    for (let row = round; row < 5 - round; row += 1) {
      const isJoint = row === 3 ? i % 6 === 2 : i % 6 === 5;
      let colour: Colour = isJoint || row === 4 ? [98, 88, 104] : [164, 150, 156];
      if (row < 1 + (i % 4 === 1 ? 1 : 0)) colour = row === 0 ? [128, 208, 84] : [64, 150, 58];
      canvas.put(left + i, top + row, colour);
    }
  }
}

function drawThings(canvas: Canvas, { x }: State): void {
  for (const [sprite, middle] of THINGS) {
    for (const place of placesOf(middle, x)) {
      canvas.sprite(sprite, place - Math.floor(sprite[0]!.length / 2), GRASS);
    }
  }
  for (const left of placesOf(LEDGE.from, x)) drawLedge(canvas, left);
}

function drawFox(canvas: Canvas, { x, y, vx, keys }: State): void {
  const middle = WIDTH / 2;
  const feet = GRASS - Math.round(y);
  const way = direction(keys);
  const isMirrored = way < 0;
  const left = middle - 6;
  let head = feet - 13;
  if (keys.duck) {
    head = feet - HIDDEN.length;
    canvas.sprite(HIDDEN, left + way, feet);
  } else {
    const front = keys.left ? WAVING : FRONT;
    const body = way === 0 ? front : SIDE;
    const stride = PAWS[wrap(Math.floor(x / 4), PAWS.length)]!;
    const paws = y > 0 ? DANGLING : vx === 0 ? FEET : stride;
    canvas.sprite(paws, left, feet, isMirrored);
    canvas.sprite(body, left, feet - paws.length, isMirrored);
    // The scarf flies behind.
    for (let i = 0; i < 2 * Math.abs(vx); i += 1) {
      canvas.put(middle - Math.sign(vx) * (5 + i), feet - 7 - (i % 2), INK.s!);
    }
  }
  if (keys.left && keys.right) canvas.sprite(STARS, middle - 9, feet - 5);
  if (keys.jump) canvas.sprite(PARASOL, middle - 7, head + 2);
}

/** Draws a moment of the game: rgb24 of WIDTH×HEIGHT. */
export function drawMeadow(state: State): Uint8Array {
  const canvas = new Canvas();
  drawSky(canvas);
  drawHills(canvas);
  drawGround(canvas, state);
  drawThings(canvas, state);
  drawFox(canvas, state);
  return canvas.data;
}
