import { FrameloomError } from '../../base/error.js';
import { createLogger, type Logger, type LogLevel } from '../../base/log.js';

/** What stands before a command's name or after it, the same for all. */
export interface GlobalFlags {
  verbose?: boolean;
  quiet?: boolean;
  logJson?: boolean;
}

/** Where a command reads and writes; replaced in tests. */
export interface Terminal {
  /** Results, on standard output. */
  out(text: string): void;
  /** Words about the work, on standard error. */
  err(text: string): void;
  /** What standard output did not take, of a full disk say: then the work is not done. */
  failure?(): Error | undefined;
  /** Whether `err` is a terminal, which a bar may be drawn on. */
  readonly interactive: boolean;
  readonly columns: number;
}

/** What every command is given. */
export interface Context {
  readonly log: Logger;
  readonly terminal: Terminal;
  /** Ends the work in order when it is aborted. */
  readonly signal: AbortSignal;
  readonly quiet: boolean;
  /** Lines for programs instead of words and bars. */
  readonly logJson: boolean;
  /** Called before a log line, so that a bar can make room. */
  onBeforeLine: (() => void) | undefined;
}

interface Tolerant {
  readonly write: (text: string) => void;
  /** What it did not take, unless its reader had seen enough. */
  readonly failure: () => Error | undefined;
}

/** A stream that may take no more: what is written afterwards is dropped, and the work goes on. */
function tolerant(stream: NodeJS.WriteStream): Tolerant {
  let failure: NodeJS.ErrnoException | undefined;
  stream.on('error', (error: NodeJS.ErrnoException) => (failure ??= error));
  return {
    write: (text) => {
      if (!failure) stream.write(text);
    },
    failure: () => {
      // Which is known before it is told.
      const known: NodeJS.ErrnoException | null | undefined = failure ?? stream.errored;
      return known?.code === 'EPIPE' ? undefined : (known ?? undefined);
    },
  };
}

/** The process's own standard output and error. */
export function processTerminal(): Terminal {
  const [out, err] = [tolerant(process.stdout), tolerant(process.stderr)];
  return {
    out: out.write,
    err: err.write,
    failure: out.failure,
    interactive: process.stderr.isTTY,
    columns: process.stderr.columns,
  };
}

const levelOf = (flags: GlobalFlags): LogLevel =>
  flags.quiet ? 'error' : flags.verbose ? 'debug' : 'info';

/** @throws FrameloomError bad-option when flags contradict each other */
export function createContext(
  flags: GlobalFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Context {
  if (flags.quiet && flags.verbose) {
    throw new FrameloomError('bad-option', '--quiet and --verbose contradict each other');
  }
  const context: Context = {
    terminal,
    signal,
    quiet: flags.quiet ?? false,
    logJson: flags.logJson ?? false,
    onBeforeLine: undefined,
    log: createLogger({
      level: levelOf(flags),
      json: flags.logJson ?? false,
      write: (line) => {
        context.onBeforeLine?.();
        terminal.err(line);
      },
    }),
  };
  return context;
}
