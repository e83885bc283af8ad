import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { FrameloomError } from '../../base/error.js';
import type { Logger } from '../../base/log.js';
import { refuseExisting, writeError, writeFileAtomic } from '../../base/outputs.js';
import { rationalToNumber, type Rational } from '../../base/rational.js';
import { counted } from '../../base/units.js';
import { actionsCsv } from '../../clips/actions-csv.js';
import type { FinishedRecording, Recording } from '../recording.js';
import { UNFINISHED } from '../recording-files.js';
import { finishUnfinished, type FoundRecording } from '../unfinished/finish.js';
import type { Placing } from '../unfinished/folder.js';
import { startUnfinished } from '../unfinished/start.js';

/** Nearly without loss: what is recorded is there to be trained on. */
const CRF = 10;
/** Frames that wait for an encoder that is slower than the game. */
const WAITING_BYTES = 64 << 20;

const aboutSchema = z.object({ columns: z.array(z.string()) });

/** The file of a take, and what of it is asked for. */
export interface TakeOptions {
  /** The video to write, `.mp4` or `.mkv`; the rows of its frames lie beside it as `.csv`. */
  readonly path: string;
  /** The pipeline beside it, for whoever is told of the take. */
  readonly pipeline: string;
  readonly width: number;
  readonly height: number;
  readonly fps: Rational;
  readonly columns: readonly string[];
  /** A number of a row as the file says it: of −1 to 1, what lies in the column's range. */
  readonly written: (column: number, value: number) => number;
  readonly overwrite?: boolean | undefined;
  readonly log: Logger;
}

/** A picture of a game, and what was held in it. */
export interface TakenFrame {
  /** rgb24; null where the picture before is shown once more. */
  readonly rgb: Uint8Array | null;
  /** As many numbers as there are columns. */
  readonly actions?: readonly number[] | Float32Array | undefined;
}

const rowsOf = (video: string): string => video.replace(/\.\w+$/, '.csv');
export const unfinishedOf = (video: string): string => video.replace(/\.\w+$/, UNFINISHED);

/** Rows without the last cell, which says whether the frame is the one before once more. */
function csvOf(columns: readonly string[], kept: readonly string[]): string {
  const repeated = kept.flatMap((row, frame) => (row.endsWith(',1') ? [frame] : []));
  const note =
    repeated.length === 0
      ? ''
      : `# ${repeated.length} of ${kept.length} frames show the picture before them once more: ${repeated.join(' ')}\n`;
  const rows = kept.map((row, frame) => `${frame},${row.replace(/,[01]$/, '')}`);
  return `${note}${actionsCsv(columns, rows)}`;
}

/** The rows have their place first: a video is never there without them. */
const placingOf = (
  path: string,
  columns: readonly string[],
  { overwrite, log }: { readonly overwrite: boolean; readonly log: Logger },
): Placing => ({
  pathOf: () => path,
  overwrite,
  before: (rows) => writeFileAtomic(rowsOf(path), csvOf(columns, rows), { overwrite, log }),
});

/**
 * Begins a take, which `finishTake` makes whole where its process is killed.
 * @throws FrameloomError exists where there is a take of that name, whole or not; disk-full, write-failed
 */
export async function startTake(options: TakeOptions): Promise<Recording<TakenFrame>> {
  const { path, pipeline, width, height, fps, columns, written, log } = options;
  const { overwrite = false } = options;
  const folder = unfinishedOf(path);
  if (!overwrite) for (const one of [path, rowsOf(path)]) await refuseExisting(one);
  const crf = path.endsWith('.mkv') ? null : CRF;
  const running = await startUnfinished({
    ...{ folder, waitingBytes: WAITING_BYTES, log },
    facts: {
      ...{ width, height, fps: { num: fps.num, den: fps.den } },
      tracks: [{ file: basename(path), pixelFormat: 'rgb24', crf }],
      about: { columns },
    },
    placing: placingOf(path, columns, { overwrite, log }),
  });
  let before: Uint8Array | null = null;

  /** What came is kept where a segment of it is whole; nothing else stays. @returns what is said of it */
  async function giveUp(why: unknown): Promise<FrameloomError> {
    const frames = await running.giveUp();
    const known = writeError(path, why);
    const kept =
      frames === 0
        ? 'nothing of this take is kept'
        : `${counted(frames, 'frame')} of this take are kept in ${folder}, and the next frameloom record into ${dirname(path)} makes a take of them`;
    const { code, hint } = known;
    const told = `${known.message}; ${kept}`;
    log.warn(told);
    return new FrameloomError(code, told, {
      path,
      cause: why,
      ...(hint !== undefined && { hint }),
    });
  }

  return {
    get frames() {
      return running.frames;
    },
    async add({ rgb, actions = [] }) {
      const data = rgb ?? before;
      if (!data) throw new FrameloomError('bad-input', 'the first frame of a take is a picture');
      const values = columns.map((_, at) => written(at, actions[at] ?? 0));
      before = data;
      await running.add([data], [...values, rgb ? 0 : 1].join(','));
    },
    async finish(): Promise<FinishedRecording | null> {
      if (running.frames === 0 && !running.failure) {
        await running.giveUp();
        return null;
      }
      try {
        await running.end();
      } catch (error) {
        throw await giveUp(error);
      }
      await running.remove();
      return finished(path, pipeline, running.frames, fps);
    },
  };
}

async function finished(
  path: string,
  pipeline: string,
  frames: number,
  fps: Rational,
): Promise<FinishedRecording> {
  const [video, actions] = [basename(path), basename(rowsOf(path))];
  const bytes = await Promise.all([path, rowsOf(path)].map(async (one) => (await stat(one)).size));
  return {
    name: video.replace(/\.\w+$/, ''),
    folder: dirname(path),
    files: { frames, fps: rationalToNumber(fps), video, condition: null, actions, pipeline },
    bytes: { [video]: bytes[0]!, [actions]: bytes[1]! },
  };
}

/**
 * Makes a take of what lies in a folder NAME.unfinished, whose process has died.
 * @returns where the take lies
 * @throws FrameloomError as writing it does; what is there stays then
 */
export function finishTake(folder: string, log: Logger): Promise<FoundRecording<string>> {
  const pathOf = (file: string): string => join(dirname(folder), file);
  return finishUnfinished(folder, {
    placing({ tracks, about }) {
      const [video] = tracks;
      const read = aboutSchema.safeParse(about).data;
      // The name is this take's since its folder was made.
      return video && read
        ? placingOf(pathOf(video.file), read.columns, { overwrite: true, log })
        : null;
    },
    finish: ({ tracks }) => Promise.resolve(pathOf(tracks[0]!.file)),
    log,
  });
}
