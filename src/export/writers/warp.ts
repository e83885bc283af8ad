import { asGiven } from '../../base/caller.js';
import { FrameloomError } from '../../base/error.js';
import { TensorProto_DataType as DataType } from '../format/onnx_pb.js';
import type { Edge } from '../graph.js';
import type { Dimension } from '../trace/dimension.js';
import { inputOf, type KernelWriter, type Writer } from '../writer.js';

/** A bilinear sampling of an image at each pixel's own place plus a flow in pixels. */
interface Warp {
  /** [N, C, H, W] */
  readonly image: Edge;
  /** [N, 2, H, W], x right and y down. */
  readonly flow: Edge;
  /** Of the image: N, H, W, C. */
  readonly shape: readonly [Dimension, Dimension, Dimension, Dimension];
}

/** Where pixels lie between −1 and 1, as GridSample counts. */
interface Grid {
  /** Along a row, [1, 2, 1, W], and down a column, [1, 2, H, 1]; 0 in the other plane. */
  readonly x: Edge;
  readonly y: Edge;
  /** What a pixel is of that, [1, 2, 1, 1]. */
  readonly pixel: Edge;
}

/** Of a size that is known: constants. */
function knownGrid({ graph }: Writer, width: number, height: number): Grid {
  const sizes = [width, height];
  // Rounded as the ops of an open size round.
  const pixel = Float32Array.from(sizes, (size) => 2 / (size - 1));
  const [x, y] = sizes.map((size, plane) => {
    const places = new Float32Array(2 * size);
    for (let i = 0; i < size; i += 1) {
      places[plane * size + i] = Math.fround(i * pixel[plane]!) - 1;
    }
    return graph.constant(places, plane === 0 ? [1, 2, 1, size] : [1, 2, size, 1]);
  }) as [Edge, Edge];
  return { x, y, pixel: graph.constant(pixel, [1, 2, 1, 1]) };
}

/** Of the size that the image has at run time. */
function openGrid(writer: Writer, image: Edge): Grid {
  const { graph } = writer;
  const toFloat = (edge: Edge): Edge => graph.node('Cast', [edge], { to: { int: DataType.FLOAT } });
  const whole = (value: number): Edge => graph.constant(BigInt64Array.of(BigInt(value)), []);
  const [x, y] = ([0, 1] as const).map((plane) => {
    const axis = whole(plane === 0 ? 3 : 2);
    const size = graph.node('Gather', [graph.node('Shape', [image]), axis], { axis: { int: 0 } });
    // Counted in whole numbers: not every runtime has a Range of others.
    const numbers = toFloat(graph.node('Range', [whole(0), size, whole(1)]));
    const pixel = graph.node('Div', [graph.float(2), toFloat(graph.node('Sub', [size, whole(1)]))]);
    const centred = graph.node('Sub', [graph.node('Mul', [numbers, pixel]), graph.float(1)]);
    const line = graph.integers(plane === 0 ? [1, 1, 1, -1] : [1, 1, -1, 1]);
    const own = graph.constant(Float32Array.of(1 - plane, plane), [1, 2, 1, 1]);
    return {
      places: graph.node('Mul', [graph.node('Reshape', [centred, line]), own]),
      pixel: graph.node('Mul', [pixel, own]),
    };
  });
  return { x: x!.places, y: y!.places, pixel: graph.node('Add', [x!.pixel, y!.pixel]) };
}

/** As ONNX's own op. */
function byGridSample(writer: Writer, { image, flow, shape }: Warp): Edge {
  const { graph } = writer;
  const [height, width] = [writer.known(shape[1]), writer.known(shape[2])];
  const { x, y, pixel } =
    width !== undefined && height !== undefined
      ? knownGrid(writer, width, height)
      : openGrid(writer, image);
  // Plane by plane: with x and y side by side, each number of a product would be a run of its own.
  const moved = graph.node('Add', [graph.node('Mul', [flow, pixel]), x]);
  const grid = graph.node('Transpose', [graph.node('Add', [moved, y])], {
    perm: { ints: [0, 2, 3, 1] },
  });
  return graph.node('GridSample', [image, grid], {
    mode: { text: 'bilinear' },
    padding_mode: { text: 'border' },
    align_corners: { int: 1 },
  });
}

