import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Queue } from 'bullmq';
import { useBackend } from '../../src/backend/index.js';
import { findProgram } from '../../scripts/setup/paths.mjs';
import { packageVersion } from '../../src/base/own-package.js';
import { isTemporary } from '../../src/base/temporaries.js';
import { exportGenerator } from '../../src/export/index.js';
import type { ManifestEntry } from '../../src/synthesis/batch/manifest.js';
import { frameloom } from '../cli/support.js';
import { startFrameloom, until } from '../e2e/support.js';
import { makeModel } from '../export/make-model.js';
import { makeClip, scratchPath } from '../video/make-clip.js';
import { OwnRedis, redisPath } from './redis.js';
import { atTheEnd, startWorker, stopAll, told } from './worker.js';

const CLIPS = 3;
/** So many that a worker can be caught at it. */
const LONG_FRAMES = 250;
const TIMEOUT_MS = 120_000;

let redis: OwnRedis;
let model: string;
let clips: string;
let long: string;

/** Of a manifest what does not depend on when it was written, by output. */
async function manifestOf(folder: string): Promise<unknown[]> {
  const text = await readFile(join(folder, 'frameloom-manifest.jsonl'), 'utf8');
  const lines = text.trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as ManifestEntry);
  entries.sort((a, b) => (a.output < b.output ? -1 : 1));
  return entries.map((entry) => ({ ...entry, made: { ...entry.made, modifiedMs: 0 } }));
}

/** A worker as a process of its own. */
function startWorkerProcess() {
  const started = startFrameloom(['worker', '--queue', redis.address, '--stall-after', '1'], {});
  const kill = (): Promise<unknown> => {
    started.kill('SIGKILL');
    return started.ended;
  };
  atTheEnd(kill);
  return started;
}

const seeds = (words: string[]): string => (words.includes('--seeds') ? '-{seed}' : '');

const submit = (input: string, folder: string, ...more: string[]) =>
  frameloom(
    ...['generate', model, '-i', input, '-o', join(folder, `{name}${seeds(more)}.mp4`)],
    ...['--queue', redis.address, ...more],
  );

const queued = async <T>(look: (queue: Queue) => Promise<T>): Promise<T> => {
  const queue = new Queue('batch', { connection: { port: redis.port } });
  try {
    return await look(queue);
  } finally {
    await queue.close();
  }
};

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

