import { open } from 'node:fs/promises';
import { FrameloomError } from '../base/error.js';
import type { VideoInfo } from '../video/index.js';
import type { LabelReader } from './labels.js';
import { sequenceAt } from './pairs.js';

/** What a map that holds ids is stored as. */
interface MapKind {
  readonly path: string;
  readonly bitDepth: number;
  readonly isPalette: boolean;
}

const PNG_MAGIC = '\x89PNG\r\n\x1a\n';
/** Where its header says how many bits a sample has; the next byte is the colour type. */
const PNG_BIT_DEPTH = 24;
const PNG_PALETTE = 3;

/** What the header of a PNG says; undefined of any other file. */
async function pngKind(path: string): Promise<MapKind | undefined> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(PNG_BIT_DEPTH + 2);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    if (bytesRead < head.length || !head.toString('latin1').startsWith(PNG_MAGIC)) return undefined;
    const isPalette = head[PNG_BIT_DEPTH + 1] === PNG_PALETTE;
    return { path, isPalette, bitDepth: isPalette ? 8 : head[PNG_BIT_DEPTH]! };
  } finally {
    await file.close();
  }
}

function assertIds({ path, bitDepth, isPalette }: MapKind): void {
  if (bitDepth > 8) {
    throw new FrameloomError(
      'bad-data',
      `${path} holds ${bitDepth}-bit ids, and classes are numbered from 0 to 255`,
      {
        hint: 'write the class alone into 8-bit grey pictures: of ids such as class·1000 + instance, the id divided by 1000',
        path,
      },
    );
  }
  if (isPalette) {
    throw new FrameloomError(
      'bad-data',
      `${path} is a picture with a palette of its own, which says no ids but colours`,
      {
        hint: 'give palette: {name: [red, green, blue], …} instead of classes, or store the ids as 8-bit grey pictures',
        path,
      },
    );
  }
}

/**
 * Says of maps that are to hold ids whether they can: each picture of a sequence is looked at, for
 * one of another kind among them would be cut to other ids in silence.
 * @throws FrameloomError bad-data for ids of more than 8 bits, and for palettes
 */
export async function assertLabelMaps(
  info: Pick<VideoInfo, 'path' | 'pixelFormat' | 'bitDepth'>,
  labels: LabelReader,
): Promise<void> {
  if (!labels.holdsIds) return;
  const { path, bitDepth, pixelFormat } = info;
  const sequence = path === null ? undefined : await sequenceAt(path);
  for (const file of sequence?.files ?? []) {
    const kind = await pngKind(file);
    if (kind) assertIds(kind);
  }
  assertIds({ path: path ?? 'the stream', bitDepth, isPalette: pixelFormat === 'pal8' });
}
