import { z } from 'zod';
import { FrameloomError, messageOf } from '../base/error.js';
import { parseRational, rational, type Rational } from '../base/rational.js';
import { parseBytes } from '../base/units.js';
import { actionOptions, mirrorProblem, type ActionOptions } from './action-options.js';
import { writtenCondition, type ConditionOptions } from './condition-options.js';

/** The generator halves its frames twice, so both sides must be multiples of this. */
export const SIZE_MULTIPLE = 4;
export const SMALLEST_SIDE = 16;

const nearestMultiples = (value: number): [number, number] => {
  const below = Math.max(SMALLEST_SIDE, Math.floor(value / SIZE_MULTIPLE) * SIZE_MULTIPLE);
  const above = Math.max(SMALLEST_SIDE, Math.ceil(value / SIZE_MULTIPLE) * SIZE_MULTIPLE);
  return [below, above];
};

function sizeProblem(width: number, height: number): string | undefined {
  const [w0, w1] = nearestMultiples(width);
  const [h0, h1] = nearestMultiples(height);
  if (w0 === width && w1 === width && h0 === height && h1 === height) return undefined;
  const nearest = [...new Set([`${w0}x${h0}`, `${w1}x${h1}`])].join(' or ');
  return `${width}x${height} does not fit the generator: both sides must be multiples of ${SIZE_MULTIPLE} and at least ${SMALLEST_SIDE}; use ${nearest}`;
}

interface Sides {
  readonly width: number;
  readonly height: number;
}

/** Why frames cannot be made so many times smaller on each side; nothing where they can. */
export function divisionProblem({ width, height }: Sides, divideBy: number): string | undefined {
  const least = SMALLEST_SIDE * divideBy;
  const step = SIZE_MULTIPLE * divideBy;
  const isFit = (side: number): boolean => side % step === 0 && side >= least;
  if (isFit(width) && isFit(height)) return undefined;
  const fitting = (side: number): number => Math.max(least, Math.round(side / step) * step);
  return `${width}x${height} cannot be divided by ${divideBy}: the generator makes sides that are multiples of ${SIZE_MULTIPLE} and at least ${SMALLEST_SIDE}, as of a data.size of ${fitting(width)}x${fitting(height)}`;
}

/**
 * A size made so many times smaller on each side.
 * @throws FrameloomError bad-option where no generator makes frames of it
 */
export function sizeDividedBy({ width, height }: Sides, divideBy: number): Sides {
  if (divideBy === 1) return { width, height };
  const problem = divisionProblem({ width, height }, divideBy);
  if (problem !== undefined) throw new FrameloomError('bad-option', problem);
  return { width: width / divideBy, height: height / divideBy };
}

/** What of a pipeline's data decides how large its windows are. */
export interface WindowSizes {
  readonly size: Sides;
  readonly patch?: Sides | undefined;
}

/** Why windows cannot be such patches of frames; nothing where they can. */
export function patchProblem({ size, patch }: WindowSizes): string | undefined {
  if (!patch) return undefined;
  const said = `${patch.width}x${patch.height}`;
  const frame = `frames of ${size.width}x${size.height}`;
  if (patch.width > size.width || patch.height > size.height) {
    return `${said} is no part of ${frame}: both sides must be as long at the most`;
  }
  const isWhole = patch.width === size.width && patch.height === size.height;
  return isWhole ? `${said} is all of ${frame}: leave it out to train on whole ones` : undefined;
}

/**
 * Of the windows that are trained on: of frames divided by so much, or of the patch where that is smaller.
 * @throws FrameloomError bad-option where no generator makes frames of it
 */
export function windowSize({ size, patch }: WindowSizes, divideBy = 1): Sides {
  const whole = sizeDividedBy(size, divideBy);
  if (!patch) return whole;
  return {
    width: Math.min(whole.width, patch.width),
    height: Math.min(whole.height, patch.height),
  };
}

const pixelsOf = ({ width, height }: Sides): number => width * height;

/** Pixels of windows where frames are divided by so much, by those where they are not. */
export const pixelShare = (sizes: WindowSizes, divideBy: number): number =>
  pixelsOf(windowSize(sizes, divideBy)) / pixelsOf(windowSize(sizes));

