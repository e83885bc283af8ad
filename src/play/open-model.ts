import type { InferenceSession } from 'onnxruntime-common';
import { throwIfCancelled } from '../base/cancel.js';
import { FrameloomError } from '../base/error.js';
import { openSizes, runtimeWords, type OnnxRuntime } from '../export/feeds.js';
import { assertFits } from '../export/fits.js';
import { readMetadata, type ExportedInfo } from '../export/metadata.js';
import { assertStyle, meanStyle, namedStyle } from '../networks/clip-styles.js';
import { createOnnxSynthesizer } from '../synthesis/engines/onnx/synthesizer.js';

import type { PlayableModel } from './playable.js';
import { runSize, type SizeChoice } from '../synthesis/models/run-size.js';

export interface PlayOptions extends SizeChoice {
  /** ONNX Runtime's own options: `{ executionProviders: ['webgpu', 'wasm'] }`. */
  readonly session?: InferenceSession.SessionOptions | undefined;
  /** The look: a clip of the training by its name, or numbers in [−1, 1]; the mean of the clips' unless given. */
  readonly style?: string | readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An exported generator in a runtime of one's own. Several synthesizers may share it. */
export interface PlayModel extends PlayableModel {
  readonly info: ExportedInfo;
  /** Steps the weights were trained. */
  readonly step: number;
  /** The look that frames are made in; left out of a generator that is told none. */
  readonly style?: Float32Array | undefined;
  /** Lets the runtime's session go; synthesizers of it are no longer usable. */
  release(): Promise<void>;
}

/** Names the file in errors: there is no path. */
const NAME = 'the file';

/**
 * Opens an exported generator wherever ONNX Runtime runs: in a browser, a worker, Electron, Deno, Bun.
 * Nothing of Node is used.
 *
 * @param file the bytes of what `frameloom export` wrote
 * @param runtime the package: `import * as ort from 'onnxruntime-web'`
 * @throws FrameloomError bad-option where the runtime is none; bad-input: no exported generator, another size than it takes, or the runtime
 *   cannot load it; untrusted when it names other files; cancelled
 */
export async function openModel(
  file: Uint8Array | ArrayBuffer,
  runtime: OnnxRuntime,
  options: PlayOptions = {},
): Promise<PlayModel> {
  const { signal, session: wanted } = options;
  const bytes = file instanceof Uint8Array ? file : new Uint8Array(file);
  throwIfCancelled(signal, DOING);
  // From programs without types, anything may come.
  const { InferenceSession: sessions } = (runtime as Partial<OnnxRuntime> | undefined) ?? {};
  if (typeof sessions?.create !== 'function') {
    throw new FrameloomError('bad-option', 'what was handed in is no ONNX Runtime', {
      hint: "such as: import * as ort from 'onnxruntime-web'; openModel(bytes, ort)",
    });
  }
  const info = readMetadata(bytes, NAME);
  const { width, height } = runSize(info, options, NAME);
  const style = styleOf(info, options.style);
  let session: InferenceSession;
  try {
    session = await runtime.InferenceSession.create(bytes, {
      freeDimensionOverrides: openSizes({ samples: 1, width, height }),
      ...wanted,
    });
  } catch (error) {
    throw new FrameloomError(
      'bad-input',
      `ONNX Runtime cannot load ${NAME}: ${runtimeWords(error)}`,
      { hint: 'try the execution provider wasm or cpu, or export the run again', cause: error },
    );
  }
  try {
    throwIfCancelled(signal, DOING);
    assertFits(session, info, NAME);
  } catch (error) {
    await session.release();
    throw error;
  }
  const { condition: layout, seed, step } = info;
  const program = { session, Tensor: runtime.Tensor, fillsOutputs: false };
  const run = { runtime: program, ...{ width, height, layout, seed, info, style } };
  return {
    ...{ info, layout, seed, step, width, height, ...(style && { style }) },
    open: (own = seed, look = style) => createOnnxSynthesizer({ ...run, style: look }, own),
    release: () => session.release(),
  };
}

const DOING = 'opening the model';

/** @throws FrameloomError bad-option for a look that is not there, or of a generator that is told none */
function styleOf(
  { styles = [], generator }: Pick<ExportedInfo, 'styles' | 'generator'>,
  wanted: PlayOptions['style'],
): Float32Array | undefined {
  if (wanted === undefined) return styles.length > 0 ? meanStyle(styles) : undefined;
  if (typeof wanted === 'string') return namedStyle(styles, wanted);
  assertStyle(wanted, generator.styleChannels ?? 0);
  return Float32Array.from(wanted);
}
