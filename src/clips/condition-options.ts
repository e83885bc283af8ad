import { z } from 'zod';
import { actionsCondition } from './action-options.js';
import { idTable } from './label-ids.js';

const channelLevel = z.int().min(0).max(255);

/** Colours of a label video, by name; the order of the names is the order of the channels. */
export const paletteOptions = z
  .record(z.string().min(1), z.tuple([channelLevel, channelLevel, channelLevel]))
  .refine((palette) => Object.keys(palette).length >= 1, 'a palette needs at least one colour')
  .refine((palette) => Object.keys(palette).length <= 256, 'a palette holds at most 256 colours')
  .superRefine((palette, context) => {
    const seen = new Map<string, string>();
    for (const [name, colour] of Object.entries(palette)) {
      const other = seen.get(colour.join());
      if (other !== undefined) {
        context.addIssue({
          code: 'custom',
          message: `${name} and ${other} have the same colour [${colour.join(', ')}]`,
        });
      }
      seen.set(colour.join(), name);
    }
  });
export type Palette = z.output<typeof paletteOptions>;

const none = z.strictObject({
  kind: z.literal('none').describe('No condition: the next frame from the last ones and noise.'),
});

const derivedKind = {
  kind: z.literal('derived').describe('Made from the frames themselves by an ffmpeg filtergraph.'),
};

const edges = z
  .strictObject({
    ...derivedKind,
    preset: z.literal('edges').describe('Outlines (Canny), one channel.'),
    low: z.number().min(0).max(1).default(0.05).describe('Weakest edge kept beside a strong one.'),
    high: z.number().min(0).max(1).default(0.15).describe('Weakest edge that is kept alone.'),
  })
  .refine(({ low, high }) => low <= high, { path: ['low'], message: 'low must not be above high' });

const picture = z.strictObject({
  ...derivedKind,
  preset: z
    .literal('picture')
    .describe('The frame itself, three channels: what keyframes were painted over.'),
});

const grey = z.strictObject({
  ...derivedKind,
  preset: z.literal('grey').describe('Brightness only, one channel: learns to colour.'),
});

const blur = z.strictObject({
  ...derivedKind,
  preset: z.literal('blur').describe('The frame out of focus, three channels.'),
  sigmaPixels: z
    .number()
    .positive()
    .max(256)
    .default(4)
    .describe('Standard deviation of the blur in pixels of the frame.'),
});

const lowResolution = z.strictObject({
  ...derivedKind,
  preset: z.literal('low-resolution').describe('The frame made small: learns to enlarge.'),
  factor: z
    .int()
    .min(2)
    .max(16)
    .default(4)
    .describe('How many times smaller each side is before it is enlarged again.'),
});

const custom = z.strictObject({
  ...derivedKind,
  preset: z.literal('custom').optional().describe('May be left out beside filtergraph.'),
  filtergraph: z
    .string()
    .min(1)
    .describe('ffmpeg filters from the frame to the condition, one frame in, one frame out.'),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .default(3)
    .describe('1 for grey, 3 for colour.'),
});

const pairedPath = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .describe(
    'The condition of each clip: a template with {folder}, {name} and {parent} of the clip, a folder or glob of the same names, or a list in the order of the clips.',
  );

const pairedKind = {
  kind: z.literal('paired').describe('A second video or image sequence, frame for frame.'),
  path: pairedPath,
};

const labelId = z.int().min(0).max(65_535);
const labelIds = z.union([
  labelId,
  z.string().regex(/^\d{1,5}-\d{1,5}$/, 'an id, or a range such as 24-33'),
]);
const colour = z.tuple([channelLevel, channelLevel, channelLevel]);
const NO_ID = 'is no id of a map, such as 7 or 24-33, from 0 to 65535';
const remapTarget = z.union([z.int().min(-1).max(65_535), z.literal('ignore'), z.null()]);

/** Everything in `ignore` as a list: of three numbers beside a palette, one colour. */
export const ignoredOf = (
  ignore: z.output<typeof ignoredLabels> | undefined,
  isPalette: boolean,
): (number | string | readonly [number, number, number])[] => {
  if (ignore === undefined) return [];
  if (!Array.isArray(ignore)) return [ignore];
  const isColour = ignore.length === 3 && ignore.every((level) => typeof level === 'number');
  return isPalette && isColour ? [ignore as [number, number, number]] : [...ignore];
};

const ignoredLabels = z.union([labelIds, z.array(z.union([labelIds, colour])).min(1)]);

