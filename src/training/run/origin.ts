import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { FrameloomError, messageOf } from '../../base/error.js';
import { writeError, writeFileAtomic } from '../../base/outputs.js';
import type { ConditionLayout, ConditionOptions } from '../../clips/index.js';
import {
  frameDiscriminatorOptions,
  generatorOptions,
  sequenceDiscriminatorOptions,
  type GeneratorOptions,
} from '../../networks/options.js';
import { decodeSafetensors, encodeSafetensors } from './safetensors.js';
import type { SnapshotTensors } from './snapshot-store.js';

/** Where a run keeps it. */
interface OriginPaths {
  readonly origin: string;
  readonly originTensors: string;
}

/** Of a condition, what decides whether another generator's means the same. */
const conditionSchema = z.strictObject({
  kind: z.enum(['none', 'derived', 'paired']),
  content: z.enum(['none', 'image', 'labels']),
  channels: z.int().min(0),
  /** Of labels whose classes have names. */
  classNames: z.array(z.string()).readonly(),
  /** Of one that is derived: the preset; null for a filtergraph of somebody's own. */
  preset: z.string().nullable(),
  /** What is told at each frame besides, in its order; left out of a generator that is told nothing. */
  actions: z.array(z.string()).readonly().optional(),
});
export type OriginCondition = z.output<typeof conditionSchema>;

const describedSchema = z.strictObject({
  /** A run, or a generator that was exported. */
  kind: z.enum(['run', 'export']),
  /** Where it was then. */
  place: z.string(),
  /** The pipeline that it was trained by. */
  pipeline: z.string(),
  /** Steps its weights were trained. */
  step: z.int().min(0),
  /** Names the weights of the generator. */
  weights: z.string(),
  precision: z.enum(['float32', 'float16']),
  generator: generatorOptions,
  condition: conditionSchema,
  /** A run's, which come along with the generator; null of an exported file. */
  judges: z
    .strictObject({ frame: frameDiscriminatorOptions, sequence: sequenceDiscriminatorOptions })
    .nullable(),
});
const fileSchema = z.strictObject({
  format: z.literal(1),
  /** Of the weights. */
  sha256: z.string(),
  from: describedSchema,
});

/** What a training starts from, without its weights. */
export type OriginDescription = z.output<typeof describedSchema>;

/** A trained generator that a new training starts from. */
export interface Origin extends OriginDescription {
  /** Named as a snapshot names them: `average.…`, and of a run `discriminators.…` and `spectral`. */
  readonly tensors: SnapshotTensors;
}

export const originCondition = (
  options: ConditionOptions,
  { kind, content, channels, classNames, actions }: ConditionLayout,
): OriginCondition => ({
  ...{ kind, content, channels, classNames },
  ...(actions && { actions: actions.map((column) => `${column.name}, ${column.kind}`) }),
  preset: options.kind === 'derived' && 'preset' in options ? (options.preset ?? null) : null,
});

/** `generator.preset is "small" here, and runs/00001-x was trained with "tiny"` */
const contradiction = (key: string, own: unknown, theirs: unknown, place: string) => {
  const said = (value: unknown): string =>
    value === undefined ? 'not set' : JSON.stringify(value);
  const value = theirs === undefined ? '' : `, or set it alike: --set ${key}=${said(theirs)}`;
  return new FrameloomError(
    'bad-option',
    `${key} is ${said(own)} here, and ${place} was trained with ${said(theirs)}`,
    { path: key, hint: `leave it out, it is taken from there${value}` },
  );
};

/** One that is told looks may begin as one that was not: what it has more begins anew. */
const mayDiffer = (key: string, theirs: unknown): boolean =>
  key === 'styleChannels' && theirs === 0;

/**
 * Refuses a generator of other settings than the origin's.
 * @throws FrameloomError bad-option, naming the key
 */
export function assertSameGenerator(own: GeneratorOptions, origin: Origin): void {
  const theirs: Readonly<Record<string, unknown>> = origin.generator;
  const here: Readonly<Record<string, unknown>> = own;
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(here)])) {
    if (JSON.stringify(theirs[key]) === JSON.stringify(here[key])) continue;
    if (mayDiffer(key, theirs[key])) continue;
    throw contradiction(`generator.${key}`, here[key], theirs[key], origin.place);
  }
}

/**
 * Keeps what a run starts from in the run, whole, so that the source is never needed again. What one that died while it
 * wrote this left there is replaced.
 * @throws FrameloomError disk-full, write-failed
 */
export async function writeOrigin(
  { origin, originTensors }: OriginPaths,
  { tensors, ...described }: Origin,
): Promise<void> {
  const pieces = encodeSafetensors(tensors);
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  await writeFileAtomic(originTensors, pieces);
  const file = { format: 1, sha256: hash.digest('hex'), from: described };
  await writeFileAtomic(origin, `${JSON.stringify(file, null, 1)}\n`);
}

/**
 * Takes away what one left that died before its run had begun.
 * @throws FrameloomError write-failed
 */
export async function removeOrigin({ origin, originTensors }: OriginPaths): Promise<void> {
  for (const path of [origin, originTensors]) {
    await rm(path, { force: true }).catch((error: unknown) => {
      throw writeError(path, error);
    });
  }
}

const damaged = (path: string, why: string, cause?: unknown): FrameloomError =>
  new FrameloomError('bad-snapshot', `what the run started from, ${path}, ${why}`, {
    ...{ path, cause },
    hint: 'start a new run by --from',
  });

/**
 * What a run started from, without reading weights; null where it started from nothing.
 * @throws FrameloomError bad-snapshot
 */
export async function describeOrigin(
  paths: Pick<OriginPaths, 'origin'>,
): Promise<OriginDescription | null> {
  return (await readDescription(paths))?.described ?? null;
}

async function readDescription({ origin: path }: Pick<OriginPaths, 'origin'>) {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw damaged(path, `cannot be read: ${messageOf(error)}`, error);
  }
  try {
    const { from: described, sha256 } = fileSchema.parse(JSON.parse(text));
    return { described, sha256 };
  } catch (error) {
    throw damaged(path, `is not what was written: ${messageOf(error)}`, error);
  }
}

/**
 * What a run started from; null where it started from nothing.
 * @throws FrameloomError bad-snapshot
 */
export async function readOrigin(paths: OriginPaths): Promise<Origin | null> {
  const read = await readDescription(paths);
  if (!read) return null;
  const { originTensors: path } = paths;
  const bytes = await readFile(path).catch((error: unknown) => {
    throw damaged(path, `cannot be read: ${messageOf(error)}`, error);
  });
  if (createHash('sha256').update(bytes).digest('hex') !== read.sha256) {
    throw damaged(path, 'has changed since it was written');
  }
  const tensors = Object.entries(decodeSafetensors(bytes, path).tensors).map(
    ([name, { shape, data }]) => {
      if (!(data instanceof Float32Array)) throw damaged(path, `has ${name} of another type`);
      return [name, { shape, data }] as const;
    },
  );
  return { ...read.described, tensors: Object.fromEntries(tensors) };
}
