import { FrameloomError } from '../../../base/error.js';
import { counted } from '../../../base/units.js';
import type { Device } from '../../../export/runtime.js';
import { parseQueueAddress } from '../../../queue/address.js';
import { localModel } from '../../../queue/store/model-cache.js';
import type { OpenModel } from '../../../queue/worker-models.js';
import { runWorker, type WorkerSummary } from '../../../queue/worker.js';
import { openEngine } from '../../engine/engine.js';
import type { Context } from '../../terminal/context.js';
import { EXIT } from '../../terminal/exit-code.js';
import { QUEUE_WAIT_SECONDS } from '../generate/queued.js';

export interface WorkerFlags {
  queue?: string;
  queueWait?: number;
  concurrency?: number;
  root?: string[];
  stallAfter?: number;
  untilEmpty?: boolean;
  device?: Device;
  threads?: number;
  trustFilters?: boolean;
}

const STALL_SECONDS = 30;

const words = ({ made, passedOver, failed, handedBack }: WorkerSummary): string =>
  `${counted(made, 'video')} made, ${passedOver} there already, ${failed} failed, ${handedBack} handed back`;

/**
 * Works for a queue until it is stopped.
 * @throws FrameloomError bad-option without a queue; as runWorker
 */
export async function work(flags: WorkerFlags, context: Context): Promise<number> {
  const { log, signal, terminal } = context;
  if (flags.queue === undefined) {
    throw new FrameloomError('bad-option', 'the queue is missing', {
      hint: 'such as --queue redis://host:6379',
    });
  }
  const { device, threads, trustFilters, concurrency = 1, root, untilEmpty } = flags;
  const open: OpenModel = async ({ place, snapshot, engine, outputSize, style, styleSeed }) =>
    openEngine(
      await localModel(place),
      {
        ...(snapshot !== undefined && { snapshot }),
        ...(engine && { engine }),
        ...(outputSize && { outputSize }),
        ...(style !== undefined && { style }),
        ...(styleSeed !== undefined && { styleSeed }),
        ...(device && { device }),
        ...(threads !== undefined && { threads }),
      },
      context,
    );
  const summary = await runWorker({
    address: parseQueueAddress(flags.queue),
    waitMs: (flags.queueWait ?? QUEUE_WAIT_SECONDS) * 1000,
    stallMs: (flags.stallAfter ?? STALL_SECONDS) * 1000,
    roots: root,
    ...{ concurrency, untilEmpty, trustFilters, threads, open, log, signal },
  });
  if (signal.aborted)
    throw new FrameloomError('cancelled', `stopped as you asked: ${words(summary)}`);
  terminal.out(`${words(summary)}\n`);
  return EXIT.ok;
}
