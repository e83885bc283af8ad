import { open, type FileHandle } from 'node:fs/promises';
import { FileWindow } from './file-window.js';

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
  let at = 0;
  for (let chunks = 0; at + 8 <= size && chunks < MOST_CHUNKS; chunks += 1) {
    const head = await window.read(at, 8);
    if (!head) return { chunks: null, claimed };
    const name = head.toString('latin1', 0, 4);
    const length = head.readUInt32LE(4);
    if (LIST.has(name)) {
      // Lists are walked through, not over: what counts lies in `movi` and its `rec ` lists.
      at += 12;
      continue;
    }
    if (at + 8 + length > size) return { chunks: null, claimed };
    if (name === 'avih') claimed = (await window.read(at + 24, 4))?.readUInt32LE() ?? 0;
    if (/^\d\dd[bc]$/.test(name)) {
      const stream = name.slice(0, 2);
      perStream.set(stream, (perStream.get(stream) ?? 0) + 1);
    }
    at += 8 + length + (length % 2);
  }
  const counts = [...perStream.values()];
  return { chunks: counts.length === 1 ? counts[0]! : null, claimed };
}
