import type { ErrorCode } from '../../base/error.js';

/** What the process's exit status says. */
export const EXIT = {
  ok: 0,
  /** It was tried and went wrong: ffmpeg, disk, memory, a diverged training, a defect of ours. */
  failed: 1,
  /** What was asked for cannot be done as asked: flags, pipeline, files. */
  usage: 2,
  /** Stopped: by Ctrl-C; by SIGTERM it is 143, by SIGHUP 129. */
  cancelled: 130,
} as const;

const CODES: Readonly<Record<ErrorCode, number>> = {
  'bad-option': EXIT.usage,
  'bad-pipeline': EXIT.usage,
  'bad-input': EXIT.usage,
  'bad-data': EXIT.usage,
  'bad-snapshot': EXIT.usage,
  'not-found': EXIT.usage,
  exists: EXIT.usage,
  untrusted: EXIT.usage,
  'bad-shape': EXIT.failed,
  'bad-call': EXIT.failed,
  'ffmpeg-failed': EXIT.failed,
  'closed-pipe': EXIT.failed,
  'disk-full': EXIT.failed,
  'write-failed': EXIT.failed,
  backend: EXIT.failed,
  budget: EXIT.failed,
  'peer-lost': EXIT.failed,
  diverged: EXIT.failed,
  queue: EXIT.failed,
  cancelled: EXIT.cancelled,
};

/** The exit status of an error's code. */
export const exitCodeOf = (code: ErrorCode): number => CODES[code];
