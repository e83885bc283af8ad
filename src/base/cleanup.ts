import { messageOf } from './error.js';
import { silentLogger, type Logger } from './log.js';

/** Takes what has to be done at the end; what came last is done first. */
export type Later = (undo: () => unknown) => void;

/**
 * Runs `work` and then, in the reverse order, all that it put off until the end, whether it gave a
 * result or threw, and all of it even where a part fails.
 * @param log is told what went wrong at the end besides the error that is thrown
 * @throws what `work` threw; else the first that went wrong at the end
 */
export async function withCleanup<T>(
  work: (later: Later) => Promise<T>,
  log: Logger = silentLogger,
): Promise<T> {
  const undoing: (() => unknown)[] = [];
  const failures: unknown[] = [];
  let result: { value: T } | null = null;
  try {
    result = { value: await work((undo) => undoing.push(undo)) };
  } catch (error) {
    failures.push(error);
  }
  for (const undo of undoing.reverse()) {
    try {
      await undo();
    } catch (error) {
      failures.push(error);
    }
  }
  const [first, ...others] = failures;
  for (const other of others) log.warn(`and while ending: ${messageOf(other)}`);
  if (failures.length > 0) throw first;
  return result!.value;
}
