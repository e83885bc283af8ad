import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { FrameloomError, messageOf } from '../../base/error.js';
import type { Logger } from '../../base/log.js';
import { writeFileAtomic } from '../../base/outputs.js';
import type { DatasetReport, KeyframeReport } from '../../clips/index.js';
import type { RunPaths } from './run-folder.js';

const fileSchema = z.strictObject({
  keyframes: z.array(
    z.strictObject({
      path: z.string(),
      /** In the clip, from 0. */
      frame: z.int().min(0),
      sha256: z.string(),
      isHeldOut: z.boolean(),
    }),
  ),
});
/** A keyframe as a run's `keyframes.json` knows it. */
export type KeptKeyframe = z.output<typeof fileSchema>['keyframes'][number];

/**
 * The keyframes that a run learns; null of one that learns none, or has not begun to.
 * @throws FrameloomError bad-snapshot where they cannot be read
 */
export async function readKeyframes({
  keyframes: path,
}: Pick<RunPaths, 'keyframes'>): Promise<readonly KeptKeyframe[] | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unreadable(path, error);
  }
  try {
    return fileSchema.parse(JSON.parse(text)).keyframes;
  } catch (error) {
    throw unreadable(path, error);
  }
}

const unreadable = (path: string, cause: unknown): FrameloomError =>
  new FrameloomError('bad-snapshot', `${path} cannot be read: ${messageOf(cause)}`, {
    ...{ path, cause },
    hint: 'it says which paintings the run learned from, without which it cannot go on exactly',
  });

/** What is other than it was, a keyframe each. */
function changes(before: readonly KeptKeyframe[], now: readonly KeyframeReport[]): string[] {
  const own = new Map(now.map((one) => [one.frame, one]));
  const known = new Set(before.map(({ frame }) => frame));
  return [
    ...before.flatMap(({ path, frame, sha256 }) => {
      const found = own.get(frame);
      if (!found) return [`${basename(path)} is gone`];
      return found.sha256 === sha256 ? [] : [`${found.path} is another picture`];
    }),
    ...now.flatMap(({ path, frame }) => (known.has(frame) ? [] : [`${path} is new`])),
  ];
}

/**
 * Notes in a run which keyframes it learns, or holds those that there are against the ones that it began with.
 * @param keyframes of its data set; null without any
 * @throws FrameloomError bad-data where one was painted anew, added or taken away; bad-snapshot; disk-full, write-failed
 */
export async function keepKeyframes(
  run: RunPaths,
  keyframes: readonly KeyframeReport[] | null,
): Promise<void> {
  const before = await readKeyframes(run);
  if (keyframes === null && before === null) return;
  if (before === null) {
    const kept = keyframes!.map(({ path, frame, sha256, isHeldOut }): KeptKeyframe => ({
      ...{ path, frame, sha256, isHeldOut },
    }));
    await writeFileAtomic(run.keyframes, `${JSON.stringify({ keyframes: kept }, null, 1)}\n`);
    return;
  }
  const changed = changes(before, keyframes ?? []);
  if (changed.length === 0) return;
  throw new FrameloomError(
    'bad-data',
    `the keyframes are not those that ${run.folder} began with: ${changed.join('; ')}`,
    {
      path: run.keyframes,
      hint: `put them back, or start a new run with them that begins with what this one has learned: --from ${run.folder}`,
    },
  );
}

/** Says what is learned, and what cannot be known of it. */
export function sayKeyframes({ keyframes, warnings }: DatasetReport, log: Logger): void {
  if (keyframes === null) return;
  for (const warning of warnings) log.warn(warning);
  const heldOut = keyframes.filter(({ isHeldOut }) => isHeldOut);
  const held =
    heldOut.length === 0
      ? ''
      : `; held out: ${heldOut.map(({ path }) => basename(path)).join(', ')}`;
  log.info(
    `learning the look of ${keyframes.length - heldOut.length} keyframe${keyframes.length - heldOut.length === 1 ? '' : 's'}${held}`,
  );
}
