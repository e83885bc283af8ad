import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  createThreadWork,
  doUnlessStopped,
  stopAndWait,
  stopWork,
} from '../../../src/synthesis/engines/thread/work.js';

describe('the work of a thread', () => {
  it('is done, and its failure is told', async () => {
    const work = createThreadWork();
    expect(await doUnlessStopped(work, () => Promise.resolve(3))).toBe(3);
    await expect(
      doUnlessStopped(work, () => Promise.reject(new Error('no device'))),
    ).rejects.toThrow('no device');
    // Nothing is under way any more.
    stopAndWait(work, Number.POSITIVE_INFINITY);
  });

  it('is not begun once it was stopped', async () => {
    const work = createThreadWork();
    stopWork(work);
    let begun = false;
    const done = await doUnlessStopped(work, () => {
      begun = true;
      return Promise.resolve(1);
    });
    expect([done, begun]).toEqual([undefined, false]);
  });

  it('is waited for, blocking, until it is done', async () => {
    const work = createThreadWork();
    // The second number is how much is under way.
    const worker = new Worker(
      `const { workerData: work, parentPort } = require('node:worker_threads');
       Atomics.add(work, 1, 1);
       parentPort.postMessage('begun');
       setTimeout(() => { Atomics.sub(work, 1, 1); Atomics.notify(work, 1); }, 300);`,
      { eval: true, workerData: work },
    );
    await once(worker, 'message');
    const started = performance.now();
    stopAndWait(work, 60_000);
    expect(Atomics.load(work, 1)).toBe(0);
    expect(performance.now() - started).toBeGreaterThan(100);
    await worker.terminate();
  });

  it('that hangs is waited for no longer than there is patience', async () => {
    const work = createThreadWork();
    const hanging = doUnlessStopped(work, () => sleep(1000));
    const started = performance.now();
    stopAndWait(work, 50);
    expect(performance.now() - started).toBeGreaterThanOrEqual(49);
    expect(Atomics.load(work, 1)).toBe(1);
    await hanging;
  });
});
