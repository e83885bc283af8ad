import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { tfConfigOf } from '../../../backend/group/index.js';
import { nvidiaCards } from '../../../backend/gpu.js';
import { cacheFolder } from '../../../base/cache-folder.js';
import { FrameloomError, type ErrorCode } from '../../../base/error.js';
import type { Logger } from '../../../base/log.js';
import { ownCommand } from '../../../base/own-command.js';
import { provided } from '../../../base/provisions.mjs';
import { ownProgram } from '../../own-program.js';
import type { Context } from '../../terminal/context.js';
import { EXIT, exitCodeOf } from '../../terminal/exit-code.js';
import { cancelled, ENDS_WITH_PARENT } from '../../terminal/interrupt.js';
import { LAUNCHED, type ToLauncher } from './ranks.js';
import type { TrainFlags } from './train-flags.js';

/** How long the others have to find out by themselves that one has ended: a frozen one is known after seven seconds. */
const ENDING_MS = 9_000;
/** And where one of them has found out: what it found is known to all within a moment. */
const KNOWN_MS = 1_500;
const KILL_MS = 1_500;
const WORDS_MS = 300;
const ERROR_LEVEL = 50;

/** How a child ended. */
interface Ended {
  readonly rank: number;
  readonly exitCode: number | null;
  readonly killedBy: NodeJS.Signals | null;
  /** The error that it told of: a code of FrameloomError, or `defect`; null where it told of none. */
  readonly failed: string | null;
}

/** Ports of this machine that nobody has. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer();
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/**
 * The card of each process, where there are cards that training would use; null where there are none.
 * @throws FrameloomError bad-option where there are fewer cards than processes
 */
async function cardsFor(processes: number, env = process.env): Promise<string[] | null> {
  if (env.FRAMELOOM_DEVICE === 'cpu') return null;
  if (provided('tensorflow-gpu', { cache: cacheFolder() }) === undefined) return null;
  const visible = env.CUDA_VISIBLE_DEVICES?.split(',').filter((one) => one !== '' && one !== '-1');
  const cards = visible ?? (await nvidiaCards()).map((_, i) => String(i));
  if (cards.length === 0) return null;
  if (cards.length >= processes) return cards.slice(0, processes);
  throw new FrameloomError(
    'bad-option',
    `${processes} processes need as many cards, and there ${cards.length === 1 ? 'is 1' : `are ${cards.length}`}`,
    { hint: `--processes ${cards.length}, or FRAMELOOM_DEVICE=cpu`, path: '--processes' },
  );
}

/** The words of a child's command line. @param run that it goes on with; none for what was asked for itself */
export function childWords(
  path: string | undefined,
  flags: TrainFlags & { readonly set?: readonly string[] },
  { quiet, logJson }: Pick<Context, 'quiet' | 'logJson'>,
  run: string | null,
  minutes: number | undefined,
): string[] {
  const { clip = [], set = [], keyframes, from, snapshot, resume, backend } = flags;
  const many = (name: string, values: readonly string[]): string[] =>
    values.flatMap((value) => [name, value]);
  const one = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [name, String(value)];
  const is = (name: string, value: boolean | undefined): string[] => (value ? [name] : []);
  const again = run !== null;
  return [
    'train',
    ...(path === undefined || again ? [] : [path]),
    ...(again ? [] : many('--clip', clip)),
    ...(again ? [] : many('--set', set)),
    ...(again ? [] : one('--keyframes', keyframes)),
    ...(again ? [] : one('--from', from)),
    ...(again ? [] : one('--snapshot', snapshot)),
    ...one('--run', run ?? flags.run),
    ...is('--resume', again || resume),
    ...one('--max-minutes', minutes),
    ...one('--backend', backend),
    ...is('--live', flags.live),
    ...is('--json', flags.json),
    ...is('--trust-filters', flags.trustFilters),
    ...is('--trust-network', flags.trustNetwork),
    ...is('--quiet', quiet),
    ...is('--log-json', logJson),
  ];
}

