// Tiny networks of the kinds that people name, as ONNX files.
import { writeFile } from 'node:fs/promises';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { vi } from 'vitest';
import {
  ModelProtoSchema,
  TensorProto_DataType as DataType,
} from '../../../src/export/format/onnx_pb.js';
import { OnnxGraph, type Edge } from '../../../src/export/graph.js';
import { loadRuntime } from '../../../src/export/runtime.js';
import { scratchPath } from '../../video/make-clip.js';

type Shape = readonly (number | string)[];

export interface MadeNetwork {
  /** Of the inputs, by their names. */
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly outputs?: Readonly<Record<string, Shape>>;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Of the outputs: float32 unless given. */
  readonly type?: DataType;
}

export const PICTURE: Shape = ['N', 3, 'H', 'W'];

/** Writes a network whose outputs are what `write` makes of its inputs. @returns its path */
export async function makeNetwork(
  { inputs, outputs = { out: ['N', 'D'] }, metadata = {}, type = DataType.FLOAT }: MadeNetwork,
  write: (graph: OnnxGraph, inputs: readonly Edge[]) => Edge | readonly Edge[],
): Promise<string> {
  const graph = new OnnxGraph();
  const made = write(graph, Object.keys(inputs));
  const names = Object.keys(outputs);
  [made].flat().forEach((edge, i) => graph.output(edge, names[i]!));
  const ports = (of: Readonly<Record<string, Shape>>) =>
    Object.entries(of).map(([name, shape]) => ({ name, shape, about: '' }));
  const file = graph.toFile({
    ...{ inputs: ports(inputs), outputs: ports(outputs), metadata },
    ...{ version: '0', about: 'a test', opset: 13, irVersion: 7 },
  });
  const model = fromBinary(ModelProtoSchema, file);
  for (const { type: port } of model.graph!.output) {
    if (port?.value.case === 'tensorType') port.value.value.elemType = type;
  }
  const path = scratchPath('network.onnx');
  await writeFile(path, toBinary(ModelProtoSchema, model));
  return path;
}

const mean = (graph: OnnxGraph, edge: Edge, axes: readonly number[], keep = 0): Edge =>
  graph.node('ReduceMean', [edge], { axes: { ints: axes }, keepdims: { int: keep } });

/** The mean squared difference: four times that of pictures in [0, 1]. */
export const distance = (made: Partial<MadeNetwork> = {}): Promise<string> =>
  makeNetwork(
    { inputs: { a: PICTURE, b: PICTURE }, outputs: { d: ['N', 1, 1, 1] }, ...made },
    (graph, [a, b]) => {
      const apart = graph.node('Sub', [a!, b!]);
      return mean(graph, graph.node('Mul', [apart, apart]), [1, 2, 3], 1);
    },
  );

/** Rows of weights, a feature each, of red, green, blue and one. */
export const MIXED = [
  [1, 0.5, -0.25, 0.1],
  [-0.5, 1, 0.75, 0],
  [0.3, -1, 0.6, -0.1],
] as const;

/** A convolution, what is above 0 of it, and its mean over the picture. */
export const features = (made: Partial<MadeNetwork> = {}): Promise<string> =>
  makeNetwork(
    { inputs: { x: PICTURE }, outputs: { out: ['N', 3, 1, 1] }, ...made },
    (graph, [x]) => {
      const weights = graph.constant(
        Float32Array.from(MIXED.flatMap((row) => row.slice(0, 3))),
        [3, 3, 1, 1],
      );
      const bias = graph.constant(
        Float32Array.from(MIXED, (row) => row[3]),
        [3],
      );
      const mixed = graph.node('Conv', [x!, weights, bias]);
      return graph.node('GlobalAveragePool', [graph.node('Relu', [mixed])]);
    },
  );

/** The mean of each channel, as `[N,3]`. */
export const means = (made: Partial<MadeNetwork> = {}): Promise<string> =>
  makeNetwork({ inputs: { x: PICTURE }, outputs: { out: ['N', 3] }, ...made }, (graph, [x]) =>
    mean(graph, x!, [2, 3]),
  );

/** Of each frame the mean of each channel, one after the other: the order of frames is seen. */
export const windowMeans = (frames: number | string = 4, metadata = {}): Promise<string> =>
  makeNetwork({ inputs: { x: ['N', 3, frames, 'H', 'W'] }, metadata }, (graph, [x]) =>
    graph.node('Flatten', [mean(graph, x!, [3, 4])]),
  );

/** The class of a pixel is its strongest colour: logits. */
export const strongest = (made: Partial<MadeNetwork> = {}): Promise<string> =>
  makeNetwork(
    { inputs: { x: PICTURE }, outputs: { logits: ['N', 3, 'H', 'W'] }, ...made },
    (graph, [x]) => graph.node('Relu', [x!]),
  );

/** The same as ids, of whole numbers. */
export const strongestIds = (made: Partial<MadeNetwork> = {}): Promise<string> =>
  makeNetwork(
    { inputs: { x: PICTURE }, outputs: { ids: ['N', 'H', 'W'] }, type: DataType.INT64, ...made },
    (graph, [x]) => graph.node('ArgMax', [x!], { axis: { int: 1 }, keepdims: { int: 0 } }),
  );

/** Sessions that were made, and those of them that were let go. */
export interface Sessions {
  made: number;
  released: number;
}

/** Counts sessions of ONNX Runtime until mocks are restored. */
export async function countSessions(sessions: Sessions): Promise<void> {
  const { InferenceSession } = await loadRuntime();
  const create = InferenceSession.create.bind(InferenceSession) as (
    ...given: unknown[]
  ) => ReturnType<typeof InferenceSession.create>;
  vi.spyOn(InferenceSession, 'create').mockImplementation(async (...given: unknown[]) => {
    const session = await create(...given);
    sessions.made += 1;
    const release = session.release.bind(session);
    session.release = async () => {
      await release();
      sessions.released += 1;
    };
    return session;
  });
}

export function assertReleased({ made, released }: Sessions): void {
  if (made > released) throw new Error(`the test left ${made - released} sessions behind`);
}
