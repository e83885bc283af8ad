/**
 * The names that TensorFlow's op registry gives the outputs of ops: inside a function an edge is
 * written by them. Only of the ops that a frame of a rollout is made of.
 */
const OUTPUTS: Readonly<Record<string, string | readonly string[]>> = {
  ...named('z', ['Add', 'Sub', 'Mul', 'Maximum', 'Minimum']),
  ...named('z', ['GreaterEqual', 'LessEqual', 'LogicalAnd']),
  ...named('y', ['Cast', 'Floor', 'Neg', 'Sigmoid', 'Square', 'Tanh', 'Transpose']),
  ...named('output', ['BiasAdd', 'BiasAddGrad', 'ConcatV2', 'GatherV2', 'PadV2', 'Reshape']),
  ...named('output', ['Conv2D', 'Conv2DBackpropFilter', 'Conv2DBackpropInput']),
  ...named('output', ['ResizeBilinearGrad', 'Slice', 'SplitV', 'Sum', 'UnsortedSegmentSum']),
  ...{ Relu: 'activations', ReluGrad: 'backprops', ResizeBilinear: 'resized_images' },
  FusedBatchNormV3: [
    ...['y', 'batch_mean', 'batch_variance'],
    ...['reserve_space_1', 'reserve_space_2', 'reserve_space_3'],
  ],
  FusedBatchNormGradV3: [
    ...['x_backprop', 'scale_backprop', 'offset_backprop', 'reserve_space_4', 'reserve_space_5'],
  ],
};

function named(name: string, ops: readonly string[]): Record<string, string> {
  return Object.fromEntries(ops.map((op) => [op, name]));
}

export const hasNamedOutputs = (op: string): boolean => op in OUTPUTS;

/**
 * How an edge inside a function names an output, after its node: by name, and by the index among
 * those of that name, of which there are several where they are a list.
 */
export function outputInFunction(op: string, output: number): string {
  const names = OUTPUTS[op]!;
  return typeof names === 'string' ? `:${names}:${output}` : `:${names[output]!}:0`;
}
