import { open } from 'node:fs/promises';
import { FrameloomError } from '../base/error.js';
import type { VideoInfo } from '../video/index.js';
import { filesOf } from '../video/sequence.js';
import type { LabelReader } from './labels.js';

/** What a map is stored as. */
interface MapKind {
  readonly format: 'png' | 'bmp' | 'netpbm';
  readonly bitDepth: number;
  /** Its pixels are places in a table of colours, which are not the grey levels themselves. */
  readonly isPalette: boolean;
  /** Pixels, where the header says so. */
  readonly size?: string;
}

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

function pngKind(head: Buffer): MapKind | undefined {
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

function bmpKind(head: Buffer): MapKind | undefined {
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

function netpbmKind(head: Buffer): MapKind | undefined {
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

/** What the header of a picture says; undefined of kinds that are not known here. */
async function kindOf(path: string): Promise<MapKind | undefined> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const head = buffer.subarray(0, bytesRead);
    return pngKind(head) ?? bmpKind(head) ?? netpbmKind(head);
  } finally {
    await file.close();
  }
}

/** Whether a decoder of ffmpeg's would give other numbers than the ids that stand in the file. */
const isUnlike = ({ bitDepth, isPalette }: MapKind): boolean => bitDepth > 8 || isPalette;

/**
 * Whether the ids of a sequence are read by `ID_PICTURES`: its first picture is a PNG of 16 bits, of few,
 * or with a table of colours.
 */
export async function holdsIdPictures(
  { path, kind }: Pick<VideoInfo, 'path' | 'kind'>,
  labels: LabelReader,
): Promise<boolean> {
  if (!labels.holdsIds || path === null || kind !== 'sequence') return false;
  const [first] = await filesOf(path);
  const found = first === undefined ? undefined : await kindOf(first);
  return found?.format === 'png' && isUnlike(found);
}

/** @param other a picture of the same maps that is stored as ids are; none where it is the first */
function assertIds(path: string, { bitDepth, isPalette, format }: MapKind, other?: string): void {
  const alike =
    other === undefined
      ? 'store them as PNG pictures, whose ids are read as they are'
      : `store all maps of a clip alike: ${other} is of another kind`;
  if (bitDepth > 8) {
    throw new FrameloomError('bad-data', `${path} holds ${bitDepth}-bit ids`, {
      hint: format === 'png' && other === undefined ? 'store all maps alike' : alike,
      path,
    });
  }
  if (isPalette) {
    throw new FrameloomError(
      'bad-data',
      `${path} is a picture with a palette of its own, or of few bits, which decoders change into other numbers`,
      { hint: `${alike}; or give palette: {name: [red, green, blue], …} instead of classes`, path },
    );
  }
}

/**
 * Says of label maps whether they can be read without changing a label: each picture of a sequence
 * is looked at, for one of another kind among them would be read as other labels in silence.
 * @throws FrameloomError bad-data for ids of more than 8 bits or in pictures with a palette, and for
 *   maps of several sizes
 */
export async function assertLabelMaps(
  info: Pick<VideoInfo, 'path' | 'kind' | 'pixelFormat' | 'bitDepth'>,
  labels: LabelReader,
): Promise<void> {
  const { path, bitDepth, pixelFormat } = info;
  const files = path === null || info.kind !== 'sequence' ? [] : await filesOf(path);
  const readsIds = await holdsIdPictures(info, labels);
  let first: { file: string; size: string } | undefined;
  let known = 0;
  for (const file of files) {
    const kind = await kindOf(file);
    if (!kind) continue;
    known += 1;
    if (labels.holdsIds && !readsIds) {
      if (isUnlike(kind)) assertIds(file, kind, file === files[0] ? undefined : files[0]);
    } else if (readsIds && kind.format !== 'png') {
      assertIds(files[0]!, { ...kind, isPalette: true }, file);
    }
    const { size } = kind;
    if (size === undefined) continue;
    first ??= { file, size };
    if (size !== first.size) {
      throw new FrameloomError(
        'bad-data',
        `${file} is of ${size} pixels, ${first.file} of ${first.size}`,
        {
          hint: 'label maps of one clip have to be of one size: no label can be mixed of two',
          path: file,
        },
      );
    }
  }
  // The header of each said it more exactly.
  if (!labels.holdsIds || (files.length > 0 && files.length === known)) return;
  const format = 'netpbm';
  assertIds(path ?? 'the stream', { format, bitDepth, isPalette: pixelFormat === 'pal8' });
}
