import { open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { FrameloomError, isFrameloomError, messageOf } from '../../base/error.js';
import { readPipe } from '../../video/fifo.js';

/** No list of paths is so long; a film that is taken for one is not read into memory. */
const LONGEST_BYTES = 256 * 2 ** 20;
/** Enough to tell a film from a list. */
const HEAD_BYTES = 64 * 1024;
/** What texts do not hold: all below the space but tab, line ends, form feed and escape. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f]/;

const notAList = (list: string, what: string): FrameloomError =>
  new FrameloomError('bad-option', `${list} is no list of videos: ${what}`, {
    hint: 'a list is a text with one path a line, in UTF-8 or UTF-16; a video itself is named with -i',
    path: list,
  });

/** The encoding by a byte order mark; else UTF-16 where every other byte of its letters is zero. */
function encodingOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  const zeros = [0, 0];
  bytes.forEach((byte, i) => {
    if (byte === 0) zeros[i % 2]! += 1;
  });
  const [even = 0, odd = 0] = zeros;
  if (even === 0 && odd > 0) return 'utf-16le';
  if (odd === 0 && even > 0) return 'utf-16be';
  return 'utf-8';
}

/**
 * A list whose paths end in a zero byte, as those of `find -print0`, as lines. Undefined of any other: in
 * UTF-16 zeros stand beside letters, and what is no text has them anywhere.
 */
function parted(bytes: Uint8Array, list: string): string | undefined {
  if (bytes.at(-1) !== 0) return undefined;
  // No path is so short: in UTF-16 the zeros of letters that follow each other are as near.
  if (bytes.some((byte, i) => byte === 0 && (bytes[i + 1] === 0 || bytes[i + 2] === 0))) {
    return undefined;
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
  if (text.includes('\n')) throw notAList(list, 'a name in it holds a line end');
  return text.replaceAll('\0', '\n');
}

/** The text of a list. @throws FrameloomError bad-option for bytes that are none */
export function listText(bytes: Uint8Array, list: string): string {
  const encoding = encodingOf(bytes);
  let text: string;
  try {
    // Takes the byte order mark away.
    text = parted(bytes, list) ?? new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    if (isFrameloomError(error)) throw error;
    const isBinary = CONTROL.test(Buffer.from(bytes.subarray(0, HEAD_BYTES)).toString('latin1'));
    throw notAList(list, isBinary ? 'it is no text' : 'its text is neither UTF-8 nor UTF-16');
  }
  if (CONTROL.test(text)) throw notAList(list, 'it is no text');
  return text;
}

/** A pipe to its end, which may never come. @throws what `signal` was aborted with */
async function readStream(stream: Readable, list: string, signal?: AbortSignal): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  const stop = (): void => void stream.destroy();
  signal?.addEventListener('abort', stop);
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > LONGEST_BYTES) throw notAList(list, 'it is too large');
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
  signal?.throwIfAborted();
  return Buffer.concat(pieces);
}

async function readAll(list: string, signal?: AbortSignal): Promise<Uint8Array> {
  const there = await stat(list);
  if (there.isDirectory()) throw notAList(list, 'it is a folder');
  if (there.isFIFO()) return readStream(await readPipe(list), list, signal);
  if (!there.isFile()) throw notAList(list, 'it is a device');
  const file = await open(list, 'r');
  try {
    const facts = await file.stat();
    if (facts.size > HEAD_BYTES) {
      const { bytesRead, buffer: head } = await file.read(
        Buffer.alloc(HEAD_BYTES),
        0,
        HEAD_BYTES,
        0,
      );
      // Cut where it may be in the middle of a letter, so only what no text holds tells.
      const text = head.subarray(0, bytesRead);
      const hasControls = CONTROL.test(text.toString('latin1').replaceAll('\0', '\n'));
      if (encodingOf(text) === 'utf-8' && hasControls) {
        throw notAList(list, 'it is no text');
      }
    }
    if (facts.size > LONGEST_BYTES) throw notAList(list, 'it is too large');
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/**
 * Reads a list: a file, a named pipe, or standard input for `-`.
 * @throws FrameloomError not-found for what cannot be read; bad-option for what is no text;
 *   what `signal` was aborted with
 */
export async function readList(list: string, signal?: AbortSignal): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes =
      list === '-'
        ? await readStream(process.stdin, 'standard input', signal)
        : await readAll(list, signal);
  } catch (error) {
    if (isFrameloomError(error)) throw error;
    throw new FrameloomError('not-found', `the list ${list} cannot be read: ${messageOf(error)}`, {
      path: list,
      cause: error,
    });
  }
  return listText(bytes, list === '-' ? 'standard input' : list);
}
