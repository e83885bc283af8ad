import { fromBinary } from '@bufbuild/protobuf';
import { FrameloomError } from '../../base/error.js';
import { setupCommand } from '../../base/own-package.js';
import { operationList } from '../native.js';
import { OpListSchema, type OpDef_ArgDef } from './graph_pb.js';
import type { RecordedNode } from './recording.js';

/** One output of an op as its registry has it: a tensor, or a list of tensors under one name. */
export interface NamedOutput {
  readonly name: string;
  /** Of a list: the attribute with its length, where the op says one. */
  readonly count?: string;
  readonly isList: boolean;
}

const single = (name: string): NamedOutput => ({ name, isList: false });
const list = (name: string, count?: string): NamedOutput => ({
  name,
  isList: true,
  ...(count !== undefined && { count }),
});

/** Ops of a single output, by its name. */
const SINGLE: Readonly<Record<string, string>> = {
  z: 'Add Div Equal FloorDiv Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr Maximum Minimum Mul NotEqual Pow RealDiv SquaredDifference Sub',
  y: 'Abs Cast Ceil Cos Erf Exp Expm1 Floor IsFinite IsInf IsNan Log Log1p LogicalNot Neg OnesLike Reciprocal Round Rsqrt Sigmoid Sign Sin Sqrt Square Tanh Transpose ZerosLike',
  output:
    'All Any AvgPool AvgPoolGrad BatchMatMulV2 BiasAdd BiasAddGrad ClipByValue ConcatV2 Conv2D Conv2DBackpropFilter Conv2DBackpropInput DepthToSpace DepthwiseConv2dNative ExpandDims Fill GatherNd GatherV2 Identity Max MaxPool MaxPoolGrad Mean Min MirrorPad OneHot Pack PadV2 Prod Range Reshape ResizeBilinearGrad ReverseV2 ScatterNd Select Slice StridedSlice Sum Tile UnsortedSegmentSum',
  activations: 'Elu LeakyRelu Relu Relu6 Softplus',
  backprops: 'EluGrad LeakyReluGrad ReluGrad',
  resized_images: 'ResizeBilinear ResizeNearestNeighbor',
  sum: 'AddN',
};

/** Ops of several outputs. */
const SEVERAL: Readonly<Record<string, readonly NamedOutput[]>> = {
  SplitV: [list('output', 'num_split')],
  Unpack: [list('output', 'num')],
  FusedBatchNormV3: [
    ...['y', 'batch_mean', 'batch_variance'],
    ...['reserve_space_1', 'reserve_space_2', 'reserve_space_3'],
  ].map(single),
  FusedBatchNormGradV3: [
    ...['x_backprop', 'scale_backprop', 'offset_backprop', 'reserve_space_4', 'reserve_space_5'],
  ].map(single),
};

type Registry = ReadonlyMap<string, readonly NamedOutput[]>;

/**
 * What TensorFlow's registry says of the ops that Frameloom's own networks are made of, for where it
 * cannot be asked.
 */
export const KNOWN_OUTPUTS: Registry = new Map([
  ...Object.entries(SINGLE).flatMap(([name, ops]) =>
    ops.split(' ').map((op) => [op, [single(name)]] as const),
  ),
  ...Object.entries(SEVERAL),
]);

/** Outputs of all ops that TensorFlow has; undefined where it cannot be asked. */
export function registeredOutputs(): Registry | undefined {
  const list = operationList();
  if (list === undefined) return undefined;
  // What else it says of them is most of it.
  const { op: ops } = fromBinary(OpListSchema, list, { readUnknownFields: false });
  return new Map(ops.map(({ name, outputArg }) => [name, outputArg.map(toOutput)]));
}

function toOutput({ name, numberAttr, typeListAttr }: OpDef_ArgDef): NamedOutput {
  if (numberAttr !== '') return list(name, numberAttr);
  return typeListAttr !== '' ? list(name) : single(name);
}

let registry: Registry | undefined;

function outputsOf(op: string): readonly NamedOutput[] | undefined {
  const known = KNOWN_OUTPUTS.get(op);
  if (known !== undefined) return known;
  // Asked at the first op that is not of ours: it takes some milliseconds.
  registry ??= registeredOutputs() ?? KNOWN_OUTPUTS;
  return registry.get(op);
}

type Node = Pick<RecordedNode, 'op' | 'types' | 'attributes'>;

/** How many tensors each output of a node has; undefined where that cannot be told. */
function lengthsOf(node: Node, outputs: readonly NamedOutput[]): number[] | undefined {
  const lists = outputs.filter(({ isList }) => isList).length;
  const lengths = outputs.map(({ isList, count }) => {
    if (!isList) return 1;
    // All that is left; of several lists, what their attributes say.
    if (lists === 1) return node.types.length - (outputs.length - 1);
    return Number(node.attributes.find(({ name }) => name === count)?.value);
  });
  const sum = lengths.reduce((total, length) => total + length, 0);
  return sum === node.types.length ? lengths : undefined;
}

/** Names of a node's tensors inside a function, in order; undefined where they are not known. */
function namesWithin(node: Node): string[] | undefined {
  const outputs = outputsOf(node.op);
  const lengths = outputs && lengthsOf(node, outputs);
  return lengths?.flatMap((length, i) =>
    Array.from({ length }, (_, index) => `:${outputs![i]!.name}:${index}`),
  );
}

/** Whether a node may stand inside a function. */
export const hasNamedOutputs = (node: Node): boolean => namesWithin(node) !== undefined;

/**
 * How edges inside a function name a node's outputs, after its own name: by what the registry calls
 * them, and by the index among those of that name, of which there are several where they are a list.
 *
 * @throws FrameloomError `backend` for an op whose outputs' names are not known
 */
export function outputsInFunction(node: Node): readonly string[] {
  const names = namesWithin(node);
  if (names !== undefined) return names;
  throw new FrameloomError(
    'backend',
    `a step with the op ${node.op} cannot be computed in pieces: the names of its outputs are not known`,
    { hint: `run: ${setupCommand()}; or set training.gradientCheckpointing to off` },
  );
}
