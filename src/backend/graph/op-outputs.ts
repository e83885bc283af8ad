/** Names of outputs, and the ops that have one of that name; a list of tensors counts as one. */
const ONE_OUTPUT: Readonly<Record<string, string>> = {
  z: 'Add Div Equal FloorDiv Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr Maximum Minimum Mul NotEqual Pow RealDiv SquaredDifference Sub',
  y: 'Abs Cast Ceil Cos Erf Exp Expm1 Floor IsFinite IsInf IsNan Log Log1p LogicalNot Neg OnesLike Reciprocal Round Rsqrt Sigmoid Sign Sin Sqrt Square Tanh Transpose ZerosLike',
  output:
    'All Any AvgPool AvgPoolGrad BatchMatMulV2 BiasAdd BiasAddGrad ClipByValue ConcatV2 Conv2D Conv2DBackpropFilter Conv2DBackpropInput DepthToSpace DepthwiseConv2dNative ExpandDims Fill GatherNd GatherV2 Identity Max MaxPool MaxPoolGrad Mean Min MirrorPad OneHot Pack PadV2 Prod Range Reshape ResizeBilinearGrad ReverseV2 ScatterNd Select Slice SplitV StridedSlice Sum Tile Unpack UnsortedSegmentSum',
  activations: 'Elu LeakyRelu Relu Relu6 Softplus',
  backprops: 'EluGrad LeakyReluGrad ReluGrad',
  resized_images: 'ResizeBilinear ResizeNearestNeighbor',
  sum: 'AddN',
};

/**
 * The names that TensorFlow's op registry gives the outputs of ops: inside a function an edge is
 * written by them. Of the ops that training steps are made of, and their like.
 */
const OUTPUTS: Readonly<Record<string, string | readonly string[]>> = {
  ...Object.fromEntries(
    Object.entries(ONE_OUTPUT).flatMap(([name, ops]) => ops.split(' ').map((op) => [op, name])),
  ),
  FusedBatchNormV3: [
    ...['y', 'batch_mean', 'batch_variance'],
    ...['reserve_space_1', 'reserve_space_2', 'reserve_space_3'],
  ],
  FusedBatchNormGradV3: [
    ...['x_backprop', 'scale_backprop', 'offset_backprop', 'reserve_space_4', 'reserve_space_5'],
  ],
};

export const hasNamedOutputs = (op: string): boolean => op in OUTPUTS;

/**
 * How an edge inside a function names an output, after its node: by name, and by the index among
 * those of that name, of which there are several where they are a list.
 *
 * @throws Error for an op whose outputs' names are not known here
 */
export function outputInFunction(op: string, output: number): string {
  const names = OUTPUTS[op];
  if (names === undefined) throw new Error(`the names of ${op}'s outputs are not known`);
  return typeof names === 'string' ? `:${names}:${output}` : `:${names[output]!}:0`;
}
