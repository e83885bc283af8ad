import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/outputs.js';
import type { FilmProgress } from '../../video/index.js';
import type { SynthesizerState } from '../engines/synthesizer.js';

/** How far a film in parts has come, and what the generator carried when it had made as much. */
export interface FilmState {
  /** Names the very work: model, input, settings. */
  readonly job: string;
  readonly progress: FilmProgress;
  /** Null where all frames are made. */
  readonly synthesizer: SynthesizerState | null;
}

/** A first line that is no other's, so that what is no state is known at once. */
const MAGIC = 'frameloom film state 1\n';

const count = z.int().min(0);
/** How far a film in segments has come, as a file holds it. */
export const progressSchema = z.object({
  segments: z.array(
    z.object({
      // Only names of ours: nothing here leads out of the folder.
      name: z.string().regex(/^\d{5,}\.[a-z0-9]+$/),
      bytes: count,
      frames: count,
      firstTick: count,
    }),
  ),
  frames: count,
  times: z.object({
    ...{ count, tick: count, seconds: z.number(), furthestSeconds: z.number() },
    ...{ origin: z.number().nullable(), time: z.number().nullable() },
  }),
  isComplete: z.boolean(),
}) satisfies z.ZodType<FilmProgress>;

const headSchema = z.object({
  job: z.string(),
  progress: progressSchema,
  synthesizer: z
    .object({
      ...{ seed: z.number(), index: count },
      history: count.nullable(),
      conditions: count.nullable(),
      actions: count.nullable().optional(),
    })
    .nullable(),
});

const bytesOf = (numbers: Float32Array | null): Uint8Array =>
  numbers
    ? new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
    : new Uint8Array();

/**
 * Writes a state: a line that says what it is, one of JSON, and the numbers as they are.
 * @throws FrameloomError disk-full, write-failed
 */
export async function writeFilmState(path: string, state: FilmState): Promise<void> {
  const { job, progress, synthesizer } = state;
  const head = {
    ...{ job, progress },
    synthesizer: synthesizer && {
      ...{ seed: synthesizer.seed, index: synthesizer.index },
      history: synthesizer.history?.length ?? null,
      conditions: synthesizer.conditions?.length ?? null,
      ...(synthesizer.actions && { actions: synthesizer.actions.length }),
    },
  };
  await writeFileAtomic(
    path,
    Buffer.concat([
      Buffer.from(`${MAGIC}${JSON.stringify(head)}\n`),
      bytesOf(synthesizer?.history ?? null),
      bytesOf(synthesizer?.conditions ?? null),
      bytesOf(synthesizer?.actions ?? null),
    ]),
  );
}

/** @returns null where there is none, or what is there is none */
export async function readFilmState(path: string): Promise<FilmState | null> {
  const bytes = await readFile(path).catch(() => null);
  if (bytes?.toString('latin1', 0, MAGIC.length) !== MAGIC) return null;
  const end = bytes.indexOf('\n', MAGIC.length);
  const head = headSchema.safeParse(parse(bytes.toString('utf8', MAGIC.length, end))).data;
  if (!head) return null;
  const { job, progress, synthesizer } = head;
  if (!synthesizer) return { job, progress, synthesizer };
  let at = end + 1;
  const take = (length: number | null): Float32Array | null => {
    if (length === null) return null;
    // A copy: the numbers begin anywhere in the file, and may only at a multiple of four.
    const own = Uint8Array.from(bytes.subarray(at, at + 4 * length));
    at += 4 * length;
    return new Float32Array(own.buffer, 0, own.length >> 2);
  };
  const history = take(synthesizer.history);
  const conditions = take(synthesizer.conditions);
  const actions = take(synthesizer.actions ?? null);
  if (at !== bytes.length) return null;
  return {
    ...{ job, progress },
    synthesizer: {
      ...synthesizer,
      history,
      conditions,
      ...(actions ? { actions } : { actions: null }),
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
