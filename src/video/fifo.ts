import { close, constants, createReadStream, open } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { FrameloomError, messageOf } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';

/** How often it is looked whether somebody reads a named pipe that is to be written. */
const LOOKED_EVERY_MS = 50;

/**
 * A named pipe's descriptor. Opening one waits for the other side in a thread of the system's that
 * hears of no signal and holds the process to its end, unless it is opened without waiting.
 */
const openAtOnce = (path: string, access: number): Promise<number> =>
  promisify(open)(path, access | constants.O_NONBLOCK);

/**
 * What is no file of a fixed length, to be read once: a named pipe, whoever writes into it and whenever
 * (waiting for that ends when the stream is destroyed), or a device.
 * @throws FrameloomError bad-input where it is a terminal, or cannot be opened
 */
export async function readPipe(path: string): Promise<Readable> {
  try {
    const isFifo = (await stat(path)).isFIFO();
    const fd = await openAtOnce(path, constants.O_RDONLY);
    if (isFifo) return new Socket({ fd, readable: true, writable: false });
    if (!isatty(fd)) return createReadStream('', { fd });
    await promisify(close)(fd);
  } catch (error) {
    const why = `${path} cannot be opened: ${messageOf(error)}`;
    throw new FrameloomError('bad-input', why, { path, cause: error });
  }
  throw new FrameloomError('bad-input', `${path} is a terminal`, {
    path,
    hint: 'name a file, or pipe something into it',
  });
}

/**
 * A named pipe to write into, once somebody reads it.
 * @throws what `signal` was aborted with
 */
export async function writePipe(
  path: string,
  signal: AbortSignal | undefined,
  log: Logger = silentLogger,
): Promise<Writable> {
  for (let attempts = 0; ; attempts += 1) {
    try {
      const fd = await openAtOnce(path, constants.O_WRONLY);
      return new Socket({ fd, readable: false, writable: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    }
    if (attempts === 10) log.info(`waiting for somebody to read ${path}`);
    await sleep(LOOKED_EVERY_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}