describe.skipIf(redisPath === undefined)('a queue', { timeout: TIMEOUT_MS }, () => {
  beforeAll(async () => {
    await useBackend();
    redis = await OwnRedis.start();
    model = scratchPath('model.onnx');
    await exportGenerator(await makeModel(), model, { baseFolder: '/' });
    clips = scratchPath('clips');
    await mkdir(clips);
    const size = { width: 48, height: 32 };
    for (let i = 1; i <= CLIPS; i += 1)
      await copyFile(await makeClip({ ...size, frames: 4 + i }), join(clips, `clip-${i}.mp4`));
    long = join(scratchPath('long'), 'long.mp4');
    await mkdir(dirname(long));
    await copyFile(await makeClip({ ...size, frames: LONG_FRAMES }), long);
  });
  afterEach(stopAll);
  afterAll(() => redis.remove());

  it('makes what one machine makes, says what failed, and makes nothing twice', async () => {
    const [alone, out] = [scratchPath('alone'), scratchPath('out')];
    const bad = join(clips, 'bad.mp4');
    await writeFile(bad, 'no video');
    const local = await frameloom('generate', model, '-i', clips, '-o', join(alone, '{name}.mp4'));
    const worker = startWorker(redis);
    const first = await submit(clips, out);
    expect([first.code, first.stdout]).toEqual([local.code, local.stdout]);
    expect(first.stdout).toBe('4 videos: 3 made, 0 there already, 1 failed\n');
    expect(first.code).toBe(1);
    const complaint = (text: string) => /error: .*/.exec(text)?.[0].replaceAll(alone, out);
    expect(complaint(first.stderr)).toBe(complaint(local.stderr));
    expect(await manifestOf(out)).toEqual(await manifestOf(alone));
    expect((await readdir(out)).sort()).toEqual((await readdir(alone)).sort());
    for (const name of (await readdir(alone)).filter((each) => each.endsWith('.mp4')))
      expect(await readFile(join(out, name))).toEqual(await readFile(join(alone, name)));

    await rm(bad);
    await rm(join(out, 'clip-2.mp4'));
    const second = await submit(clips, out, '--json');
    const lines = second.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { status: string });
    expect(lines.map(({ status }) => status).sort()).toEqual([
      'done',
      'skipped',
      'skipped',
      'summary',
    ]);
    expect(lines.at(-1)).toMatchObject({ done: 1, skipped: 2, failed: 0, queued: 0 });
    // A bad input is a user's mistake, and is tried once.
    expect(await worker.stop()).toEqual({ made: 4, passedOver: 0, failed: 1, handedBack: 0 });
    expect(worker.lines.filter((line) => line.includes('clip-2.mp4: 6 frames in'))).toHaveLength(2);
    expect(worker.lines.filter((line) => line.includes('bad.mp4'))).toHaveLength(1);
  });

  it('gives the job of a killed worker to another, and none twice to one that stood still', async () => {
    const out = scratchPath('deaths');
    const batch = submit(long, out);
    const isAtWork = (pid: number) => async () =>
      (await readdir(out).catch(() => [])).some(
        (name) => isTemporary(name) && name.includes(`-${pid}-`),
      );
    const killed = startWorkerProcess();
    await until(isAtWork(killed.pid), 'the first worker');
    killed.kill('SIGKILL');
    const stopped = startWorkerProcess();
    await until(isAtWork(stopped.pid), 'the second worker');
    stopped.kill('SIGSTOP');
    const last = startWorker(redis);
    await told(last, 'another process is at it');
    stopped.kill('SIGCONT');
    const { code, stdout } = await batch;
    expect([code, stdout]).toEqual([0, '1 video: 1 made, 0 there already, 0 failed\n']);
    stopped.kill('SIGTERM');
    expect(await stopped.ended).toMatchObject({ code: 143 });
    await killed.ended;
    await last.stop();
    const manifest = await manifestOf(out);
    expect(manifest).toMatchObject([{ output: 'long.mp4', frames: LONG_FRAMES }]);
    const entry = manifest[0] as ManifestEntry;
    expect((await stat(join(out, 'long.mp4'))).size).toBe(entry.made.bytes);
    // Nothing is left of any of them.
    expect((await readdir(out)).sort()).toEqual(['frameloom-manifest.jsonl', 'long.mp4']);
  });

  it('is handed back what a worker is at that is stopped, which then takes nothing more', async () => {
    const out = scratchPath('handed-back');
    const first = startWorker(redis);
    const batch = submit(long, out, '--seeds', '1-2');
    await until(async () => (await readdir(out).catch(() => [])).some(isTemporary), 'a video');
    expect(await first.stop()).toMatchObject({ made: 0, handedBack: 1 });
    expect((await readdir(out)).filter(isTemporary)).toEqual([]);
    const second = startWorker(redis, { untilEmpty: true });
    const { code, stderr } = await batch;
    expect([code, stderr]).toEqual([0, expect.stringContaining('2/2')]);
    expect((await second.stop()).made).toBe(2);
  });

  it('outlives a Redis that ends and begins again', async () => {
    const out = scratchPath('restart');
    const worker = startWorker(redis);
    const batch = submit(clips, out);
    await told(worker, 'frames in');
    await redis.kill();
    await told(worker, 'cannot be reached');
    await redis.begin();
    const { code, stdout, stderr } = await batch;
    expect([code, stdout]).toEqual([0, '3 videos: 3 made, 0 there already, 0 failed\n']);
    expect(stderr).toMatch(/cannot be reached \(.+\): waiting up to 5m00s for it/);
    expect(stderr).toContain('the queue is there, after');
    expect((await worker.stop()).made).toBeGreaterThanOrEqual(2);
    expect(await manifestOf(out)).toHaveLength(CLIPS);
  });

  it('withdraws on Ctrl-C, keeps with --detach, and is gone on with by the same command', async () => {
    const out = scratchPath('withdrawn');
    const detached = await submit(clips, out, '--detach', '--priority', 'high');
    expect([detached.code, detached.stdout]).toEqual([
      0,
      '3 videos: 0 made, 0 there already, 0 failed, 3 queued\n',
    ]);
    expect(detached.stderr).toContain('and no worker there');
    expect(await queued((queue) => queue.getJobCounts('prioritized'))).toEqual({ prioritized: 3 });
    const waiting = startFrameloom(
      ['generate', model, '-i', clips, '-o', join(out, '{name}.mp4'), '--queue', redis.address],
      {},
    );
    const isQueued = () => Promise.resolve(waiting.stderr().includes('3 videos queued'));
    await until(isQueued, 'it to be queued again');
    expect(await queued((queue) => queue.getJobCounts('prioritized'))).toEqual({ prioritized: 3 });
    waiting.signalGroup('SIGINT');
    const { code, stderr } = await waiting.ended;
    expect(code).toBe(130);
    expect(stderr).toContain(
      'stopped with 0 of 3 videos made; 3 withdrawn (the same command goes on',
    );
    expect(await queued((queue) => queue.getJobCounts('prioritized'))).toEqual({ prioritized: 0 });
  });

  it('leaves jobs of another version, and says so on both sides; refuses what is in no root', async () => {
    const out = scratchPath('others');
    await submit(join(clips, 'clip-1.mp4'), out, '--detach');
    await queued(async (queue) => {
      const [job] = await queue.getPrioritized();
      await job!.updateData({ ...(job!.data as object), version: '0.0.1' });
    });
    const batch = submit(join(clips, 'clip-[12].mp4'), out);
    await queued((queue) =>
      until(async () => (await queue.getPrioritizedCount()) === 2, 'both to be queued'),
    );
    const worker = startWorker(redis, { roots: [clips] });
    await told(worker, 'version 0.0.1');
    await queued(async (queue) => {
      await until(async () => (await queue.getDelayedCount()) === 1, 'it to be left');
      const [job] = await queue.getDelayed();
      await job!.updateData({ ...(job!.data as object), version: packageVersion() });
      await job!.promote();
    });
    const { code, stderr } = await batch;
    await worker.stop();
    expect(code).toBe(1);
    expect(stderr).toContain('jobs of version 0.0.1 are left to others');
    expect(stderr).toContain('lies in no --root of the worker');
  });

  it('that cannot be reached is waited for, and no longer than that', async () => {
    await redis.kill();
    const out = scratchPath('away');
    const [batch, worker] = await Promise.all([
      submit(clips, out, '--queue-wait', '0.5'),
      startWorker(redis, { waitMs: 500 })
        .stop()
        .catch((error: unknown) => error),
    ]);
    expect(batch.code).toBe(1);
    expect(lastLine(batch.stderr)).toMatch(
      /^error: the queue redis:\/\/127.0.0.1:\d+ cannot be reached: .*ECONNREFUSED.*; given up after/,
    );
    expect(batch.stderr.match(/cannot be reached/g)).toHaveLength(2);
    expect(worker).toMatchObject({ name: 'AbortError' });
    await redis.begin();
  });

  it('tells who is not let in, and never a password', async () => {
    const closed = await OwnRedis.start('--requirepass', 'right');
    const address = `redis://:wr0ng@127.0.0.1:${closed.port}`;
    const { code, stderr } = await frameloom('worker', '--queue', address, '-v');
    await closed.remove();
    expect(code).toBe(2);
    expect(stderr).toContain('lets nobody in: WRONGPASS');
    expect(stderr).not.toContain('wr0ng');
  });
});

