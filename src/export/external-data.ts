import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** Where tensors may stand in an ONNX file: the fields of each message that lead to some. */
const INSIDE = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  training: { 1: 'graph', 2: 'graph' },
  function: { 7: 'node', 11: 'attribute' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: {},
} as const satisfies Record<string, Record<number, string>>;
type Message = keyof typeof INSIDE;

/** `external_data` and `data_location` of a tensor. */
const EXTERNAL_FIELDS: ReadonlySet<number> = new Set([13, 14]);

/**
 * Whether an ONNX file has tensors whose numbers lie in another file. An exported generator holds
 * all of its own; one that names files would have them read wherever it is loaded.
 * @throws RangeError, Error when it is no protocol buffer
 */
export function hasExternalData(bytes: Uint8Array, message: Message = 'model'): boolean {
  const inside: Readonly<Record<number, Message | undefined>> = INSIDE[message];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (message === 'tensor' && EXTERNAL_FIELDS.has(field)) return true;
    const child = inside[field];
    if (child === undefined || type !== WireType.LengthDelimited) reader.skip(type, field);
    else if (hasExternalData(reader.bytes(), child)) return true;
  }
  return false;
}
