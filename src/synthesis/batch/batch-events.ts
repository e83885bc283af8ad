import type { AnyModel } from '../models/model.js';
import { runBatch, type BatchEvent, type BatchOptions, type BatchSummary } from './batch.js';
import type { BatchJob } from './template.js';

/**
 * `runBatch` as an async iterable of what happens to its jobs; what it returns in the end is the summary.
 * Leaving the loop cancels the batch. Of the frames of a job only the last one is told to who takes
 * his time.
 * @throws FrameloomError as runBatch
 */
export async function* batchEvents(
  model: AnyModel,
  jobs: readonly BatchJob[],
  options: Omit<BatchOptions, 'onEvent'> = {},
): AsyncGenerator<BatchEvent, BatchSummary, undefined> {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const waiting: BatchEvent[] = [];
  let wake: (() => void) | undefined;
  const onEvent = (event: BatchEvent): void => {
    const last = waiting.findLastIndex(({ job }) => job === event.job);
    if (event.kind === 'frame' && waiting[last]?.kind === 'frame') waiting[last] = event;
    else waiting.push(event);
    wake?.();
  };
  const state = { ended: false };
  const batch = runBatch(model, jobs, { ...options, signal, onEvent }).finally(() => {
    state.ended = true;
    wake?.();
  });
  // Told where it is awaited.
  batch.catch(() => undefined);
  try {
    for (;;) {
      for (let event = waiting.shift(); event; event = waiting.shift()) yield event;
      if (state.ended) return await batch;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    stop.abort();
    await batch.catch(() => undefined);
  }
}
