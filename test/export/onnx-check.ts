import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { expect } from 'vitest';
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../src/export/format/onnx_pb.js';
import { shapesOf, type Known, type Sizes } from './onnx-shapes.js';

interface Parameter {
  readonly type: string;
  readonly how: 'one' | 'optional' | 'many';
}

interface Operator {
  readonly inputs: readonly Parameter[];
  readonly outputs: readonly Parameter[];
  readonly types: Readonly<Record<string, readonly string[]>>;
  readonly attributes: Readonly<Record<string, { type: string; required: boolean }>>;
}

/** What the standard says of each op and operator set: bench/peers/make_onnx_operators.py. */
const { ops: OPERATORS } = JSON.parse(
  readFileSync(new URL('../golden/onnx-operators.json', import.meta.url), 'utf8'),
) as { ops: Readonly<Record<string, Operator>> };

const TYPE_NAMES: Readonly<Record<number, string | undefined>> = {
  [DataType.FLOAT]: 'tensor(float)',
  [DataType.FLOAT16]: 'tensor(float16)',
  [DataType.INT32]: 'tensor(int32)',
  [DataType.INT64]: 'tensor(int64)',
  [DataType.BOOL]: 'tensor(bool)',
};
const typeName = (type: number | undefined): string => TYPE_NAMES[type ?? -1] ?? `type ${type}`;

const tensorOf = (value: ValueInfoProto) =>
  value.type?.value.case === 'tensorType' ? value.type.value.value : undefined;

/** The parameter at a place: the last of a list that goes on stands for all after it. */
function parameterAt(list: readonly Parameter[], place: number): Parameter | undefined {
  const last = list.at(-1);
  return list[place] ?? (last?.how === 'many' ? last : undefined);
}

/** Holds a node's operands to what its op takes. @returns the types of its outputs */
function typesOf(node: NodeProto, operator: Operator, known: ReadonlyMap<string, string>) {
  const bound = new Map<string, string>();
  const where = node.name;
  node.input.forEach((name, place) => {
    const parameter = parameterAt(operator.inputs, place);
    expect(parameter, `${where} takes no input ${place}`).toBeDefined();
    if (name === '') {
      expect(parameter!.how, `${where} needs its input ${place}`).toBe('optional');
      return;
    }
    const type = known.get(name);
    expect(type, `${where} reads ${name}, which nothing before it makes`).toBeDefined();
    const allowed = operator.types[parameter!.type] ?? [parameter!.type];
    expect(allowed, `${where} takes no ${type} as its input ${place}`).toContain(type);
    if (parameter!.how === 'many' || !(parameter!.type in operator.types)) return;
    expect(bound.get(parameter!.type) ?? type, `${where} mixes types`).toBe(type);
    bound.set(parameter!.type, type!);
  });
  const needed = operator.inputs.filter(({ how }) => how === 'one').length;
  expect(node.input.length, `${where} has too few inputs`).toBeGreaterThanOrEqual(needed);
  expect(node.output.length, `${where} has too many outputs`).toBeLessThanOrEqual(
    operator.outputs.length,
  );
  const to = node.attribute.find(({ name }) => name === 'to');
  return node.output.map((_, place) => {
    const { type } = operator.outputs[place]!;
    if (node.opType === 'Cast') return typeName(Number(to!.i));
    const [only, ...others] = operator.types[type] ?? [type];
    const made = bound.get(type) ?? (others.length === 0 ? only : undefined);
    // Of an op that takes any number of one type, such as Concat.
    return made ?? known.get(node.input[0]!)!;
  });
}

function checkAttributes(node: NodeProto, { attributes }: Operator): void {
  for (const { name, type } of node.attribute) {
    const told = attributes[name];
    expect(told, `${node.name} takes no attribute ${name}`).toBeDefined();
    expect(AttributeType[type], `the type of ${name} of ${node.name}`).toBe(told!.type);
  }
  const given = new Set(node.attribute.map(({ name }) => name));
  for (const [name, { required }] of Object.entries(attributes)) {
    if (required) expect(given, `${node.name} needs ${name}`).toContain(name);
  }
}

/** Whole numbers that a tensor of the file holds, or the factors by which an op resizes. */
function numbersOf({ dataType, dims, rawData }: TensorProto): number[] | undefined {
  if (typeName(dataType) === 'tensor(float)' && dims.length === 1 && dims[0] === 4n) {
    return [...new Float32Array(Uint8Array.from(rawData).buffer)];
  }
  if (typeName(dataType) !== 'tensor(int64)') return undefined;
  const bytes = Uint8Array.from(rawData);
  return Array.from(new BigInt64Array(bytes.buffer), (value) => {
    // What a runtime counts in 32 bits must not overflow.
    expect(value).toBeLessThan(2n ** 31n);
    expect(value).toBeGreaterThanOrEqual(-(2n ** 31n));
    return Number(value);
  });
}

const dimensionsOf = (value: ValueInfoProto, sizes: Sizes): number[] =>
  tensorOf(value)!.shape!.dim.map(({ value: size }) =>
    size.case === 'dimValue' ? Number(size.value) : sizes[size.value!]!,
  );

/**
 * Holds a file to the ONNX standard: names, the order of nodes, what each op takes and gives and its
 * attributes, by the operator set that the file names; that nothing in it is unused; and that from
 * the shapes of its inputs follow those of its outputs.
 * @param sizes what the sizes that are open shall be
 */
export function checkOnnx(file: Uint8Array, sizes: Sizes = {}): ModelProto {
  const model = fromBinary(ModelProtoSchema, file);
  const [{ domain, version } = {}] = model.opsetImport;
  expect([domain, model.opsetImport.length]).toEqual(['', 1]);
  const graph = model.graph!;
  const types = new Map<string, string>();
  const known: Known = new Map();
  const add = (name: string, type: string): void => {
    expect(types.has(name), `${name} is made twice`).toBe(false);
    types.set(name, type);
  };
  for (const input of graph.input) {
    add(input.name, typeName(tensorOf(input)!.elemType));
    known.set(input.name, { shape: dimensionsOf(input, sizes) });
  }
  for (const tensor of graph.initializer) {
    add(tensor.name, typeName(tensor.dataType));
    const numbers = numbersOf(tensor);
    known.set(tensor.name, {
      shape: tensor.dims.map(Number),
      ...(numbers !== undefined && { numbers }),
    });
  }
  const unread = new Set(types.keys());
  for (const node of graph.node) {
    const operator = OPERATORS[`${node.opType} ${version}`];
    expect(operator, `${node.opType} is no op of operator set ${version}`).toBeDefined();
    checkAttributes(node, operator!);
    const made = typesOf(node, operator!, types);
    shapesOf(node, known);
    node.output.forEach((name, place) => add(name, made[place]!));
    node.output.forEach((name) => unread.add(name));
    node.input.forEach((name) => unread.delete(name));
  }
  for (const output of graph.output) {
    expect(types.get(output.name), `the type of ${output.name}`).toBe(
      typeName(tensorOf(output)!.elemType),
    );
    expect(known.get(output.name)!.shape, `the shape of ${output.name}`).toEqual(
      dimensionsOf(output, sizes),
    );
    unread.delete(output.name);
  }
  expect([...unread], 'made and not read').toEqual([]);
  return model;
}
