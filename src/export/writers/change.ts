import { CHANGE } from '../../kernels/index.js';
import type { Edge } from '../graph.js';
import { inputOf, numberOf, type KernelWriter } from '../writer.js';

const IMAGE_CHANNELS = 3;

/** Where something has changed, as the kernel finds it; float32 all through, as pictures are. */
export const changeWriter: KernelWriter = (writer, call) => {
  const { graph } = writer;
  // Four axes, as everything here has: OpenCV takes no tensor without axes, and the web no Max.
  const number = (value: number): Edge => graph.constant(Float32Array.of(value), [1, 1, 1, 1]);
  const rectified = (x: Edge): Edge => graph.node('Relu', [x]);
  const greater = (a: Edge, b: Edge): Edge =>
    graph.node('Add', [a, rectified(graph.node('Sub', [b, a]))]);
  const ramp = (x: Edge, { from, to }: { readonly from: number; readonly to: number }): Edge => {
    const above = rectified(graph.node('Sub', [x, number(from)]));
    const share = graph.node('Mul', [above, number(1 / (to - from))]);
    return graph.node('Sub', [share, rectified(graph.node('Sub', [share, number(1)]))]);
  };
  const over = (op: string, x: Edge, axes: number[]): Edge =>
    graph.node(op, [x], { axes: { ints: axes }, keepdims: { int: 1 } });
  const difference = (x: Edge, count: number, apart: number): Edge =>
    graph.node('Sub', [graph.channels(x, 0, count), graph.channels(x, apart, apart + count)]);
  // What lies outside does not count: the standard's default, which not every runtime lets one write down.
  const pool = (x: Edge, window: number, stride: number): Edge => {
    const pad = (window - stride) / 2;
    return graph.node('AveragePool', [x], {
      kernel_shape: { ints: [window, window] },
      strides: { ints: [stride, stride] },
      pads: { ints: [pad, pad, pad, pad] },
    });
  };
  const windows = (x: Edge, smaller: number): Edge =>
    pool(x, CHANGE.window / smaller, CHANGE.stride / smaller);

  const channels = numberOf(call.attributes.channels, 'channels');
  const history = writer.edge(inputOf(call, 'history'));
  const condition = inputOf(call, 'condition');
  const count = numberOf(condition.shape[3], 'channels');
  const wanted = writer.edge(condition);
  const moved = difference(history, IMAGE_CHANNELS, IMAGE_CHANNELS);
  const byBlocks = graph.node('Abs', [pool(moved, CHANGE.block, CHANGE.block)]);
  const asked = graph.node('Abs', [difference(wanted, count - channels, channels)]);
  const somewhere = greater(
    ramp(windows(over('ReduceMean', byBlocks, [1]), CHANGE.block), CHANGE.ofHistory),
    ramp(windows(over('ReduceMax', asked, [1]), 1), CHANGE.ofCondition),
  );
  const everywhere = ramp(over('ReduceMean', somewhere, [2, 3]), CHANGE.ofPicture);
  const changed = greater(somewhere, everywhere);
  const scales = Float32Array.of(1, 1, CHANGE.stride, CHANGE.stride);
  writer.set(
    call.outputs[0]!,
    graph.node('Resize', [changed, '', graph.constant(scales, [4])], {
      mode: { text: 'linear' },
      coordinate_transformation_mode: { text: 'half_pixel' },
    }),
  );
};
