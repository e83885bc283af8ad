import { FrameloomError } from '../../base/error.js';
import { EXIT } from './exit-code.js';

/** What the abort signal of a cancelled command carries. */
export const cancelled = (): FrameloomError =>
  new FrameloomError('cancelled', 'stopped as you asked');

/**
 * Turns Ctrl-C and SIGTERM into an abort signal; a second one ends the process at once.
 * @param onFirst called at the first, to say that it was heard
 */
export function watchInterrupts(onFirst: () => void): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const heard = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.cancelled);
    onFirst();
    controller.abort(cancelled());
  };
  process.on('SIGINT', heard);
  process.on('SIGTERM', heard);
  return {
    signal: controller.signal,
    stop: () => {
      process.off('SIGINT', heard);
      process.off('SIGTERM', heard);
    },
  };
}
