import { copyFile, mkdir, readdir, rename } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { makeFolder } from '../../base/make-folder.mjs';
import { writeError } from '../../base/outputs.js';
import type { Logger } from '../../base/log.js';
import type { RunPaths } from './run-folder.js';
import { listSnapshots, snapshotFolderName } from './snapshot-store.js';

/** What a training left behind after the step that it goes back to. */
export interface Aside {
  /** Where it lies now, within the run. */
  readonly folder: string;
  /** The step of the last snapshot among it. */
  readonly lastStep: number;
}

const SAMPLE = /^step-(\d+)\.png$/;

/** Makes `<aside>/00001`, or the next number that is free. */
async function nextFolder(root: string): Promise<string> {
  await makeFolder(root);
  for (let number = 1; ; number += 1) {
    const folder = join(root, String(number).padStart(5, '0'));
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(folder, error);
    }
  }
}

/**
 * Clears the way for a training that goes on from an earlier snapshot: the later ones, their samples and
 * the log as it was are moved into a folder of their own, so that nothing is lost and nothing is taken for
 * a part of what comes now. Does nothing where there are none.
 * @throws FrameloomError disk-full, write-failed
 */
export async function goBack(run: RunPaths, step: number, log: Logger): Promise<Aside | null> {
  const later = (await listSnapshots(run.snapshots)).filter((one) => one > step);
  const lastStep = later.at(-1);
  if (lastStep === undefined) return null;
  const folder = await nextFolder(join(run.folder, 'aside'));
  try {
    // A copy: who is interrupted here has lost nothing, and goes on from the last snapshot that is left.
    await copyFile(run.log, join(folder, 'log.jsonl'));
    await mkdir(join(folder, 'samples'));
    for (const name of await readdir(run.samples)) {
      if (Number(SAMPLE.exec(name)?.[1] ?? 0) <= step) continue;
      await rename(join(run.samples, name), join(folder, 'samples', name));
    }
    await mkdir(join(folder, 'snapshots'));
    for (const one of later.reverse()) {
      const name = snapshotFolderName(one);
      await rename(join(run.snapshots, name), join(folder, 'snapshots', name));
    }
  } catch (error) {
    throw writeError(folder, error);
  }
  log.info(
    `going back to step ${step}: what came after it (snapshots up to step ${lastStep}, samples, the log as it was) lies in ${folder}`,
  );
  return { folder: relative(run.folder, folder), lastStep };
}