const pairedLabels = z
  .strictObject({
    ...pairedKind,
    content: z.literal('labels').describe('Label maps: one channel for each class, 0 or 1.'),
    palette: z
      .union([z.string().min(1), paletteOptions])
      .optional()
      .describe('Colour of each class: a map of name to [red, green, blue], or a JSON/YAML file.'),
    classes: z
      .int()
      .min(1)
      .max(256)
      .optional()
      .describe('Number of classes where the maps hold the ids 0, 1, 2 … as grey levels.'),
    ignore: ignoredLabels
      .optional()
      .describe(
        'Labels that count for nothing, such as 255 or [255, 0-6]: ids and ranges, or colours beside a palette. Such a pixel is 0 in the channels of all classes.',
      ),
    remap: z
      .union([
        z.array(remapTarget).min(1),
        z.record(z.string().regex(/^\d{1,5}(-\d{1,5})?$/, NO_ID), remapTarget),
      ])
      .optional()
      .describe(
        'Ids of the maps as classes: a list by id, or a map such as {7: 0, 24-25: 11, 4: ignore}. Ids that it does not name are an error unless they are ignored.',
      ),
    divideIdsBy: z
      .int()
      .min(2)
      .max(65_535)
      .optional()
      .describe('Of maps that hold class · N + instance, as 16-bit maps often do: N.'),
    toleranceLevels: z
      .int()
      .min(0)
      .max(64)
      .default(0)
      .describe(
        'Levels of 255 that a colour may be off in any channel and still count, for maps that were stored with loss.',
      ),
  })
  .refine((labels) => (labels.palette === undefined) !== (labels.classes === undefined), {
    path: ['palette'],
    message: 'give either a palette (colour maps) or classes (maps of ids)',
  })
  .superRefine(({ palette, classes, ignore, remap, divideIdsBy }, context) => {
    const tell = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message });
    const ignored = ignoredOf(ignore, palette !== undefined);
    const isColour = (one: (typeof ignored)[number]): boolean => typeof one === 'object';
    if (palette !== undefined) {
      if (remap !== undefined) tell('remap', 'remap is of maps of ids: give classes');
      if (divideIdsBy !== undefined)
        tell('divideIdsBy', 'divideIdsBy is of maps of ids: give classes');
      if (!ignored.every(isColour)) {
        tell('ignore', 'beside a palette, ignore names colours such as [[0, 0, 0]]');
      }
      return;
    }
    if (ignored.some(isColour)) {
      tell('ignore', 'beside classes, ignore names ids such as 255');
    } else if (classes !== undefined && context.issues.length === 0) {
      const ids = ignored as (number | string)[];
      const { problems } = idTable({ classes, ignore: ids, remap, divideIdsBy });
      for (const problem of problems) tell(remap === undefined ? 'ignore' : 'remap', problem);
    }
  });

const pairedImage = z.strictObject({
  ...pairedKind,
  content: z.literal('image').describe('Pictures, three channels in [-1, 1].'),
});

const pictured = [
  none,
  z.discriminatedUnion('preset', [edges, picture, grey, blur, lowResolution, custom]),
  z.discriminatedUnion('content', [pairedLabels, pairedImage]),
] as const;
const fullCondition = z.discriminatedUnion('kind', pictured);

/** Short forms, each the preset with its usual parameters. */
const shortCondition = z
  .enum(['none', 'edges', 'picture', 'grey', 'blur', 'low-resolution'])
  .transform((word) =>
    fullCondition.parse(word === 'none' ? { kind: word } : { kind: 'derived', preset: word }),
  );

const EDGES = { kind: 'derived', preset: 'edges', low: 0.05, high: 0.15 } as const;
const words = (kinds: string) => ({
  error: ({ input }: { readonly input?: unknown }) =>
    typeof input === 'string'
      ? `"${input}" is not a condition: use none, edges, picture, grey, blur or low-resolution, or a map with kind: ${kinds}`
      : undefined,
});

export const conditionOptions = z
  .union([shortCondition, fullCondition], words('derived or paired'))
  .default(EDGES);

/**
 * A condition as `data` may say it: with actions in its place, where there is no other. They are moved to
 * `data.actions`, where all actions stand.
 */
export const writtenCondition = z
  .union(
    [shortCondition, z.discriminatedUnion('kind', [...pictured, actionsCondition])],
    words('derived, paired or actions'),
  )
  .default(EDGES);

export type ConditionOptions = z.output<typeof conditionOptions>;
export type ConditionKind = ConditionOptions['kind'];
export type DerivedOptions = Extract<ConditionOptions, { kind: 'derived' }>;
export type PairedOptions = Extract<ConditionOptions, { kind: 'paired' }>;
