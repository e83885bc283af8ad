import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPipeline, pipelineToYaml } from '../../src/pipeline/load.js';
import { provided } from '../../src/base/provisions.mjs';
import { cacheFolder } from '../../src/base/cache-folder.js';
import { startRun } from '../../src/training/run/run-folder.js';
import { listSnapshots, readSnapshot } from '../../src/training/run/snapshot-store.js';
import { train } from '../../src/training/trainer.js';
import { makeExact } from '../clips/make-data.js';
import { makeWorkFolder, writePipeline } from '../e2e/support.js';
import { moduleAt, NODE_WORDS } from '../program.js';

const hasNative = provided('tensorflow-cpu', { cache: cacheFolder() }) !== undefined;
const isLinux = process.platform === 'linux';

type Told = Readonly<Record<string, unknown>>;

/** Processes of one group, each a program of its own. */
interface Members {
  readonly ports: readonly number[];
  readonly children: readonly ChildProcess[];
  /** Starts a task in all of them. @returns what each of them tells of it */
  all(task: string, options?: object, own?: readonly object[]): Promise<Told[]>;
  /** Resolves when the first one has done so many steps of the task at hand. */
  reached(step: number): Promise<void>;
  /** How each of them ended. */
  readonly ended: Promise<(number | null)[]>;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  servers.forEach((server) => server.close());
  return ports;
}

async function members(count: number): Promise<Members> {
  const ports = await freePorts(count);
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  const modules = {
    group: moduleAt('backend/group/index'),
    trainer: moduleAt('training/trainer'),
    runFolder: moduleAt('training/run/run-folder'),
    load: moduleAt('pipeline/load'),
    error: moduleAt('base/error'),
  };
  const program = fileURLToPath(new URL('member.mjs', import.meta.url));
  const children = addresses.map((_, rank) =>
    spawn(
      process.execPath,
      [...NODE_WORDS, program, JSON.stringify({ modules, addresses, rank })],
      {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        // Who loads TensorFlow by itself leaves its own in the environment.
        env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' },
      },
    ),
  );
  const ended = Promise.all(
    children.map(async (child) => (await once(child, 'exit'))[0] as number | null),
  );
  await Promise.all(children.map((child) => once(child, 'message')));
  const told = (child: ChildProcess): Promise<Told> =>
    new Promise((resolve) => {
      const hear = (message: { done?: Told }): void => {
        if (!message.done) return;
        child.off('message', hear);
        resolve(message.done);
      };
      child.on('message', hear);
      child.once('exit', () => resolve({ code: 'gone' }));
    });
  return {
    ...{ ports, children, ended },
    all: (task, options = {}, own = []) =>
      Promise.all(
        children.map((child, i) => {
          const answer = told(child);
          child.send({ task, ...options, ...own[i] });
          return answer;
        }),
      ),
    reached: (step) =>
      new Promise((resolve) => {
        children[0]!.on('message', (message: { step?: number }) => {
          if ((message.step ?? 0) >= step) resolve();
        });
      }),
  };
}

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
let yaml: string;
let batchOfTwo: string;

const data = (folder: string, step: number) => readSnapshot(join(folder, 'snapshots'), step);
const bytes = async (folder: string, step: number): Promise<Buffer> =>
  readFile(join((await data(folder, step)).folder, 'tensors.safetensors'));

beforeAll(async () => {
  work = await makeWorkFolder();
  // What is all of one colour lies on the edges of what flow and L1 are made of, where a last bit decides.
  const colour = (frame: number, x: number, y: number): [number, number, number] => [
    (frame * 5 + x * x * 3 + y * 11) % 256,
    (frame * 3 + x * 7 + y * y) % 256,
    (x * y + 2 * frame) % 256,
  ];
  const clips = await Promise.all([1, 2].map(() => makeExact({ frames: 40, colour })));
  const often = { snapshotEverySteps: 1, keepSnapshots: 9, evaluateEverySteps: 2 };
  // Warm-ups, kept histories and what the controller does ride along: ranks that knew other things would stop.
  const drawn = { warmUp: { frames: 2 }, histories: { fraction: 0.5, fromStep: 1, pool: 8 } };
  const training = { steps: 4, gradientCheckpointing: 'off', compile: false, ...often, ...drawn };
  const pipelineOf = async (batch: number): Promise<string> => {
    const path = await writePipeline(join(work.path, `batch-${batch}.yaml`), {
      data: { clips },
      generator: { noiseChannels: 2 },
      losses: { r1: 1, r1EverySteps: 2 },
      training: { ...training, batch },
    });
    return pipelineToYaml((await loadPipeline(path)).pipeline);
  };
  [yaml, batchOfTwo] = await Promise.all([pipelineOf(1), pipelineOf(2)]);
});
afterAll(() => work.remove());

/** ‖a − b‖ / ‖a‖ */
function distance(a: Float32Array, b: Float32Array): number {
  const off = a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
  return Math.sqrt(off / a.reduce((sum, value) => sum + value ** 2, 1e-30));
}

