import { createLogger } from '../../src/base/log.js';
import { chooseModel } from '../../src/pipeline/open-model.js';
import { parseQueueAddress } from '../../src/queue/address.js';
import type { OpenedModel } from '../../src/queue/worker-models.js';
import { runWorker, type WorkerOptions, type WorkerSummary } from '../../src/queue/worker.js';
import { createSynthesizer } from '../../src/synthesis/engines/open.js';
import { until } from '../e2e/support.js';
import type { OwnRedis } from './redis.js';

/** A worker that is given up soon. */
const STALL_MS = 1000;

/** What a test that failed would leave to the next one. */
const running = new Set<() => Promise<unknown>>();

/** Ends something when the test does. */
export const atTheEnd = (end: () => Promise<unknown>): void => void running.add(end);

/** Ends all that is left of a test. */
export async function stopAll(): Promise<void> {
  for (const stop of running) await stop().catch(() => undefined);
  running.clear();
}

export interface RunningWorker {
  /** What it logged. */
  readonly lines: string[];
  stop(): Promise<WorkerSummary>;
}

/**
 * A worker in this process.
 * @param local where a model lies that is named by an address
 */
export function startWorker(
  redis: OwnRedis,
  { local, ...more }: Partial<WorkerOptions> & { local?: (place: string) => Promise<string> } = {},
): RunningWorker {
  const lines: string[] = [];
  const stop = new AbortController();
  const open: WorkerOptions['open'] = async ({ place }): Promise<OpenedModel> => {
    const how = { engine: 'onnx', inThisThread: true } as const;
    const chosen = await chooseModel((await local?.(place)) ?? place, how);
    const { model } = chosen;
    return {
      model,
      modelId: () => chosen.fingerprint(),
      open: async () => createSynthesizer(model),
      close: () => model.release(),
    };
  };
  const ended = runWorker({
    address: parseQueueAddress(redis.address),
    ...{ waitMs: 60_000, stallMs: STALL_MS, concurrency: 1, open },
    log: createLogger({ colours: false, write: (line) => lines.push(line.trim()) }),
    signal: stop.signal,
    ...more,
  });
  const stopNow = (): Promise<WorkerSummary> => {
    running.delete(stopNow);
    stop.abort();
    return ended;
  };
  running.add(stopNow);
  ended.catch(() => undefined);
  return { lines, stop: stopNow };
}

/** Waits for a worker's word. */
export const told = ({ lines }: RunningWorker, words: string): Promise<void> =>
  until(() => Promise.resolve(lines.some((line) => line.includes(words))), words);
