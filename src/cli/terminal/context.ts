import { FrameloomError } from '../../base/error.js';
import { createLogger, hasColours, type Logger, type LogLevel } from '../../base/log.js';
import { Screen } from './screen.js';
import type { Terminal } from './terminal.js';

export type { Terminal } from './terminal.js';

/** What stands before a command's name or after it, the same for all. */
export interface GlobalFlags {
  verbose?: boolean;
  quiet?: boolean;
  logJson?: boolean;
}

/** What every command is given. */
export interface Context {
  readonly log: Logger;
  readonly terminal: Screen;
  /** Ends the work in order when it is aborted. */
  readonly signal: AbortSignal;
  readonly quiet: boolean;
  /** Lines for programs instead of words and bars. */
  readonly logJson: boolean;
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

/** Programs that build and test run commands on terminals too, and keep what is drawn on them. */
const isKept = ({ CI, TERM }: NodeJS.ProcessEnv): boolean =>
  TERM === 'dumb' || (CI !== undefined && CI !== '' && CI !== '0' && CI !== 'false');

/** The process's own standard output and error. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  const [out, err] = [tolerant(stdout), tolerant(stderr)];
  return {
    out: out.write,
    err: err.write,
    failure: out.failure,
    interactive: stderr.isTTY && !isKept(process.env),
    // Some terminals that nobody looks at are of no size.
    get columns() {
      return stderr.columns || 80;
    },
    get rows() {
      return stderr.rows || 24;
    },
    colours: hasColours(),
    watch: ({ resized, continued, ended }) => {
      stderr.on('resize', resized);
      process.on('SIGCONT', continued);
      process.on('exit', ended);
      return () => {
        stderr.off('resize', resized);
        process.off('SIGCONT', continued);
        process.off('exit', ended);
      };
    },
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
  const screen = terminal instanceof Screen ? terminal : new Screen(terminal);
  return {
    terminal: screen,
    signal,
    quiet: flags.quiet ?? false,
    logJson: flags.logJson ?? false,
    log: createLogger({
      level: levelOf(flags),
      json: flags.logJson ?? false,
      colours: screen.colours,
      write: (line) => screen.err(line),
    }),
  };
}
