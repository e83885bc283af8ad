/** A ZIP archive of files that are compressed already (PKWARE's APPNOTE, method 0), written as they come. */
export class ZipWriter {
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  readonly #directory: Uint8Array<ArrayBuffer>[] = [];
  #offset = 0;

  /** Bytes so far. */
  get bytes(): number {
    return this.#offset;
  }

  add(name: string, content: Uint8Array<ArrayBuffer>): void {
    const path = new TextEncoder().encode(name);
    const about = [
      ...[20, UTF8, 0, 0, DAY],
      ...words(crc32(content), content.length, content.length),
      path.length,
    ];
    const head = record([...words(LOCAL_FILE), ...about, 0]);
    this.#directory.push(
      record([...words(CENTRAL), 20, ...about, 0, 0, 0, 0, ...words(0, this.#offset)]),
      path,
    );
    this.#parts.push(head, path, content);
    this.#offset += head.length + path.length + content.length;
  }

  /** @throws RangeError where it is too large for a plain ZIP: 65,535 files, 4 GiB */
  end(): Blob {
    const files = this.#directory.length / 2;
    const size = this.#directory.reduce((sum, { length }) => sum + length, 0);
    if (files > 0xffff || this.#offset + size > 0xffff_ffff) {
      throw new RangeError('too much for one archive');
    }
    const end = record([...words(END), 0, 0, files, files, ...words(size, this.#offset), 0]);
    return new Blob([...this.#parts, ...this.#directory, end], { type: 'application/zip' });
  }
}

const LOCAL_FILE = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** Names are UTF-8. */
const UTF8 = 0x0800;
/** The first of January 1980: when it was recorded is nobody's business, and equal contents are equal archives. */
const DAY = 0x21;

/** Numbers of 32 bits as pairs of 16, the lower first. */
const words = (...values: readonly number[]): number[] =>
  values.flatMap((value) => [value & 0xffff, value >>> 16]);

/** Numbers of 16 bits as bytes. */
function record(values: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, at) => view.setUint16(2 * at, value, true));
  return bytes;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 as in PNG and gzip. */
export function crc32(bytes: Uint8Array): number {
  let value = 0xffff_ffff;
  for (const byte of bytes) value = (value >>> 8) ^ TABLE[(value ^ byte) & 255]!;
  return (value ^ 0xffff_ffff) >>> 0;
}
