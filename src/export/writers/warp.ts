import * as tf from '@tensorflow/tfjs-core';
import type { Edge } from '../graph.js';
import { Dimension } from '../trace/dimension.js';
import type { SymbolicCall, SymbolicValue } from '../trace/symbolic.js';
import { inputOf, madeBy, type KernelWriter, type Writer } from '../writer.js';

/** A bilinear sampling of an image at each pixel's own place plus a flow in pixels. */
interface Warp {
  /** [N, H, W, C] */
  readonly image: SymbolicValue;
  /** [N, H, W, 2], x right and y down. */
  readonly flow: SymbolicValue;
}

const first = (call: SymbolicCall | undefined): SymbolicValue | undefined =>
  call && Object.values(call.inputs)[0];

/** a + (b − a)·t */
function asMix(value: SymbolicValue | undefined) {
  const sum = madeBy(value, tf.Add);
  const product = madeBy(sum?.inputs.b, tf.Multiply);
  const difference = madeBy(product?.inputs.a, tf.Sub);
  if (!sum || !product || !difference || difference.inputs.b !== sum.inputs.a) return null;
  return { a: sum.inputs.a!, b: difference.inputs.a!, t: product.inputs.b! };
}

const isSize = (value: unknown, expected: Dimension): boolean =>
  value instanceof Dimension && value.equals(expected);

/** The flow whose part along an axis decides how far a pixel's place is between two others. */
function flowBehind(
  fraction: SymbolicValue,
  part: number,
  size: Dimension,
): SymbolicValue | undefined {
  const difference = madeBy(first(madeBy(fraction, tf.Reshape)), tf.Sub);
  const clamp = madeBy(difference?.inputs.a, tf.ClipByValue);
  const place = madeBy(first(clamp), tf.Add);
  const split = madeBy(place?.inputs.a, tf.SplitV);
  const range = madeBy(first(madeBy(place?.inputs.b, tf.Reshape)), tf.Range);
  if (!difference || !clamp || !place || !split || !range) return undefined;
  const fits =
    split.outputs[part] === place.inputs.a &&
    isSize(clamp.attributes.clipValueMin, Dimension.constant(0)) &&
    isSize(clamp.attributes.clipValueMax, size.plus(-1)) &&
    isSize(range.attributes.start, Dimension.constant(0)) &&
    isSize(range.attributes.stop, size) &&
    isSize(range.attributes.step, Dimension.constant(1));
  return fits ? first(split) : undefined;
}

/** How many rows further than `base` an index is. */
function shiftOf(index: SymbolicValue, base: SymbolicValue): Dimension | undefined {
  const sum = madeBy(index, tf.Add);
  const by = sum?.inputs.b;
  if (sum?.inputs.a !== base || by?.shape.length !== 0) return undefined;
  if (by.source.kind === 'filled') return by.source.value;
  return by.source.kind === 'constant' ? Dimension.constant(by.source.values[0]!) : undefined;
}

/**
 * Recognizes the composite of `src/kernels/warp`, which reads four rows of a flattened image for
 * each pixel: ONNX has one op for all of it.
 */
export function warpOf(output: SymbolicValue): Warp | null {
  const rows = asMix(first(madeBy(output, tf.Reshape)));
  const [top, bottom] = [asMix(rows?.a), asMix(rows?.b)];
  if (!rows || !top || top.t !== bottom?.t) return null;
  const corners = [top.a, top.b, bottom.a, bottom.b].map((corner) =>
    madeBy(corner, 'FrameloomGatherRows'),
  );
  const table = corners[0]?.inputs.table;
  const image = first(madeBy(table, tf.Reshape));
  if (!image || !corners.every((corner) => corner?.inputs.table === table)) return null;
  const [samples, height, width] = image.shape;
  const flow = flowBehind(top.t, 0, width!);
  if (!flow || flow !== flowBehind(rows.t, 1, height!)) return null;
  const indices = corners.map((corner) => corner!.inputs.indices!);
  const shifts = indices.slice(1).map((index) => shiftOf(index, indices[0]!));
  const expected = [Dimension.constant(1), width!, width!.plus(1)];
  const fits =
    shifts.every((shift, i) => shift?.equals(expected[i]!)) &&
    image.shape.every((size, i) => size.equals(output.shape[i]!)) &&
    flow.shape[0]!.equals(samples!);
  return fits ? { image, flow } : null;
}

/** Places from −1 to 1 along an axis of this many pixels, and what one pixel is of that. */
function axis(writer: Writer, size: Dimension, shape: readonly number[]) {
  const { graph } = writer;
  const steps = writer.scalar(size.plus(-1), 'float32');
  const pixel = graph.node('Div', [graph.float(2), steps]);
  const places = graph.node('Range', [
    graph.float(0),
    writer.scalar(size, 'float32'),
    graph.float(1),
  ]);
  const centred = graph.node('Sub', [graph.node('Mul', [places, pixel]), graph.float(1)]);
  return { pixel, places: graph.node('Reshape', [centred, graph.integers(shape)]) };
}

function writeWarp(writer: Writer, { image, flow }: Warp): Edge {
  const { graph } = writer;
  const [, height, width] = image.shape as [Dimension, Dimension, Dimension];
  const x = axis(writer, width, [1, 1, -1, 1]);
  const y = axis(writer, height, [1, -1, 1, 1]);
  const whole = writer.shape([Dimension.constant(1), height, width, Dimension.constant(1)]);
  const own = graph.node(
    'Concat',
    [x, y].map(({ places }) => graph.node('Expand', [places, whole])),
    { axis: { int: 3 } },
  );
  const pixel = graph.node(
    'Concat',
    [x, y].map((along) => graph.node('Reshape', [along.pixel, graph.integers([1, 1, 1, 1])])),
    { axis: { int: 1 } },
  );
  // Plane by plane: with x and y side by side, each number of the product is a run of its own.
  const planes = graph.node('Mul', [writer.edge(flow, 'planar'), pixel]);
  const shift = graph.node('Transpose', [planes], { perm: { ints: [0, 2, 3, 1] } });
  return graph.node('GridSample', [writer.edge(image, 'planar'), graph.node('Add', [own, shift])], {
    mode: { text: 'bilinear' },
    padding_mode: { text: 'border' },
    align_corners: { int: 1 },
  });
}

/** A reshape that ends a warp, or one that does not. */
export function withWarps(reshape: KernelWriter): KernelWriter {
  return (writer, call, wanted) => {
    const output = call.outputs[0]!;
    const warp = warpOf(output);
    if (warp) writer.set(output, writeWarp(writer, warp), 'planar');
    else reshape(writer, call, wanted);
  };
}

/** The warp as a kernel of its own: inputs `image` and `flow`. */
export const warpKernel: KernelWriter = (writer, call) => {
  const warp = { image: inputOf(call, 'image'), flow: inputOf(call, 'flow') };
  writer.set(call.outputs[0]!, writeWarp(writer, warp), 'planar');
};
