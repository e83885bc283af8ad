import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { NativeBinding, NativeOpAttribute } from '../native.js';
import type { AttrValueSchema, TensorShapeProtoSchema } from './graph_pb.js';
import { SavedModelSchema } from './graph_pb.js';
import type { Recording } from './recorder.js';

/** What TensorFlow's loader is asked for; any word will do. */
export const TAG = 'frameloom';

type Attribute = MessageInitShape<typeof AttrValueSchema>;

/** A graph version that every TensorFlow since 2.9 reads and that none upgrades. */
const PRODUCER = 1087;

const shapeProto = (shape: readonly number[]): MessageInitShape<typeof TensorShapeProtoSchema> => ({
  dim: shape.map((size) => ({ size: BigInt(size) })),
});

const typeAttribute = (type: number): Attribute => ({ value: { case: 'type', value: type } });

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

/** A recording in the format that TensorFlow loads models from (saved_model.pb). */
export function toSavedModel(binding: NativeBinding, recording: Recording): Uint8Array {
  const { inputs, constants, nodes, outputs } = recording;
  const typeOf = outputTypes(binding, recording);
  const node = [
    ...inputs.map(({ name, shape, type }) => ({
      name,
      op: 'Placeholder',
      attr: {
        dtype: typeAttribute(type),
        shape: { value: { case: 'shape', value: shapeProto(shape) } } satisfies Attribute,
      },
    })),
    ...constants.map(({ name, shape, type, bytes }) => ({
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
    })),
    ...nodes.map(({ name, op, inputs: input, attributes }) => ({
      name,
      op,
      input: [...input],
      attr: Object.fromEntries(
        attributes.map((attribute) => [attribute.name, attributeProto(binding, attribute)]),
      ),
    })),
    ...outputs.map((edge, i) => ({
      name: outputName(i),
      op: 'Identity',
      input: [edge],
      attr: { T: typeAttribute(typeOf(edge)) },
    })),
  ];
  const model = create(SavedModelSchema, {
    savedModelSchemaVersion: 1n,
    metaGraphs: [
      {
        metaInfoDef: { tags: [TAG] },
        graphDef: { node, versions: { producer: PRODUCER, minConsumer: 12 } },
      },
    ],
  });
  return toBinary(SavedModelSchema, model);
}

/** Types of edges, as far as outputs need them: floats, unless an input or a constant says other. */
function outputTypes(binding: NativeBinding, { inputs, constants }: Recording) {
  const known = new Map([...inputs, ...constants].map(({ name, type }) => [name, type]));
  return (edge: string): number => known.get(edge) ?? binding.TF_FLOAT;
}
