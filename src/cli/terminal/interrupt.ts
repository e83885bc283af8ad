import { constants } from 'node:os';
import { FrameloomError } from '../../base/error.js';

/** Signals that a command is asked to stop by: Ctrl-C, `kill`, a terminal that goes away. */
export const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Stopping = (typeof STOPPING)[number];

/** As shells give it: 130 of Ctrl-C, 143 of SIGTERM, 129 of SIGHUP. */
const exitCodeBy = (signal: Stopping): number => 128 + constants.signals[signal];

/** What the abort signal of a cancelled command carries. */
export const cancelled = (): FrameloomError =>
  new FrameloomError('cancelled', 'stopped as you asked');

/**
 * In the environment of a command that another process runs for itself, with a channel to it: should that
 * process be gone, however it ended, nobody waits for the command any longer.
 */
export const ENDS_WITH_PARENT = 'FRAMELOOM_ENDS_WITH_PARENT';

export interface Interrupts {
  /** Ends the work in order when it is aborted. */
  readonly signal: AbortSignal;
  /** What the process ends with when it was told to stop; undefined while it was not. */
  readonly exitCode: () => number | undefined;
  stop(): void;
}

/**
 * Turns Ctrl-C, SIGTERM and SIGHUP into an abort signal; a second one ends the process at once.
 * @param onFirst called at the first, to say that it was heard
 */
export function watchInterrupts(onFirst: () => void): Interrupts {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const heard = (signal: Stopping): void => {
    if (exitCode !== undefined) process.exit(exitCodeBy(signal));
    exitCode = exitCodeBy(signal);
    onFirst();
    controller.abort(cancelled());
  };
  const orphaned = (): void => heard('SIGTERM');
  const hasParent = process.channel !== undefined && process.env[ENDS_WITH_PARENT] !== undefined;
  for (const signal of STOPPING) process.on(signal, heard);
  if (hasParent) {
    process.on('disconnect', orphaned);
    // Being told of that end must not keep this process alive.
    process.channel?.unref();
  }
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    stop: () => {
      for (const signal of STOPPING) process.off(signal, heard);
      if (hasParent) process.off('disconnect', orphaned);
    },
  };
}
