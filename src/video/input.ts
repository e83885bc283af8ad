import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { FrameloomError, isFrameloomError, messageOf } from '../base/error.js';
import { fileUrl } from './command.js';
import { inputStreamError } from './ffmpeg-error.js';
import { readPipe } from './fifo.js';
import { assertSettled } from './placing.js';
import type { MediaProcess } from './process.js';
import {
  folderSequence,
  isPattern,
  patternSequence,
  type PictureSequence,
  singlePicture,
} from './sequence.js';

/** What a source turned out to be. */
export type ResolvedInput =
  | { readonly kind: 'file'; readonly path: string; readonly url: string; readonly bytes: number }
  | { readonly kind: 'stream'; readonly path: null; readonly stream: Readable }
  | { readonly kind: 'sequence'; readonly path: string; readonly sequence: PictureSequence };

/** What lies on the network is not read: a file that is missing would be, whatever it is called. */
export function refuseAddress(source: string): void {
  if (!/^[a-z][a-z\d+.-]+:\/\//i.test(source)) return;
  throw new FrameloomError('bad-option', `${source} is an address, not a file`, {
    path: source,
    hint: /^file:/i.test(source)
      ? 'name the file by its path alone'
      : 'download it first, or let another program read it into a pipe: -i -',
  });
}

async function sequenceOf(path: string, sequence: PictureSequence): Promise<ResolvedInput> {
  await assertSettled(sequence.files);
  return { kind: 'sequence', path, sequence };
}

/**
 * Looks at what a source is: a file, a folder or pattern of pictures, a stream, a named pipe.
 * `-` is standard input.
 * @throws FrameloomError not-found, bad-input
 */
export async function resolveInput(source: string | Readable): Promise<ResolvedInput> {
  if (typeof source !== 'string') return { kind: 'stream', path: null, stream: source };
  if (source === '-') return { kind: 'stream', path: null, stream: process.stdin };
  if (source === '' || source.includes('\0')) {
    throw new FrameloomError('bad-option', 'the path of the video is empty or not a path');
  }
  refuseAddress(source);
  if (await isPattern(source)) {
    return sequenceOf(source, await patternSequence(source));
  }
  let facts;
  try {
    facts = await stat(source);
  } catch (error) {
    const missing = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
    throw new FrameloomError(
      missing ? 'not-found' : 'bad-input',
      missing ? `${source} does not exist` : `${source} cannot be opened: ${messageOf(error)}`,
      { path: source, cause: error },
    );
  }
  if (facts.isDirectory()) {
    return sequenceOf(source, await folderSequence(source));
  }
  if (!facts.isFile()) return { kind: 'stream', path: null, stream: await readPipe(source) };
  if (facts.size === 0) {
    throw new FrameloomError('bad-input', `${source} is empty (0 bytes)`, { path: source });
  }
  try {
    const picture = await singlePicture(source);
    if (picture) return { kind: 'sequence', path: source, sequence: picture };
  } catch (error) {
    if (isFrameloomError(error)) throw error;
    throw new FrameloomError('bad-input', `${source} cannot be read: ${messageOf(error)}`, {
      path: source,
      cause: error,
    });
  }
  return { kind: 'file', path: source, url: fileUrl(source), bytes: facts.size };
}

const KEPT_BYTES = 512;

/**
 * A stream's bytes for ffmpeg's stdin. What was read to probe them is kept and given again first.
 */
export class InputFeed {
  readonly #head: Uint8Array[] = [];
  #beginning = Buffer.alloc(0);
  #bytesRead = 0;
  readonly #rest: AsyncIterator<Uint8Array | string>;
  readonly #stream: Readable | undefined;
  #done = false;
  /** A peek that whoever asked may have stopped waiting for. */
  #peeking: Promise<unknown> | undefined;

  constructor(source: Readable | AsyncGenerator<Uint8Array>) {
    this.#rest = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array | string>;
    this.#stream = 'destroy' in source ? source : undefined;
  }

  /** Its first bytes, some hundreds, once they were read. */
  get beginning(): Uint8Array {
    return this.#beginning;
  }

  /** Bytes that came out of the source. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** What has been peeked at so far. */
  get head(): readonly Uint8Array[] {
    return this.#head;
  }

  /** The next piece, remembered for `pump`; undefined at the end. One call at a time. */
  peek(): Promise<Uint8Array | undefined> {
    const peeking = this.#next().then((piece) => {
      if (piece) this.#head.push(piece);
      return piece;
    });
    this.#peeking = peeking;
    return peeking;
  }

  async #next(): Promise<Uint8Array | undefined> {
    if (this.#done) return undefined;
    try {
      const result = await this.#rest.next();
      if (result.done) {
        this.#done = true;
        return undefined;
      }
      const piece = typeof result.value === 'string' ? Buffer.from(result.value) : result.value;
      this.#bytesRead += piece.byteLength;
      if (this.#beginning.length < KEPT_BYTES) {
        this.#beginning = Buffer.concat([this.#beginning, piece.subarray(0, KEPT_BYTES)]);
      }
      return piece;
    } catch (error) {
      this.#done = true;
      throw inputStreamError(error);
    }
  }

  /**
   * Writes everything into the process, at its pace, and closes its stdin. Returns early when the
   * process takes no more: why it ended is told by its exit, not by EPIPE.
   * @throws FrameloomError bad-input when the stream itself fails.
   */
  async pump(process: MediaProcess): Promise<void> {
    const stdin = process.child.stdin;
    if (!stdin) return;
    // A live pipe may never send any more, while the process has seen enough or given up.
    const gone = process.ended.then(() => undefined);
    await Promise.race([this.#peeking, gone]);
    for (;;) {
      const piece = this.#head.shift() ?? (await Promise.race([this.#next(), gone]));
      if (process.isGone || process.stdinError || stdin.destroyed) break;
      if (!piece) {
        stdin.end();
        return;
      }
      if (stdin.write(piece)) continue;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          stdin.off('drain', done).off('close', done).off('error', done);
          resolve();
        };
        stdin.on('drain', done).on('close', done).on('error', done);
      });
    }
    await this.close();
  }

  /** Lets the source go (a file or socket is closed). */
  async close(): Promise<void> {
    this.#done = true;
    // An iterator that waits for bytes hears of nothing else: a live pipe may never send any more.
    this.#stream?.destroy();
    await this.#rest.return?.();
  }
}
