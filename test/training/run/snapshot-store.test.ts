import { mkdir, readFile, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/base/log.js';
import {
  describeSnapshots,
  judgeSnapshot,
  listSnapshots,
  readSnapshot,
  rescoreSnapshots,
  saveSnapshot,
  type Snapshot,
} from '../../../src/training/run/snapshot-store.js';
import { testFolder } from './support.js';

const snapshot = (step: number): Snapshot => ({
  step,
  tensors: { 'generator/w': { shape: [2, 1], data: Float32Array.of(step, -step) } },
  state: { counters: { b: step, a: 1 }, list: [1.5, null, 'x'] },
});

const listening = () => {
  const lines: string[] = [];
  return { lines, log: createLogger({ level: 'warn', write: (line) => void lines.push(line) }) };
};

describe('snapshots', () => {
  it('gives back what was saved', async () => {
    const folder = await testFolder();
    const saved = await saveSnapshot(folder, snapshot(200), { keepLast: 1, score: 0.5 });
    expect(saved).toEqual({ folder: join(folder, 'snapshot-0000200'), deleted: [] });
    const back = await readSnapshot(folder, 200);
    const { folder: path } = saved;
    const unjudged = { score: 0.5, scoredBy: 'ssim', evaluation: null };
    expect(back).toEqual({ ...snapshot(200), ...unjudged, folder: path });
    // What is found out later leaves the numbers as they are.
    const evaluation = { psnr: 20, alarms: { dots: 'checker 2.00, above 1.5' } };
    const verdict = { score: 0.75, scoredBy: 'composite', evaluation };
    await judgeSnapshot(folder, 200, verdict, { keepLast: 1 });
    expect(await readSnapshot(folder, 'best')).toEqual({ ...back, ...verdict });
    // Snapshots of earlier versions say nothing of one, nor by what they are scored.
    const old = JSON.parse(await readFile(join(path, 'state.json'), 'utf8')) as object;
    await writeFile(
      join(path, 'state.json'),
      JSON.stringify({ ...old, evaluation: undefined, scoredBy: undefined, score: 0.5 }),
    );
    expect(await readSnapshot(folder, 200)).toEqual(back);
  });

  it('compares no scores of two rules, and scores all by one', async () => {
    const folder = await testFolder();
    const { lines, log } = listening();
    const judged = [
      [1, { score: 0.9, scoredBy: 'ssim', evaluation: { score: 0.3 } }],
      [2, { score: 0.8, scoredBy: 'ssim', evaluation: null }],
      [3, { score: 0.4, scoredBy: 'composite', evaluation: { score: 0.4 } }],
      [4, { score: 0.2, scoredBy: 'composite', evaluation: { score: 0.2 } }],
    ] as const;
    for (const [step, verdict] of judged) {
      await saveSnapshot(folder, snapshot(step), { keepLast: 9 });
      await judgeSnapshot(folder, step, verdict, { keepLast: 9 });
    }
    const best = async (): Promise<number> => (await readSnapshot(folder, 'best')).step;
    expect(await best()).toBe(3);
    const rule = (name: string, factor: number) => ({
      name,
      scoreOf: (saved: unknown) => {
        const { score } = (saved ?? {}) as { score?: number };
        return score === undefined ? null : factor * score;
      },
    });
    expect(await rescoreSnapshots(folder, rule('composite', 1), log)).toEqual([1]);
    expect(lines.join()).toMatch(/snapshot 2 has a score by ssim.*not compared/);
    const scored = async () =>
      (await describeSnapshots(folder)).map(({ score, scoredBy }) => [score, scoredBy]);
    const scores = [0.3, null, 0.4, 0.2].map((score) => [score, 'composite']);
    expect(await scored()).toEqual(scores);
    expect(await rescoreSnapshots(folder, rule('composite', 1), log)).toEqual([]);
    // The other way round, and what has no score stays so.
    expect(await rescoreSnapshots(folder, rule('worst', -1), log)).toEqual([1, 3, 4]);
    expect(await best()).toBe(4);
    expect(lines).toHaveLength(1);
  });

  it('writes the same bytes for the same content', async () => {
    const [a, b] = [await testFolder(), await testFolder()];
    await saveSnapshot(a, snapshot(7), { keepLast: 1 });
    const reordered = {
      ...snapshot(7),
      state: { list: [1.5, null, 'x'], counters: { a: 1, b: 7 } },
    };
    await saveSnapshot(b, reordered, { keepLast: 1 });
    for (const name of ['tensors.safetensors', 'state.json']) {
      const [inA, inB] = [a, b].map((f) => readFile(join(f, 'snapshot-0000007', name)));
      expect(await inA).toEqual(await inB);
    }
  });

  it('keeps the last ones, the best one and the one resumed from', async () => {
    const folder = await testFolder();
    const deleted: number[] = [];
    for (const [step, score] of [
      [1, 0.1],
      [2, 0.9],
      [3, 0.2],
      [4, 0.3],
      [5, undefined],
      [6, 0.9],
    ] as const) {
      const saved = await saveSnapshot(folder, snapshot(step), {
        keepLast: 2,
        keep: [1],
        ...(score === undefined ? {} : { score }),
      });
      deleted.push(...saved.deleted);
    }
    // Of two equal scores the newer is the best, so that 2 goes when 6 comes.
    expect(deleted).toEqual([3, 2, 4]);
    expect(await listSnapshots(folder)).toEqual([1, 5, 6]);
    expect((await readSnapshot(folder, 'best')).step).toBe(6);
    expect((await readSnapshot(folder, 'latest')).step).toBe(6);
  });

  it('writes over a snapshot of the same step and clears what a killed process left', async () => {
    const folder = await testFolder();
    await mkdir(join(folder, '.0a1b2c3d.partial.snapshot-0000003'));
    await saveSnapshot(folder, snapshot(3), { keepLast: 1, score: 1 });
    await saveSnapshot(folder, snapshot(3), { keepLast: 1, score: 2 });
    expect(await readdir(folder)).toEqual(['snapshot-0000003']);
    expect((await readSnapshot(folder, 3)).score).toBe(2);
  });

  it('passes over damaged snapshots with a warning', async () => {
    const folder = await testFolder();
    for (const step of [1, 2, 3, 4]) {
      await saveSnapshot(folder, snapshot(step), { keepLast: 4, score: step });
    }
    await truncate(join(folder, 'snapshot-0000004', 'tensors.safetensors'), 60);
    await writeFile(join(folder, 'snapshot-0000003', 'state.json'), '{');
    for (const choice of ['latest', 'best'] as const) {
      const { lines, log } = listening();
      expect((await readSnapshot(folder, choice, { log })).step).toBe(2);
      expect(lines.join('')).toContain('snapshot-0000004 is damaged');
    }
    await expect(readSnapshot(folder, 4)).rejects.toMatchObject({ code: 'bad-snapshot' });
  });

  it('notices a single changed bit', async () => {
    const folder = await testFolder();
    const saved = await saveSnapshot(folder, snapshot(1), { keepLast: 1 });
    const path = join(saved.folder, 'tensors.safetensors');
    const bytes = await readFile(path);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(path, bytes);
    await expect(readSnapshot(folder, 'latest')).rejects.toMatchObject({ code: 'bad-snapshot' });
  });

  it('says what there is when the one asked for is not', async () => {
    const folder = await testFolder();
    await expect(readSnapshot(folder, 'latest')).rejects.toMatchObject({ code: 'not-found' });
    await expect(readSnapshot(join(folder, 'none'), 'best')).rejects.toMatchObject({
      code: 'not-found',
    });
    await saveSnapshot(folder, snapshot(5), { keepLast: 1 });
    await expect(readSnapshot(folder, 6)).rejects.toMatchObject({
      code: 'not-found',
      hint: 'there are 5',
    });
  });

  it('leaves nothing behind when it fails', async () => {
    const folder = await testFolder();
    const wrong = { ...snapshot(1), tensors: { x: { shape: [2], data: new Float32Array(1) } } };
    await expect(saveSnapshot(folder, wrong, { keepLast: 1 })).rejects.toMatchObject({
      code: 'bad-shape',
    });
    expect(await readdir(folder)).toEqual([]);
    const gone = join(folder, 'moved away', 'snapshots');
    await expect(saveSnapshot(gone, snapshot(1), { keepLast: 1 })).rejects.toMatchObject({
      code: 'write-failed',
    });
    expect(await readdir(folder)).toEqual([]);
    await expect(saveSnapshot(folder, snapshot(1), { keepLast: 0 })).rejects.toMatchObject({
      code: 'bad-option',
    });
  });
});
