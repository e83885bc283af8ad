import { z } from 'zod';
import { clipStylesSchema } from '../networks/clip-styles-schema.js';
import { EXPORT_TARGETS } from './targets.js';

/** The number of the conventions in docs/export.md; another one is another way to call the file. */
export const FORMAT = '1';

/** Pixels of a side, and of a whole frame: 8K. What is larger would be a file's bad joke. */
const MOST_SIDE = 16_384;
export const MOST_PIXELS = 8192 * 4096;
export const MOST_SAMPLES = 1024;
const MOST_CLASSES = 256;
const MOST_NAME = 1000;
const MOST_ACTIONS = 64;
/** Characters of a pipeline, which lists the names of its clips. */
const MOST_PIPELINE = 16 * 2 ** 20;
/** Characters of the looks of 64 clips, 128 numbers each. */
const MOST_STYLES_TEXT = 2 ** 20;

/** A whole number as text: nothing that only looks like one, such as an empty text. */
const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'not a whole number')
    .transform(Number)
    .pipe(z.int().min(least).max(most));

const json = <T extends z.ZodType>(most: number, schema: T) =>
  z
    .string()
    .max(most)
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue('not JSON');
        return z.NEVER;
      }
    })
    .pipe(schema);

const side = whole(4, MOST_SIDE).refine((pixels) => pixels % 4 === 0, 'not a multiple of 4');

/** The one size and batch that a file is for. */
const fixed = z
  .object({
    samples: z.int().min(1).max(MOST_SAMPLES),
    width: z.int().min(4).max(MOST_SIDE).multipleOf(4),
    height: z.int().min(4).max(MOST_SIDE).multipleOf(4),
  })
  .refine(({ width, height }) => width * height <= MOST_PIXELS, 'larger than 8192x4096 in all');

/** What goes into the generator. The bounds are those of a pipeline's own section. */
const generator = z.object({
  historyFrames: z.int().min(0).max(16),
  conditionFrames: z.int().min(1).max(16),
  noiseChannels: z.int().min(0).max(256),
  flow: z.boolean(),
  /** Files of generators that are told no look do not say it. */
  styleChannels: z.int().min(0).max(64).optional(),
});

const LAYOUTS: Readonly<Record<string, (channels: number, bytes: number) => boolean>> = {
  none: (channels, bytes) => channels === 0 && bytes === 0,
  image: (channels, bytes) => (channels === 1 || channels === 3) && bytes === channels,
  labels: (channels, bytes) => channels >= 1 && bytes === 1,
};

const level = z.int().min(0).max(255);
const colour = z.tuple([level, level, level]).readonly();

const actionColumn = z.object({
  name: z.string().min(1).max(MOST_NAME),
  kind: z.enum(['key', 'axis']),
  default: z.number().min(-1).max(1),
});

const condition = z
  .object({
    kind: z.enum(['none', 'derived', 'paired']),
    content: z.enum(['none', 'image', 'labels']),
    channels: z.int().min(0).max(MOST_CLASSES),
    bytesPerPixel: z.int().min(0).max(3),
    classNames: z.array(z.string().max(MOST_NAME)).max(MOST_CLASSES),
    /** Of a palette; files that were written before have none. */
    classColours: z.array(colour).max(MOST_CLASSES).readonly().optional(),
    /** Of a pixel that is of no class; files of pipelines that ignore nothing have none. */
    ignoredId: z.int().min(0).max(255).optional(),
    followsColour: z.boolean(),
    /** What is told at each frame besides; files of generators that are told nothing do not say it. */
    actions: z.array(actionColumn).min(1).max(MOST_ACTIONS).readonly().optional(),
  })
  .refine(
    ({ content, channels, bytesPerPixel }) => LAYOUTS[content]?.(channels, bytesPerPixel),
    'its channels and bytes do not fit its content',
  )
  .refine(
    ({ kind, content }) => (kind === 'none') === (content === 'none'),
    'kind and content differ',
  );

/** Names weights; files of before do not say it. */
const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'not a hash')
  .optional();

/** What an exported file says of itself, by the names it is kept under. */
export const metadataFields = z
  .object({
    'frameloom.format': z.literal(FORMAT),
    'frameloom.version': z.string().max(64),
    'frameloom.step': whole(0, Number.MAX_SAFE_INTEGER),
    'frameloom.seed': whole(0, Number.MAX_SAFE_INTEGER),
    'frameloom.width': side,
    'frameloom.height': side,
    'frameloom.generator': json(MOST_NAME, generator),
    'frameloom.condition': json(2 * MOST_CLASSES * MOST_NAME, condition),
    'frameloom.pipeline': json(MOST_PIPELINE, z.unknown()),
    'frameloom.weights': hash,
    'frameloom.layers': hash,
    'frameloom.precision': z.enum(['float32', 'float16']).optional(),
    'frameloom.compute': z.enum(['float32', 'float16']).optional(),
    'frameloom.target': z.enum(EXPORT_TARGETS).optional(),
    'frameloom.styles': json(MOST_STYLES_TEXT, clipStylesSchema).optional(),
    'frameloom.fixed': json(MOST_NAME, fixed).optional(),
    'frameloom.input': z.string().max(MOST_NAME).optional(),
    'frameloom.ffmpeg': z.string().max(64).optional(),
    'frameloom.author': z.string().max(MOST_NAME).optional(),
    'frameloom.licence': z.string().max(MOST_NAME).optional(),
  })
  .refine((all) => all['frameloom.width'] * all['frameloom.height'] <= MOST_PIXELS, {
    path: ['frameloom.width'],
    message: 'larger than 8192x4096 in all',
  })
  .refine(
    ({ 'frameloom.generator': { styleChannels = 0 }, 'frameloom.styles': styles = [] }) =>
      styles.length > 0 === styleChannels > 0 &&
      styles.every(
        ({ code, deviation }) =>
          code.length === styleChannels && deviation.length === styleChannels,
      ),
    { path: ['frameloom.styles'], message: 'not the looks of this generator' },
  );

/** The condition of an exported generator: `ConditionLayout`, as its file holds it. */
export type ExportedCondition = z.output<typeof condition>;
