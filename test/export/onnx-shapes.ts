import type { NodeProto } from '../../src/export/format/onnx_pb.js';

/** Sizes by the names that a file gives them. */
export type Sizes = Readonly<Record<string, number>>;

/** Shapes of tensors, and the numbers of those that say a shape. */
export type Known = Map<string, { shape: readonly number[]; numbers?: readonly number[] }>;

const broadcast = (shapes: readonly (readonly number[])[]): number[] => {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const size = Math.max(...sizes);
    if (sizes.some((one) => one !== 1 && one !== size)) {
      throw new Error(`shapes ${JSON.stringify(shapes)} do not fit together`);
    }
    return size;
  });
};

const product = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);

/** Works out the shape of what a node makes, as the standard says it for the ops that are written. */
export function shapesOf(node: NodeProto, known: Known): void {
  const inputs = node.input.map((name) => (name === '' ? undefined : known.get(name)!));
  const shapeOf = (place: number): readonly number[] => inputs[place]!.shape;
  const numbersOf = (place: number): readonly number[] => {
    const { numbers } = inputs[place]!;
    if (!numbers) throw new Error(`${node.name} depends on numbers that are not known`);
    return numbers;
  };
  const attribute = (name: string) => node.attribute.find((one) => one.name === name);
  const ints = (name: string): number[] | undefined => attribute(name)?.ints.map(Number);
  const int = (name: string, usual: number): number => Number(attribute(name)?.i ?? usual);
  const set = (shape: readonly number[], numbers?: readonly number[]): void => {
    known.set(node.output[0]!, { shape, ...(numbers && { numbers }) });
  };
  const spatial = (
    size: (length: number, kernel: number, stride: number, pads: number) => number,
  ) =>
    [0, 1].map((axis) => {
      const pads = ints('pads')!;
      const window = [ints('kernel_shape')![axis]!, ints('strides')![axis]!] as const;
      const rest = ints('output_padding')?.[axis] ?? 0;
      return size(shapeOf(0)[axis + 2]!, ...window, pads[axis]! + pads[axis + 2]!) + rest;
    });
  const [samples, channels, rows, columns] = inputs[0]?.shape ?? [];
  switch (node.opType) {
    case 'Abs':
    case 'Cast':
    case 'Clip':
    case 'Floor':
    case 'InstanceNormalization':
    case 'LeakyRelu':
    case 'Relu':
    case 'Sigmoid':
    case 'Tanh':
      return set(shapeOf(0), inputs[0]!.numbers);
    case 'Sub': {
      const both = inputs.map((input) => input!.numbers);
      const numbers = both[0] && both[1] && [both[0][0]! - both[1][0]!];
      return set(broadcast([shapeOf(0), shapeOf(1)]), numbers);
    }
    case 'Add':
    case 'Div':
    case 'Greater':
    case 'Mul':
    case 'Where':
      return set(broadcast(inputs.map((input) => input!.shape)));
    case 'AveragePool':
      return set([
        ...[samples!, channels!],
        ...spatial((length, kernel, stride, pads) =>
          Math.floor((length + pads - kernel) / stride + 1),
        ),
      ]);
    case 'Concat': {
      const axis = int('axis', 0);
      const total = inputs.reduce((sum, input) => sum + input!.shape[axis]!, 0);
      return set(shapeOf(0).map((size, i) => (i === axis ? total : size)));
    }
    case 'Conv': {
      const [outputs, inner] = shapeOf(1);
      if (inner !== channels) throw new Error(`${node.name}: ${channels} channels, not ${inner}`);
      return set([
        ...[samples!, outputs!],
        ...spatial((length, kernel, stride, pads) =>
          Math.floor((length + pads - kernel) / stride + 1),
        ),
      ]);
    }
    case 'ConvTranspose': {
      const [inner, outputs] = shapeOf(1);
      if (inner !== channels) throw new Error(`${node.name}: ${channels} channels, not ${inner}`);
      return set([
        ...[samples!, outputs!],
        ...spatial((length, kernel, stride, pads) => stride * (length - 1) + kernel - pads),
      ]);
    }
    case 'DepthToSpace': {
      const block = int('blocksize', 1);
      return set([samples!, channels! / block ** 2, rows! * block, columns! * block]);
    }
    case 'Gather': {
      const axis = int('axis', 0);
      const { numbers } = inputs[0]!;
      const picked = numbers && numbersOf(1).map((at) => numbers[at]!);
      return set(
        shapeOf(0).flatMap((size, i) => (i === axis ? shapeOf(1) : [size])),
        picked,
      );
    }
    case 'GridSample':
      return set([samples!, channels!, ...shapeOf(1).slice(1, 3)]);
    case 'Pad': {
      const [pads, rank] = [numbersOf(1), shapeOf(0).length];
      return set(shapeOf(0).map((size, i) => size + pads[i]! + pads[i + rank]!));
    }
    case 'Range':
      return set([Math.ceil((numbersOf(1)[0]! - numbersOf(0)[0]!) / numbersOf(2)[0]!)]);
    case 'ReduceMax':
    case 'ReduceMean': {
      const axes = ints('axes')!;
      return set(shapeOf(0).map((size, axis) => (axes.includes(axis) ? 1 : size)));
    }
    case 'Reshape': {
      const target = numbersOf(1);
      const given = product(target.filter((size) => size !== -1));
      const whole = product(shapeOf(0));
      const shape = target.map((size) => (size === -1 ? whole / given : size));
      if (product(shape) !== whole)
        throw new Error(`${node.name}: ${whole} numbers as ${shape.join()}`);
      return set(shape);
    }
    case 'Resize':
      return set(shapeOf(0).map((size, axis) => size * numbersOf(2)[axis]!));
    case 'Shape':
      return set([shapeOf(0).length], shapeOf(0));
    case 'Slice': {
      const [begin, end, axes] = [numbersOf(1), numbersOf(2), numbersOf(3)];
      const shape = [...shapeOf(0)];
      axes.forEach((axis, i) => {
        if (end[i]! > shape[axis]!) throw new Error(`${node.name} ends outside of its input`);
        shape[axis] = end[i]! - begin[i]!;
      });
      return set(shape);
    }
    case 'Transpose':
      return set(ints('perm')!.map((axis) => shapeOf(0)[axis]!));
    default:
      throw new Error(`no shape is known for ${node.opType}`);
  }
}
