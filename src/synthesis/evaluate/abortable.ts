import { FrameloomError } from '../../base/error.js';

const stopped = (): FrameloomError => new FrameloomError('cancelled', 'the evaluation was stopped');

/** @throws FrameloomError cancelled where the signal says so */
export function assertGoingOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw stopped();
}

/**
 * What a promise gives, unless the signal comes first: whoever waits for a decoder need not.
 * @throws FrameloomError cancelled; what the promise is rejected with
 */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!signal) return promise;
  // Nobody may be left to hear of it.
  promise.catch(() => undefined);
  assertGoingOn(signal);
  let cancel = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    cancel = () => reject(stopped());
    signal.addEventListener('abort', cancel, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}
