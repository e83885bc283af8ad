import { z } from 'zod';

const schema = z.record(z.string(), z.strictObject({ sum: z.number(), count: z.int() }));

/** Sums by name, as a snapshot keeps them. */
export type SavedAverages = z.output<typeof schema>;

/**
 * Means of what the steps since the last line of the log have given. One step of one window says little:
 * the same term is several times larger or smaller on the next.
 */
export interface Averages {
  /** Adds a step's numbers; those that are not finite count for nothing. */
  add(values: Readonly<Record<string, number>>): void;
  /** The mean of each name over the steps that had it, and begins anew. */
  take(): Record<string, number>;
  /** What is summed up so far, so that a training that is resumed writes the same line. */
  saved(): SavedAverages;
}

/** @param saved what a snapshot kept, if anything */
export function createAverages(saved?: unknown): Averages {
  const parsed = schema.safeParse(saved);
  let sums = new Map(Object.entries(parsed.success ? parsed.data : {}));
  return {
    add(values) {
      for (const [name, value] of Object.entries(values)) {
        if (!Number.isFinite(value)) continue;
        const { sum, count } = sums.get(name) ?? { sum: 0, count: 0 };
        sums.set(name, { sum: sum + value, count: count + 1 });
      }
    },
    take() {
      const means = [...sums].map(([name, { sum, count }]) => [name, sum / count] as const);
      sums = new Map();
      return Object.fromEntries(means);
    },
    saved: () => Object.fromEntries(sums),
  };
}
