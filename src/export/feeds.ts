/** What is asked of ONNX Runtime, by whichever of its packages: in Node, or in a browser. */
import type { InferenceSession, Tensor, TensorConstructor } from 'onnxruntime-common';
import { messageOf } from '../base/error.js';

/** A package of ONNX Runtime: `onnxruntime-web`, `onnxruntime-node`, `onnxruntime-react-native`. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(file: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: TensorConstructor;
}

/** A loaded file, and how to make what it is fed. */
export interface OnnxProgram {
  readonly session: InferenceSession;
  readonly Tensor: TensorConstructor;
  /** Whether the tensors that are handed to it for its outputs are filled; in browsers they are not. */
  readonly fillsOutputs: boolean;
}

/** The sizes that are left open in a file, for one that is run at a single size. */
export const openSizes = (size: {
  readonly samples: number;
  readonly width: number;
  readonly height: number;
}): Record<string, number> => ({
  batch: size.samples,
  height: size.height,
  width: size.width,
  'height/4': size.height / 4,
  'width/4': size.width / 4,
});

/** What ONNX Runtime says of an error, which it spreads over several lines, in one. */
export const runtimeWords = (error: unknown): string =>
  messageOf(error).replace(/\s+/g, ' ').trim();

/** What one run of a file is fed. */
export interface Feeds {
  readonly condition: Tensor | null;
  readonly history: Tensor | null;
  readonly noise: Tensor | null;
  /** Left out of files without such an input. */
  readonly style: Tensor | null;
  /** Left out of files without such an input. */
  readonly actions: Tensor | null;
  readonly hasHistory: boolean;
}

/** The feeds that this file has an input for, by name. */
export function feedsFor(
  { session, Tensor }: Pick<OnnxProgram, 'session' | 'Tensor'>,
  feeds: Feeds,
): Record<string, Tensor> {
  const { condition, history, noise, style, actions, hasHistory } = feeds;
  const told = session.inputMetadata.find(({ name }) => name === 'has_history');
  // One number, with as many axes as what the file is for must have.
  const shape = told?.isTensor ? told.shape.map(() => 1) : [];
  return {
    ...(history && { history }),
    ...(condition && { condition }),
    ...(noise && { noise }),
    ...(style && { style }),
    ...(actions && { actions }),
    ...(told && { has_history: new Tensor('float32', Float32Array.of(hasHistory ? 1 : 0), shape) }),
  };
}
