import { readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { snapshotFolderName } from '../../src/training/run/snapshot-store.js';
import { makeClip } from '../synthesis/prepare.js';

/** Steps of a training that is about its processes, and not about what it learns. */
export const SMALL_STEPS = 60;

/** A pipeline of the smallest networks, with many snapshots. @returns its path */
export async function makeSmallPipeline(folder: string, steps = SMALL_STEPS): Promise<string> {
  const clip = await makeClip(folder, { width: 32, height: 24 }, 60);
  const path = join(folder, `small-${steps}.yaml`);
  const judges = { channels: 4, layers: 2, scales: 1 };
  await writeFile(
    path,
    stringify({
      data: { clips: [clip], size: '32x24' },
      generator: { channels: 4, residualBlocks: 1, branchBlocks: 0 },
      ...{ frameDiscriminator: judges, sequenceDiscriminator: judges },
      training: {
        ...{ steps, frames: 3, gradientCheckpointing: 'off', snapshotEverySteps: 5 },
        ...{ evaluateEverySteps: 10_000, sampleEverySteps: 10_000 },
      },
    }),
  );
  return path;
}

/** What a run has learnt by its end: weights, moments and averages. */
export const learntBy = (run: string, steps = SMALL_STEPS): Promise<Buffer> =>
  readFile(join(run, 'snapshots', snapshotFolderName(steps), 'tensors.safetensors'));

/** The step of a run's last snapshot; null of none. */
export function lastSnapshot(run: string): number | null {
  try {
    const names = readdirSync(join(run, 'snapshots')).filter((name) =>
      name.startsWith('snapshot-'),
    );
    return names.length === 0 ? null : Math.max(...names.map((name) => Number(name.slice(9))));
  } catch {
    return null;
  }
}

/** Whether a process is there, and no zombie. */
export function lives(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
