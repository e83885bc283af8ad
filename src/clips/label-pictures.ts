import { decode } from 'fast-png';
import { FrameloomError, messageOf } from '../base/error.js';
import type { DecodeOptions, Frame } from '../video/index.js';

/** The numbers of a row of places in a table, or of grey levels, of less than a byte each. */
function unpackRow(row: Uint8Array, depth: number, out: Uint16Array): void {
  const mask = (1 << depth) - 1;
  for (let x = 0; x < out.length; x += 1) {
    const bit = x * depth;
    out[x] = (row[bit >> 3]! >> (8 - depth - (bit & 7))) & mask;
  }
}

/**
 * The ids that a PNG holds: places in its table of colours, or grey levels, of 1 to 16 bits, as they
 * stand in the file. ffmpeg gives the colours of a table, and of few bits or of many another number.
 * @throws FrameloomError bad-input for what cannot be read; bad-data for colours
 */
export function idsOfPng(
  bytes: Uint8Array,
  file: string,
): { width: number; height: number; ids: Uint16Array } {
  let png: ReturnType<typeof decode>;
  try {
    png = decode(bytes);
  } catch (error) {
    throw new FrameloomError('bad-input', `${file} cannot be read: ${messageOf(error)}`, {
      path: file,
      hint: 'make this picture again, or take it away',
      cause: error,
    });
  }
  const { width, height, depth, channels, data } = png;
  const ids = new Uint16Array(width * height);
  if (depth < 8) {
    const stride = Math.ceil((width * depth) / 8);
    for (let y = 0; y < height; y += 1) {
      const row = (data as Uint8Array).subarray(y * stride, (y + 1) * stride);
      unpackRow(row, depth, ids.subarray(y * width, (y + 1) * width));
    }
    return { width, height, ids };
  }
  const hasColour = channels >= 3;
  for (let i = 0, j = 0; i < ids.length; i += 1, j += channels) {
    const id = data[j]!;
    if (hasColour && (data[j + 1] !== id || data[j + 2] !== id)) {
      throw new FrameloomError(
        'bad-data',
        `${file} holds colours such as [${id}, ${data[j + 1]}, ${data[j + 2]}], not ids`,
        { hint: 'give palette: {name: [red, green, blue], …} instead of classes', path: file },
      );
    }
    ids[i] = id;
  }
  return { width, height, ids };
}

/** Ids as a picture that every decoder gives back as it is: the high byte green, the low one blue. */
function asPpm(bytes: Uint8Array, file: string): Uint8Array {
  const { width, height, ids } = idsOfPng(bytes, file);
  const head = Buffer.from(`P6\n${width} ${height}\n255\n`, 'latin1');
  const out = new Uint8Array(head.length + 3 * ids.length);
  out.set(head);
  for (let i = 0, at = head.length; i < ids.length; i += 1, at += 3) {
    out[at + 1] = ids[i]! >> 8;
    out[at + 2] = ids[i]! & 255;
  }
  return out;
}

/** Options that have ids of pictures read here. */
export const ID_PICTURES: Pick<DecodeOptions, 'pictures' | 'pixelFormat'> = {
  pictures: { decoder: 'ppm', sourceFormat: 'rgb24', change: asPpm },
  pixelFormat: 'rgb24',
};

/** What was decoded by ID_PICTURES: ids of 16 bits, gray16be. */
export function idFrame(frame: Frame): Frame {
  const data = new Uint8Array((frame.data.length / 3) * 2);
  for (let i = 0, j = 1; i < data.length; i += 2, j += 3) {
    data[i] = frame.data[j]!;
    data[i + 1] = frame.data[j + 1]!;
  }
  return { ...frame, data, pixelFormat: 'gray16be' };
}
