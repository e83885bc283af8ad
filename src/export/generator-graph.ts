import type * as tf from '@tensorflow/tfjs-core';
import { registerKernels } from '../kernels/index.js';
import { GENERATOR_MULTIPLE, type Generator } from '../networks/index.js';
import { OnnxGraph, type Edge, type OnnxPort } from './graph.js';
import { toMetadata, type ExportedInfo } from './metadata.js';
import type { Give } from './trace/backend.js';
import type { TraceSize } from './trace/dimension.js';
import { traceForEverySize, type SymbolicValue } from './trace/symbolic.js';
import { kernelWriters } from './writers/index.js';
import { Writer } from './writer.js';

export interface GeneratorGraphOptions {
  /** Store weights as float16, which halves the file; computing stays float32. Off unless given. */
  readonly halfWeights?: boolean;
  /** Write the warp as one GridSample, as every runtime has since opset 16. On unless given. */
  readonly gridSample?: boolean;
}

const RGB = 3;

/** The generator's outputs after a frame, and as a first frame. */
function traceStep(generator: Generator, give: Give, size: TraceSize) {
  const { historyFrames, conditionFrames, noiseChannels } = generator.options;
  const { samples, rows, columns } = size;
  const [height, width] = [rows * GENERATOR_MULTIPLE, columns * GENERATOR_MULTIPLE];
  const parameters = Object.fromEntries(
    generator.layout.specs.map(({ name, shape }) => [name, give(name, shape)]),
  );
  const channels = generator.conditionChannels * conditionFrames;
  const input = {
    condition:
      channels === 0 ? null : give<tf.Rank.R4>('condition', [samples, height, width, channels]),
    history: give<tf.Rank.R4>('history', [samples, height, width, RGB * historyFrames]),
    noise:
      noiseChannels === 0
        ? null
        : give<tf.Rank.R4>('noise', [samples, rows, columns, noiseChannels]),
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
    history: input.history,
  };
}

/** Numbers of the parameters by the names they are traced under. */
function parameterValues(
  generator: Generator,
  weights: Float32Array,
): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(generator.layout.toNamed(weights)).map(([name, { data }]) => [name, data]),
  );
}

/** The sizes that whoever runs the file chooses. */
const FREE = { samples: 'batch', height: 'height', width: 'width' };

function inputPorts(generator: Generator): OnnxPort[] {
  const { historyFrames, conditionFrames, noiseChannels } = generator.options;
  const channels = generator.conditionChannels * conditionFrames;
  const { samples, height, width } = FREE;
  return [
    ...(channels === 0
      ? []
      : [
          {
            name: 'condition',
            shape: [samples, channels, height, width],
            about: `${conditionFrames} condition frames of ${generator.conditionChannels} channels, oldest first, this frame's last`,
          },
        ]),
    {
      name: 'history',
      shape: [samples, RGB * historyFrames, height, width],
      about: `the last ${historyFrames} frames, newest first, RGB in [-1, 1]; 0 where there is none yet`,
    },
    ...(noiseChannels === 0
      ? []
      : [
          {
            name: 'noise',
            shape: [samples, noiseChannels, `${height}/4`, `${width}/4`],
            about: 'standard normal numbers, new ones for each frame',
          },
        ]),
  ];
}

const HAS_HISTORY: OnnxPort = {
  name: 'has_history',
  shape: [],
  about: '1 after a frame; 0 for a first frame, which then is `raw`',
};

const imagePort = (name: string, channels: number, about: string): OnnxPort => ({
  name,
  shape: [FREE.samples, channels, FREE.height, FREE.width],
  about,
});

/** Writes the outputs' ends: the choice between a first frame and a later one, and the next history. */
function writeOutputs(
  writer: Writer,
  traced: Readonly<Record<string, SymbolicValue>>,
  historyFrames: number,
): { inputs: OnnxPort[]; outputs: OnnxPort[] } {
  const { graph } = writer;
  const planar = (name: string): Edge => writer.edge(traced[name]!, 'planar');
  const outputs: OnnxPort[] = [];
  const output = (edge: Edge, port: OnnxPort): void => {
    graph.alias(edge, port.name);
    outputs.push(port);
  };
  const [later, first] = [planar('frame'), planar('firstFrame')];
  // Where no flow is predicted, a first frame is made as every other is.
  const differs = later !== first;
  let began: Edge | undefined;
  const choose = (yes: Edge, no: Edge): Edge => {
    if (yes === no) return yes;
    began ??= graph.node('Greater', ['has_history', graph.float(0.5)]);
    return graph.node('Where', [began, yes, no]);
  };
  const frame = choose(later, first);
  output(frame, imagePort('frame', RGB, 'the frame, RGB in [-1, 1]'));
  output(
    choose(planar('raw'), planar('firstRaw')),
    imagePort('raw', RGB, 'the hallucinated image alone, RGB in [-1, 1]'),
  );
  if (traced.flow && traced.mask) {
    output(
      choose(planar('flow'), graph.float(0)),
      imagePort('flow', 2, 'pixels from this frame back to the last, x right then y down'),
    );
    output(
      choose(planar('mask'), graph.float(1)),
      imagePort('mask', 1, 'how much of the frame is `raw`, the rest is the last one moved'),
    );
  }
  const kept = RGB * (historyFrames - 1);
  const older = (): Edge =>
    graph.node('Slice', [
      planar('history'),
      graph.integers([0]),
      graph.integers([kept]),
      graph.integers([1]),
    ]);
  output(
    kept === 0 ? frame : graph.node('Concat', [frame, older()], { axis: { int: 1 } }),
    imagePort('next_history', RGB * historyFrames, 'what `history` is for the next frame'),
  );
  return { inputs: differs || began !== undefined ? [HAS_HISTORY] : [], outputs };
}

/**
 * A generator as an ONNX file, written by running its own definition on a backend that notes which
 * kernels it calls. Batch, height and width stay open. `useBackend` must have been called.
 *
 * @throws FrameloomError backend when the generator runs a kernel that cannot be exported
 */
export function generatorToOnnx(
  generator: Generator,
  weights: Float32Array,
  info: ExportedInfo,
  options: GeneratorGraphOptions = {},
): { file: Uint8Array; opCounts: Readonly<Record<string, number>> } {
  registerKernels();
  const traced = traceForEverySize((give, size) => traceStep(generator, give, size));
  const graph = new OnnxGraph({ halfWeights: options.halfWeights ?? false });
  const at = (axis: number): Edge => {
    const shape = graph.node('Shape', ['history']);
    return graph.node('Gather', [shape, graph.integers([axis])], { axis: { int: 0 } });
  };
  const quarter = (axis: number) => (): Edge =>
    graph.node('Div', [at(axis), graph.integers([GENERATOR_MULTIPLE])]);
  const given = (name: string) => ({ edge: name, layout: 'planar' as const });
  const writer = new Writer(graph, {
    kernels: kernelWriters(options.gridSample ?? true),
    constants: parameterValues(generator, weights),
    given: { condition: given('condition'), history: given('history'), noise: given('noise') },
    sizes: { samples: () => at(0), rows: quarter(2), columns: quarter(3) },
  });
  const ends = writeOutputs(writer, traced, generator.options.historyFrames);
  const file = graph.toFile({
    inputs: [...inputPorts(generator), ...ends.inputs],
    outputs: ends.outputs,
    metadata: toMetadata(info),
    version: info.version,
    about: 'A video generator: one frame from its condition and the frames before it.',
  });
  return { file, opCounts: graph.opCounts };
}
