import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset } from '../../src/clips/index.js';
import { shotsWithin } from '../../src/clips/split.js';
import type { Shot } from '../../src/clips/window-table.js';

/** A data set's frames as PyTorch's side reads them. */
export interface PeerData {
  /** All frames of all clips one after another, rgb24. */
  readonly frames: string;
  /** Their conditions, as the data set holds them. */
  readonly condition: string;
  /** The place of each clip's first frame. */
  readonly firsts: readonly number[];
}

/** Frames written at once. */
const BLOCK_FRAMES = 32;

/** Writes every frame of a data set with its condition, so that both sides learn from the same bytes. */
export async function writePeerData(dataset: Dataset, folder: string): Promise<PeerData> {
  const data = { frames: join(folder, 'frames.rgb'), condition: join(folder, 'condition.raw') };
  const files = await Promise.all([open(data.frames, 'wx'), open(data.condition, 'wx')]);
  const [frames, conditions] = files;
  const firsts: number[] = [];
  let written = 0;
  try {
    for (const [clip, { frameCount }] of dataset.report.clips.entries()) {
      firsts.push(written);
      for (let at = 0; at < frameCount; at += BLOCK_FRAMES) {
        const range = await dataset.readFrames(clip, at, Math.min(BLOCK_FRAMES, frameCount - at));
        if (range.condition === null) throw new Error('frames without a condition');
        await frames.writeFile(range.frames);
        await conditions.writeFile(range.condition);
      }
      written += frameCount;
    }
  } finally {
    for (const file of files) await file.close();
  }
  return { ...data, firsts };
}

/** Where windows may be taken: the training part of each clip, scene by scene. */
export const shotsOf = ({ report }: Pick<Dataset, 'report'>): Shot[] =>
  report.clips.flatMap(({ train, sceneCuts }, clip) =>
    shotsWithin(train, sceneCuts).map((shot) => ({ clip, ...shot })),
  );
