import { open } from 'node:fs/promises';
import { FileWindow } from './file-window.js';

const EXTENSION = 0x21;
const PICTURE = 0x2c;
const TRAILER = 0x3b;

/** Bytes of a colour table, by the field that tells of it. */
const tableBytes = (packed: number): number => (packed & 0x80 ? 3 * 2 ** ((packed & 7) + 1) : 0);

/**
 * Whether a GIF ends before its trailer (GIF89a, section 27). ffmpeg plays what is there of one that
 * does, without a word.
 */
export async function gifIsCutShort(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const window = new FileWindow(file);
    const head = await window.read(0, 13);
    if (!head) return true;
    let at = 13 + tableBytes(head[10]!);
    for (;;) {
      const kind = (await window.read(at, 1))?.[0];
      if (kind === TRAILER) return false;
      if (kind === EXTENSION) {
        at += 2;
      } else if (kind === PICTURE) {
        const packed = (await window.read(at + 9, 1))?.[0];
        if (packed === undefined) return true;
        at += 10 + tableBytes(packed) + 1;
      } else {
        // Its end, or something that is no block.
        return true;
      }
      // Sub-blocks, each with its length before it, up to one of none.
      for (let length = -1; length !== 0;) {
        const byte = await window.read(at, 1);
        if (!byte) return true;
        length = byte[0]!;
        at += 1 + length;
      }
    }
  } finally {
    await file.close();
  }
}
