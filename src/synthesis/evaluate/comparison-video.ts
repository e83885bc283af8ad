import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../base/make-folder.mjs';
import { writeError } from '../../base/outputs.js';
import type { Rational } from '../../base/rational.js';
import { FrameloomError } from '../../base/error.js';
import { removeTemporary, sweepTemporaries, temporariesIn } from '../../base/temporaries.js';
import type { EncodeOptions } from '../../video/index.js';
import { openPictureVideo } from './rollout-video.js';

/** The pictures of one place of a comparison's video, in order. */
export interface Column {
  /** @param rgb rgb24 of the video's size; may be reused @throws FrameloomError disk-full, write-failed */
  add(rgb: Uint8Array): Promise<void>;
}

/**
 * A video of pictures beside each other that are made one column after another, as runs are evaluated. Until it is
 * finished the columns lie in a hidden folder beside it, as raw as they are; of a whole evaluation they would take
 * gigabytes of memory.
 */
export interface ComparisonVideo {
  /** @param place from the left, 0 the first; those that are not begun have no picture */
  column(place: number): Promise<Column>;
  /** @throws FrameloomError bad-data where columns are of unequal length; as writeFrames */
  finish(): Promise<void>;
  /** Takes away what is not the video. Never rejects. */
  close(): Promise<void>;
}

/**
 * Begins the video of a comparison.
 * @param path the extension chooses the format
 * @throws FrameloomError disk-full, write-failed
 */
export async function openComparisonVideo(
  path: string,
  { width, height, fps }: { width: number; height: number; fps: Rational },
  options: Pick<EncodeOptions, 'overwrite' | 'signal' | 'log'> = {},
): Promise<ComparisonVideo> {
  const beside = dirname(path);
  const folder = (await temporariesIn(beside))('');
  try {
    await makeFolder(beside);
    await sweepTemporaries(beside, options.log);
    await mkdir(folder);
  } catch (error) {
    throw writeError(path, error);
  }
  const bytes = 3 * width * height;
  const columns: { place: number; handle: FileHandle; frames: number }[] = [];
  return {
    async column(place) {
      let file: (typeof columns)[number];
      try {
        file = { place, handle: await open(join(folder, String(place)), 'wx+'), frames: 0 };
        columns.push(file);
      } catch (error) {
        throw writeError(path, error);
      }
      return {
        async add(rgb) {
          await file.handle.appendFile(rgb).catch((error: unknown) => {
            throw writeError(path, error);
          });
          file.frames += 1;
        },
      };
    },
    async finish() {
      const files = columns.toSorted((a, b) => a.place - b.place);
      const count = files.length;
      const frames = files[0]?.frames ?? 0;
      if (files.some((file) => file.frames !== frames)) {
        const lengths = files.map((file) => file.frames).join(', ');
        throw new FrameloomError('bad-data', `columns of a video have ${lengths} frames`);
      }
      const video = openPictureVideo(path, { count, width, height, fps }, options);
      try {
        for (let t = 0; t < frames; t += 1) {
          const pictures = files.map(async ({ handle }) => {
            const picture = new Uint8Array(bytes);
            await handle.read(picture, 0, bytes, t * bytes);
            return picture;
          });
          await video.add(await Promise.all(pictures));
        }
        await video.finish();
      } finally {
        await video.close();
      }
    },
    async close() {
      for (const { handle } of columns) await handle.close().catch(() => undefined);
      await removeTemporary(folder, options.log);
    },
  };
}
