import { z } from 'zod';

export const fingerprintSchema = z.object({
  bytes: z.int().nonnegative(),
  modifiedMs: z.number(),
  sha256: z.string().length(64),
});

export const entrySchema = z.object({
  /** Relative to the manifest's folder, with `/`. */
  output: z.string(),
  /** Steps that the generator was trained, and all of it as a hash. */
  model: z.object({ step: z.int(), sha256: z.string() }),
  /** Everything else that decides what is made. */
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  input: z.object({ path: z.string(), ...fingerprintSchema.shape }),
  made: fingerprintSchema,
  frames: z.int(),
  durationSeconds: z.number(),
});

/** A video that was made: of what, by what, and what came of it. */
export type ManifestEntry = z.output<typeof entrySchema>;
