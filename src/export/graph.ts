import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { Float16Array } from '@petamoriken/float16';
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
  type AttributeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from './format/onnx_pb.js';

/** The name of a tensor inside an ONNX graph. */
export type Edge = string;

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly text: string };

export type OnnxValues = Float32Array | Int32Array | BigInt64Array | Uint8Array;

/** A size: a number, or the name of one that whoever runs the file chooses. */
export interface OnnxPort {
  readonly name: Edge;
  readonly shape: readonly (number | string)[];
  readonly about: string;
}

/** What is computed in. */
export type FloatType = 'float32' | 'float16';

export interface GraphOptions {
  /** Store the large weights as float16 that are computed with as float32. */
  readonly halfWeights?: boolean;
}

/** Weights of fewer numbers stay float32, as biases and norms do: they save nothing. */
const SMALL = 64;

interface Node {
  readonly op: string;
  readonly inputs: readonly Edge[];
  readonly outputs: readonly Edge[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

type AttributeInit = MessageInitShape<typeof AttributeProtoSchema>;

function attributeProto(name: string, value: OnnxAttribute): AttributeInit {
  if ('int' in value) return { name, type: AttributeType.INT, i: BigInt(value.int) };
  if ('ints' in value) return { name, type: AttributeType.INTS, ints: value.ints.map(BigInt) };
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value.text) };
}

const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();

/** Uint8Array holds what ONNX calls bool. */
function typeOf(values: OnnxValues): DataType {
  if (values instanceof Float32Array) return DataType.FLOAT;
  if (values instanceof Int32Array) return DataType.INT32;
  return values instanceof BigInt64Array ? DataType.INT64 : DataType.BOOL;
}

const portProto = ({
  name,
  shape,
  about,
}: OnnxPort): MessageInitShape<typeof ValueInfoProtoSchema> => ({
  name,
  docString: about,
  type: {
    value: {
      case: 'tensorType',
      value: {
        elemType: DataType.FLOAT,
        shape: {
          dim: shape.map((size) =>
            typeof size === 'number'
              ? { value: { case: 'dimValue' as const, value: BigInt(size) } }
              : { value: { case: 'dimParam' as const, value: size } },
          ),
        },
      },
    },
  },
});

/** An ONNX graph that is being written. Equal nodes and equal constants are written once. */
export class OnnxGraph {
  readonly #nodes: Node[] = [];
  readonly #known = new Map<string, readonly Edge[]>();
  readonly #initializers: MessageInitShape<typeof TensorProtoSchema>[] = [];
  readonly #constants = new Map<string, Edge>();
  readonly #counts = new Map<string, number>();
  readonly #halfWeights: boolean;
  readonly #outputs = new Map<Edge, Edge>();

  constructor(options: GraphOptions = {}) {
    this.#halfWeights = options.halfWeights ?? false;
  }

