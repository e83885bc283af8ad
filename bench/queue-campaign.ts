/**
 * Does a queue make each video once, whatever dies? Four workers make a batch; one of them is killed every few
 * seconds and another one started, some stand still for a while and go on, and Redis itself is killed once and
 * begins again from its file. Every output has to be there, as one machine makes it, put in its place once and never
 * again, with one line in the manifest, and nothing left beside it.
 *
 *   npm run bench -- --only queue
 *   npx tsx bench/queue-campaign.ts [--jobs 2000] [--workers 4] [--kill-every 10] [--seed 1] [--quick]
 *     [--program dist/cli/main.js]
 *
 * Needs redis-server, of Debian's package say. Writes bench/results/queue-campaign.json; exits with 1 on any fault.
 */
import './support/help.js';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { randomStream } from '../src/base/random.js';
import type { ManifestEntry } from '../src/synthesis/batch/manifest.js';
import { OwnRedis } from '../test/queue/redis.js';
import { inBench, say, writeResult } from './support/files.js';
import { machineReport } from './support/machine.js';
import { makeClip, prepare } from './synthesis/prepare.js';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string' },
    workers: { type: 'string', default: '4' },
    'kill-every': { type: 'string' },
    seed: { type: 'string', default: '1' },
    program: { type: 'string', default: inBench('../dist/cli/main.js') },
    quick: { type: 'boolean', default: false },
  },
});
const { quick } = values;
const jobs = Number(values.jobs ?? (quick ? 60 : 2000));
const workers = Number(values.workers);
const killEverySeconds = Number(values['kill-every'] ?? (quick ? 5 : 10));
const seed = Number(values.seed);
const program = resolve(values.program);
if (!existsSync(program)) throw new Error(`there is no ${program}: npm run build makes it`);

const POINT = { preset: 'tiny', width: 64, height: 36 } as const;
/** Of so many lengths: the same clip by all seeds is the same video, since the generator takes no noise. */
const CLIPS = Math.min(20, jobs);
const LEAST_FRAMES = 4;
const STALL_SECONDS = 2;
/** Of those that are not killed, one in so many turns stands still for longer than that. */
const STILL_EVERY = 3;
const REDIS_AWAY_MS = 2000;
const LOOK_EVERY_MS = 400;

interface Running {
  readonly pid: number;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function start(...words: string[]): Running {
  const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return {
    pid: child.pid!,
    kill: (signal) => child.kill(signal),
    ended: once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr })),
  };
}

