import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import type * as common from 'onnxruntime-common';
import { FrameloomError, isFrameloomError, messageOf } from '../base/error.js';
import { openSizes, runtimeWords, type OnnxProgram } from './feeds.js';
import { runtimeEntry } from './runtime-files.js';

/** Where a file is run: `cpu` is everywhere, the others where the machine has them. */
export const DEVICES = ['cpu', 'cuda', 'dml', 'coreml', 'webgpu'] as const;
export type Device = (typeof DEVICES)[number];

export interface SessionOptions {
  /** The size that will be run, when it is always one: the file is then prepared for it alone. */
  readonly size?: { readonly samples: number; readonly width: number; readonly height: number };
  /** `cpu` unless given. */
  readonly device?: Device;
  /** Threads inside one op; as many as the process may use cores unless given. */
  readonly threads?: number | undefined;
  /** Others need the processor at the same time: threads without work give it up at once. */
  readonly sharing?: boolean | undefined;
}

const SEVERITY_FATAL = 4;

/** What the package onnxruntime-node exports, as far as it is used. */
type OnnxRuntime = typeof common & {
  listSupportedBackends(): readonly { readonly name: string }[];
};

/**
 * Loads ONNX Runtime's own code; a second time costs nothing.
 * @throws FrameloomError backend
 */
export async function loadRuntime(): Promise<OnnxRuntime> {
  try {
    const entry = await runtimeEntry();
    const runtime = (await import(pathToFileURL(entry).href)) as OnnxRuntime;
    // What fails is thrown; standard error is for our own words.
    runtime.env.logLevel = 'fatal';
    return runtime;
  } catch (error) {
    if (isFrameloomError(error)) throw error;
    throw new FrameloomError('backend', `ONNX Runtime cannot be loaded: ${messageOf(error)}`, {
      hint: 'it needs Linux, macOS or Windows on x64 or arm64; doctor says what this machine is',
      cause: error,
    });
  }
}

/**
 * Loads an exported generator into ONNX Runtime; TensorFlow is not touched.
 * @param path names the file in errors
 * @throws FrameloomError backend when ONNX Runtime or the device is missing; bad-input when the file
 *   cannot be loaded
 */
export async function openRuntime(
  file: Uint8Array,
  path: string,
  options: SessionOptions = {},
): Promise<OnnxProgram> {
  const runtime = await loadRuntime();
  const { InferenceSession, Tensor } = runtime;
  const { size, device = 'cpu', sharing = false } = options;
  // ONNX Runtime itself would go on with the processor, and say so on standard error only.
  const devices = runtime.listSupportedBackends().map(({ name }) => name);
  if (!devices.includes(device)) {
    throw new FrameloomError('backend', `ONNX Runtime cannot use ${device} on this machine`, {
      hint: `it can use ${devices.filter((name) => DEVICES.includes(name as Device)).join(', ')}`,
    });
  }
  try {
    const session = await InferenceSession.create(file, {
      executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
      intraOpNumThreads: options.threads ?? availableParallelism(),
      logSeverityLevel: SEVERITY_FATAL,
      ...(sharing && { extra: SHARING }),
      ...(size && { freeDimensionOverrides: openSizes(size) }),
    });
    return { session, Tensor, fillsOutputs: true };
  } catch (error) {
    throw new FrameloomError(
      device === 'cpu' ? 'bad-input' : 'backend',
      device === 'cpu'
        ? `ONNX Runtime cannot load ${path}: ${runtimeWords(error)}`
        : `ONNX Runtime cannot use ${device}: ${runtimeWords(error)}`,
      {
        path,
        hint: device === 'cpu' ? 'export the run again' : 'use the device cpu',
        cause: error,
      },
    );
  }
}

/**
 * Threads without work sleep instead of spinning, and work is cut finer towards its end, so that a
 * thread that was not given its core does not hold up the others. ONNX Runtime's own names.
 */
const SHARING = {
  session: { intra_op: { allow_spinning: '0' }, dynamic_block_base: '4' },
};
