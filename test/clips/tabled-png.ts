import { crc32, deflateSync } from 'node:zlib';

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [head, tail] = [Buffer.alloc(4), Buffer.alloc(4)];
  head.writeUInt32BE(data.length);
  tail.writeUInt32BE(crc32(body) >>> 0);
  return Buffer.concat([head, body, tail]);
}

/** A PNG whose pixels are places in a table of colours, as VOC and DAVIS keep labels; grey without. */
export function tabledPng(made: {
  width: number;
  height: number;
  bits: 1 | 2 | 4 | 8;
  /** Of a column and a row. */
  place: (x: number, y: number) => number;
  /** Colours in the table; none makes a grey picture. */
  colours: number;
}): Buffer {
  const { width, height, bits, place, colours } = made;
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([bits, colours > 0 ? 3 : 0, 0, 0, 0], 8);
  const stride = Math.ceil((width * bits) / 8) + 1;
  const rows = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const bit = x * bits;
      rows[y * stride + 1 + (bit >> 3)]! |= place(x, y) << (8 - bits - (bit & 7));
    }
  }
  const table = Buffer.from(Array.from({ length: 3 * colours }, (_, i) => (i * 97 + 31) % 256));
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', head),
    ...(colours > 0 ? [chunk('PLTE', table)] : []),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
