import { open } from 'node:fs/promises';
import { basename } from 'node:path';

/** What the header of a picture says. */
export interface PictureHeader {
  readonly format: 'png' | 'bmp' | 'netpbm' | 'jpeg';
  readonly bitDepth: number;
  /** Its pixels are places in a table of colours, which are not the grey levels themselves. */
  readonly isPalette: boolean;
  /** Pixels, where the header says so. */
  readonly size?: string;
}

/** Pictures that are looked at at once. */
const AT_ONCE = 32;

/** Enough for the header and table of colours of a PNG or a BMP, and the header of a PGM or PPM. */
const HEAD_BYTES = 4096;
const PNG_PALETTE = 3;

/** Whether a table of colours names the grey of every place: then it is as if there were none. */
function isGreyTable(table: Uint8Array, entryBytes: 3 | 4): boolean {
  for (let i = 0; i + 2 < table.length; i += entryBytes) {
    const grey = i / entryBytes;
    if (table[i] !== grey || table[i + 1] !== grey || table[i + 2] !== grey) return false;
  }
  return table.length > 0;
}

/** The table of colours of a PNG; empty where it is not in the beginning. */
function pngTable(head: Buffer): Uint8Array {
  for (let at = 8; at + 12 <= head.length;) {
    const length = head.readUInt32BE(at);
    if (head.toString('latin1', at + 4, at + 8) === 'PLTE') {
      return head.subarray(at + 8, Math.min(head.length, at + 8 + length));
    }
    at += length + 12;
  }
  return head.subarray(0, 0);
}

function pngKind(head: Buffer): PictureHeader | undefined {
  if (head.length < 26 || !head.toString('latin1', 0, 8).startsWith('\x89PNG')) return undefined;
  const hasTable = head[25] === PNG_PALETTE;
  const size = `${head.readUInt32BE(16)}x${head.readUInt32BE(20)}`;
  const isPalette = hasTable && !isGreyTable(pngTable(head), 3);
  // Grey of few bits is stretched by decoders, so that its levels are other numbers.
  const isStretched = !hasTable && head[24]! < 8;
  const bitDepth = hasTable ? 8 : head[24]!;
  return {
    format: 'png',
    isPalette: isPalette || isStretched || (hasTable && head[24]! < 8),
    size,
    bitDepth,
  };
}

function bmpKind(head: Buffer): PictureHeader | undefined {
  if (head.length < 30 || head.toString('latin1', 0, 2) !== 'BM') return undefined;
  const [pixelsAt, headerBytes] = [head.readUInt32LE(10), head.readUInt32LE(14)];
  const table = head.subarray(14 + headerBytes, pixelsAt);
  // Upside down where the height is negative.
  const size = `${head.readInt32LE(18)}x${Math.abs(head.readInt32LE(22))}`;
  return {
    format: 'bmp',
    size,
    isPalette: head.readUInt16LE(28) <= 8 && !isGreyTable(table, 4),
    bitDepth: 8,
  };
}

function netpbmKind(head: Buffer): PictureHeader | undefined {
  const text = head.toString('latin1').replaceAll(/#.*/g, '');
  const [, width, height, most] = /^P[2356]\s+(\d+)\s+(\d+)\s+(\d+)\s/.exec(text) ?? [];
  if (most === undefined) return undefined;
  return {
    format: 'netpbm',
    size: `${width}x${height}`,
    isPalette: false,
    bitDepth: Math.ceil(Math.log2(Number(most) + 1)),
  };
}

/** The size of a JPEG stands behind what its program had to say: where that is long, it is not known. */
function jpegKind(head: Buffer): PictureHeader | undefined {
  if (head.length < 4 || head.readUInt16BE(0) !== 0xffd8) return undefined;
  for (let at = 2; at + 9 <= head.length;) {
    const marker = head.readUInt16BE(at);
    const isFrame =
      marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) {
      const size = `${head.readUInt16BE(at + 7)}x${head.readUInt16BE(at + 5)}`;
      return { format: 'jpeg', isPalette: false, bitDepth: head[at + 4]!, size };
    }
    at += 2 + head.readUInt16BE(at + 2);
  }
  return undefined;
}

/** What the header of a picture says; undefined of kinds that are not known here. */
export async function headerOf(path: string): Promise<PictureHeader | undefined> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const head = buffer.subarray(0, bytesRead);
    return pngKind(head) ?? bmpKind(head) ?? netpbmKind(head) ?? jpegKind(head);
  } finally {
    await file.close();
  }
}

/**
 * What is to be said of a sequence whose pictures are not of one size; undefined where they are, or
 * where headers do not tell.
 */
export async function sizesText(files: readonly string[]): Promise<string | undefined> {
  const groups = new Map<string, string[]>();
  for (let i = 0; i < files.length; i += AT_ONCE) {
    const some = files.slice(i, i + AT_ONCE);
    const headers = await Promise.all(some.map((file) => headerOf(file).catch(() => undefined)));
    headers.forEach((header, k) => {
      if (header?.size === undefined) return;
      const those = groups.get(header.size);
      if (those) those.push(some[k]!);
      else groups.set(header.size, [some[k]!]);
    });
  }
  if (groups.size < 2) return undefined;
  const list = [...groups].map(
    ([size, those]) => `${those.length} of ${size} (${basename(those[0]!)})`,
  );
  return `its pictures are of several sizes: ${list.slice(0, 5).join(', ')}; all are stretched to the first one's shape`;
}
