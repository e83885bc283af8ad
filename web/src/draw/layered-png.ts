import { FrameloomError, messageOf } from '../../../src/base/error.js';
import { MOST_PICTURE_PIXELS } from '../../../src/play/live/packets.js';
import { crc32 } from '../session/zip.js';
import { MOST_LAYERS, MOST_NAME } from './drawing.js';

/**
 * A drawing with its layers is one PNG: every program shows the picture of them all, and a chunk of our own
 * before its end holds each. By the letters of its name (PNG specification, 5.4) programs that do not know it
 * leave it alone, and those that change the picture drop it: it belongs to these pixels.
 */
const CHUNK = 'flLR';
const VERSION = 1;

/** What a layer looks like. */
export interface SavedLayer {
  readonly name: string;
  readonly visible: boolean;
  /** [height, width, 4]: opaque where something was drawn, and else 0. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** All layers of a drawing, the lowest first. */
export interface SavedLayers {
  readonly width: number;
  readonly height: number;
  /** Which of them was drawn on. */
  readonly active: number;
  readonly layers: readonly SavedLayer[];
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Length, name and checksum of a chunk. */
const CHUNK_BYTES = 12;
/** Length and bytes of a name: four bytes a letter at the most. */
const HEAD_BYTES = 11;

const refused = (what: string, cause?: unknown): FrameloomError =>
  new FrameloomError('bad-input', `its layers cannot be read: ${what}`, { cause });

interface Chunk {
  readonly name: string;
  /** Where it begins, with its length. */
  readonly start: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

const viewOf = (bytes: Uint8Array<ArrayBuffer>): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Chunks of a PNG up to its end; null of what is none. @throws FrameloomError bad-input of one that breaks off */
function chunksOf(png: Uint8Array<ArrayBuffer>): Chunk[] | null {
  if (SIGNATURE.some((byte, at) => png[at] !== byte)) return null;
  const view = viewOf(png);
  const chunks: Chunk[] = [];
  for (let start = SIGNATURE.length; start + CHUNK_BYTES <= png.length;) {
    const length = view.getUint32(start);
    if (start + CHUNK_BYTES + length > png.length) break;
    const name = String.fromCharCode(...png.subarray(start + 4, start + 8));
    chunks.push({ name, start, data: png.subarray(start + 8, start + 8 + length) });
    if (name === 'IEND') return chunks;
    start += CHUNK_BYTES + length;
  }
  throw refused('the file breaks off');
}

/**
 * The same PNG with a drawing's layers in it.
 * @param png a whole one, of the drawing's size
 */
export async function withLayers(
  png: Uint8Array<ArrayBuffer>,
  { width, height, active, layers }: SavedLayers,
): Promise<Uint8Array<ArrayBuffer>> {
  const end = chunksOf(png)?.at(-1);
  if (!end) throw new TypeError('no PNG');
  const head = new Uint8Array(HEAD_BYTES);
  head.set([VERSION, layers.length, active]);
  viewOf(head).setUint32(3, width);
  viewOf(head).setUint32(7, height);
  const names = layers.flatMap(({ name, visible }) => {
    const text = new TextEncoder().encode(name);
    return [Uint8Array.of(visible ? 1 : 0, text.length >> 8, text.length & 255), text];
  });
  const plain = new Blob([head, ...names, ...layers.map(({ rgba }) => rgba)]);
  const packed = await new Response(
    plain.stream().pipeThrough(new CompressionStream('deflate')),
  ).arrayBuffer();
  const chunk = new Uint8Array(CHUNK_BYTES + packed.byteLength);
  const view = viewOf(chunk);
  view.setUint32(0, packed.byteLength);
  chunk.set(new TextEncoder().encode(CHUNK), 4);
  chunk.set(new Uint8Array(packed), 8);
  view.setUint32(8 + packed.byteLength, crc32(chunk.subarray(4, 8 + packed.byteLength)));
  const made = new Uint8Array(png.length + chunk.length);
  made.set(png.subarray(0, end.start));
  made.set(chunk, end.start);
  made.set(png.subarray(end.start), end.start + chunk.length);
  return made;
}

/**
 * The layers in a PNG; null where it holds none, as one of another program, or is no PNG.
 * @throws FrameloomError bad-input where they are damaged, too many, too large or of a newer kind
 */
export async function layersIn(png: Uint8Array<ArrayBuffer>): Promise<SavedLayers | null> {
  const chunks = chunksOf(png);
  const own = chunks?.filter(({ name }) => name === CHUNK) ?? [];
  const [chunk] = own;
  const header = chunks?.[0];
  if (!chunk || !header) return null;
  if (own.length > 1) throw refused('there are two sets of them');
  if (header.name !== 'IHDR' || header.data.length !== 13) throw refused('the file has no header');
  const { data, start } = chunk;
  const told = viewOf(png).getUint32(start + 8 + data.length);
  if (crc32(png.subarray(start + 4, start + 8 + data.length)) !== told) {
    throw refused('they are damaged');
  }
  const [width, height] = [viewOf(header.data).getUint32(0), viewOf(header.data).getUint32(4)];
  const inflated = new Inflated(data);
  try {
    return await read(inflated, width, height);
  } finally {
    await inflated.close();
  }
}

/** @param width, height as the picture has them */
async function read(from: Inflated, width: number, height: number): Promise<SavedLayers> {
  const head = await from.take(HEAD_BYTES);
  const [version, count, active] = head as unknown as [number, number, number];
  const size = [viewOf(head).getUint32(3), viewOf(head).getUint32(7)];
  if (version !== VERSION) throw refused(`they are of version ${version}, and this page knows 1`);
  if (size[0] !== width || size[1] !== height || width * height > MOST_PICTURE_PIXELS) {
    throw refused(`they have ${size.join(' × ')} pixels, and the picture ${width} × ${height}`);
  }
  if (count < 1 || count > MOST_LAYERS || active >= count) {
    throw refused(
      `there are ${count}, the active one is ${active}, and ${MOST_LAYERS} are the most`,
    );
  }
  const names: Pick<SavedLayer, 'name' | 'visible'>[] = [];
  for (let layer = 0; layer < count; layer += 1) {
    const about = await from.take(3);
    const length = viewOf(about).getUint16(1);
    if (about[0]! > 1 || length > 4 * MOST_NAME) throw refused('a name is too long');
    const name = textOf(await from.take(length));
    if (name.length < 1 || name.length > MOST_NAME) throw refused('a name is empty or too long');
    names.push({ name, visible: about[0] === 1 });
  }
  const layers: SavedLayer[] = [];
  for (const about of names) {
    const rgba = new Uint8ClampedArray((await from.take(4 * width * height)).buffer);
    if (rgba.some((alpha, at) => at % 4 === 3 && alpha !== 0 && alpha !== 255)) {
      throw refused('a pixel is neither there nor away');
    }
    layers.push({ ...about, rgba });
  }
  if (!(await from.isAtEnd())) throw refused('something stands behind them');
  return { width, height, active, layers };
}

/** @throws FrameloomError bad-input where it is no UTF-8, or has what nobody can read */
function textOf(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!/\p{Cc}/u.test(text)) return text;
  } catch {
    // As of what no letter is.
  }
  throw refused('a name is no text');
}

/** What was compressed, as much of it as is asked for: what claims to be small and grows is never held. */
class Inflated {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(packed: Uint8Array<ArrayBuffer>) {
    this.#reader = new Blob([packed])
      .stream()
      .pipeThrough(new DecompressionStream('deflate'))
      .getReader();
  }

