import { FrameloomError } from '../base/error.js';

/** An option, what was given for it, and what it does nothing without. */
export interface IdleOption {
  readonly option: string;
  readonly given: unknown;
  /** Why it would do nothing here; undefined where it does something. */
  readonly why: string | false | undefined;
}

/**
 * An option that did nothing would be a defect to whoever gave it.
 * @throws FrameloomError bad-option for the first that was given and would do nothing
 */
export function refuseIdle(...options: readonly IdleOption[]): void {
  for (const { option, given, why } of options) {
    if (given === undefined || given === false || !why) continue;
    throw new FrameloomError('bad-option', `${option} does nothing ${why}`, {
      hint: 'leave it out',
    });
  }
}
