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
  /** Where lines go; standard error unless given, since standard output may carry frames. */
  write?: (line: string) => void;
}

const PREFIX: Readonly<Record<number, string>> = {
  20: 'debug: ',
  30: '',
  40: 'warning: ',
  50: 'error: ',
};

function colour(level: number, line: string): string {
  if (!process.stderr.isTTY) return line;
  if (level >= 50) return pico.red(line);
  if (level >= 40) return pico.yellow(line);
  return level <= 20 ? pico.dim(line) : line;
}

/** The one logger: words for people, or JSON lines for programs, always on standard error. */
export function createLogger(options: LogOptions = {}): Logger {
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
