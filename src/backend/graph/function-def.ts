import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { NativeBinding, NativeOpAttribute } from '../native.js';
import type { AttrValueSchema, TensorShapeProtoSchema } from './graph_pb.js';
import { FunctionDefSchema } from './graph_pb.js';
import { outputsInFunction } from './op-outputs.js';
import {
  argumentName,
  isCall,
  outputOf,
  producerOf,
  type Edge,
  type RecordedCall,
  type RecordedConstant,
  type RecordedNode,
  type Recording,
} from './recording.js';

type Attribute = MessageInitShape<typeof AttrValueSchema>;

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

const outputName = (index: number): string => `output${index}`;

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

/** What a function of TensorFlow's is made of: one of a recording's, or the whole of it. */
interface Body extends Pick<Recording, 'inputs' | 'constants' | 'nodes' | 'outputs'> {
  readonly name: string;
}

function functionDef(binding: NativeBinding, body: Body, isCallee: boolean): Uint8Array {
  const { name, inputs, constants, nodes, outputs } = body;
  const named = new Map(
    nodes.map((node) => [node.name, isCall(node) ? null : outputsInFunction(node)]),
  );
  const isConstant = new Set(constants.map((constant) => constant.name));
  const written = (edge: Edge): string => {
    const producer = producerOf(edge);
    const names = named.get(producer);
    if (names === null) return `${producer}:output:${outputOf(edge)}`;
    if (names !== undefined) return producer + names[outputOf(edge)]!;
    return isConstant.has(edge) ? `${edge}:output:0` : edge;
  };
  const nodeDef = nodes.map((node) => {
    const own = node.inputs.map(written);
    return isCall(node)
      ? callProto({ ...node, inputs: own })
      : nodeProto(binding, { ...node, inputs: own });
  });
  const definition = create(FunctionDefSchema, {
    signature: {
      name,
      inputArg: inputs.map((input) => ({ name: input.name, type: input.type })),
      outputArg: outputs.map(({ type }, i) => ({ name: outputName(i), type })),
    },
    nodeDef: [...constants.map(constantProto), ...nodeDef],
    ret: Object.fromEntries(outputs.map(({ edge }, i) => [outputName(i), written(edge)])),
    // Put back in place of its calls, as TensorFlow likes to, it would take what it saves.
    attr: isCallee ? { _noinline: { value: { case: 'b', value: true } } } : {},
  });
  return toBinary(FunctionDefSchema, definition);
}

/** A function as TensorFlow takes it (FunctionDef), and its name. */
export interface FunctionDefinition {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * A recording as TensorFlow's functions: those that it calls, and behind them the whole, which bears the given name and
 * takes and returns what the recording does, in order. Those that it calls have names that begin with it.
 */
export function functionDefinitions(
  binding: NativeBinding,
  { inputs, constants, functions, nodes, outputs }: Recording,
  name: string,
): FunctionDefinition[] {
  const ownName = (callee: string): string => `${name}_${callee}`;
  const callees = functions.map(({ types, ...body }) => {
    const own = ownName(body.name);
    const given = types.map((type, i) => ({ name: argumentName(i), type, shape: [] }));
    return {
      name: own,
      bytes: functionDef(binding, { ...body, name: own, inputs: given }, true),
    };
  });
  const calling = nodes.map((node) =>
    isCall(node) ? { ...node, callee: { ...node.callee, name: ownName(node.callee.name) } } : node,
  );
  const whole = { name, inputs, constants, nodes: calling, outputs };
  return [...callees, { name, bytes: functionDef(binding, whole, false) }];
}
