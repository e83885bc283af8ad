import { z } from 'zod';
import { parseBytes } from '../base/units.js';

const gradientCheckpointingOptions = z
  .union([
    z.enum(['off', 'auto']),
    z.strictObject({
      every: z.int().min(1).describe('Frames of the rollout in each recomputed segment.'),
    }),
  ])
  .default('auto')
  .describe(
    'off keeps every activation; {every: k} keeps one state each k frames and recomputes the rest; auto recomputes as little as `memoryBudget` allows.',
  );
const memoryBudgetOptions = z
  .union([
    z.literal('auto'),
    z.int().min(1),
    z.string().transform((value, context) => {
      try {
        return parseBytes(value);
      } catch {
        context.addIssue({ code: 'custom', message: 'expected auto or a size such as 2GiB' });
        return z.NEVER;
      }
    }),
  ])
  .default('auto')
  .describe(
    'Bytes that the tensors of a training step may take, as 2GiB, 512MiB or a number; auto is half of the free memory. `gradientCheckpointing: auto` keeps to it or says what would fit.',
  );

/** The keys of `training` that say how its memory is planned. */
export const memoryOptions = {
  gradientCheckpointing: gradientCheckpointingOptions,
  memoryBudget: memoryBudgetOptions,
};

export interface MemoryOptions {
  readonly gradientCheckpointing: z.output<typeof gradientCheckpointingOptions>;
  readonly memoryBudget: z.output<typeof memoryBudgetOptions>;
}
