import { open } from 'node:fs/promises';
import { FileWindow } from './file-window.js';

const HEADER = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const LONGEST_NUMBER_BYTES = 8;

/** A length of 1 to 8 bytes, by its leading zeros; null where there is none or it is left open. */
async function readLength(
  window: FileWindow,
  at: number,
): Promise<{ value: number | null; bytes: number } | null> {
  const first = (await window.read(at, 1))?.[0] ?? 0;
  const bytes = Math.clz32(first) - 23;
  if (bytes > LONGEST_NUMBER_BYTES) return null;
  const all = await window.read(at, bytes);
  if (!all) return null;
  const ones = 2 ** (7 * bytes) - 1;
  const value = all.subarray(1).reduce((sum, byte) => sum * 256 + byte, first & (0xff >> bytes));
  return { value: value === ones ? null : value, bytes };
}

/**
 * Whether a Matroska or WebM file ends before its segment does (RFC 8794, RFC 9559). Old versions of
 * ffmpeg play what is there of one that does, without a word. Of a live recording, which leaves its
 * length open, nothing is known.
 */
export async function matroskaIsCutShort(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const window = new FileWindow(file);
    if ((await window.read(0, 4))?.readUInt32BE() !== HEADER) return false;
    const header = await readLength(window, 4);
    if (header?.value == null) return false;
    const segment = 4 + header.bytes + header.value;
    if ((await window.read(segment, 4))?.readUInt32BE() !== SEGMENT) return false;
    const length = await readLength(window, segment + 4);
    if (length?.value == null) return false;
    return segment + 4 + length.bytes + length.value > size;
  } finally {
    await file.close();
  }
}
