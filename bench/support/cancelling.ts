import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomStream } from '../../src/base/random.js';

/** How often a generation is cancelled, and in which ways. */
export interface CancelOptions {
  /** Words of a shell that is Frameloom: `node dist/cli/main.js`. */
  readonly program: readonly string[];
  /** An exported generator. */
  readonly model: string;
  /** A video that takes longer than `latestMs` to go through it. */
  readonly input: string;
  /** Where outputs of files are written. */
  readonly folder: string;
  readonly times: number;
  readonly seed: number;
  /** The last moment of cancelling, from the one on at which the program listens to signals. */
  readonly latestMs: number;
  readonly onEnd?: (ending: Ending) => void;
}

/** One cancelled generation. */
export interface Ending {
  readonly way: Way;
  readonly afterMs: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Processes that were left. */
  readonly left: readonly string[];
  /** Files that were left in the folder of outputs. */
  readonly files: readonly string[];
  readonly stderr: string;
  /** From the signal to the end. */
  readonly tookMs: number;
}

/**
 * What is cancelled: a file to a file, or a pipe to a pipe; by SIGTERM to the program alone, as a
 * supervisor does, by SIGINT to it and its ffmpegs, as Ctrl-C does, or by SIGINT twice.
 */
export interface Way {
  readonly to: 'file' | 'pipe';
  readonly by: 'SIGTERM' | 'SIGINT' | 'SIGINT twice';
}

/** What the program has to end with. */
export const codeOf = ({ by }: Way): number => (by === 'SIGTERM' ? 143 : 130);

const MARK = 'FRAMELOOM_CANCEL_CAMPAIGN';
/** Given to Node before the program: says on descriptor 3 that a listener is being put up. */
const LISTENING = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from 'node:fs';
  import { isMainThread } from 'node:worker_threads';
  if (isMainThread && process.env.${MARK}_SAYS) process.on('newListener', (name) => {
    if (name === 'SIGTERM') writeSync(3, 'listening');
  });
`)}`;
const KILL_AFTER_MS = 60_000;

/** Ids of the processes with this variable in their environment. Linux only. */
async function processesOf(mark: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const found = await Promise.all(
    ids.map(async (id) => {
      const environment = await readFile(`/proc/${id}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(`${MARK}=${mark}`) ? [id] : [];
    }),
  );
  return found.flat();
}

/** Feeds a child's standard input as long as it takes it. */
async function feed(child: ChildProcess, bytes: Buffer): Promise<void> {
  const pipe = child.stdin!;
  pipe.on('error', () => undefined);
  while (!pipe.destroyed && child.exitCode === null && child.signalCode === null) {
    if (!pipe.write(bytes)) await once(pipe, 'drain').catch(() => undefined);
  }
}

async function cancelOnce(way: Way, afterMs: number, options: CancelOptions): Promise<Ending> {
  const { program, model, input, folder } = options;
  const [command = '', ...words] = program;
  const mark = `${process.pid}-${Math.round(performance.now() * 1000)}`;
  const output = way.to === 'pipe' ? '-' : `${folder}/cancelled.mp4`;
  const source = way.to === 'pipe' ? '-' : input;
  // In one piece: of a film in segments those that are finished stay, and on a fast machine there are some.
  const whole = way.to === 'pipe' ? [] : ['--segment-frames', '1000000'];
  const wanted = ['generate', model, '-i', source, '-o', output, ...whole];
  const child = spawn(command, [...words, ...wanted], {
    detached: true,
    env: {
      ...process.env,
      [MARK]: mark,
      [`${MARK}_SAYS`]: '1',
      NODE_OPTIONS: `--import ${LISTENING}`,
    },
    stdio: [way.to === 'pipe' ? 'pipe' : 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  let stderr = '';
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout!.pipe(createWriteStream('/dev/null'));
  if (way.to === 'pipe') void readFile(input).then((bytes) => feed(child, bytes));
  await Promise.race([once(child.stdio[3]!, 'data'), ended]);
  await Promise.race([sleep(afterMs), ended]);
  const asked = performance.now();
  const kill = (signal: NodeJS.Signals, group: boolean): void => {
    if (child.exitCode === null && child.signalCode === null) {
      process.kill(group ? -child.pid! : child.pid!, signal);
    }
  };
  kill(way.by === 'SIGTERM' ? 'SIGTERM' : 'SIGINT', way.by !== 'SIGTERM');
  if (way.by === 'SIGINT twice') {
    await Promise.race([sleep(afterMs % 50), ended]);
    kill('SIGINT', true);
  }
  const tooLate = setTimeout(() => kill('SIGKILL', true), KILL_AFTER_MS);
  const [code, signal] = await ended;
  clearTimeout(tooLate);
  const tookMs = performance.now() - asked;
  // A process that is only just ending is not left.
  let left = await processesOf(mark);
  for (let i = 0; i < 200 && left.length > 0; i += 1) {
    await sleep(50);
    left = await processesOf(mark);
  }
  // The second one may meet a process at its very end, where nothing of ours listens any more: a shell
  // gives the same code for that.
  const atTheEnd = way.by === 'SIGINT twice' && signal === 'SIGINT';
  const how = atTheEnd ? { code: codeOf(way), signal: null } : { code, signal };
  return { way, afterMs, ...how, left, files: await readdir(folder), stderr, tookMs };
}

/** Cancels a generation again and again, at moments drawn from the seed. */
export async function cancelAgainAndAgain(options: CancelOptions): Promise<Ending[]> {
  const random = randomStream(options.seed, 'eval', 'cancelling');
  const signals: readonly Way['by'][] = ['SIGTERM', 'SIGINT', 'SIGINT twice'];
  const endings: Ending[] = [];
  for (let i = 0; i < options.times; i += 1) {
    const way = { to: i % 2 === 0 ? 'pipe' : 'file', by: signals[i % 3]! } as const;
    const ending = await cancelOnce(way, random.uniform() * options.latestMs, options);
    endings.push(ending);
    options.onEnd?.(ending);
  }
  return endings;
}
