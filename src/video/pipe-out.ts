import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { closedPipe, outputStreamError } from './ffmpeg-error.js';

/**
 * What ffmpeg writes into a stream of ours, at the stream's pace. Resolves when the stream has taken
 * all of it.
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
  const broken = new Promise<never>((_, reject) => {
    const onError = (error: unknown): void => reject(outputStreamError(error));
    const onClose = (): void => reject(closedPipe());
    const onStop = (): void => reject(stop.reason as Error);
    stream.on('error', onError).on('close', onClose);
    stop.addEventListener('abort', onStop);
    over.signal.addEventListener('abort', () => {
      stream.off('error', onError).off('close', onClose);
      stop.removeEventListener('abort', onStop);
    });
  });
  broken.catch(() => undefined);
  try {
    if (stream.destroyed || stream.writableEnded) throw closedPipe();
    for await (const chunk of from as AsyncIterable<Buffer>) {
      if (stop.aborted) throw stop.reason;
      if (!stream.write(chunk)) {
        await Promise.race([once(stream, 'drain', { signal: over.signal }), broken]);
      }
    }
    // All of it must have been taken, not only handed over.
    await Promise.race([
      new Promise<void>((resolve, reject) => {
        const taken = (error?: Error | null): void => {
          if (error) reject(outputStreamError(error));
          else resolve();
        };
        if (ends) stream.end(taken);
        else stream.write('', taken);
      }),
      broken,
    ]);
  } finally {
    over.abort();
  }
}
