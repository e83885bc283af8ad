import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { findFfmpeg } from '../../src/video/index.js';
import { run } from '../synthesis/prepare.js';

/** A size that most runs are trained at, and at which the scenes are drawn. */
export const SIZE = { width: 64, height: 48 } as const;

type Colour = readonly [red: string, green: string, blue: string];

/** One thing of a scene, drawn over those before it; all text is of ffmpeg's `geq`: X, Y, N. */
interface Thing {
  readonly name: string;
  /** Not 0 where it is; everywhere unless given. */
  readonly where?: string;
  readonly colour: Colour;
  readonly label: readonly [number, number, number];
}

/** Frames of a scene as formulas, so that its label map is exact. */
interface Scene {
  readonly frames: number;
  readonly things: readonly Thing[];
}

const disc = (x: string, y: string, radius: number): string =>
  `lt(hypot(X-(${x}),Y-(${y})),${radius})`;
const box = (x: string, y: string, width: number, height: number): string =>
  `lt(abs(X-(${x})),${width / 2})*lt(abs(Y-(${y})),${height / 2})`;

const SKY: Thing = {
  name: 'sky',
  colour: ['110+Y', '150+Y', '225-Y'],
  label: [110, 180, 230],
};
/** Stripes that pass by under it all. */
const GROUND: Thing = {
  name: 'ground',
  where: 'gt(Y,30)',
  colour: ['120+50*sin((X+2*N)/4)', '90+40*sin((X+2*N)/4)', '60+15*sin(Y)'],
  label: [90, 70, 110],
};
const SUN: Thing = {
  name: 'sun',
  where: disc('32+22*cos(N/9)', '16+9*sin(N/9)', 8),
  colour: ['245', '200-8*abs(sin(X+Y))', '60+40*sin(X*Y)'],
  label: [250, 250, 80],
};
const CART: Thing = {
  name: 'cart',
  where: box('32+26*sin(N/12)', '36', 18, 10),
  colour: ['200+40*sin(X)', '40', '50+40*cos(Y)'],
  label: [220, 60, 60],
};
/** Seen in four frames of 40. */
const VISITOR: Thing = {
  name: 'visitor',
  where: `gt(mod(N,40),35)*${disc('20', '26', 5)}`,
  colour: ['30', '230', '60'],
  label: [20, 220, 60],
};
/** A smooth picture has next to no detail, against which faint dots would count as many. */
const GRAIN = '14*sin(X*12.9898+Y*78.233)';
const WALL: Thing = {
  name: 'wall',
  colour: [
    `128+60*sin(X/3)*cos(Y/4)+${GRAIN}`,
    `120+50*cos(X/5)+${GRAIN}`,
    `110+50*sin(Y/3)+${GRAIN}`,
  ],
  label: [110, 110, 110],
};
const FLY: Thing = {
  name: 'fly',
  where: disc('32+20*cos(N/7)', '24+14*sin(N/5)', 3),
  colour: ['250', '250', '240'],
  label: [250, 250, 250],
};
/** Another picture every `frames` frames: hue, stripes and direction go by its number. */
const cuts = (frames: number): Thing => ({
  name: 'shot',
  colour: [0, 2, 4].map(
    (phase) =>
      `128+70*sin(floor(N/${frames})*2.4+${phase})+40*sin((X*cos(floor(N/${frames}))+Y*sin(floor(N/${frames})))/3+N/3)+${GRAIN}`,
  ) as unknown as Colour,
  label: [60, 60, 200],
});

const fair = (frames: number): Scene => ({ frames, things: [SKY, GROUND, SUN, CART] });
export const SCENES = {
  fair: fair(160),
  short: fair(40),
  rare: { frames: 160, things: [SKY, GROUND, SUN, CART, VISITOR] },
  still: { frames: 120, things: [WALL, FLY] },
  cuts: { frames: 144, things: [cuts(12), SUN] },
  'three-a': { frames: 36, things: [SKY, GROUND, CART] },
  'three-b': { frames: 64, things: [WALL, FLY, SUN] },
  'three-c': { frames: 150, things: [cuts(150), SUN, CART] },
} satisfies Readonly<Record<string, Scene>>;
export type SceneName = keyof typeof SCENES;

/** Colours of a scene's label map by the names of its things. */
export const paletteOf = (name: SceneName): Record<string, readonly number[]> =>
  Object.fromEntries(SCENES[name].things.map((thing) => [thing.name, thing.label]));

/** What `geq` draws of one channel: the last thing that is where the pixel is. */
const drawn = (things: readonly Thing[], channel: number, isLabel: boolean): string =>
  things.reduce((below, { where, colour, label }) => {
    const value = String((isLabel ? label : colour)[channel]);
    return where === undefined ? value : `if(${where},${value},${below})`;
  }, '0');

function filterOf(name: SceneName, isLabel: boolean): string {
  const [r, g, b] = [0, 1, 2].map((channel) => drawn(SCENES[name].things, channel, isLabel));
  return `format=gbrp,geq=r='${r}':g='${g}':b='${b}'`;
}

/** Named after what is drawn, so that another drawing is another file. */
export function sceneFile(name: SceneName, isLabel: boolean): string {
  const all = `${filterOf(name, isLabel)} ${SCENES[name].frames}`;
  const hash = createHash('sha256').update(all).digest('hex').slice(0, 8);
  return `${name}${isLabel ? '-labels' : ''}-${hash}.mkv`;
}

/** Draws a scene, or its label map, without loss. @returns its path; what is there stays */
export async function drawScene(folder: string, name: SceneName, isLabel = false): Promise<string> {
  const file = sceneFile(name, isLabel);
  const path = join(folder, file);
  if (existsSync(path)) return path;
  const { ffmpegPath } = await findFfmpeg();
  const source = `color=black:size=${SIZE.width}x${SIZE.height}:rate=25`;
  const frames = String(SCENES[name].frames);
  const making = join(folder, `making-${process.pid}-${file}`);
  await run(ffmpegPath, [
    ...['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', source, '-frames:v', frames],
    ...['-vf', filterOf(name, isLabel), '-c:v', 'ffv1', '-pix_fmt', 'bgr0', '-y', making],
  ]);
  await rename(making, path);
  return path;
}