const hasOpenssl = findProgram('openssl') !== undefined;

it.skipIf(redisPath === undefined || !hasOpenssl)(
  'by TLS is worked for where its certificate is trusted, and left at once where not',
  async () => {
    const { redis: closed, certificate } = await OwnRedis.startByTls();
    try {
      const words = ['worker', '--queue', closed.address, '--until-empty'];
      const trusting = startFrameloom(words, { NODE_EXTRA_CA_CERTS: certificate });
      const refused = await frameloom(...words);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toMatch(
        /^error: the certificate of the queue rediss:\/\/127.0.0.1:\d+ is not to be trusted: self.signed certificate \(NODE_EXTRA_CA_CERTS=/,
      );
      const { code, stderr } = await trusting.ended;
      expect([code, stderr]).toEqual([0, expect.stringContaining('waiting for jobs of rediss://')]);
    } finally {
      await closed.remove();
    }
  },
  TIMEOUT_MS,
);

describe('a queue on the command line', () => {
  const generate = (...words: string[]) =>
    frameloom('generate', 'm.onnx', '-i', 'a.mp4', '-o', 'o/{name}.mp4', ...words);

  it.each([
    [['--detach'], '--detach does nothing without --queue'],
    [['--queue', 'redis://h', '--jobs', '2'], '--jobs does nothing beside --queue'],
    [['--queue', 'redis://h', '--shard', '1/2'], '--shard does nothing beside --queue'],
    [['--queue', 'redis://h', '--device', 'cpu'], '--device does nothing beside --queue'],
  ])('refuses what would do nothing: %s', async (words, message) => {
    const { code, stderr } = await generate(...words);
    expect([code, stderr.includes(message)]).toEqual([2, true]);
  });

  it('needs an address to work for', async () => {
    const { code, stderr } = await frameloom('worker');
    expect([code, stderr]).toEqual([
      2,
      'error: the queue is missing (such as --queue redis://host:6379)\n',
    ]);
  });
});
