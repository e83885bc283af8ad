import { open, readFile, type FileHandle } from 'node:fs/promises';
import { flush } from '../../base/flush.js';
import { writeError } from '../../base/outputs.js';
import { FrameloomError, isFrameloomError, messageOf } from '../../base/error.js';
import type { JsonValue } from './json.js';

/**
 * One line of `log.jsonl`. Everything but `clock` is a function of the pipeline and its data, so
 * that two runs of the same pipeline differ in `clock` alone.
 */
export interface StepLine {
  /** Steps done when the line was written. */
  readonly step: number;
  /** What the clock and the machine say: seconds, frames per second, bytes. */
  readonly clock?: Readonly<Record<string, number>>;
  /** Written because a training ended here, not because of its step. */
  readonly ending?: boolean;
  readonly [key: string]: JsonValue | undefined;
}

export interface StepLog {
  /** Adds one line. @throws FrameloomError disk-full, write-failed */
  append(line: StepLine): Promise<void>;
  /** Flushes what was added to the disk; call it before saving a snapshot. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

interface Scan {
  lines: StepLine[];
  /** Bytes of the sound lines up to and including `throughStep`. */
  soundBytes: number;
}

function parseLine(text: string): StepLine | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value !== 'object' || value === null) return undefined;
    return typeof (value as { step?: unknown }).step === 'number' ? (value as StepLine) : undefined;
  } catch {
    return undefined;
  }
}

interface Keeping {
  readonly throughStep: number;
  /** Whether a line of these steps stays. */
  readonly keeps: (line: StepLine) => boolean;
}

function scan(bytes: Buffer, path: string, { throughStep, keeps }: Keeping): Scan {
  const lines: StepLine[] = [];
  let soundBytes = 0;
  let damagedLine = 0;
  for (let start = 0, number = 1; start < bytes.length; number += 1) {
    const newline = bytes.indexOf(10, start);
    if (newline < 0) break; // the last line was cut off in the middle
    const line = parseLine(bytes.toString('utf8', start, newline));
    start = newline + 1;
    if (line === undefined) {
      damagedLine ||= number;
    } else if (line.step <= throughStep && keeps(line)) {
      if (damagedLine > 0) {
        throw new FrameloomError('bad-snapshot', `${path}:${damagedLine} is not a line of a log`, {
          path,
          hint: 'mend or delete that line',
        });
      }
      lines.push(line);
      soundBytes = start;
    }
  }
  return { lines, soundBytes };
}

/** NaN and the infinities, which JSON cannot say, as words. */
const sayNonFinite = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

/**
 * Opens a run's log for adding to. With `throughStep`, every later line, what an ending added, and
 * a last line that was cut off, is taken away first: after a resume the log reads as that of an uninterrupted run.
 * So are last lines that `isAgain` says will be written again. Without it the log starts empty.
 * @throws FrameloomError bad-snapshot when a line to be kept is damaged; disk-full, write-failed
 */
export async function openStepLog(
  path: string,
  options: { throughStep?: number; isAgain?: (line: StepLine) => boolean } = {},
): Promise<StepLog> {
  const { throughStep = -1, isAgain = () => false } = options;
  const keeps = (line: StepLine): boolean => line.ending !== true && !isAgain(line);
  let file: FileHandle;
  try {
    file = await open(path, 'a+');
  } catch (error) {
    throw writeError(path, error);
  }
  try {
    const { soundBytes } = scan(await file.readFile(), path, { throughStep, keeps });
    await file.truncate(soundBytes);
  } catch (error) {
    await file.close();
    throw isFrameloomError(error) ? error : writeError(path, error);
  }
  const guarded = async (work: Promise<void>): Promise<void> => {
    await work.catch((error: unknown) => {
      throw writeError(path, error);
    });
  };
  return {
    append: (line) => guarded(file.appendFile(`${JSON.stringify(line, sayNonFinite)}\n`)),
    sync: () => guarded(flush(file)),
    close: () => guarded(file.close()),
  };
}

/**
 * The lines of a log; a last line that was cut off is left out.
 * @throws FrameloomError not-found, bad-snapshot
 */
export async function readStepLog(path: string): Promise<StepLine[]> {
  const bytes = await readFile(path).catch((error: unknown) => {
    const message = `cannot read ${path}: ${messageOf(error)}`;
    throw new FrameloomError('not-found', message, { path, cause: error });
  });
  return scan(bytes, path, { throughStep: Number.POSITIVE_INFINITY, keeps: () => true }).lines;
}
