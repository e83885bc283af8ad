import type * as bullmq from 'bullmq';
import type * as ioredis from 'ioredis';
import { FrameloomError, messageOf } from '../base/error.js';

export type { Job, Queue, QueueEvents, Worker } from 'bullmq';
export type { Redis } from 'ioredis';

const PACKAGES = 'npm install bullmq ioredis';

/**
 * What speaks to the queue. It comes along only where somebody installs it: who makes videos on one machine has no use
 * for it.
 * @throws FrameloomError not-found
 */
export async function loadQueueLibrary(): Promise<{
  readonly bullmq: typeof bullmq;
  readonly Redis: typeof ioredis.Redis;
}> {
  try {
    const [queue, redis] = await Promise.all([import('bullmq'), import('ioredis')]);
    return { bullmq: queue, Redis: redis.Redis };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    throw new FrameloomError(
      'not-found',
      missing
        ? 'a queue needs the packages bullmq and ioredis, which are not installed'
        : `bullmq or ioredis cannot be loaded: ${messageOf(error)}`,
      { hint: PACKAGES, cause: error },
    );
  }
}
