import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { classColoursOf } from '../../clips/class-colours.js';
import { conditionLayout } from '../../clips/condition-plan.js';
import { portablePipeline } from '../../export/portable.js';
import { isExported, dataOf, memoryOf, type AnyModel } from '../models/model.js';
import { DATASET_FORMATS, type DatasetFormat } from './names.js';
import { PARTS, type Part } from './parts.js';

const count = z.int().nonnegative();
const level = z.int().min(0).max(255);
const part = z.enum(PARTS);
const written = z.object({ files: count, bytes: count });

/** What is true of all of a data set: whoever adds to it has to bring the same. */
export const headSchema = z.object({
  kind: z.literal('frameloom-dataset'),
  version: z.literal(1),
  format: z.enum(DATASET_FORMATS),
  /** What made the frames. */
  model: z.object({
    /** Of weights, network and rule for conditions. */
    sha256: z.string(),
    /** Steps that it was trained. */
    step: count,
    engine: z.string(),
  }),
  /** The rule for conditions, and what the generator remembers. Paths are names only. */
  pipeline: z.looseObject({ data: z.unknown(), generator: z.unknown() }),
  width: count,
  height: count,
  parts: z.array(part),
  condition: z.object({
    content: z.enum(['none', 'image', 'labels']),
    channels: count,
    /** Of labels: what the ids mean. */
    classes: z.array(
      z.object({
        id: count,
        name: z.string(),
        colour: z.array(level).length(3),
      }),
    ),
  }),
  /** Everything else that decides what is made. */
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});
export type DatasetHead = z.output<typeof headSchema>;

const file = z.object({
  ...{ path: z.string(), bytes: count, modifiedMs: z.number(), sha256: z.string() },
});

/** A sequence that is in its place: `sequences/NAME.json`. */
export const recordSchema = z.object({
  name: z.string(),
  input: file,
  /** The file of what is done in it, where the generator is told that and it is known. */
  actions: file.optional(),
  seed: count,
  frames: count,
  /** Of them, real ones at the front that the generator went on from. */
  realFrames: count,
  /** Number of the first frame that has flow and mask, from 1; null where none has. */
  flowFrom: count.nullable(),
  /** The nominal rate, as 25/1. */
  fps: z.string(),
  /** When each frame is shown, seconds after the first, where that is not by the rate. */
  timesSeconds: z.array(z.number()).nullable(),
  parts: z.partialRecord(part, written),
  shards: z.array(z.object({ path: z.string(), samples: count, bytes: count, sha256: z.string() })),
  /** The list of hashes, for `sha256sum -c`. */
  checksums: z.string(),
});
export type SequenceRecord = z.output<typeof recordSchema>;

const PAGE = 2;
export const toText = (value: unknown): string => `${JSON.stringify(value, null, PAGE)}\n`;

/** What is in a JSON file by a schema; undefined of nothing, and of something else. */
export async function readJson<S extends z.ZodType>(
  path: string,
  schema: S,
): Promise<z.output<S> | undefined> {
  try {
    return schema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

export interface HeadOptions {
  readonly format: DatasetFormat;
  readonly parts: readonly Part[];
  readonly modelId: string;
  readonly baseFolder: string;
  readonly settings: DatasetHead['settings'];
}

/** @throws FrameloomError not-found, bad-data of a palette */
export async function headOf(model: AnyModel, options: HeadOptions): Promise<DatasetHead> {
  const { format, parts, modelId, baseFolder, settings } = options;
  const data = dataOf(model);
  const layout = await conditionLayout(data, baseFolder);
  const colours = classColoursOf(layout);
  const { size, fit, fps, deinterlace, condition, actions } = (
    await portablePipeline({ data }, baseFolder)
  ).data;
  const { historyFrames, conditionFrames, noiseChannels } = memoryOf(model);
  const head = {
    kind: 'frameloom-dataset' as const,
    version: 1 as const,
    format,
    model: {
      sha256: modelId,
      step: model.step,
      engine: isExported(model) ? `onnx ${model.device}` : 'tensorflow',
    },
    pipeline: {
      data: { size, fit, fps: fps ?? null, deinterlace, condition, ...(actions && { actions }) },
      generator: { historyFrames, conditionFrames, noiseChannels },
    },
    ...size,
    parts: [...parts],
    condition: {
      content: layout.content,
      channels: layout.channels,
      classes: layout.classNames.map((name, id) => ({ id, name, colour: [...colours[id]!] })),
    },
    settings,
  };
  // As it comes back from the disk, to be held against it.
  return headSchema.parse(JSON.parse(JSON.stringify(head)));
}
