import { asGiven } from '../base/caller.js';
import { FrameloomError, isFrameloomError, messageOf } from '../base/error.js';
import { writeError } from '../base/outputs.js';
import { NOT_A_CONTAINER } from './containers.js';
import type { ProcessEnd } from './process.js';
import type { StderrLog } from './stderr-log.js';

const FULL_DISK = /No space left on device|Disk quota exceeded/i;
const NOT_WRITTEN = /Error (?:writing trailer|closing file)|av_interleaved_write_frame\(\)/;

/** ffmpeg ends well although the last of its output did not go onto the disk: only its words tell. */
export const failedToWrite = (stderr: StderrLog): boolean =>
  stderr.matches(FULL_DISK) || stderr.matches(NOT_WRITTEN);

const BAD_FILTER =
  /No such filter|filtergraph|filter graph|AVFilterGraph|Parsed_|Error (?:re)?initializing filter|Error parsing|Simple filtergraph|(?:Error|Failed to) configur/i;
const BAD_INPUT =
  /Invalid data found|moov atom not found|End of file|could not find codec parameters|EBML header parsing failed|does not contain any stream|matches no streams|not on whitelist/i;

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;

export interface FfmpegFailure {
  readonly doing: 'decode' | 'encode' | 'probe';
  /** The file it is about; undefined for streams. */
  readonly path: string | undefined;
  readonly end: ProcessEnd;
  readonly stderr: StderrLog;
  /** The user gave a filtergraph, so that errors of filters are about an option. */
  readonly filter?: string | undefined;
}

/** ffmpeg's bad end as our error: the code by what it said, the last lines in the message. */
export function ffmpegError(failure: FfmpegFailure): FrameloomError {
  const { doing, end, stderr, filter } = failure;
  const where = failure.path ?? 'the stream';
  const detail = failure.path === undefined ? {} : { path: failure.path };
  if (end.spawnError) {
    const missing = codeOf(end.spawnError) === 'ENOENT';
    return new FrameloomError(
      missing ? 'not-found' : 'ffmpeg-failed',
      `ffmpeg could not be started: ${end.spawnError.message}`,
      { hint: 'run `frameloom doctor`', cause: end.spawnError },
    );
  }
  const said = stderr.excerpt();
  if (stderr.matches(FULL_DISK)) {
    return new FrameloomError('disk-full', `no space left to write ${where}`, {
      ...detail,
      hint: 'free some space or write elsewhere',
      cause: said,
    });
  }
  if (stderr.matches(NOT_A_CONTAINER)) {
    const kind = stderr.lines
      .map(({ text }) => NOT_A_CONTAINER.exec(text)?.[1])
      .find((name) => name !== undefined);
    return new FrameloomError(
      'bad-input',
      `${where} is a list or a text${kind === undefined ? '' : ` (${kind})`}, not a video`,
      { ...detail, hint: 'give the video itself; convert a rare kind of video with ffmpeg first' },
    );
  }
  if (doing === 'encode' && stderr.matches(/Broken pipe|Connection reset by peer/)) {
    return closedPipe(said);
  }
  if (filter !== undefined && stderr.matches(BAD_FILTER)) {
    return new FrameloomError('bad-option', `ffmpeg cannot use the filter "${filter}": ${said}`, {
      hint: 'try the filtergraph with ffmpeg -vf',
    });
  }
  if (doing !== 'encode' && end.signal === null && stderr.matches(BAD_INPUT)) {
    return new FrameloomError('bad-input', `${where} cannot be read as video: ${said}`, {
      ...detail,
      hint:
        failure.path === undefined
          ? `a stream has to say what it is, as nut, matroska and y4m do; of raw frames say it by ${asGiven('--pix-fmt, --size and --fps', 'pixelFormat, size and fps')}`
          : 'check that it plays and is complete',
    });
  }
  const how =
    end.signal === null
      ? `ended with code ${end.code ?? 'unknown'}`
      : `was killed by ${end.signal}`;
  return new FrameloomError(
    'ffmpeg-failed',
    `ffmpeg ${how} while it had to ${doing} ${where}${said === '' ? '' : `: ${said}`}`,
    detail,
  );
}

/** The reader of what we write is gone. */
export function closedPipe(cause?: unknown): FrameloomError {
  return new FrameloomError('closed-pipe', 'the reader of the output closed it', {
    hint: 'the program that reads the frames ended early',
    cause,
  });
}

/** An error of the stream that we write to. */
export function outputStreamError(error: unknown): FrameloomError {
  if (isFrameloomError(error)) return error;
  const code = codeOf(error);
  if (
    code === 'EPIPE' ||
    code === 'ECONNRESET' ||
    code === 'ERR_STREAM_PREMATURE_CLOSE' ||
    code === 'ERR_STREAM_DESTROYED' ||
    code === 'ERR_STREAM_WRITE_AFTER_END'
  ) {
    return closedPipe(error);
  }
  return writeError('the output stream', error);
}

/** An error of the stream that we read from. */
export function inputStreamError(error: unknown): FrameloomError {
  if (isFrameloomError(error)) return error;
  return new FrameloomError('bad-input', `the input stream failed: ${messageOf(error)}`, {
    cause: error,
  });
}

export const cancelledError = (what: string): FrameloomError =>
  new FrameloomError('cancelled', `${what} was cancelled`);

/** ffmpeg was asked what it can do, and gave no answer. */
export const ffmpegSilent = (program: string, cause: unknown): FrameloomError =>
  new FrameloomError('ffmpeg-failed', `${program} does not answer: ${messageOf(cause)}`, {
    hint: 'run `frameloom doctor` to see which ffmpeg is used',
    path: program,
    cause,
  });
