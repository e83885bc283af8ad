import * as tf from '@tensorflow/tfjs-core';
import { scoped } from '../backend/scope.js';
import { registerKernels } from '../kernels/index.js';
import {
  actionNumbers,
  GENERATOR_MULTIPLE,
  STYLE_ENCODER,
  type Generator,
  type NamedArrays,
} from '../networks/index.js';
import { OnnxGraph, type Edge, type OnnxPort } from './graph.js';
import { toMetadata, type ExportedInfo } from './metadata.js';
import { assertRunsOn, TARGETS } from './targets.js';
import type { Give } from './trace/backend.js';
import type { TraceSize } from './trace/dimension.js';
import { traceForEverySize, type SymbolicValue } from './trace/symbolic.js';
import { KERNEL_WRITERS } from './writers/index.js';
import { Writer } from './writer.js';

const RGB = 3;

/** Numbers that a generator is told of what was done in the last frames. */
const toldOf = ({ actionColumns, options }: Generator): number =>
  actionColumns === 0 ? 0 : actionNumbers(actionColumns) * options.conditionFrames;

/** The generator's outputs after a frame, and as a first frame. */
function traceStep(generator: Generator, weights: NamedArrays, give: Give, size: TraceSize) {
  const { historyFrames, conditionFrames, noiseChannels, styleChannels } = generator.options;
  const { samples, rows, columns } = size;
  const [height, width] = [rows * GENERATOR_MULTIPLE, columns * GENERATOR_MULTIPLE];
  const parameters = Object.fromEntries(
    Object.entries(weights).map(([name, { shape }]) => [name, give(name, shape)]),
  );
  const channels = generator.conditionChannels * conditionFrames;
  const told = toldOf(generator);
  const input = {
    condition:
      channels === 0 ? null : give<tf.Rank.R4>('condition', [samples, height, width, channels]),
    history:
      historyFrames === 0
        ? null
        : give<tf.Rank.R4>('history', [samples, height, width, RGB * historyFrames]),
    noise:
      noiseChannels === 0
        ? null
        : give<tf.Rank.R4>('noise', [samples, rows, columns, noiseChannels]),
    style: styleChannels === 0 ? null : give<tf.Rank.R4>('style', [samples, 1, 1, styleChannels]),
    actions: told === 0 ? null : give<tf.Rank.R4>('actions', [samples, 1, 1, told]),
  };
  const next = generator.step(parameters, { ...input, hasHistory: true });
  const start = generator.step(parameters, { ...input, hasHistory: false });
  return {
    frame: next.frame,
    raw: next.raw,
    ...(next.flow && { flow: next.flow }),
    ...(next.mask && { mask: next.mask }),
    firstFrame: start.frame,
    firstRaw: start.raw,
    ...(input.history && { history: input.history }),
  };
}

/**
 * The weights that a file holds: what layers read of a generator's parameters [layout.size], normalized, without what makes
 * looks of pictures. `useBackend` must have been called.
 */
export async function readByLayers(generator: Generator, flat: Float32Array): Promise<NamedArrays> {
  const named = scoped(() => generator.weights(tf.tensor1d(flat)));
  try {
    const kept = Object.entries(named).filter(([name]) => !name.startsWith(STYLE_ENCODER));
    const arrays = kept.map(async ([name, weight]) => {
      const data = Float32Array.from(await weight.data());
      return [name, { shape: weight.shape, data }] as const;
    });
    return Object.fromEntries(await Promise.all(arrays));
  } finally {
    tf.dispose(named);
  }
}

/** The sizes of inputs and outputs: numbers, or names where whoever runs the file chooses. */
interface Sizes {
  readonly samples: number | string;
  readonly height: number | string;
  readonly width: number | string;
}

const FREE: Sizes = { samples: 'batch', height: 'height', width: 'width' };

const quarter = (size: number | string): number | string =>
  typeof size === 'number' ? size / GENERATOR_MULTIPLE : `${size}/4`;

const imagePort = (
  { samples, height, width }: Sizes,
  name: string,
  channels: number,
  about: string,
): OnnxPort => ({ name, shape: [samples, channels, height, width], about });

function inputPorts(generator: Generator, sizes: Sizes): OnnxPort[] {
  const { historyFrames, conditionFrames, noiseChannels, styleChannels } = generator.options;
  const channels = generator.conditionChannels * conditionFrames;
  const coarse = { ...sizes, height: quarter(sizes.height), width: quarter(sizes.width) };
  return [
    imagePort(
      sizes,
      'condition',
      channels,
      `${conditionFrames} condition frames of ${generator.conditionChannels} channels, oldest first, this frame's last`,
    ),
    imagePort(
      sizes,
      'history',
      RGB * historyFrames,
      `the last ${historyFrames} frames, newest first, RGB in [-1, 1]; 0 where there is none yet`,
    ),
    imagePort(coarse, 'noise', noiseChannels, 'standard normal numbers, new ones for each frame'),
    imagePort(
      { ...sizes, height: 1, width: 1 },
      'style',
      styleChannels,
      'the look, such as one of `frameloom.styles`, in [-1, 1]',
    ),
    imagePort(
      { ...sizes, height: 1, width: 1 },
      'actions',
      toldOf(generator),
      `what was done in the last ${conditionFrames} frames, oldest first, this frame's last: of each the ${generator.actionColumns} numbers of \`frameloom.condition\`, then 1, or all 0 where it is not known`,
    ),
  ].filter(({ shape }) => shape[1] !== 0);
}