// Elsewhere their server is open to all, and where native TensorFlow is not set up there is none.
describe.skipIf(!hasNative || !isLinux)('processes that train together', () => {
  it('are one process of their whole batch, go on as if nothing had been, and end where one dies', async () => {
    const two = await members(2);
    const whole = join(work.path, 'whole');
    const alone = join(work.path, 'alone');

    const outcome = await two.all('train', { yaml, folder: whole });
    expect(outcome).toMatchObject([
      { ending: 'done', step: 4 },
      { ending: 'done', step: 4 },
    ]);
    const said = (outcome[0]!.said as string[]).join('\n');
    expect(said).toContain('2 processes of 1 windows a step: 2 in all');
    // Said of ranks whose networks are not the same to the last bit.
    expect(said).not.toContain('to the last bit');
    expect(outcome[1]!.said).toEqual([expect.stringContaining('rank 1 of 2')].slice(1));
    expect((await data(whole, 4)).state).toMatchObject({ environment: { processes: 2 } });

    const run = await startRun({ name: 'alone', pipelineYaml: batchOfTwo, folder: alone });
    const { pipeline } = await loadPipeline(run.pipeline);
    await train(pipeline, { run, baseFolder: '/' });
    await run.close();
    const [one, many] = [await data(alone, 1), await data(whole, 1)];
    const moments = Object.keys(one.tensors).filter((name) => name.startsWith('optimizer.'));
    expect(moments).toHaveLength(4);
    for (const name of moments) {
      expect(distance(one.tensors[name]!.data, many.tensors[name]!.data)).toBeLessThan(1e-5);
    }
    const kept = (state: unknown) => (state as { histories: object }).histories;
    expect(kept(many.state)).toEqual(kept(one.state));
    // Each signal, norms and ratios of norms too, is what one process of the whole batch sees.
    const seen = ({ state }: { state: unknown }) =>
      (state as { stability: { signals: Record<string, { mean: number }> } }).stability.signals;
    expect(Object.keys(seen(one))).toContain('generator/judges_pull');
    expect(Object.keys(seen(many))).toEqual(Object.keys(seen(one)));
    const apart = Object.entries(seen(one)).filter(
      ([name, { mean }]) => Math.abs(seen(many)[name]!.mean - mean) > 1e-3 * Math.abs(mean) + 1e-9,
    );
    expect(apart).toEqual([]);

    // A Ctrl-C of one of them is heard by all.
    const cut = join(work.path, 'cut');
    const stopped = await two.all('train', { yaml, folder: cut }, [{ stopAt: 2 }, {}]);
    expect(stopped).toMatchObject([
      { ending: 'cancelled', step: 2 },
      { ending: 'cancelled', step: 2 },
    ]);
    await two.all('train', { yaml, folder: cut, resume: true });
    expect(await bytes(cut, 4)).toEqual(await bytes(whole, 4));

    // Other words than rank 0's are found before the first step, and named.
    const other = yaml.replace('steps: 4', 'steps: 5');
    const folder = join(work.path, 'other');
    const refused = await two.all('train', { yaml, folder }, [{}, { yaml: other }]);
    for (const told of refused) {
      expect(told).toMatchObject({ code: 'bad-option' });
      expect(told.message).toBe('rank 1 has another pipeline than rank 0: training.steps');
    }

    // Loopback is let in, and what comes from elsewhere never reaches TensorFlow.
    const outside = Object.values(networkInterfaces())
      .flatMap((own) => own ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
    const reaches = (host: string): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = connect({ host, port: two.ports[0]! });
        socket.setTimeout(700, () => resolve((socket.destroy(), false)));
        socket.once('connect', () => resolve((socket.destroy(), true)));
      });
    expect(await reaches('127.0.0.1')).toBe(true);
    expect(outside !== undefined && (await reaches(outside))).toBe(false);

    // A process that is killed ends the other, and leaves whole snapshots.
    const long = yaml.replace('steps: 4', 'steps: 1000');
    const killed = join(work.path, 'killed');
    const dying = two.all('train', { yaml: long, folder: killed });
    await two.reached(3);
    const at = performance.now();
    two.children[1]!.kill('SIGKILL');
    const [left] = await dying;
    expect(left).toMatchObject({ code: 'peer-lost' });
    expect(left!.message).toContain('rank 1 of 2');
    expect(performance.now() - at).toBeLessThan(15_000);
    const [last] = (await listSnapshots(join(killed, 'snapshots'))).slice(-1);
    expect((await data(killed, last!)).step).toBe(last);
    two.children[0]!.kill('SIGKILL');
    await two.ended;
  }, 180_000);

  it('of four agree too, and end where one freezes', async () => {
    const four = await members(4);
    const sums = await four.all('sums');
    for (const told of sums) {
      expect(told).toEqual({ ...sums[0], said: told.said });
      expect(told).toMatchObject({ sum: 10, texts: ['', 'x', 'xx', 'xxx'] });
    }
    const folder = join(work.path, 'four');
    const long = yaml.replace('steps: 4', 'steps: 1000').replace('compile: false', 'compile: true');
    const dying = four.all('train', { yaml: long, folder });
    await four.reached(2);
    const at = performance.now();
    four.children[2]!.kill('SIGSTOP');
    const [first] = await Promise.race([dying, Promise.all(four.children.slice(0, 1).map(lost))]);
    expect(first).toMatchObject({ code: 'peer-lost' });
    expect(performance.now() - at).toBeLessThan(30_000);
    four.children.forEach((child) => child.kill('SIGKILL'));
    await four.ended;
  }, 120_000);
});

/** What a process tells when it is done. */
const lost = (child: ChildProcess): Promise<Told> =>
  new Promise((resolve) => {
    child.on('message', (message: { done?: Told }) => {
      if (message.done) resolve(message.done);
    });
  });
