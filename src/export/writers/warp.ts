import { asGiven } from '../../base/caller.js';
import { FrameloomError } from '../../base/error.js';
import { TensorProto_DataType as DataType } from '../format/onnx_pb.js';
import type { Edge } from '../graph.js';
import type { Dimension } from '../trace/dimension.js';
import { inputOf, type KernelWriter, type Writer } from '../writer.js';
import { linesOf } from './lines.js';

/** A bilinear sampling of an image at each pixel's own place plus a flow in pixels. */
interface Warp {
  /** [N, C, H, W] */
  readonly image: Edge;
  /** [N, 2, H, W], x right and y down. */
  readonly flow: Edge;
  /** Of the image: N, H, W, C. */
  readonly shape: readonly [Dimension, Dimension, Dimension, Dimension];
}

/** As ONNX's own op. */
function byGridSample(writer: Writer, { image, flow, shape }: Warp): Edge {
  const { graph } = writer;
  const lines = linesOf(writer, shape, () => image);
  const planes = ([0, 1] as const).map((plane) => {
    const { places, pixel } = lines[plane];
    const own = graph.constant(Float32Array.of(1 - plane, plane), [1, 2, 1, 1]);
    const spread = (edge: Edge): Edge => graph.node('Mul', [edge, own]);
    return { places: spread(places), pixel: spread(pixel()) };
  });
  const [x, y] = planes as [{ places: Edge; pixel: Edge }, { places: Edge; pixel: Edge }];
  const pixel = graph.node('Add', [x.pixel, y.pixel]);
  // Plane by plane: with x and y side by side, each number of a product would be a run of its own.
  const moved = graph.node('Add', [graph.node('Mul', [flow, pixel]), x.places]);
  const grid = graph.node('Transpose', [graph.node('Add', [moved, y.places])], {
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