/** Writes the outputs' ends: the choice between a first frame and a later one, and the next history. */
function writeOutputs(
  writer: Writer,
  traced: Readonly<Record<string, SymbolicValue>>,
  historyFrames: number,
  sizes: Sizes,
  scalar: readonly number[],
): { inputs: OnnxPort[]; outputs: OnnxPort[] } {
  const { graph } = writer;
  const edgeOf = (name: string): Edge => writer.edge(traced[name]!);
  const outputs: OnnxPort[] = [];
  const output = (edge: Edge, name: string, channels: number, about: string): void => {
    graph.output(edge, name);
    outputs.push(imagePort(sizes, name, channels, about));
  };
  // Where no flow is predicted, a first frame is made as every other is.
  let began: Edge | undefined;
  const choose = (later: Edge, first: Edge): Edge => {
    if (later === first) return later;
    began ??= graph.node('Greater', ['has_history', graph.float(0.5)]);
    return graph.node('Where', [began, later, first]);
  };
  const frame = choose(edgeOf('frame'), edgeOf('firstFrame'));
  output(frame, 'frame', RGB, 'the frame, RGB in [-1, 1]');
  output(
    choose(edgeOf('raw'), edgeOf('firstRaw')),
    ...(['raw', RGB, 'the hallucinated image alone, RGB in [-1, 1]'] as const),
  );
  if (traced.flow && traced.mask) {
    output(
      choose(edgeOf('flow'), graph.float(0)),
      ...(['flow', 2, 'pixels from this frame back to the last, x right then y down'] as const),
    );
    output(
      choose(edgeOf('mask'), graph.float(1)),
      ...(['mask', 1, 'how much of the frame is `raw`, the rest is the last one moved'] as const),
    );
  }
  if (historyFrames > 0) {
    const kept = RGB * (historyFrames - 1);
    const past = (): Edge => graph.channels(edgeOf('history'), 0, kept);
    output(
      kept === 0 ? frame : graph.node('Concat', [frame, past()], { axis: { int: 1 } }),
      ...(['next_history', RGB * historyFrames, 'what `history` is for the next frame'] as const),
    );
  }
  const hasHistory = {
    name: 'has_history',
    shape: scalar,
    about: '1 after a frame; 0 for a first frame, which then is `raw`',
  };
  return { inputs: began === undefined ? [] : [hasHistory], outputs };
}

/**
 * A generator as an ONNX file, written by running its own definition on a backend that notes which
 * kernels it calls. What the file is for — its size, its precision, what runs it — is in `info`.
 * `useBackend` must have been called.
 *
 * @throws FrameloomError backend when the generator runs a kernel that cannot be exported, or the
 *   target lacks an op; bad-option when the target cannot take the size
 */
export function generatorToOnnx(
  generator: Generator,
  weights: NamedArrays,
  info: ExportedInfo,
): { file: Uint8Array; opCounts: Readonly<Record<string, number>> } {
  const { fixed, target: name } = info;
  const target = TARGETS[name ?? 'onnxruntime'];
  registerKernels();
  const traced = traceForEverySize((give, size) => traceStep(generator, weights, give, size));
  const graph = new OnnxGraph({
    halfWeights: info.precision === 'float16' && info.compute !== 'float16',
  });
  const writer = new Writer(graph, {
    kernels: KERNEL_WRITERS,
    constants: Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, data])),
    given: {
      condition: 'condition',
      history: 'history',
      noise: 'noise',
      style: 'style',
      actions: 'actions',
    },
    deep: info.compute ?? 'float32',
    target,
    fixed: fixed && {
      samples: fixed.samples,
      rows: fixed.height / GENERATOR_MULTIPLE,
      columns: fixed.width / GENERATOR_MULTIPLE,
    },
  });
  const sizes = fixed ?? FREE;
  const scalar = target.scalars ? [] : [1, 1, 1, 1];
  const ends = writeOutputs(writer, traced, generator.options.historyFrames, sizes, scalar);
  const { opCounts } = graph;
  assertRunsOn(name ?? 'onnxruntime', Object.keys(opCounts));
  const file = graph.toFile({
    inputs: [...inputPorts(generator, sizes), ...ends.inputs],
    outputs: ends.outputs,
    metadata: toMetadata(info),
    ...{ version: info.version, opset: target.opset, irVersion: target.irVersion },
    about: `A video generator: one frame from its condition${generator.options.historyFrames > 0 ? ' and the frames before it' : ' alone'}.`,
  });
  return { file, opCounts };
}
