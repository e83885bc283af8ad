import { open, readFile } from 'node:fs/promises';
import { getFloat16, setFloat16 } from '@petamoriken/float16';
import { z } from 'zod';
import { flush } from '../../base/flush.js';
import { FrameloomError, messageOf } from '../../base/error.js';

/** An array as it is stored: float32, int32, or float32 in memory that is float16 in the file. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
  /** How it is stored; F32 or I32 by the array's type unless given. F16 loses precision. */
  readonly dtype?: StoredDtype;
}
export type StoredDtype = 'F32' | 'I32' | 'F16';

export interface SafetensorsFile {
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const BYTES: Readonly<Record<StoredDtype, number>> = { F32: 4, I32: 4, F16: 2 };
const MAX_HEADER_BYTES = 100_000_000; // the limit of the reference implementation
const PREFIX_BYTES = 8;

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

const dtypeOf = (tensor: StoredTensor): StoredDtype =>
  tensor.dtype ?? (tensor.data instanceof Int32Array ? 'I32' : 'F32');

function bytesOf(tensor: StoredTensor): Uint8Array {
  if (dtypeOf(tensor) !== 'F16') {
    return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  }
  const view = new DataView(new ArrayBuffer(tensor.data.length * 2));
  tensor.data.forEach((value, i) => setFloat16(view, i * 2, value, true));
  return new Uint8Array(view.buffer);
}

const ORDER: readonly StoredDtype[] = ['F32', 'I32', 'F16'];

/** As the reference implementation: widest type first, so that all are aligned, then by name. */
function inFileOrder(tensors: Readonly<Record<string, StoredTensor>>): [string, StoredTensor][] {
  return Object.entries(tensors).sort(([nameA, a], [nameB, b]) => {
    const byType = ORDER.indexOf(dtypeOf(a)) - ORDER.indexOf(dtypeOf(b));
    if (byType !== 0) return byType;
    return nameA < nameB ? -1 : 1;
  });
}

/**
 * Tensors as the pieces of a safetensors file (https://github.com/huggingface/safetensors): eight
 * bytes of header length, the JSON header padded to a multiple of eight, the values. Equal tensors
 * give equal bytes, whatever order they were named in.
 * @throws FrameloomError bad-shape when a tensor's data is not as long as its shape says.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const header: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) {
    header.push(['__metadata__', Object.fromEntries(Object.entries(metadata).sort())]);
  }
  const pieces: Uint8Array[] = [];
  let offset = 0;
  for (const [name, tensor] of inFileOrder(tensors)) {
    if (name === '__metadata__' || sizeOf(tensor.shape) !== tensor.data.length) {
      throw new FrameloomError(
        'bad-shape',
        `tensor ${name} has shape [${tensor.shape.join(', ')}] but ${tensor.data.length} values`,
      );
    }
    const bytes = bytesOf(tensor);
    const data_offsets = [offset, offset + bytes.byteLength];
    header.push([name, { dtype: dtypeOf(tensor), shape: tensor.shape, data_offsets }]);
    pieces.push(bytes);
    offset += bytes.byteLength;
  }
  const text = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const padded = Buffer.alloc(Math.ceil(text.length / 8) * 8, ' ');
  text.copy(padded);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeBigUInt64LE(BigInt(padded.length));
  return [prefix, padded, ...pieces];
}

/** Writes the pieces to a new file and flushes it to the disk. */
export async function writePieces(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for (const piece of pieces) await file.writeFile(piece);
    await flush(file);
  } finally {
    await file.close();
  }
}

/** Writes a safetensors file. The path must not exist yet; see {@link encodeSafetensors}. */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writePieces(path, encodeSafetensors(tensors, metadata));
}

const offset = z.int().nonnegative();
const entrySchema = z.strictObject({
  dtype: z.enum(['F32', 'I32', 'F16']),
  shape: z.array(offset),
  data_offsets: z.tuple([offset, offset]),
});
const metadataSchema = z.record(z.string(), z.string());

type Entry = { name: string } & z.output<typeof entrySchema>;

function readHeader(
  bytes: Uint8Array,
  fail: (why: string) => never,
): { entries: Entry[]; metadata: Record<string, string>; dataStart: number } {
  if (bytes.length < PREFIX_BYTES) fail(`it is only ${bytes.length} bytes long`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES) fail(`its header claims ${headerBytes} bytes`);
  const dataStart = PREFIX_BYTES + headerBytes;
  if (dataStart > bytes.length) fail('it ends inside its header');
  let header: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true });
    header = JSON.parse(text.decode(bytes.subarray(PREFIX_BYTES, dataStart)));
  } catch (error) {
    fail(`its header is not JSON: ${messageOf(error)}`);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    fail('its header is not a JSON object');
  }
  let metadata: Record<string, string> = {};
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header as Record<string, unknown>)) {
    if (name === '__metadata__') {
      const parsed = metadataSchema.safeParse(value);
      if (!parsed.success) fail('its metadata are not strings');
      else metadata = parsed.data;
      continue;
    }
    const parsed = entrySchema.safeParse(value);
    if (parsed.success) entries.push({ name, ...parsed.data });
    else fail(`tensor ${name} is described wrongly: ${z.prettifyError(parsed.error)}`);
  }
  return { entries, metadata, dataStart };
}

function valuesOf(entry: Entry, bytes: Uint8Array): Float32Array | Int32Array {
  // A copy, because the file's values need not be aligned in memory.
  const copy = new Uint8Array(bytes).buffer;
  if (entry.dtype === 'F32') return new Float32Array(copy);
  if (entry.dtype === 'I32') return new Int32Array(copy);
  const view = new DataView(copy);
  return Float32Array.from({ length: copy.byteLength / 2 }, (_, i) =>
    getFloat16(view, i * 2, true),
  );
}

/**
 * Reads the bytes of a safetensors file, trusting nothing: the header must fit, and the tensors
 * must fill the rest without hole, overlap or remainder. F16 is widened to float32.
 * @param name what to call the file in errors
 * @throws FrameloomError bad-snapshot
 */
export function decodeSafetensors(bytes: Uint8Array, name = 'the file'): SafetensorsFile {
  const fail = (why: string): never => {
    throw new FrameloomError('bad-snapshot', `${name} is not a sound safetensors file: ${why}`, {
      path: name,
    });
  };
  const { entries, metadata, dataStart } = readHeader(bytes, fail);
  const byOffset = [...entries].sort(
    (a, b) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  );
  let reached = 0;
  for (const entry of byOffset) {
    const [begin, end] = entry.data_offsets;
    if (begin < reached) fail(`tensor ${entry.name} overlaps another`);
    if (begin > reached) fail(`there is a hole before tensor ${entry.name}`);
    const expected = sizeOf(entry.shape) * BYTES[entry.dtype];
    if (end - begin !== expected) {
      fail(`tensor ${entry.name} has ${end - begin} bytes, its shape needs ${expected}`);
    }
    reached = end;
  }
  const present = bytes.length - dataStart;
  if (reached !== present) fail(`it holds ${present} bytes of values instead of ${reached}`);
  const tensors = entries.map((entry): [string, StoredTensor] => {
    const [begin, end] = entry.data_offsets;
    const data = valuesOf(entry, bytes.subarray(dataStart + begin, dataStart + end));
    return [entry.name, { shape: entry.shape, data, dtype: entry.dtype }];
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

/** Reads a safetensors file. @throws FrameloomError bad-snapshot, not-found */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new FrameloomError('not-found', `cannot read ${path}: ${messageOf(error)}`, {
      path,
      cause: error,
    });
  }
  return decodeSafetensors(bytes, path);
}
