/**
 * The one error type. Programs branch on `code`; people read `message` (what is wrong, and where)
 * and `hint` (what to do). Anything else that is thrown is a defect of Frameloom.
 */
export type ErrorCode =
  | 'bad-option' // a value of an option, flag or pipeline key is not usable
  | 'bad-pipeline' // a pipeline file cannot be read or does not fit the schema
  | 'bad-input' // a media file or stream is not what it has to be
  | 'bad-shape' // a tensor has another shape than the call needs
  | 'bad-data' // clips and conditions do not fit together
  | 'not-found' // a path or a program does not exist
  | 'exists' // an output is there already and was not made by this job
  | 'ffmpeg-failed' // ffmpeg ended badly
  | 'closed-pipe' // the reader of our output went away
  | 'disk-full'
  | 'write-failed'
  | 'backend' // native TensorFlow is missing or unusable
  | 'budget' // nothing fits the memory budget
  | 'peer-lost' // another process of the same training has ended, or does not answer
  | 'diverged' // losses became NaN or infinite, or training tipped again and again
  | 'bad-snapshot' // a run folder or snapshot is damaged or of another pipeline
  | 'untrusted' // a file wants to run what could do harm, and nobody has said that it may
  | 'bad-call' // a call that cannot be made now: of what was disposed of, or is still at work
  | 'queue' // the queue of a batch cannot be reached, or its workers died
  | 'cancelled'; // the user asked to stop

export interface ErrorDetail {
  /** What to do about it, one sentence. */
  hint?: string;
  /** The file, or the dotted key of the pipeline, that it is about. */
  path?: string;
  cause?: unknown;
}

/** One for all copies of the package in a process, and for its workers. */
const BRAND = Symbol.for('frameloom.error');

export class FrameloomError extends Error {
  override readonly name = 'FrameloomError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly path: string | undefined;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    Object.defineProperty(this, BRAND, { value: true });
    this.code = code;
    this.hint = detail.hint;
    this.path = detail.path;
  }

  /** One line for people: where, what, what to do. */
  toLine(): string {
    const where =
      this.path !== undefined && !this.message.includes(this.path) ? `${this.path}: ` : '';
    return `${where}${this.message}${this.hint === undefined ? '' : ` (${this.hint})`}`;
  }
}

/**
 * Whether something that was thrown is an error of Frameloom's, whichever copy of the package made it
 * (`instanceof` knows those of its own copy alone).
 * @param code only errors with this code
 */
export const isFrameloomError = (value: unknown, code?: ErrorCode): value is FrameloomError =>
  typeof value === 'object' &&
  value !== null &&
  (value as { readonly [BRAND]?: unknown })[BRAND] === true &&
  (code === undefined || (value as FrameloomError).code === code);

/** `ENOENT: no such file or directory, open 'x'`: what the system said, its number and its call around it. */
const OF_THE_SYSTEM = /^E[A-Z0-9]+: (.+?), [a-z]\w*(?: '[^]*')?$/;

/** `spawn x ENOENT`: of a program that does not start, nothing but the number. */
const NOT_STARTED = /^spawn .* (E[A-Z0-9]+)$/;
const WHY_NOT_STARTED: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such program',
  EACCES: 'it is no program that may be run',
};

/** The message of anything that was thrown; of the system's errors what is wrong, in words alone. */
export function messageOf(value: unknown): string {
  const text = value instanceof Error ? value.message : String(value);
  const program = WHY_NOT_STARTED[NOT_STARTED.exec(text)?.[1] ?? ''];
  return program ?? OF_THE_SYSTEM.exec(text)?.[1] ?? text;
}