  /** How many nodes of each op there are. */
  get opCounts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { op } of this.#nodes) counts[op] = (counts[op] ?? 0) + 1;
    return counts;
  }

  /** A parameter's own name, unless it is taken by the same parameter in another order. */
  #freeName(name: string): Edge {
    if (name === 'constant' || this.#counts.has(name)) return this.#name(name);
    this.#counts.set(name, 0);
    return name;
  }

  #name(kind: string): Edge {
    const count = this.#counts.get(kind) ?? 0;
    this.#counts.set(kind, count + 1);
    return `${kind}_${count}`;
  }

  /**
   * Appends a node.
   * @param use keeps apart what is equal and yet needed twice
   * @returns the names of its outputs
   */
  nodes(
    op: string,
    inputs: readonly Edge[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    outputCount = 1,
    use = '',
  ): readonly Edge[] {
    const key = `${op} ${outputCount} ${use} ${JSON.stringify([inputs, attributes])}`;
    const known = this.#known.get(key);
    if (known) return known;
    const outputs = Array.from({ length: outputCount }, () => this.#name(op.toLowerCase()));
    this.#nodes.push({ op, inputs, outputs, attributes });
    this.#known.set(key, outputs);
    return outputs;
  }

  /** Appends a node with one output. @returns the name of it */
  node(
    op: string,
    inputs: readonly Edge[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): Edge {
    return this.nodes(op, inputs, attributes)[0]!;
  }

  /**
   * Makes what an edge carries an output of the graph, by the name of it. The node that makes it
   * gets that name; where it has one already, a joining of nothing but itself copies it, which
   * every runtime computes where the rest is computed.
   */
  output(from: Edge, name: Edge): void {
    const copied = this.#outputs.has(from);
    const own = copied ? this.nodes('Concat', [from], { axis: { int: 1 } }, 1, name)[0]! : from;
    this.#outputs.set(own, name);
  }

  /** A constant; Uint8Array holds bools. Of floats `type` says how they are computed with. */
  constant(
    values: OnnxValues,
    shape: readonly number[],
    { type = 'float32', name }: { type?: FloatType; name?: string | undefined } = {},
  ): Edge {
    const isFloat = values instanceof Float32Array;
    const large = isFloat && shape.length > 1 && values.length >= SMALL;
    const widened = type === 'float32' && this.#halfWeights && large && name !== undefined;
    const half = isFloat && (type === 'float16' || widened);
    const dataType = half ? DataType.FLOAT16 : typeOf(values);
    const bytes = bytesOf(half ? new Float16Array(values) : values);
    const key = `${type} ${dataType} ${shape.join('x')} ${Buffer.from(bytes).toString('latin1')}`;
    const known = this.#constants.get(key);
    if (known) return known;
    const own = this.#freeName(name ?? 'constant');
    const stored = widened ? `${own}.half` : own;
    const dims = shape.map(BigInt);
    this.#initializers.push({ name: stored, dims, dataType, rawData: bytes });
    const edge = widened ? this.cast(stored, 'float32') : own;
    this.#constants.set(key, edge);
    return edge;
  }

  integers(values: readonly number[]): Edge {
    return this.constant(BigInt64Array.from(values.map(BigInt)), [values.length]);
  }

  float(value: number): Edge {
    return this.constant(Float32Array.of(value), []);
  }

  cast(edge: Edge, type: FloatType): Edge {
    const to = { int: type === 'float16' ? DataType.FLOAT16 : DataType.FLOAT };
    return this.node('Cast', [edge], { to });
  }

  /** Some of the channels, which are axis 1. */
  channels(edge: Edge, from: number, to: number): Edge {
    const [begin, end, axis] = [[from], [to], [1]].map((list) => this.integers(list));
    return this.node('Slice', [edge, begin!, end!, axis!]);
  }

  /** The whole file. */
  toFile(options: {
    readonly inputs: readonly OnnxPort[];
    readonly outputs: readonly OnnxPort[];
    readonly metadata: Readonly<Record<string, string>>;
    readonly version: string;
    readonly about: string;
    /** The operator set that the ops are of, and the version of the format that came with it. */
    readonly opset: number;
    readonly irVersion: number;
  }): Uint8Array {
    const named = (edge: Edge): Edge => this.#outputs.get(edge) ?? edge;
    const model = create(ModelProtoSchema, {
      irVersion: BigInt(options.irVersion),
      opsetImport: [{ domain: '', version: BigInt(options.opset) }],
      producerName: 'frameloom',
      producerVersion: options.version,
      docString: options.about,
      metadataProps: Object.entries(options.metadata).map(([key, value]) => ({ key, value })),
      graph: {
        name: 'generator',
        node: this.#nodes.map(({ op, inputs, outputs, attributes }, i) => ({
          name: `${i}_${op}`,
          opType: op,
          input: inputs.map(named),
          output: outputs.map(named),
          attribute: Object.entries(attributes).map(([key, value]) => attributeProto(key, value)),
        })),
        initializer: this.#initializers,
        input: options.inputs.map(portProto),
        output: options.outputs.map(portProto),
      },
    });
    return toBinary(ModelProtoSchema, model);
  }
}
