import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../../base/log.js';
import type { ToldProgress } from '../../../serve/training-watch.js';
import { ownProgram } from '../../own-program.js';
import { ENDS_WITH_PARENT } from '../../terminal/interrupt.js';
import type { FromTraining } from '../live/from-parent.js';

/** Between two messages: a page shows no more. */
const TELL_MS = 500;
/** How long the page may take to hear of the end. */
const GOODBYE_MS = 700;
const GRACE_MS = 5_000;
const WARNING = 40;

export interface LiveBeside {
  /** Says how far the training is, at most twice a second but where `now` is set. */
  tell(told: ToldProgress, now?: boolean): void;
  /** Tells the end, and ends the page's server. */
  close(ending: NonNullable<ToldProgress['ending']> | null): Promise<void>;
}

interface LogLine {
  readonly level?: number;
  readonly msg?: string;
}

const lineOf = (text: string): LogLine => {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { level: WARNING, msg: text };
  }
};

/**
 * Shows a run in a page while this process trains it. The page is served by a process of its own that only reads what
 * the training writes anyway, and that gives way to it: no step waits for a page, and none comes out otherwise.
 * Should that process fail, the training goes on.
 */
export function liveBeside(folder: string, log: Logger): LiveBeside {
  const { program, words } = ownProgram();
  const child: ChildProcess = spawn(
    program,
    [...words, 'live', folder, '--threads', '1', '--log-json'],
    {
      // A terminal's Ctrl-C is told to this process alone, which hands it on.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, [ENDS_WITH_PARENT]: '1' },
    },
  );
  let gone = false;
  let closing = false;
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      log.warn(`the page cannot be shown: ${error.message}`);
      resolve();
    });
    child.once('close', (code) => {
      gone = true;
      if (!closing) log.warn(`the page is no longer shown: its server ended (${code ?? 'killed'})`);
      resolve();
    });
  });
  createInterface({ input: child.stdout! }).on('line', (line) =>
    log.info(`the training is shown at ${line}`),
  );
  createInterface({ input: child.stderr! }).on('line', (line) => {
    const { level = 0, msg = line } = lineOf(line);
    if (level >= WARNING) log.warn(`page: ${msg}`);
    else log.debug(`page: ${msg}`);
  });
  // Nothing of it keeps this process: what it is waited for is said in `close`.
  child.unref();
  (child.stdout as unknown as { unref?: () => void }).unref?.();
  (child.stderr as unknown as { unref?: () => void }).unref?.();
  child.channel?.unref();
  let last = 0;
  const tell = (training: ToldProgress, now = false): void => {
    const at = performance.now();
    if (gone || !child.connected || (!now && at - last < TELL_MS)) return;
    last = at;
    // One that has just gone takes no more, which its end tells.
    child.send({ training } satisfies FromTraining, () => undefined);
  };
  return {
    tell,
    async close(ending) {
      closing = true;
      if (gone) return;
      tell({ state: 'ended', ending }, true);
      await sleep(ending ? GOODBYE_MS : 0);
      // From here on it is waited for.
      child.ref();
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await ended;
      clearTimeout(kill);
    },
  };
}
