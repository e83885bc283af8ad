import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseQueueAddress } from '../../../queue/address.js';
import { isStoreAddress } from '../../../queue/store/address.js';
import { localModel } from '../../../queue/store/model-cache.js';
import { submitBatch, type SubmitOptions } from '../../../queue/submit.js';
import type { EngineFlags } from '../../engine/flags.js';
import type { QueueFlags } from './queue-flags.js';

/** Seconds that a queue which cannot be reached is waited for. */
export const QUEUE_WAIT_SECONDS = 300;

/** What of a batch only a queue is told. */
export type Queued = Pick<SubmitOptions, 'address' | 'waitMs' | 'model' | 'priority' | 'detach'>;

/**
 * What the flags say of the queue.
 * @param place the model, as it is opened here
 * @param step of its snapshot: a later one may be there when a worker opens it
 * @throws FrameloomError bad-option
 */
export function queuedBy(
  place: string,
  step: number,
  flags: QueueFlags & EngineFlags & { readonly queue: string },
): Queued {
  const { engine, outputSize, style, styleSeed, priority, detach } = flags;
  const isFile = /\.onnx$/i.test(place);
  return {
    address: parseQueueAddress(flags.queue),
    waitMs: (flags.queueWait ?? QUEUE_WAIT_SECONDS) * 1000,
    model: {
      place: isStoreAddress(place) ? place : resolve(place),
      ...(!isFile && { snapshot: step }),
      ...(engine !== undefined && { engine }),
      ...(outputSize && { outputSize }),
      ...(style !== undefined && { style: existsSync(style) ? resolve(style) : style }),
      ...(styleSeed !== undefined && { styleSeed }),
    },
    ...(priority && { priority }),
    ...(detach && { detach }),
  };
}

export { localModel, submitBatch };
