import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ownProgram } from '../../own-program.js';
import { ENDS_WITH_PARENT } from '../../terminal/interrupt.js';
import type { ProgressState } from '../../terminal/progress.js';
import type { Logger } from '../../../base/log.js';

export interface ApartOptions {
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Its warnings, and what went wrong. */
  readonly log: Logger;
  readonly onProgress?: (state: ProgressState) => void;
}

export interface ApartResult {
  readonly exitCode: number;
  readonly stdout: string;
  /** The last error that it told of. */
  readonly error: string | null;
}

/** A line of `--log-json`. */
interface LogLine {
  readonly level?: number;
  readonly msg?: string;
  readonly progress?: ProgressState;
}

const WARNING = 40;
const ERROR = 50;

/**
 * Runs one of Frameloom's commands in a process of its own, which memory and a crash stay in. It is told
 * to stop when the signal comes, and stops by itself should this process be gone.
 * @param words the command line, without the program's name
 * @returns when it has ended, whichever way
 */
export async function runApart(
  words: readonly string[],
  { cwd, signal, log, onProgress }: ApartOptions,
): Promise<ApartResult> {
  const own = ownProgram();
  const child = spawn(own.program, [...own.words, ...words, '--log-json'], {
    cwd,
    // A terminal's Ctrl-C is told to this process alone, which hands it on once.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, [ENDS_WITH_PARENT]: '1' },
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, by) => resolve(code ?? (by === null ? 1 : 128)));
  });
  let stdout = '';
  let error: string | null = null;
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  createInterface({ input: child.stderr! }).on('line', (line) => {
    const said = readLine(line);
    if (said.progress) onProgress?.(said.progress);
    else if ((said.level ?? 0) >= ERROR) error = said.msg ?? line;
    else if ((said.level ?? 0) >= WARNING) log.warn(said.msg ?? line);
    else log.debug(said.msg ?? line);
  });
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const exitCode = await ended;
    return { exitCode, stdout, error };
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** What is no JSON was said by something beneath us, and is worth a warning. */
function readLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: WARNING, msg: line };
  }
}
