import { endianness } from 'node:os';
import { encode } from 'fast-png';
import type { Frame } from '../../video/index.js';

/** The pictures that a sample consists of: `condition`, `flow` and `mask` where the model has them. */
export const SAMPLE_PARTS = ['image', 'condition', 'flow', 'mask'] as const;
export type SamplePart = (typeof SAMPLE_PARTS)[number];

/** What a sequence consists of: what was done in its frames is one file of all of them. */
export const PARTS = [...SAMPLE_PARTS, 'actions'] as const;
export type Part = (typeof PARTS)[number];

/** One frame of a data set, with all that belongs to it. */
export interface Sample {
  /** Counts from 1 in its sequence. */
  readonly number: number;
  readonly timeSeconds: number;
  /** A real frame that the generator went on from. */
  readonly isReal: boolean;
  /** rgb24. */
  readonly image: Frame;
  /** One or three channels of an image, or ids of labels; null of a model without conditions. */
  readonly condition: Frame | null;
  /** [H, W, 2], pixels; null of a frame that was moved from none. */
  readonly flow: Float32Array | null;
  /** [H, W], 0 to 1. */
  readonly mask: Float32Array | null;
  /** What the generator was told was done in it; null where that is not known, or it is told nothing. */
  readonly actions: ArrayLike<number> | null;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const littleEndian = (numbers: Float32Array): Buffer => {
  const bytes = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32();
};

/** rgb24 as RGB, everything of one byte a pixel as 8-bit grey: ids stay the ids. */
function encodePicture({ width, height, data, pixelFormat }: Frame): Uint8Array {
  return encode({ width, height, data, channels: pixelFormat === 'rgb24' ? 3 : 1, depth: 8 });
}

/** 0 to 1 as 8-bit grey, 0 to 255. */
function encodeMask(mask: Float32Array, { width, height }: Size): Uint8Array {
  const data = Uint8Array.from(mask, (share) => Math.round(255 * Math.min(1, Math.max(0, share))));
  return encode({ width, height, data, channels: 1, depth: 8 });
}

/**
 * The files of a sample by part.
 * @param encodeFlow what a flow is written as
 */
export function encodeSample(
  { image, condition, flow, mask }: Sample,
  encodeFlow: (flow: Float32Array, size: Size) => Uint8Array,
): [SamplePart, Uint8Array][] {
  const files: [SamplePart, Uint8Array | null][] = [
    ['image', encodePicture(image)],
    ['condition', condition && encodePicture(condition)],
    ['flow', flow && encodeFlow(flow, image)],
    ['mask', mask && encodeMask(mask, image)],
  ];
  return files.filter((file): file is [SamplePart, Uint8Array] => file[1] !== null);
}

/** The number that a .flo file begins with, "PIEH" in bytes. */
const FLO_TAG = Buffer.from('PIEH', 'latin1');

/**
 * A flow as a Middlebury .flo file: tag, width and height, then u (right) and v (down) of each pixel,
 * row by row, 32-bit floats, all little-endian.
 * @param flow [H, W, 2]
 */
export function encodeFlo(flow: Float32Array, { width, height }: Size): Uint8Array {
  const head = Buffer.alloc(12);
  FLO_TAG.copy(head);
  head.writeInt32LE(width, 4);
  head.writeInt32LE(height, 8);
  return Buffer.concat([head, littleEndian(flow)]);
}

/** What the data of a .npy file is aligned to. */
const NPY_ALIGNMENT = 64;
const NPY_MAGIC = Buffer.from('\x93NUMPY\x01\x00', 'latin1');

/**
 * A flow as a NumPy .npy file of version 1.0, `<f4`.
 * @param flow [H, W, 2]
 */
export function encodeNpy(flow: Float32Array, { width, height }: Size): Uint8Array {
  const about = `{'descr': '<f4', 'fortran_order': False, 'shape': (${height}, ${width}, 2), }`;
  const before = NPY_MAGIC.length + 2;
  const length = Math.ceil((before + about.length + 1) / NPY_ALIGNMENT) * NPY_ALIGNMENT - before;
  const head = Buffer.alloc(before + length, ' ');
  NPY_MAGIC.copy(head);
  head.writeUInt16LE(length, NPY_MAGIC.length);
  head.write(`${about.padEnd(length - 1)}\n`, before, 'latin1');
  return Buffer.concat([head, littleEndian(flow)]);
}
