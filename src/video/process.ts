import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { environmentFor } from './ffmpeg-path.js';
import { StderrLog } from './stderr-log.js';

/** How long a process may take to leave by itself after SIGTERM. */
const GRACE_MS = 400;
/** How long stderr may stay open after the exit (a grandchild may hold it). */
const STDERR_GRACE_MS = 500;

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It never ran. */
  readonly spawnError?: Error;
}

const running = new Set<ChildProcess>();
const partials = new Set<string>();
let guarded = false;

/** Nothing of ours outlives this process: an exit handler can still kill and unlink in step. */
function guardExit(): void {
  if (guarded) return;
  guarded = true;
  process.on('exit', () => {
    for (const child of running) child.kill('SIGKILL');
    for (const path of partials) {
      try {
        rmSync(path, { force: true, recursive: true });
      } catch {
        // The exit code is the work's; whoever writes there next removes what is left.
      }
    }
  });
}

/** Removes the path when this process exits, unless the returned function was called before. */
export function removeAtExit(path: string): () => void {
  guardExit();
  partials.add(path);
  return () => void partials.delete(path);
}

/** Pids of ffmpeg and ffprobe processes that are alive. */
export const runningProcesses = (): number[] =>
  [...running].flatMap((child) => (child.pid === undefined ? [] : [child.pid]));

export interface StartOptions {
  /** Default `ignore`. */
  readonly stdin?: 'pipe' | 'ignore';
  /** Default `pipe`. */
  readonly stdout?: 'pipe' | 'ignore';
}

/**
 * One ffmpeg or ffprobe. fluent-ffmpeg builds the command line, but the process is ours: its own
 * runner swallows errors of stdin, fails 20 ms after an output stream closes, asks ffmpeg for all
 * its encoders before each start, and sends one SIGTERM, which ffmpeg ignores while its stdout is
 * full.
 */
export class MediaProcess {
  readonly child: ChildProcess;
  readonly stderr = new StderrLog();
  /** Resolves when the process is gone and its stderr is read. Never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** The error of its stdin, EPIPE when it died or had enough. */
  stdinError: Error | undefined;
  #gone = false;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(program: string, args: readonly string[], options: StartOptions = {}) {
    guardExit();
    const child = spawn(program, args, {
      stdio: [options.stdin ?? 'ignore', options.stdout ?? 'pipe', 'pipe'],
      env: environmentFor(program),
      windowsHide: true,
      // A terminal's Ctrl-C goes to all processes of its group, and what is recorded is to be ended by us: by the end of what
      // it is fed, which comes however this process goes. On Windows it would open a window of its own.
      detached: options.stdin === 'pipe' && process.platform !== 'win32',
    });
    this.child = child;
    running.add(child);
    child.stdin?.on('error', (error) => {
      this.stdinError = error;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.stderr.push(text));
    this.ended = new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (end: ProcessEnd): void => {
        clearTimeout(timer);
        this.#left();
        this.stderr.close();
        resolve(end);
      };
      child.once('error', (spawnError) => {
        if (child.pid === undefined) settle({ code: null, signal: null, spawnError });
      });
      child.once('exit', (code, signal) => {
        this.#left();
        const stderr = child.stderr;
        if (!stderr || stderr.closed) return settle({ code, signal });
        stderr.once('close', () => settle({ code, signal }));
        timer = setTimeout(() => {
          stderr.destroy();
          settle({ code, signal });
        }, STDERR_GRACE_MS);
      });
    });
  }

  get isGone(): boolean {
    return this.#gone;
  }

  #left(): void {
    this.#gone = true;
    running.delete(this.child);
    clearTimeout(this.#killTimer);
  }

  /**
   * Ends the process: SIGTERM with its pipes drained (a full stdout keeps ffmpeg from seeing the
   * signal), then SIGKILL. Resolves when it is gone.
   */
  async kill(): Promise<ProcessEnd> {
    if (!this.#gone && this.#killTimer === undefined) {
      const { child } = this;
      child.stdin?.destroy();
      child.stdout?.removeAllListeners('data').resume();
      child.kill('SIGTERM');
      this.#killTimer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    }
    return this.ended;
  }
}
