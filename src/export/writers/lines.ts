import { TensorProto_DataType as DataType } from '../format/onnx_pb.js';
import type { Edge } from '../graph.js';
import type { Dimension } from '../trace/dimension.js';
import type { Writer } from '../writer.js';

/** Where pixels lie along an axis, from −1 at the first to 1 at the last, as GridSample counts. */
export interface Line {
  /** Along a row, [1, 1, 1, W], or down a column, [1, 1, H, 1]. */
  readonly places: Edge;
  /** Writes what a pixel is of that, one number. */
  readonly pixel: () => Edge;
}

/** Of a size that is known: constants. */
function knownLine({ graph }: Writer, size: number, shape: (length: number) => number[]): Line {
  // Rounded as the ops of an open size round.
  const pixel = Math.fround(2 / (size - 1));
  const places = Float32Array.from({ length: size }, (_, i) => Math.fround(i * pixel) - 1);
  return { places: graph.constant(places, shape(size)), pixel: () => graph.float(pixel) };
}

/** Of the size that a picture has at run time. */
function openLine(writer: Writer, picture: Edge, shape: (length: number) => number[]): Line {
  const { graph } = writer;
  const toFloat = (edge: Edge): Edge => graph.node('Cast', [edge], { to: { int: DataType.FLOAT } });
  const whole = (value: number): Edge => graph.constant(BigInt64Array.of(BigInt(value)), []);
  const axis = whole(shape(-1).indexOf(-1));
  const size = graph.node('Gather', [graph.node('Shape', [picture]), axis], { axis: { int: 0 } });
  // Counted in whole numbers: not every runtime has a Range of others.
  const numbers = toFloat(graph.node('Range', [whole(0), size, whole(1)]));
  const pixel = graph.node('Div', [graph.float(2), toFloat(graph.node('Sub', [size, whole(1)]))]);
  const centred = graph.node('Sub', [graph.node('Mul', [numbers, pixel]), graph.float(1)]);
  return {
    places: graph.node('Reshape', [centred, graph.integers(shape(-1))]),
    pixel: () => pixel,
  };
}

const ALONG = [
  (length: number): number[] => [1, 1, 1, length],
  (length: number): number[] => [1, 1, length, 1],
] as const;

/**
 * Where the pixels of a picture lie, along its rows and down its columns.
 * @param shape of it: N, H, W, C
 * @param picture [N, C, H, W], asked for where its size is known at run time alone
 */
export function linesOf(
  writer: Writer,
  [, height, width]: readonly [Dimension, Dimension, Dimension, Dimension],
  picture: () => Edge,
): readonly [x: Line, y: Line] {
  const [x, y] = ([width, height] as const).map((dimension, i) => {
    const size = writer.known(dimension);
    return size === undefined
      ? openLine(writer, picture(), ALONG[i]!)
      : knownLine(writer, size, ALONG[i]!);
  }) as [Line, Line];
  return [x, y];
}