/** What takes time by its pixels, in those of a window once frames have grown. */
export interface WindowPixels {
  /** Of a window where frames are divided by so much. */
  small(divideBy: number): number;
  /** Of a whole frame. */
  readonly whole: number;
}

export const windowPixels = (sizes: WindowSizes): WindowPixels => ({
  small: (divideBy) => pixelShare(sizes, divideBy),
  whole: pixelsOf(sizes.size) / pixelsOf(windowSize(sizes)),
});

const frameSize = z
  .union([
    z.string().regex(/^\s*\d+\s*[x×]\s*\d+\s*$/i, 'write a size as WIDTHxHEIGHT, such as 128x72'),
    z.strictObject({
      width: z.int().positive().describe('Width in pixels, a multiple of 4.'),
      height: z.int().positive().describe('Height in pixels, a multiple of 4.'),
    }),
  ])
  .transform((value): { width: number; height: number } => {
    if (typeof value !== 'string') return value;
    const [width = 0, height = 0] = value.split(/[x×]/i).map(Number);
    return { width, height };
  })
  .superRefine(({ width, height }, context) => {
    const message = sizeProblem(width, height);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

const frameRate = z
  .union([
    z.string(),
    z.number().positive(),
    z.strictObject({ num: z.int().positive(), den: z.int().positive() }),
  ])
  .transform((value, context): Rational => {
    try {
      return typeof value === 'object'
        ? rational(value.num, value.den)
        : parseRational(String(value));
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) });
      return z.NEVER;
    }
  });

const byteSize = z
  .union([z.string(), z.int().nonnegative()])
  .transform((value, context): number => {
    try {
      return parseBytes(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) });
      return z.NEVER;
    }
  });

const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.union([item, z.array(item)]).transform((value): z.output<T>[] => {
    const list: unknown = value;
    return (Array.isArray(list) ? list : [list]) as z.output<T>[];
  });

const sceneCuts = z
  .strictObject({
    detect: z
      .boolean()
      .default(true)
      .describe('Look for scene cuts, so that no training window runs across one.'),
    threshold: z
      .number()
      .min(0)
      .max(1)
      .default(0.35)
      .describe('Change of picture, 0 to 1, from which a frame begins a new scene.'),
  })
  .prefault({})
  .describe('Scene cuts: windows and held-out segments never run across one.');

const heldOut = z
  .strictObject({
    fraction: z
      .number()
      .min(0)
      .max(0.9)
      .default(0.2)
      .describe('Share of each clip, at its end, that is never trained on; 0 holds out nothing.'),
    gapFrames: z
      .int()
      .min(0)
      .default(4)
      .describe('Frames before the held-out part that are not trained on either.'),
  })
  .prefault({})
  .describe('The split by time: the first part of each clip trains, the last is held out.');

const augment = z
  .strictObject({
    flip: z
      .boolean()
      .default(false)
      .describe('Mirror half of the windows left to right. Leave off where text or sides matter.'),
    cropFraction: z
      .number()
      .min(0)
      .max(0.5)
      .default(0)
      .describe('Largest share of each side that is cut off at random before resizing back.'),
    colourFraction: z
      .number()
      .min(0)
      .max(0.5)
      .default(0)
      .describe('Largest change of brightness, contrast and saturation, as a share of 1.'),
  })
  .prefault({})
  .describe('Random changes, one draw for a whole window, its condition included.');

const cache = z
  .strictObject({
    memoryBytes: byteSize
      .default(512 * 2 ** 20)
      .describe('Decoded frames held in memory, as 512MiB or in bytes.'),
    diskBytes: byteSize
      .default(2 * 2 ** 30)
      .describe('Decoded frames held on disk when memory is full; 0 decodes them again instead.'),
  })
  .prefault({})
  .describe('Bounds of the cache of decoded frames.');

const keyframes = z
  .union([
    z.string().min(1),
    z.strictObject({
      folder: z.string().min(1).describe('The folder of painted frames.'),
      firstNumber: z
        .int()
        .min(0)
        .optional()
        .describe('What the first frame of the clip is called in their names; 1 unless given.'),
    }),
  ])
  .transform((value): KeyframeOptions => (typeof value === 'string' ? { folder: value } : value));