/** Which file lies at each place: another one has another number or date. */
class Places {
  readonly faults: string[] = [];
  readonly #folder: string;
  readonly #seen = new Map<string, string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  get made(): number {
    return this.#seen.size;
  }

  async look(): Promise<void> {
    const names = (await readdir(this.#folder).catch(() => [])).filter((name) =>
      /^\w.*[.]mp4$/.test(name),
    );
    for (const name of names) {
      const { ino, mtimeMs, size } = await stat(join(this.#folder, name));
      const now = `${ino} ${mtimeMs} ${size}`;
      const before = this.#seen.get(name);
      if (before !== undefined && before !== now)
        this.faults.push(`${name} was put in its place twice`);
      this.#seen.set(name, now);
    }
  }
}

const work = await mkdtemp(join(tmpdir(), 'frameloom-queue-'));
const redis = await OwnRedis.start();
const running = new Set<Running>();
const logs: Promise<string>[] = [];
const events = { killed: 0, stoodStill: 0 };
const draw = randomStream(seed, 'sample', 0);

const startWorker = (): void => {
  const one = start(
    'worker',
    '--queue',
    redis.address,
    '--stall-after',
    String(STALL_SECONDS),
    '--threads',
    '1',
  );
  running.add(one);
  logs.push(one.ended.then(({ stderr }) => stderr));
  void one.ended.then(() => running.delete(one));
};

/** Kills one and starts another; now and then another one stands still for a while. */
async function disturb(until: AbortSignal): Promise<void> {
  for (let turn = 1; ; turn += 1) {
    await sleep(killEverySeconds * 1000, undefined, { signal: until }).catch(() => undefined);
    if (until.aborted) return;
    const all = [...running];
    const victim = all[draw.integer(0, all.length - 1)]!;
    victim.kill('SIGKILL');
    events.killed += 1;
    startWorker();
    if (turn % STILL_EVERY !== 0) continue;
    const others = all.filter((each) => each !== victim);
    const still = others[draw.integer(0, others.length - 1)];
    if (!still) continue;
    still.kill('SIGSTOP');
    events.stoodStill += 1;
    await sleep(2 * STALL_SECONDS * 1000);
    still.kill('SIGCONT');
  }
}

try {
  const { path: model } = await prepare(POINT, work);
  const clips = join(work, 'clips');
  await mkdir(clips);
  for (let i = 0; i < CLIPS; i += 1) {
    await copyFile(await makeClip(work, POINT, LEAST_FRAMES + i), join(clips, `clip-${i}.mp4`));
  }
  const seeds = Math.ceil(jobs / CLIPS);
  const total = seeds * CLIPS;
  const [alone, out] = [join(work, 'alone'), join(work, 'out')];
  const generate = (folder: string, last: number): string[] => [
    ...['--quiet', 'generate', model, '-i', clips, '-o', join(folder, '{name}-{seed}.mp4')],
    ...['--seeds', `1-${last}`, '--json'],
  ];
  const { code: aloneCode, stderr } = await start(...generate(alone, 1)).ended;
  if (aloneCode !== 0) throw new Error(`the undisturbed batch ended with ${aloneCode}: ${stderr}`);
  const right = new Map<string, Buffer>();
  for (let i = 0; i < CLIPS; i += 1) {
    right.set(`clip-${i}`, await readFile(join(alone, `clip-${i}-1.mp4`)));
  }

  for (let i = 0; i < workers; i += 1) startWorker();
  const began = performance.now();
  const places = new Places(out);
  const end = new AbortController();
  const submitter = start(...generate(out, seeds), '--queue', redis.address);
  const disturbing = disturb(end.signal);
  const looked = new AbortController();
  const watching = (async () => {
    let restarted = false;
    let told = 0;
    for (const { signal } = looked; !signal.aborted;) {
      await places.look();
      if (!restarted && places.made >= total / 2) {
        restarted = true;
        await redis.kill();
        await sleep(REDIS_AWAY_MS);
        await redis.begin();
        say(`Redis was killed and began again, with ${places.made} of ${total} made`);
      }
      if (places.made - told >= total / 10) {
        told = places.made;
        const seconds = (performance.now() - began) / 1000;
        say(`${told} of ${total} in ${seconds.toFixed(0)} s, ${events.killed} workers killed`);
      }
      await sleep(LOOK_EVERY_MS);
    }
  })();
  const submitted = await submitter.ended;
  const seconds = (performance.now() - began) / 1000;
  end.abort();
  await disturbing;
  for (const one of running) one.kill('SIGTERM');
  const words = (await Promise.all(logs)).join('\n');
  looked.abort();
  await watching;
  await places.look();

  const faults = [...places.faults];
  if (submitted.code !== 0)
    faults.push(`the submitter ended with ${submitted.code}: ${submitted.stderr}`);
  const summary = JSON.parse(submitted.stdout.trim().split('\n').at(-1) ?? '{}') as {
    done?: number;
  };
  if (summary.done !== total)
    faults.push(`the report says that ${summary.done} of ${total} were made`);
  const lines = (await readFile(join(out, 'frameloom-manifest.jsonl'), 'utf8')).trim().split('\n');
  const entered = new Map<string, number>();
  for (const line of lines) {
    const { output } = JSON.parse(line) as ManifestEntry;
    entered.set(output, (entered.get(output) ?? 0) + 1);
  }
  const expected = [...right].flatMap(([name, bytes]) =>
    Array.from({ length: seeds }, (_, i) => ({ name: `${name}-${i + 1}.mp4`, bytes })),
  );
  for (const { name, bytes } of expected) {
    const found = await readFile(join(out, name)).catch(() => undefined);
    if (!found) faults.push(`${name} is missing`);
    else if (!found.equals(bytes)) faults.push(`${name} is not what one machine makes`);
    if (entered.get(name) !== 1) faults.push(`${name} has ${entered.get(name) ?? 0} lines`);
  }
  const others = new Set(['frameloom-manifest.jsonl', ...expected.map(({ name }) => name)]);
  for (const name of await readdir(out)) if (!others.has(name)) faults.push(`${name} was left`);
  const count = (what: RegExp): number => words.match(what)?.length ?? 0;
  const result = {
    machine: machineReport(),
    settings: {
      jobs: total,
      workers,
      killEverySeconds,
      seed,
      ...POINT,
      stallSeconds: STALL_SECONDS,
    },
    seconds,
    ...events,
    redisRestarts: 1,
    /** Placed by a worker that died before it could say so, and entered by the next. */
    foundThere: count(/: there already$/gm),
    waitedForAnother: count(/another process is at it/g),
    faults,
  };
  say(
    `${total} videos by ${workers} workers in ${seconds.toFixed(0)} s: ${events.killed} killed, ${events.stoodStill} stood still, Redis restarted once; ${result.foundThere} found in their place, ${faults.length} faults`,
  );
  for (const fault of faults.slice(0, 50)) say(`  ${fault}`);
  await writeResult('queue-campaign.json', `${JSON.stringify(result, null, 2)}\n`);
  if (faults.length > 0) process.exitCode = 1;
} finally {
  for (const one of running) {
    one.kill('SIGCONT');
    one.kill('SIGKILL');
  }
  await redis.remove();
  await rm(work, { recursive: true, force: true });
}
