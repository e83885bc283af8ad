import { crc32, deflateSync } from 'node:zlib';

/** A PNG chunk: length, name, data and the checksum of the latter two. */
function chunk(name: string, data: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

/**
 * A label map as a PNG of palette indices, a quarter smaller than one of colours. ffmpeg's encoder would
 * write 256 colours into every picture, however few there are.
 * @param rgb each pixel one colour of the palette
 */
export function labelPng(
  rgb: Uint8Array,
  size: { readonly width: number; readonly height: number },
  palette: readonly (readonly [number, number, number])[],
): Buffer {
  const { width, height } = size;
  const ids = new Map(palette.map(([r, g, b], id) => [(r << 16) | (g << 8) | b, id]));
  // Each row begins with the number of its filter: none.
  const rows = new Uint8Array((width + 1) * height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const at = 3 * pixel;
    const id = ids.get((rgb[at]! << 16) | (rgb[at + 1]! << 8) | rgb[at + 2]!);
    if (id === undefined) throw new RangeError(`pixel ${pixel} has no colour of the palette`);
    rows[pixel + Math.floor(pixel / width) + 1] = id;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Eight bits a pixel, indices into a palette.
  header.set([8, 3], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('PLTE', Uint8Array.from(palette.flat())),
    chunk('IDAT', deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk('IEND', new Uint8Array(0)),
  ]);
}
