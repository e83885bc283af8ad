import { z } from 'zod';

/** Words that say what a column becomes in a mirrored picture; others are names of columns. */
const MIRRORS = ['same', 'negated'] as const;
/** Columns that say which frame a row is of. */
export const ROW_COLUMNS = ['frame', 'time'] as const;
const MOST_COLUMNS = 64;
const MOST_OFFSET = 600;

const mirror = z
  .string()
  .min(1)
  .optional()
  .describe(
    'What the column is in a mirrored picture (data.augment.flip): same, negated (an axis), or the name of the column that it changes places with.',
  );

const key = z.strictObject({
  kind: z.literal('key').describe('0 or 1; held in a frame where any of its rows says 1.'),
  default: z
    .union([z.literal(0), z.literal(1)])
    .default(0)
    .describe('What it is in frames that no row tells of.'),
  mirror,
});

const axis = z
  .strictObject({
    kind: z.literal('axis').describe('A number; the mean of the rows of a frame.'),
    range: z
      .tuple([z.number(), z.number()])
      .default([-1, 1])
      .describe('The numbers of the file that become −1 and 1.'),
    default: z
      .number()
      .min(-1)
      .max(1)
      .default(0)
      .describe('What it is in frames that no row tells of, −1 to 1.'),
    mirror,
  })
  .refine(({ range: [least, most] }) => least < most, {
    path: ['range'],
    message: 'the first number of a range must be below the second',
  });

const column = z.union([
  z.enum(['key', 'axis']).transform((kind) => (kind === 'key' ? key : axis).parse({ kind })),
  z.discriminatedUnion('kind', [key, axis]),
]);
export type ActionColumnOptions = z.output<typeof column>;

const columns = z
  .record(z.string().min(1).max(100), column)
  .refine((all) => Object.keys(all).length >= 1, 'name at least one column')
  .refine(
    (all) => Object.keys(all).length <= MOST_COLUMNS,
    `there is room for ${MOST_COLUMNS} columns`,
  )
  .superRefine((all, context) => {
    const tell = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    for (const [name, own] of Object.entries(all)) {
      if ((ROW_COLUMNS as readonly string[]).includes(name.toLowerCase())) {
        tell([name], `${name} says which frame a row is of, and is no action`);
      }
      if ((MIRRORS as readonly string[]).includes(name)) {
        tell([name], `${name} is a word of mirror: call the column otherwise`);
      }
      const { mirror: as } = own;
      if (as === undefined || as === 'same') continue;
      if (as === 'negated') {
        if (own.kind === 'key') tell([name, 'mirror'], 'a key has no opposite number');
        continue;
      }
      const other = all[as];
      if (!other) tell([name, 'mirror'], `there is no column ${as}`);
      else if (other.kind !== own.kind) tell([name, 'mirror'], `${as} is no ${own.kind}`);
      else if (other.mirror !== name) {
        tell([name, 'mirror'], `${name} becomes ${as}, so ${as} must say mirror: ${name}`);
      }
    }
  })
  .describe(
    'The columns of the file that the generator is told, in this order: key (0 or 1) or axis (−1 to 1) for each name.',
  );

const parts = {
  path: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .describe(
      'The CSV file of each clip: a template with {folder}, {name} and {parent} of the clip, or a list in the order of the clips.',
    ),
  columns,
  offsetFrames: z
    .int()
    .min(-MOST_OFFSET)
    .max(MOST_OFFSET)
    .default(0)
    .describe(
      'Frames that the picture comes after what the file says of it: a row is told that many frames later. check estimates it.',
    ),
};

/** What the player of a game did at each frame, beside the clip: `data.actions`. */
export const actionOptions = z.strictObject(parts);
export type ActionOptions = z.output<typeof actionOptions>;

/** The same in the place of a condition, of a pipeline that has no other. */
export const actionsCondition = z.strictObject({
  kind: z
    .literal('actions')
    .describe('Key presses and axes at each frame, from a CSV file beside each clip.'),
  ...parts,
});

/** Why frames cannot be mirrored beside such actions; nothing where they can. */
export function mirrorProblem({ columns: all }: ActionOptions): string | undefined {
  const [untold] = Object.entries(all).find(([, own]) => own.mirror === undefined) ?? [];
  return untold === undefined
    ? undefined
    : `frames are mirrored, and nothing says what becomes of the column ${untold}: give data.actions.columns.${untold}.mirror, or set flip to false`;
}
