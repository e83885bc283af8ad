import * as tf from '@tensorflow/tfjs-core';
import type { Edge } from '../graph.js';
import { Dimension } from '../trace/dimension.js';
import type { SymbolicCall, SymbolicValue } from '../trace/symbolic.js';
import {
  inputOf,
  numberOf,
  numbersOf,
  sizesOf,
  type KernelWriter,
  type Layout,
  type Writer,
} from '../writer.js';
import { commonLayout } from './elementwise.js';
import { blockOf } from './patterns.js';

/** Where an axis of a plain tensor is in this layout. */
const axisIn = (layout: Layout, axis: number): number =>
  layout === 'planar' ? [0, 2, 3, 1][axis]! : axis;

/** A list with one entry an axis, in the order of this layout. */
const listIn = <T>(layout: Layout, list: readonly T[]): T[] =>
  layout === 'planar' ? [0, 3, 1, 2].map((axis) => list[axis]!) : [...list];

/** What treats every axis alike: in the layout that its inputs have. */
const inLayout =
  (
    write: (writer: Writer, operands: Edge[], call: SymbolicCall, layout: Layout) => Edge,
  ): KernelWriter =>
  (writer, call) => {
    const values = Object.values(call.inputs);
    const layout = values.every((value) => value.shape.length === 4)
      ? commonLayout(writer, values)
      : 'plain';
    const operands = values.map((value) => writer.edge(value, layout));
    writer.set(call.outputs[0]!, write(writer, operands, call, layout), layout);
  };

const plain =
  (write: (writer: Writer, call: SymbolicCall) => Edge): KernelWriter =>
  (writer, call) => {
    writer.set(call.outputs[0]!, write(writer, call));
  };

const LAST = Number.MAX_SAFE_INTEGER;

/** The part from `begin` up to `end` of each axis; whole axes are left out of it. */
function slice(
  writer: Writer,
  x: Edge,
  shape: readonly Dimension[],
  begin: readonly Dimension[],
  end: readonly Dimension[],
): Edge {
  const axes = shape
    .map((_, axis) => axis)
    .filter((axis) => !(begin[axis]!.equals(0) && end[axis]!.equals(shape[axis]!)));
  if (axes.length === 0) return x;
  const ends = axes.map((axis) =>
    end[axis]!.equals(shape[axis]!) ? Dimension.constant(LAST) : end[axis]!,
  );
  return writer.graph.node('Slice', [
    x,
    writer.shape(axes.map((axis) => begin[axis]!)),
    writer.shape(ends),
    writer.graph.integers(axes),
  ]);
}

function split(writer: Writer, call: SymbolicCall, wanted: number): void {
  const x = inputOf(call, 'x');
  const axis = numberOf(call.attributes.axis, 'the axis of a split');
  const sizes = sizesOf(call.attributes.sizes, 'the sizes of a split');
  const layout = x.shape.length === 4 ? commonLayout(writer, [x]) : 'plain';
  const begin = x.shape.map(() => Dimension.constant(0));
  begin[axis] = sizes.slice(0, wanted).reduce((sum, size) => sum.plus(size), begin[axis]!);
  const end = [...x.shape];
  end[axis] = begin[axis].plus(sizes[wanted]!);
  const part = slice(
    writer,
    writer.edge(x, layout),
    ...([x.shape, begin, end].map((list) => listIn(layout, list)) as [
      Dimension[],
      Dimension[],
      Dimension[],
    ]),
  );
  writer.set(call.outputs[wanted]!, part, layout);
}

/** A reshape of four axes that only adds, drops or keeps axes of one before or after the channels. */
const reshapePlain = (writer: Writer, x: SymbolicValue, output: SymbolicValue): Edge => {
  const same =
    x.shape.length === output.shape.length &&
    x.shape.every((size, i) => size.equals(output.shape[i]!));
  return same ? writer.edge(x) : writer.reshape(writer.edge(x), output.shape);
};

function reshape(writer: Writer, call: SymbolicCall): void {
  const output = call.outputs[0]!;
  const x = Object.values(call.inputs)[0]!;
  const block = blockOf(output);
  if (block) {
    const edge = writer.edge(block.x, 'planar');
    const blocksize = { int: block.size };
    const moved =
      block.op === 'DepthToSpace'
        ? writer.graph.node(block.op, [edge], { blocksize, mode: { text: 'DCR' } })
        : writer.graph.node(block.op, [edge], { blocksize });
    writer.set(output, moved, 'planar');
    return;
  }
  const isSame =
    x.shape.length === output.shape.length &&
    x.shape.every((size, i) => size.equals(output.shape[i]!));
  const layout = isSame && x.shape.length === 4 ? commonLayout(writer, [x]) : 'plain';
  if (isSame) writer.set(output, writer.edge(x, layout), layout);
  else writer.set(output, reshapePlain(writer, x, output));
}

const gather = (table: string) =>
  plain((writer, call) =>
    writer.graph.node(
      'Gather',
      [writer.edge(inputOf(call, table)), writer.edge(inputOf(call, 'indices'))],
      { axis: { int: numberOf(call.attributes.axis, 'the axis of a gather') } },
    ),
  );

const pad = inLayout((writer, [x], call, layout) => {
  const lists = [call.attributes.before, call.attributes.after].map((list) =>
    listIn(layout, sizesOf(list, 'a padding')),
  );
  const pads = writer.shape(lists.flat());
  const { mode } = call.attributes;
  if (mode === 'constant') {
    const value = numberOf(call.attributes.constantValue, 'what is padded with');
    return writer.graph.node('Pad', [x!, pads, writer.graph.float(value)]);
  }
  if (mode === 'reflect')
    return writer.graph.node('Pad', [x!, pads], { mode: { text: 'reflect' } });
  return symmetricPad(writer, x!, lists as [Dimension[], Dimension[]]);
});

