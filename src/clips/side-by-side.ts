import { setMaxListeners } from 'node:events';
import { availableParallelism } from 'node:os';
import { FrameloomError } from '../base/error.js';

/** More readers than this only make a disk seek. */
const MOST_AT_ONCE = 16;

/** Clips that are looked at or read at the same time: each is a process of ffmpeg's or two. */
export const clipsAtOnce = (): number =>
  Math.max(2, Math.min(MOST_AT_ONCE, availableParallelism()));

/**
 * Works on items a few at a time. The first that fails, or the signal, ends the work on the others, and
 * all of it has ended when this settles.
 * @param work is given a signal that ends it
 * @returns what came of each, in the order of the items
 * @throws what the first to fail threw; FrameloomError cancelled
 */
export async function sideBySide<T, R>(
  items: readonly T[],
  work: (item: T, index: number, signal: AbortSignal) => Promise<R>,
  options: { readonly atOnce?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<R[]> {
  const { atOnce = clipsAtOnce(), signal } = options;
  const stop = new AbortController();
  // One for each process at work, which are more than the ten that Node takes for a leak.
  setMaxListeners(0, stop.signal);
  const cancel = (): void => stop.abort();
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  const results = new Array<R>(items.length);
  const failures: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      try {
        if (stop.signal.aborted) throw new FrameloomError('cancelled', 'reading was cancelled');
        results[index] = await work(items[index]!, index, stop.signal);
      } catch (error) {
        failures.push(error);
        cancel();
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
  if (failures.length > 0) throw failures[0];
  return results;
}
