import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import type { Logger } from '../../base/log.js';
import { writeFileAtomic } from '../../base/outputs.js';
import { rationalToNumber } from '../../base/rational.js';
import {
  encodeInSegments,
  fromFrames,
  type EncodeResult,
  type FilmProgress,
  type SegmentFolder,
} from '../../video/index.js';
import type { FrameQueue } from '../frame-queue.js';
import { jobOf, STATE, type Placing, type UnfinishedFacts } from './folder.js';

/** So much is lost at the most of a recording whose process is killed. */
const SEGMENT_SECONDS = 4;

/** How far all tracks have come, of as many frames; null where one has nothing whole yet. */
function commonOf(reached: readonly (readonly FilmProgress[])[]): FilmProgress[] | null {
  const [first = []] = reached;
  for (let at = first.length - 1; at >= 0; at -= 1) {
    const { frames } = first[at]!;
    const same = reached.flatMap((all) => all.findLast((one) => one.frames === frames) ?? []);
    if (same.length === reached.length) return same;
  }
  return null;
}

interface Encoding {
  readonly folder: string;
  readonly facts: UnfinishedFacts;
  readonly placing: Placing;
  readonly log: Logger;
  readonly signal?: AbortSignal | undefined;
  /** The rows of so many frames, on the disk. */
  readonly rows: (count: number) => Promise<readonly string[]>;
}

/**
 * Writes the videos in segments, each on the disk itself once it is whole, and joins them behind the last frame. What is
 * noted as whole is whole of all tracks.
 */
export function encode(
  queues: readonly FrameQueue[],
  before: readonly FilmProgress[] | null,
  { folder, facts, placing, log, signal, rows }: Encoding,
): Promise<EncodeResult>[] {
  const { width, height, fps, tracks } = facts;
  const job = jobOf(facts);
  let reached = tracks.map((_, at) => (before ? [before[at]!] : []));
  let noting: Promise<void> = Promise.resolve();
  const note = async (at: number, progress: FilmProgress): Promise<void> => {
    reached[at]!.push(progress);
    const common = commonOf(reached);
    if (!common) return;
    const [{ frames }] = common as [FilmProgress];
    const kept = await rows(frames);
    await writeFileAtomic(join(folder, STATE), JSON.stringify({ job, tracks: common }));
    reached = reached.map((all) => all.filter((one) => one.frames >= frames));
    if (progress.isComplete) await placing.before?.(kept);
  };
  return tracks.map(({ file, pixelFormat, crf }, at) => {
    const segments: SegmentFolder = {
      ...{ folder: join(folder, String(at)), progress: before?.[at] ?? null },
      segmentFrames: Math.max(1, Math.round(SEGMENT_SECONDS * rationalToNumber(fps))),
      keep(progress) {
        const noted = noting.then(() => note(at, progress));
        noting = noted.catch(() => undefined);
        return noted;
      },
    };
    const expects = { width, height, pixelFormat };
    const options = {
      ...{ fps, overwrite: placing.overwrite, log, expects, signal },
      ...(crf !== null && { crf }),
    };
    const target = placing.pathOf(file);
    return lastValueFrom(fromFrames(queues[at]!).pipe(encodeInSegments(target, options, segments)));
  });
}
