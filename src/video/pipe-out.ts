import { once } from 'node:events';
import { finished, type Readable, type Writable } from 'node:stream';
import { closedPipe, outputStreamError } from './ffmpeg-error.js';

/**
 * What ffmpeg writes into a stream of ours, at the stream's pace. Resolves when the stream has taken
 * all of it, and where it is ours to end, when it has closed.
 * @param ends the stream is ours to end
 * @param stop ends the waiting, for a stream that takes nothing more
 * @throws FrameloomError closed-pipe, disk-full, write-failed; what `stop` was aborted with
 */
export async function pipeOut(
  from: Readable,
  stream: Writable,
  { ends, stop }: { readonly ends: boolean; readonly stop: AbortSignal },
): Promise<void> {
  const over = new AbortController();
  // A stream tells the callback of a write of its error first, and everybody else a turn later: who
  // has stopped listening by then leaves an error that ends the process. So `finished`, which goes on
  // listening, is let go only where all went well.
  let letGo: () => void = () => undefined;
  const end = new Promise<void>((resolve, reject) => {
    letGo = finished(stream, { readable: false }, (error) => {
      if (error) reject(outputStreamError(error));
      else resolve();
    });
    stop.addEventListener('abort', () => reject(stop.reason as Error), { signal: over.signal });
  });
  /** Ends with an error only: a stream that somebody else ends takes nothing more. */
  const broken = end.then(() => {
    throw closedPipe();
  });
  broken.catch(() => undefined);
  try {
    if (stream.destroyed || stream.writableEnded)
      throw outputStreamError(stream.errored ?? closedPipe());
    for await (const chunk of from as AsyncIterable<Buffer>) {
      if (stop.aborted) throw stop.reason;
      if (!stream.write(chunk)) {
        await Promise.race([once(stream, 'drain', { signal: over.signal }), broken]);
      }
    }
    if (ends) {
      stream.end();
      await end;
    } else {
      // All of it must have been taken, not only handed over.
      const taken = new Promise<void>((resolve, reject) => {
        stream.write('', (error) =>
          error ? reject(outputStreamError(stream.errored ?? error)) : resolve(),
        );
      });
      await Promise.race([taken, broken]);
    }
    letGo();
  } finally {
    over.abort();
  }
}
