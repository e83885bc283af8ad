/** Where two threads agree on whether one of them may be ended. */
const STOPPED = 0;
const WORKING = 1;

/** Shared by a thread that calls native code and its owner; made by the owner. */
export type ThreadWork = Int32Array<SharedArrayBuffer>;

export const createThreadWork = (): ThreadWork => new Int32Array(new SharedArrayBuffer(8));

/** Nothing is begun from here on; what was begun goes on to its end. */
export const stopWork = (work: ThreadWork): void => void Atomics.store(work, STOPPED, 1);

export const isStopped = (work: ThreadWork): boolean => Atomics.load(work, STOPPED) === 1;

/**
 * Does something native, unless the owner has stopped all work. A thread that is ended in the middle
 * of a native call takes the whole process with it: the call comes back to a JavaScript that is no
 * longer there, and says so by a C++ exception that nobody catches.
 * @returns undefined where it was stopped before
 */
export async function doUnlessStopped<T>(
  work: ThreadWork,
  task: () => Promise<T>,
): Promise<T | undefined> {
  // In this order: the owner stops first and looks whether anything is being done afterwards.
  Atomics.add(work, WORKING, 1);
  try {
    return isStopped(work) ? undefined : await task();
  } finally {
    Atomics.sub(work, WORKING, 1);
    Atomics.notify(work, WORKING);
  }
}

/**
 * Stops all work and blocks until what was begun is done. For a process that is about to exit, which
 * ends its threads wherever they are.
 */
export function stopAndWait(work: ThreadWork, patienceMs: number): void {
  stopWork(work);
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const working = Atomics.load(work, WORKING);
    const left = deadline - performance.now();
    if (working === 0 || left <= 0) return;
    Atomics.wait(work, WORKING, working, left);
  }
}