/** One attempt: all processes of a training, from their start to the end of the last. */
class Attempt {
  readonly #children: ChildProcess[] = [];
  readonly #ended: Promise<Ended>[] = [];
  /** The folder of the run, once the first process has one. */
  run: string | null = null;

  constructor(
    words: readonly string[],
    addresses: readonly string[],
    cards: readonly string[] | null,
    log: Logger,
  ) {
    const { program, words: own } = ownProgram();
    for (const rank of addresses.keys()) {
      const isFirst = rank === 0;
      const lines = isFirst || words.includes('--log-json') ? [] : ['--log-json'];
      const child = spawn(program, [...own, ...words, ...lines], {
        // A terminal's Ctrl-C is told to the launcher alone, which hands it on to the first.
        detached: true,
        stdio: isFirst
          ? ['inherit', 'inherit', 'inherit', 'ipc']
          : ['ignore', 'ignore', 'pipe', 'ipc'],
        env: {
          ...process.env,
          TF_CONFIG: tfConfigOf({ addresses, rank }),
          [LAUNCHED]: '1',
          [ENDS_WITH_PARENT]: '1',
          ...(cards && { CUDA_VISIBLE_DEVICES: cards[rank] }),
        },
      });
      this.#children.push(child);
      if (child.stderr) {
        createInterface({ input: child.stderr }).on('line', (line) => sayError(rank, line, log));
      }
      let failed: string | null = null;
      child.on('message', (told: ToLauncher) => {
        if ('failed' in told) ({ failed } = told);
        else this.run = told.run;
      });
      this.#ended.push(
        new Promise((resolve) => {
          const done = (exitCode: number | null, killedBy: NodeJS.Signals | null): void =>
            resolve({ rank, exitCode, killedBy, failed });
          child.once('error', (error) => {
            failed = 'defect';
            log.error(`rank ${rank} does not start: ${error.message}`);
            done(EXIT.failed, null);
          });
          child.once('close', done);
          // What it had started may hold its pipe for longer; its last words are here by then.
          child.once('exit', (exitCode, killedBy) =>
            setTimeout(done, WORDS_MS, exitCode, killedBy),
          );
        }),
      );
    }
  }

  /** Asks the first process to stop, which all do after the same step. */
  stop(): void {
    this.#children[0]?.kill('SIGINT');
  }

  /** Ends all of them with all that they have started; frozen ones too, and what those that are gone have left. */
  kill(): void {
    for (const { pid } of this.#children) {
      if (pid === undefined) continue;
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // Nothing is left of it.
      }
    }
  }

  /** @returns how each of them ended, in the order that they did */
  async end(): Promise<Ended[]> {
    const order: Ended[] = [];
    const all = Promise.all(
      this.#ended.map(async (one) => {
        order.push(await one);
      }),
    );
    const failing = Promise.race(
      this.#ended.map(async (one) => {
        const { exitCode, failed } = await one;
        if (exitCode !== EXIT.ok) return failed === 'peer-lost' ? KNOWN_MS : ENDING_MS;
        await all;
        return null;
      }),
    );
    const patienceMs = await Promise.race([failing, all.then(() => null)]);
    if (patienceMs !== null) {
      await Promise.race([all, sleep(patienceMs, undefined, { ref: false })]);
      for (const child of this.#children) if (child.exitCode === null) child.kill('SIGTERM');
      await Promise.race([all, sleep(KILL_MS, undefined, { ref: false })]);
    }
    this.kill();
    await all;
    return order;
  }
}

