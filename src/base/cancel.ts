import { FrameloomError } from './error.js';

/**
 * @param doing what is given up, such as `opening the model`
 * @throws FrameloomError cancelled where the signal says so
 */
export function throwIfCancelled(signal: AbortSignal | undefined, doing: string): void {
  if (signal?.aborted) throw new FrameloomError('cancelled', `${doing} was cancelled`);
}