  /** @throws FrameloomError bad-input where there is less */
  async take(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const made = new Uint8Array(length);
    for (let at = 0; at < length;) {
      if (this.#rest.length === 0 && !(await this.#fill())) throw refused('they break off');
      const part = this.#rest.subarray(0, length - at);
      made.set(part, at);
      at += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return made;
  }

  async isAtEnd(): Promise<boolean> {
    return this.#rest.length === 0 && !(await this.#fill());
  }

  async close(): Promise<void> {
    // A stream that has failed has told so already.
    await this.#reader.cancel().catch(() => undefined);
  }

  /** @returns whether there is more */
  async #fill(): Promise<boolean> {
    try {
      const { done, value } = await this.#reader.read();
      this.#rest = value ?? new Uint8Array();
      return !done;
    } catch (error) {
      throw refused(messageOf(error), error);
    }
  }
}

/** What all visible layers look like together: what the picture beside them shows. */
export function flattened({ width, height, layers }: SavedLayers): Uint8ClampedArray<ArrayBuffer> {
  const seen = new Uint8ClampedArray(4 * width * height);
  for (const { visible, rgba } of layers) {
    if (!visible) continue;
    for (let at = 0; at < seen.length; at += 4) {
      if (rgba[at + 3] === 255) seen.set(rgba.subarray(at, at + 4), at);
    }
  }
  return seen;
}