/** Of the other processes only errors are shown, but for those that follow from another's end. */
function sayError(rank: number, line: string, log: Logger): void {
  let told: { level?: number; msg?: string; code?: string; hint?: string };
  try {
    told = JSON.parse(line) as typeof told;
  } catch {
    // Of a program that crashes.
    told = { level: ERROR_LEVEL, msg: line };
  }
  if ((told.level ?? 0) < ERROR_LEVEL || told.code === 'peer-lost') {
    log.debug(`rank ${rank}: ${told.msg ?? line}`);
    return;
  }
  log.error(`rank ${rank}: ${told.msg ?? line}${told.hint === undefined ? '' : ` (${told.hint})`}`);
}

const howOf = ({ killedBy, exitCode }: Ended): string => killedBy ?? `exit code ${exitCode}`;

/** Of children that ended otherwise than well: the one that is to blame, those that followed from it not. */
const culprit = (ended: readonly Ended[]): Ended | undefined => {
  const bad = ended.filter(({ exitCode }) => exitCode !== EXIT.ok);
  return (
    bad.find(({ failed }) => failed !== null && failed !== 'peer-lost') ??
    bad.find(({ failed, exitCode }) => failed === null && exitCode !== EXIT.cancelled) ??
    bad[0]
  );
};

/**
 * Trains in several processes of this machine. The first keeps the run and the terminal. Ends when all have; where one
 * ends badly, the others follow, and training starts again from the last snapshot as often as `maxRestarts` lets it.
 * @returns the exit code
 * @throws FrameloomError peer-lost where a process was ended from outside; bad-option
 */
export async function launchTraining(
  path: string | undefined,
  flags: TrainFlags & { readonly set?: readonly string[]; readonly processes: number },
  context: Context,
): Promise<number> {
  const { log, signal } = context;
  const { processes, maxRestarts = 0, maxMinutes } = flags;
  context.terminal.handOver();
  const cards = await cardsFor(processes);
  const started = performance.now();
  let run: string | null = null;
  for (let restarts = 0; ; restarts += 1) {
    const minutes = maxMinutes && maxMinutes - (performance.now() - started) / 60_000;
    if (minutes !== undefined && minutes <= 0) {
      throw new FrameloomError('peer-lost', 'the time was over before training could go on', {
        hint: `go on with: ${ownCommand('train', '--resume', '--run', run!, '--processes', String(processes))}`,
      });
    }
    const ports = await freePorts(processes);
    const attempt: Attempt = new Attempt(
      childWords(path, flags, context, run, minutes),
      ports.map((port) => `127.0.0.1:${port}`),
      cards,
      log,
    );
    const stop = (): void => attempt.stop();
    const kill = (): void => attempt.kill();
    signal.addEventListener('abort', stop, { once: true });
    process.once('exit', kill);
    let ended: Ended[];
    try {
      if (signal.aborted) stop();
      ended = await attempt.end();
    } finally {
      signal.removeEventListener('abort', stop);
      process.off('exit', kill);
    }
    run = attempt.run ?? run;
    const bad = culprit(ended);
    if (bad === undefined) return EXIT.ok;
    if (signal.aborted || bad.exitCode === EXIT.cancelled) {
      // The first says itself what it saved, where it had come so far that it heard of it.
      if (ended.some(({ rank, killedBy }) => rank === 0 && killedBy !== null)) throw cancelled();
      return EXIT.cancelled;
    }
    const isAccident = bad.failed === null || bad.failed === 'peer-lost';
    if (!isAccident) {
      return bad.failed === 'defect' ? EXIT.failed : exitCodeOf(bad.failed as ErrorCode);
    }
    const why = `rank ${bad.rank} of ${processes} ended (${howOf(bad)})`;
    if (restarts >= maxRestarts || run === null) {
      throw new FrameloomError('peer-lost', why, {
        ...(run !== null && {
          hint: `what was saved is whole; go on with: ${ownCommand('train', '--resume', '--run', run, '--processes', String(processes))}`,
        }),
      });
    }
    log.warn(
      `${why}: starting again from the last snapshot (${restarts + 1} of ${maxRestarts} restarts)`,
    );
  }
}