/** The largest number up to which float32 holds every whole one. */
const MOST_ROWS = 2 ** 24;

/** As four looks into a list of pixels, for runtimes without GridSample. Sizes are known. */
function byGather(writer: Writer, { image, flow, shape }: Warp): Edge {
  const { graph } = writer;
  const [samples, height, width, channels] = shape.map((size) => writer.known(size)) as [
    ...[number, number, number, number],
  ];
  const pixels = samples * height * width;
  if (pixels > MOST_ROWS) {
    throw new FrameloomError(
      'bad-option',
      `${samples} x ${width}x${height} are more pixels than this target counts`,
      {
        hint: `at most ${MOST_ROWS} in all: a smaller ${asGiven('--size or --batch', 'size or batch')}`,
      },
    );
  }
  /** Between two pixels along an axis: the lower one's number and the way to the higher, [N, 1, H, W]. */
  const axis = (plane: 0 | 1, size: number) => {
    const own = Float32Array.from({ length: size }, (_, i) => i);
    const places = graph.constant(own, plane === 0 ? [1, 1, 1, size] : [1, 1, size, 1]);
    const clip = (edge: Edge, last: number): Edge =>
      graph.node('Clip', [edge, graph.float(0), graph.float(last)]);
    const moved = graph.node('Add', [graph.channels(flow, plane, plane + 1), places]);
    const place = clip(moved, size - 1);
    // The last pixel belongs to the interval before it, so that its neighbour exists.
    const low = clip(graph.node('Floor', [place]), size - 2);
    return { low, fraction: graph.node('Sub', [place, low]) };
  };
  const [x, y] = [axis(0, width), axis(1, height)];
  const rows = graph.node('Add', [graph.node('Mul', [y.low, graph.float(width)]), x.low]);
  const starts = Float32Array.from({ length: samples }, (_, i) => i * height * width);
  const first =
    samples === 1 ? rows : graph.node('Add', [rows, graph.constant(starts, [samples, 1, 1, 1])]);
  // Channel by channel, all samples' pixels in a row.
  const swapped = { perm: { ints: [1, 0, 2, 3] } };
  const byChannel = samples === 1 ? image : graph.node('Transpose', [image], swapped);
  const table = graph.node('Reshape', [byChannel, graph.integers([channels, pixels])]);
  const corner = (by: number): Edge => {
    const row = by === 0 ? first : graph.node('Add', [first, graph.float(by)]);
    const list = graph.node('Reshape', [row, graph.integers([pixels])]);
    const whole = graph.node('Cast', [list], { to: { int: DataType.INT64 } });
    return graph.node('Gather', [table, whole], { axis: { int: 1 } });
  };
  const inRow = (edge: Edge): Edge => graph.node('Reshape', [edge, graph.integers([1, pixels])]);
  const between = (a: Edge, b: Edge, way: Edge): Edge =>
    graph.node('Add', [a, graph.node('Mul', [graph.node('Sub', [b, a]), way])]);
  const [right, down] = [inRow(x.fraction), inRow(y.fraction)];
  const top = between(corner(0), corner(1), right);
  const bottom = between(corner(width), corner(width + 1), right);
  const list = between(top, bottom, down);
  if (samples === 1) {
    return graph.node('Reshape', [list, graph.integers([1, channels, height, width])]);
  }
  const apart = graph.node('Reshape', [list, graph.integers([channels, samples, height, width])]);
  return graph.node('Transpose', [apart], swapped);
}

export const warpWriter: KernelWriter = (writer, call) => {
  const [image, flow] = [inputOf(call, 'image'), inputOf(call, 'flow')];
  const warp = {
    ...{ image: writer.edge(image), flow: writer.edge(flow) },
    shape: image.shape as Warp['shape'],
  };
  const write = writer.target.warp === 'GridSample' ? byGridSample : byGather;
  writer.set(call.outputs[0]!, write(writer, warp));
};
