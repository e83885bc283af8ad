import pico from 'picocolors';
import pino from 'pino';

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

export interface Logger {
  error(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  debug(message: string, fields?: object): void;
}

export interface LogOptions {
  level?: LogLevel;
  /** One JSON object a line instead of words. */
  json?: boolean;
  /** Warnings yellow, errors red; where standard error is a terminal that shows it unless given. */
  colours?: boolean;
  /** Where lines go; standard error unless given, since standard output may carry frames. */
  write?: (line: string) => void;
}

const PREFIX: Readonly<Record<number, string>> = {
  20: 'debug: ',
  30: '',
  40: 'warning: ',
  50: 'error: ',
};

/**
 * Whether words on standard error may be coloured: on a terminal that can, unless NO_COLOR says
 * otherwise, and wherever FORCE_COLOR says so.
 */
export function hasColours(): boolean {
  const { stderr, env } = process;
  if (stderr.isTTY) return stderr.hasColors();
  const forced = env.FORCE_COLOR;
  return forced !== undefined && forced !== '0' && forced !== 'false';
}

const levels = (on: boolean): ((level: number, line: string) => string) => {
  const { red, yellow, dim } = pico.createColors(on);
  return (level, line) =>
    level >= 50 ? red(line) : level >= 40 ? yellow(line) : level <= 20 ? dim(line) : line;
};

/** The one logger: words for people, or JSON lines for programs, always on standard error. */
export function createLogger(options: LogOptions = {}): Logger {
  const colour = levels(options.colours ?? hasColours());
  const write = options.write ?? ((line: string): void => void process.stderr.write(line));
  const destination = {
    write(line: string): void {
      if (options.json) return write(line);
      const { level, msg } = JSON.parse(line) as { level: number; msg: string };
      write(`${colour(level, `${PREFIX[level] ?? ''}${msg}`)}\n`);
    },
  };
  const logger = pino({ level: options.level ?? 'info', base: null }, destination);
  const at =
    (level: 'error' | 'warn' | 'info' | 'debug') =>
    (message: string, fields: object = {}): void =>
      logger[level](fields, message);
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

/** For library calls that were given no logger. */
export const silentLogger: Logger = createLogger({ level: 'silent' });
