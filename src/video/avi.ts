import { open, type FileHandle } from 'node:fs/promises';
import { rational, type Rational } from '../base/rational.js';
import { FileWindow } from './file-window.js';

/** A name and a length. */
const CHUNK_HEAD_BYTES = 8;
const LIST = new Set(['RIFF', 'LIST']);
/** A header may list as many chunks as it likes. */
const MOST_CHUNKS = 50_000_000;

export interface AviFrames {
  /**
   * Video chunks, empty ones included: those show the picture before them once more, which is how
   * capture programs mark dropped frames. Null where the file's structure cannot be followed to its
   * end, or there are several video streams.
   */
  readonly chunks: number | null;
  /** What the header says; 0 where it says nothing. */
  readonly claimed: number;
  /** Chunks of the video stream a second, empty ones included; null where the header does not say. */
  readonly rate: Rational | null;
}

/** Counts the frames of an AVI by walking through its chunks. */
export async function countAviFrames(path: string): Promise<AviFrames> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return await countChunks(file, size);
  } finally {
    await file.close();
  }
}

async function countChunks(file: FileHandle, size: number): Promise<AviFrames> {
  const window = new FileWindow(file);
  const perStream = new Map<string, number>();
  let claimed = 0;
  let rate: Rational | null = null;
  /** Where the file ends, by its own word. Some programs count the head of it too. */
  let end = 0;
  let at = 0;
  for (let chunks = 0; at + CHUNK_HEAD_BYTES <= size && chunks < MOST_CHUNKS; chunks += 1) {
    const head = await window.read(at, CHUNK_HEAD_BYTES);
    if (!head) return { chunks: null, claimed, rate };
    const name = head.toString('latin1', 0, 4);
    const length = head.readUInt32LE(4);
    if (LIST.has(name)) {
      // Lists are walked through, not over: what counts lies in `movi` and its `rec ` lists.
      if (name === 'RIFF') end = at + CHUNK_HEAD_BYTES + length;
      at += 12;
      continue;
    }
    if (at + CHUNK_HEAD_BYTES + length > size) return { chunks: null, claimed, rate };
    if (name === 'avih') claimed = (await window.read(at + 24, 4))?.readUInt32LE() ?? 0;
    if (name === 'strh')
      rate ??= videoRate(await window.read(at + CHUNK_HEAD_BYTES, STREAM_HEADER_BYTES));
    if (/^\d\dd[bc]$/.test(name)) {
      const stream = name.slice(0, 2);
      perStream.set(stream, (perStream.get(stream) ?? 0) + 1);
    }
    at += CHUNK_HEAD_BYTES + length + (length % 2);
  }
  const counts = [...perStream.values()];
  // A file may end where a chunk does, and be cut short all the same.
  const whole = end <= size + CHUNK_HEAD_BYTES && counts.length === 1;
  return { chunks: whole ? counts[0]! : null, claimed, rate };
}

/** Of a stream's header, up to and with its clock. */
const STREAM_HEADER_BYTES = 28;
/** Rates that a picture stream may have. */
const FASTEST_FPS = 1000;

/** The clock of a stream's header; null of another kind of stream, or where it is none. */
function videoRate(header: Buffer | null): Rational | null {
  if (header?.toString('latin1', 0, 4) !== 'vids') return null;
  const [scale, rate] = [header.readUInt32LE(20), header.readUInt32LE(24)];
  const sensible = scale > 0 && rate > 0 && rate / scale <= FASTEST_FPS;
  return sensible ? rational(rate, scale) : null;
}
