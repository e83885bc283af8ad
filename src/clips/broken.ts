import { asGiven } from '../base/caller.js';
import { FrameloomError, isFrameloomError, type ErrorCode } from '../base/error.js';

/** A clip that cannot be used, and why. */
export interface BrokenClip {
  readonly path: string;
  readonly code: ErrorCode;
  /** One line for people, with what to do. */
  readonly reason: string;
}

/** A clip that cannot be used, with what was thrown of it. */
export interface BrokenWith extends BrokenClip {
  readonly error: FrameloomError;
}

const skipping = (): string => asGiven('--skip-broken', 'data.onBroken: skip');

/** What is wrong with one file, and not with the machine, the options or the user's patience. */
const OF_A_CLIP: ReadonlySet<ErrorCode> = new Set([
  'bad-input',
  'bad-data',
  'not-found',
  'ffmpeg-failed',
]);

/** @throws the error itself where it is about more than the clip */
export function brokenBy(path: string, error: unknown): BrokenWith {
  if (!isFrameloomError(error) || !OF_A_CLIP.has(error.code)) throw error;
  return { path, code: error.code, reason: error.toLine(), error };
}

const line = ({ path, reason }: BrokenClip): string =>
  reason.includes(path) ? reason : `${path}: ${reason}`;

/** The list of all that is wrong, a line a clip. */
export const brokenLines = (broken: readonly BrokenClip[]): string =>
  broken.map((one) => `\n  ${line(one)}`).join('');

/**
 * One error for all clips that cannot be used.
 * @returns what was thrown, where it is one; bad-data with a line for each, where several
 */
export function brokenError(broken: readonly BrokenWith[], total: number): FrameloomError {
  const [first] = broken;
  if (first && broken.length === 1 && total === 1) return first.error;
  if (first && broken.length === 1) {
    const { code, path, cause, hint } = first.error;
    const skip = `leave it out with ${skipping()}`;
    return new FrameloomError(code, first.error.message, {
      hint: hint === undefined ? skip : `${hint}; or ${skip}`,
      ...(path !== undefined && { path }),
      cause,
    });
  }
  const advice = broken.length < total ? `\nmend them, or leave them out with ${skipping()}` : '';
  return new FrameloomError(
    'bad-data',
    `${broken.length} of ${total} clips cannot be used:${brokenLines(broken)}${advice}`,
    { cause: new AggregateError(broken.map(({ error }) => error)) },
  );
}