/** Frames that were painted over. */
export interface KeyframeOptions {
  readonly folder: string;
  readonly firstNumber?: number | undefined;
}

const section = z.strictObject({
  clips: oneOrMore(z.string().min(1))
    .default([])
    .describe(
      'Clips to train on: videos, folders of videos or of pictures, folders of such folders, globs of all of them, and image sequences as name-%04d.png; relative to the pipeline file.',
    ),
  size: frameSize
    .default({ width: 128, height: 72 })
    .describe('Size that everything is scaled to, as 128x72 pixels; multiples of 4.'),
  patch: frameSize
    .optional()
    .describe(
      'Train on patches of so many pixels, cut out of frames of data.size at random places, as 128x72; whole frames unless given. What is generated, sampled and evaluated is whole.',
    ),
  fit: z
    .enum(['crop', 'pad', 'stretch'])
    .default('crop')
    .describe('How another aspect ratio is fitted: cut the edges off, add black bars, or distort.'),
  fps: frameRate
    .optional()
    .describe("Frames per second, as 25 or 30000/1001; the clips' own unless given."),
  startSeconds: z.number().nonnegative().optional().describe('Seconds to skip in every clip.'),
  durationSeconds: z.number().positive().optional().describe('Seconds to use of every clip.'),
  deinterlace: z
    .boolean()
    .default(false)
    .describe(
      'Make whole pictures of interlaced frames, in clips and derived conditions; label maps stay as they are.',
    ),
  onDamage: z
    .enum(['error', 'warn'])
    .default('error')
    .describe('A damaged clip: an error, or a warning and what can be decoded of it is used.'),
  onBroken: z
    .enum(['error', 'skip'])
    .default('error')
    .describe(
      'Clips that cannot be used at all: an error that names all of them, or they are left out with a warning.',
    ),
  condition: writtenCondition.describe('What the generator is told at each frame.'),
  actions: actionOptions
    .optional()
    .describe(
      'What the player of a game did at each frame, from a CSV file beside each clip: key presses and axes, told to the generator beside its condition.',
    ),
  keyframes: keyframes
    .optional()
    .describe(
      'A folder of frames of the clip that were painted over, each named by its frame (000120.png) or its time (12.5s.png): the look to learn, in the place of the frames themselves.',
    ),
  strideFrames: oneOrMore(z.int().min(1).max(64))
    .refine((list) => list.length > 0, 'give at least one stride')
    .default([1])
    .describe(
      'Frames from one frame of a window to its next; of several, each window draws one, so that motion is learnt at several speeds.',
    ),
  sceneCuts,
  heldOut,
  augment,
  cache,
});
type Section = z.output<typeof section>;

/** Actions stand beside the condition, whichever way they were written. */
function settled({ condition, actions, ...others }: Section): Omit<
  Section,
  'condition' | 'actions'
> & {
  condition: ConditionOptions;
  actions?: ActionOptions | undefined;
} {
  const picture: ConditionOptions = condition.kind === 'actions' ? { kind: 'none' } : condition;
  const own = condition.kind === 'actions' ? withoutKind(condition) : actions;
  return { ...others, condition: picture, ...(own && { actions: own }) };
}

const withoutKind = ({
  path,
  columns,
  offsetFrames,
}: Extract<Section['condition'], { kind: 'actions' }>) => ({ path, columns, offsetFrames });

/**
 * The `data:` section of a pipeline. Parsing what it returns gives the same again. A condition of kind `actions` comes
 * out as no condition and `actions`, so that whatever reads the section finds them in one place, alone or beside others.
 */
export const dataOptions = section
  .superRefine((data, context) => {
    const { condition, actions, augment: changes } = data;
    const tell = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if (condition.kind === 'actions' && actions) {
      tell(['actions'], 'actions are given twice: here and as the condition');
      return;
    }
    const own = condition.kind === 'actions' ? condition : actions;
    const problem = own && changes.flip ? mirrorProblem(own) : undefined;
    if (problem !== undefined) tell(['augment', 'flip'], problem);
  })
  .transform(settled);
export type DataOptions = z.output<typeof dataOptions>;
export type DataInput = z.input<typeof dataOptions>;