/** ONNX has no padding that repeats the border itself first, unless it is one pixel: `edge`. */
function symmetricPad(writer: Writer, x: Edge, lists: [Dimension[], Dimension[]]): Edge {
  const narrow = lists.flat().every((size) => size.equals(0) || size.equals(1));
  if (!narrow) throw new Error('a symmetric padding of more than one pixel is not exported');
  return writer.graph.node('Pad', [x, writer.shape(lists.flat())], { mode: { text: 'edge' } });
}

export const movementWriters: Readonly<Record<string, KernelWriter>> = {
  [tf.Reshape]: reshape,
  [tf.ExpandDims]: reshape,
  [tf.Transpose]: plain((writer, call) => {
    const perm = numbersOf(call.attributes.perm, 'the order of a transpose');
    return writer.graph.node('Transpose', [writer.edge(inputOf(call, 'x'))], {
      perm: { ints: perm },
    });
  }),
  [tf.Slice]: inLayout((writer, [x], call, layout) => {
    const begin = sizesOf(call.attributes.begin, 'the begin of a slice');
    const end = sizesOf(call.attributes.end, 'the end of a slice');
    const { shape } = inputOf(call, 'x');
    return slice(writer, x!, listIn(layout, shape), listIn(layout, begin), listIn(layout, end));
  }),
  [tf.StridedSlice]: plain((writer, call) => {
    const begin = sizesOf(call.attributes.begin, 'the begin of a slice');
    const end = sizesOf(call.attributes.end, 'the end of a slice');
    const strides = numbersOf(call.attributes.strides, 'the strides of a slice');
    const { graph } = writer;
    const part = graph.node('Slice', [
      writer.edge(inputOf(call, 'x')),
      writer.shape(begin),
      // Before the first element, counted from the end, is what ONNX wants where a stride is negative.
      writer.shape(
        end.map((one, i) => (strides[i]! < 0 && one.equals(-1) ? Dimension.constant(-LAST) : one)),
      ),
      graph.integers(strides.map((_, axis) => axis)),
      graph.integers(strides),
    ]);
    return writer.reshape(part, call.outputs[0]!.shape);
  }),
  [tf.Concat]: inLayout((writer, parts, call, layout) => {
    const axis = axisIn(layout, numberOf(call.attributes.axis, 'the axis of a concat'));
    return parts.length === 1
      ? parts[0]!
      : writer.graph.node('Concat', parts, { axis: { int: axis } });
  }),
  [tf.SplitV]: split,
  [tf.Pack]: plain((writer, call) => {
    const axis = numberOf(call.attributes.axis, 'the axis of a stack');
    const parts = Object.values(call.inputs).map((value) =>
      writer.graph.node('Unsqueeze', [writer.edge(value), writer.graph.integers([axis])]),
    );
    return writer.graph.node('Concat', parts, { axis: { int: axis } });
  }),
  [tf.Unpack]: (writer, call, wanted) => {
    const axis = numberOf(call.attributes.axis, 'the axis of an unstack');
    const index = writer.graph.constant(BigInt64Array.of(BigInt(wanted)), []);
    const part = writer.graph.node('Gather', [writer.edge(inputOf(call, 'value')), index], {
      axis: { int: axis },
    });
    writer.set(call.outputs[wanted]!, part);
  },
  [tf.Tile]: inLayout((writer, [x], call, layout) => {
    const repeats = listIn(layout, sizesOf(call.attributes.repeats, 'the repeats of a tile'));
    return writer.graph.node('Tile', [x!, writer.shape(repeats)]);
  }),
  [tf.PadV2]: pad,
  [tf.MirrorPad]: pad,
  [tf.Reverse]: inLayout((writer, [x], call, layout) => {
    const axes = numbersOf(call.attributes.axes, 'the axes of a reverse').map((axis) =>
      axisIn(layout, axis),
    );
    const each = (value: number): Edge => writer.graph.integers(axes.map(() => value));
    return writer.graph.node('Slice', [
      x!,
      each(-1),
      each(-LAST),
      writer.graph.integers(axes),
      each(-1),
    ]);
  }),
  [tf.GatherV2]: gather('x'),
  FrameloomGatherRows: gather('table'),
  [tf.DepthToSpace]: (writer, call) => {
    const edge = writer.graph.node('DepthToSpace', [writer.edge(inputOf(call, 'x'), 'planar')], {
      blocksize: { int: numberOf(call.attributes.block, 'the block of depth to space') },
      mode: { text: 'DCR' },
    });
    writer.set(call.outputs[0]!, edge, 'planar');
  },
  [tf.Range]: plain((writer, call) => {
    const { dtype } = call.outputs[0]!;
    const [start, stop, step] = sizesOf(
      [call.attributes.start!, call.attributes.stop!, call.attributes.step!],
      'a range',
    ).map((value) => writer.scalar(value, dtype));
    return writer.graph.node('Range', [start!, stop!, step!]);
  }),
  ...Object.fromEntries(
    [tf.Fill, tf.ZerosLike, tf.OnesLike].map((kernel) => [
      kernel,
      plain((writer, call) => {
        const { shape, dtype } = call.outputs[0]!;
        const [value] = sizesOf([call.attributes.value!], 'what is filled with');
        return writer.filled(value!, shape, dtype);
      }),
    ]),
  ),
};
