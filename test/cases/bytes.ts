// Surgery on containers: what ffmpeg does not write by itself, but cameras and programs do.

/** A four-letter name at a place. */
const nameAt = (bytes: Buffer, at: number): string => bytes.toString('latin1', at, at + 4);

export interface AviChunk {
  readonly name: string;
  readonly data: Buffer;
}

const evened = (data: Buffer): Buffer =>
  data.length % 2 === 0 ? data : Buffer.concat([data, Buffer.alloc(1)]);

function chunk(name: string, data: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, evened(data)]);
}

/**
 * An AVI whose chunks of pictures and sound are changed, its index made anew (or left out).
 * @param change what stands in a chunk's place; `video` counts the picture chunks from 0
 */
export function changeAvi(
  avi: Buffer,
  change: (chunk: AviChunk, video: number) => AviChunk | null,
  options: { readonly index?: boolean } = {},
): Buffer {
  const { index = true } = options;
  const movi = avi.indexOf('movi', 0, 'latin1');
  const end = movi + avi.readUInt32LE(movi - 4);
  const parts: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 4;
  let video = 0;
  for (let at = movi + 4; at + 8 <= end;) {
    const name = nameAt(avi, at);
    const length = avi.readUInt32LE(at + 4);
    const data = avi.subarray(at + 8, at + 8 + length);
    at += 8 + length + (length & 1);
    if (name === 'JUNK') continue;
    const isVideo = name.endsWith('dc') || name.endsWith('db');
    const changed = change({ name, data }, video);
    if (isVideo) video += 1;
    if (!changed) continue;
    const written = chunk(changed.name, changed.data);
    const entry = Buffer.alloc(16);
    entry.write(changed.name, 'latin1');
    entry.writeUInt32LE(0x10, 4);
    entry.writeUInt32LE(offset, 8);
    entry.writeUInt32LE(changed.data.length, 12);
    entries.push(entry);
    parts.push(written);
    offset += written.length;
  }
  const head = Buffer.from(avi.subarray(8, movi - 8));
  const flags = head.indexOf('avih', 0, 'latin1') + 8 + 12;
  if (!index) head.writeUInt32LE(head.readUInt32LE(flags) & ~0x10, flags);
  const list = chunk('LIST', Buffer.concat([Buffer.from('movi'), ...parts]));
  const table = index ? chunk('idx1', Buffer.concat(entries)) : Buffer.alloc(0);
  return chunk('RIFF', Buffer.concat([head, list, table]));
}

/** Graphics control extensions of a GIF carry its delays. */
const CONTROL = Buffer.from([0x21, 0xf9, 0x04]);

/** A GIF whose frame k waits `delay(k)` hundredths of a second. */
export function changeGifDelays(gif: Buffer, delay: (k: number) => number): Buffer {
  const changed = Buffer.from(gif);
  let k = 0;
  for (let at = changed.indexOf(CONTROL); at >= 0; at = changed.indexOf(CONTROL, at + 8)) {
    changed.writeUInt16LE(delay(k), at + 4);
    k += 1;
  }
  if (k === 0) throw new Error('the GIF has no delays');
  return changed;
}

/** A Matroska file that does not say how long a frame lasts, as browsers write it. */
export function withoutDefaultDuration(file: Buffer): Buffer {
  const changed = Buffer.from(file);
  const at = changed.indexOf(Buffer.from([0x23, 0xe3, 0x83]));
  if (at < 0) throw new Error('the file has no default duration');
  const length = changed[at + 3]! & 0x7f;
  // A void element takes its place.
  changed[at] = 0xec;
  changed[at + 1] = 0x80 | (length + 2);
  changed.fill(0, at + 2, at + 4 + length);
  return changed;
}

/** Each H.264 start code of four bytes with what follows it. */
export function splitAnnexB(stream: Buffer): Buffer[] {
  const START = Buffer.from([0, 0, 0, 1]);
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = stream.indexOf(START, 1); at >= 0; at = stream.indexOf(START, at + 4)) {
    parts.push(stream.subarray(from, at));
    from = at;
  }
  return [...parts, stream.subarray(from)];
}

/** A JPEG with an EXIF segment that says how it is turned, 1 to 8. */
export function withOrientation(jpeg: Buffer, orientation: number): Buffer {
  const tiff = Buffer.from(
    '4d4d002a00000008' + '0001' + '01120003000000010000' + '0000' + '00000000',
    'hex',
  );
  tiff.writeUInt16BE(orientation, 18);
  const body = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)]);
}

/** An mp4 in which `change` was made at the first box of a name. */
export function changeBox(
  file: Buffer,
  name: string,
  change: (bytes: Buffer, at: number) => void,
): Buffer {
  const changed = Buffer.from(file);
  const at = changed.indexOf(name, 0, 'latin1');
  if (at < 0) throw new Error(`the file has no ${name}`);
  change(changed, at);
  return changed;
}
