import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { NativeBinding, NativeOpAttribute } from '../native.js';
import type { AttrValueSchema, FunctionDefSchema, TensorShapeProtoSchema } from './graph_pb.js';
import { SavedModelSchema } from './graph_pb.js';
import { outputsInFunction } from './op-outputs.js';
import {
  argumentName,
  isCall,
  outputOf,
  producerOf,
  type Edge,
  type RecordedCall,
  type RecordedConstant,
  type RecordedFunction,
  type RecordedNode,
  type Recording,
} from './recording.js';

/** What TensorFlow's loader is asked for; any word will do. */
export const TAG = 'frameloom';

type Attribute = MessageInitShape<typeof AttrValueSchema>;

/** A graph version that every TensorFlow since 2.9 reads and that none upgrades. */
const PRODUCER = 1087;

const shapeProto = (shape: readonly number[]): MessageInitShape<typeof TensorShapeProtoSchema> => ({
  dim: shape.map((size) => ({ size: BigInt(size) })),
});

const typeAttribute = (type: number): Attribute => ({ value: { case: 'type', value: type } });

const typesAttribute = (types: readonly number[]): Attribute => ({
  value: { case: 'list', value: { type: [...types] } },
});

function attributeProto(binding: NativeBinding, { type, value }: NativeOpAttribute): Attribute {
  const values = value as readonly number[];
  const isList = Array.isArray(value);
  switch (type) {
    case binding.TF_ATTR_TYPE:
      return typeAttribute(value as number);
    case binding.TF_ATTR_STRING:
      return { value: { case: 's', value: new TextEncoder().encode(value as string) } };
    case binding.TF_ATTR_SHAPE:
      return { value: { case: 'shape', value: shapeProto(values) } };
    case binding.TF_ATTR_BOOL:
      return { value: { case: 'b', value: value as boolean } };
    case binding.TF_ATTR_INT:
      return isList
        ? { value: { case: 'list', value: { i: values.map(BigInt) } } }
        : { value: { case: 'i', value: BigInt(value as number) } };
    case binding.TF_ATTR_FLOAT:
      return isList
        ? { value: { case: 'list', value: { f: [...values] } } }
        : { value: { case: 'f', value: value as number } };
    default:
      throw new Error(`an op's attribute has the unknown type ${type}`);
  }
}

export const outputName = (index: number): string => `output${index}`;

const constantProto = ({ name, shape, type, bytes }: RecordedConstant) => ({
  name,
  op: 'Const',
  attr: {
    dtype: typeAttribute(type),
    value: {
      value: {
        case: 'tensor',
        value: { dtype: type, tensorShape: shapeProto(shape), tensorContent: bytes },
      },
    } satisfies Attribute,
  },
});

const nodeProto = (binding: NativeBinding, { name, op, inputs, attributes }: RecordedNode) => ({
  name,
  op,
  input: [...inputs],
  attr: Object.fromEntries(
    attributes.map((attribute) => [attribute.name, attributeProto(binding, attribute)]),
  ),
});

const callProto = ({ name, inputs, callee, after }: RecordedCall) => ({
  name,
  op: 'PartitionedCall',
  // An input of nothing but order is written so.
  input: [...inputs, ...(after === undefined ? [] : [`^${after}`])],
  attr: {
    f: { value: { case: 'func', value: { name: callee.name } } } satisfies Attribute,
    Tin: typesAttribute(callee.types),
    Tout: typesAttribute(callee.outputs.map(({ type }) => type)),
  },
});

function functionProto(
  binding: NativeBinding,
  { name, types, constants, nodes, outputs }: RecordedFunction,
): MessageInitShape<typeof FunctionDefSchema> {
  const named = new Map(nodes.map((node) => [node.name, outputsInFunction(node)]));
  const isConstant = new Set(constants.map((constant) => constant.name));
  const written = (edge: Edge): string => {
    const names = named.get(producerOf(edge));
    if (names !== undefined) return producerOf(edge) + names[outputOf(edge)]!;
    return isConstant.has(edge) ? `${edge}:output:0` : edge;
  };
  const own = nodes.map((node) => ({ ...node, inputs: node.inputs.map(written) }));
  return {
    signature: {
      name,
      inputArg: types.map((type, i) => ({ name: argumentName(i), type })),
      outputArg: outputs.map(({ type }, i) => ({ name: outputName(i), type })),
    },
    nodeDef: [...constants.map(constantProto), ...own.map((node) => nodeProto(binding, node))],
    ret: Object.fromEntries(outputs.map(({ edge }, i) => [outputName(i), written(edge)])),
    // Put back in place of its calls, as TensorFlow likes to, it would take what it saves.
    attr: { _noinline: { value: { case: 'b', value: true } } },
  };
}

/** A recording in the format that TensorFlow loads models from (saved_model.pb). */
export function toSavedModel(binding: NativeBinding, recording: Recording): Uint8Array {
  const { inputs, constants, functions, nodes, outputs } = recording;
  const node = [
    ...inputs.map(({ name, shape, type }) => ({
      name,
      op: 'Placeholder',
      attr: {
        dtype: typeAttribute(type),
        shape: { value: { case: 'shape', value: shapeProto(shape) } } satisfies Attribute,
      },
    })),
    ...constants.map(constantProto),
    ...nodes.map((own) => (isCall(own) ? callProto(own) : nodeProto(binding, own))),
    ...outputs.map(({ edge, type }, i) => ({
      name: outputName(i),
      op: 'Identity',
      input: [edge],
      attr: { T: typeAttribute(type) },
    })),
  ];
  const library = { function: functions.map((own) => functionProto(binding, own)) };
  const model = create(SavedModelSchema, {
    savedModelSchemaVersion: 1n,
    metaGraphs: [
      {
        metaInfoDef: { tags: [TAG] },
        graphDef: { node, library, versions: { producer: PRODUCER, minConsumer: 12 } },
      },
    ],
  });
  return toBinary(SavedModelSchema, model);
}
