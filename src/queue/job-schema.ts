import { createHash } from 'node:crypto';
import { z } from 'zod';
import { FrameloomError, isFrameloomError, messageOf, type ErrorCode } from '../base/error.js';
import { entrySchema } from '../synthesis/batch/manifest-entry.js';
import type { JobSettings } from '../synthesis/batch/job.js';

/** Counts up when an older worker could not read what a newer submitter writes. */
export const JOB_FORMAT = 1;

const text = z.string();
const rate = z.strictObject({ num: z.number(), den: z.number() });

/** Of how a video is made, what travels with its job; the rest is the worker's own. */
const settingsSchema = z.strictObject({
  startFrames: z.int().optional(),
  actions: text.optional(),
  startSeconds: z.number().optional(),
  durationSeconds: z.number().optional(),
  raw: z
    .strictObject({
      width: z.int(),
      height: z.int(),
      fps: z.union([rate, z.number(), text]),
      pixelFormat: text.optional(),
    })
    .optional(),
  sequenceFps: rate.optional(),
  fps: rate.optional(),
  colour: z
    .strictObject({ colourMatrix: text.optional(), colourRange: text.optional() })
    .optional(),
  onDamage: z.enum(['warn', 'error']).optional(),
  format: text.optional(),
  outputPixelFormat: text.optional(),
  codec: text.optional(),
  crf: z.number().optional(),
  quality: z.number().optional(),
  preset: text.optional(),
  overwrite: z.boolean().optional(),
  sideBySide: z.boolean().optional(),
  audio: z.boolean().optional(),
  carry: z
    .strictObject({
      subtitles: z.boolean().optional(),
      chapters: z.boolean().optional(),
      metadata: z.boolean().optional(),
    })
    .optional(),
  segmentFrames: z.int().optional(),
  baseFolder: text.optional(),
});

/** What the worker decides: its processor, its trust, and what is heard of it. `reads` was looked at when it was queued. */
type Own = 'threads' | 'trustFilters' | 'log' | 'signal' | 'reads';
type Travelling = Omit<JobSettings, Own>;

/** A setting that did not travel would be ignored in silence: then this does not compile. */
type Missing = Exclude<keyof Travelling, keyof z.output<typeof settingsSchema>>;
type Complete = [Missing] extends [never] ? z.output<typeof settingsSchema> : Missing;

/** @returns the part of the settings that a job carries */
export function travelling(settings: Travelling): Complete {
  // By way of JSON, as it travels: what is undefined is left out.
  return settingsSchema.parse(JSON.parse(JSON.stringify(settings)));
}

/** How a model is opened, wherever it is. */
export const modelSchema = z.strictObject({
  /** A path that all machines have, or an address. */
  place: text,
  /** `modelFingerprint`: a worker that finds another one there makes nothing. */
  sha256: z.string().length(64),
  step: z.int(),
  snapshot: z.union([z.literal('latest'), z.literal('best'), z.int()]).optional(),
  engine: z.enum(['auto', 'onnx', 'tensorflow']).optional(),
  outputSize: z.strictObject({ width: z.int(), height: z.int() }).optional(),
  style: text.optional(),
  styleSeed: z.int().optional(),
});
export type QueuedModel = z.output<typeof modelSchema>;

/** One video to make, as it lies in the queue. Paths are absolute, or addresses of a store. */
export const jobSchema = z.strictObject({
  format: z.literal(JOB_FORMAT),
  /** Of the program that queued it. */
  version: text,
  model: modelSchema,
  input: z.strictObject({
    path: text,
    /** As the user wrote it, and the manifest says it. */
    name: text,
    /** Of what lay there when it was queued: the hash of a file, the etag of an object. */
    identity: text,
  }),
  output: text,
  /** Where the manifest lies. */
  folder: text,
  index: z.int(),
  seed: z.int(),
  settings: settingsSchema,
});
export type QueuedJob = z.output<typeof jobSchema>;

/** What a worker says of a job that is done. */
export const resultSchema = z.object({
  kind: z.enum(['made', 'kept']),
  entry: entrySchema.nullable(),
  seconds: z.number(),
  worker: text,
});
export type JobResult = z.output<typeof resultSchema>;

/** What a worker says of a job that it is at, or cannot take. */
export const progressSchema = z.union([
  z.object({ done: z.int(), total: z.int().nullable() }),
  z.object({ refused: text }),
]);

/**
 * What a job is called: the same for the same work wherever it is submitted from and however often, so that it
 * is queued once.
 */
export const jobId = (job: QueuedJob): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        ...[job.model.sha256, job.input.identity, job.output, job.folder, job.seed],
        job.settings,
      ]),
    )
    .digest('hex')
    .slice(0, 40);

const failureSchema = z.object({
  code: text,
  message: text,
  hint: text.optional(),
  path: text.optional(),
});

/** An error as text for the queue, which keeps nothing else of it. */
export function failureText(error: unknown): string {
  if (!isFrameloomError(error)) return JSON.stringify({ code: 'queue', message: messageOf(error) });
  const { code, message, hint, path } = error;
  return JSON.stringify({ code, message, hint, path });
}

/** What BullMQ says of a job whose workers died again and again. */
const STALLED = 'stalled more than allowable limit';

/** The error that a job failed by. */
export function failureOf(reason: string, output: string): FrameloomError {
  if (reason.includes(STALLED)) {
    return new FrameloomError('queue', `${output}: one worker after another died over it`, {
      path: output,
      hint: 'too little memory for it, perhaps: make it alone, without --queue, and see',
    });
  }
  const parsed = failureSchema.safeParse(jsonOf(reason)).data;
  if (!parsed) return new FrameloomError('queue', reason, { path: output });
  const { code, message, hint, path } = parsed;
  return new FrameloomError(code as ErrorCode, message, {
    ...(hint !== undefined && { hint }),
    ...(path !== undefined && { path }),
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What is wrong with the work itself, and will be at every attempt; all else may be the machine's doing. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['bad-option', 'bad-pipeline', 'bad-input', 'bad-shape', 'bad-data'] as const),
  ...(['exists', 'bad-snapshot', 'untrusted', 'bad-call'] as const),
]);

/** Whether another attempt, perhaps on another machine, may end otherwise. */
export const mayPass = (error: unknown): boolean =>
  !isFrameloomError(error) || !FINAL.has(error.code);
