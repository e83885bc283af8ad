import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { cacheFolder } from '../base/cache-folder.js';
import { FrameloomError, messageOf } from '../base/error.js';
import { provided } from '../base/provisions.mjs';
import { nvidiaCards } from './gpu.js';
import { machineMemory } from './memory.js';
import { quietly, withoutDeprecations } from './quiet.js';
import { shareUnchanged } from './sharing.js';

const require = createRequire(import.meta.url);

type Device = 'cpu' | 'gpu';

/** A TensorFlow attribute as the N-API binding takes it. */
export interface NativeOpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean | string | readonly number[];
}

interface NativeTensorInfo {
  readonly id: number;
  readonly shape: readonly number[];
  /** TensorFlow's number of the type. */
  readonly dtype: number;
}

/** The N-API binding of TF.js's native backend, as far as it is used. */
export interface NativeBinding extends Readonly<
  Record<
    | 'TF_ATTR_TYPE'
    | 'TF_ATTR_FLOAT'
    | 'TF_ATTR_BOOL'
    | 'TF_ATTR_STRING'
    | 'TF_ATTR_INT'
    | 'TF_ATTR_SHAPE'
    | 'TF_FLOAT'
    | 'TF_INT32',
    number
  >
> {
  readonly TF_Version: string;
  executeOp(
    name: string,
    attributes: readonly NativeOpAttribute[],
    inputIds: readonly number[],
    outputs: number,
  ): readonly NativeTensorInfo[];
  createTensor(shape: readonly number[], type: number, values: NodeJS.TypedArray): number;
  tensorDataSync(id: number): NodeJS.TypedArray;
  /** Handles that are alive: one for each tensor that an op has made or read. */
  getNumOfTensors(): number;
}

/** What is used of TF.js's native backend beyond its public face. */
export interface NativeBackend {
  binding: NativeBinding;
  readonly isUsingGpuDevice: boolean;
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  createOutputTensor(info: NativeTensorInfo): tf.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: readonly NativeOpAttribute[],
    inputs: readonly tf.TensorInfo[],
    outputs: number,
  ): tf.Tensor[];
}

/** The native backend when it is TF.js's backend now. */
export function nativeBackend(): NativeBackend | undefined {
  if (tf.getBackend() !== 'tensorflow') return undefined;
  return tf.backend() as unknown as NativeBackend;
}

/** What set-up built for a device: the addon, and TF.js's JavaScript that goes with it. */
function buildFor(device: Device): { addon: string; tfjsNode: string } | undefined {
  const { addon, tfjsNode } =
    provided(`tensorflow-${device}`, { cache: cacheFolder() })?.paths ?? {};
  return addon === undefined || tfjsNode === undefined ? undefined : { addon, tfjsNode };
}

/**
 * Loads native TensorFlow on an NVIDIA card.
 *
 * @throws FrameloomError `backend`, saying why not
 */
export async function loadGpu(env = process.env): Promise<void> {
  if (env.FRAMELOOM_DEVICE === 'cpu') refuse('FRAMELOOM_DEVICE is cpu');
  const visible = env.CUDA_VISIBLE_DEVICES;
  if (visible === '' || visible === '-1') refuse('CUDA_VISIBLE_DEVICES hides every card');
  if (buildFor('gpu') === undefined) {
    refuse((await nvidiaCards()).length === 0 ? 'no NVIDIA card' : 'its GPU build is not set up');
  }
  if ((await nvidiaCards()).length === 0) refuse('no NVIDIA card');
  await load('gpu');
  if (nativeBackend()?.isUsingGpuDevice !== true) {
    refuse('TensorFlow found no card that it can use (driver, CUDA or cuDNN missing)');
  }
}

/**
 * Loads native TensorFlow on the processor. The GPU build does that too, where it is the one that is
 * set up, or was loaded before and found no card.
 *
 * @throws FrameloomError `backend`, saying why not
 */
export async function loadNative(): Promise<void> {
  await load(loaded ?? (buildFor('cpu') === undefined ? 'gpu' : 'cpu'));
}

let loaded: Device | undefined;
/** The addon that is loaded. */
let loadedAddon: string | undefined;

/** Whether native TensorFlow is loaded, which is once a process. */
export const isNativeLoaded = (): boolean => loaded !== undefined;

/**
 * An addon of Frameloom's own that set-up put beside TF.js's, and where that one lies; undefined where native
 * TensorFlow is not loaded, or set-up could not compile it.
 */
export function nativeAddon(name: string): { addon: unknown; binding: string } | undefined {
  if (loadedAddon === undefined) return undefined;
  try {
    return { addon: require(join(dirname(loadedAddon), name)) as unknown, binding: loadedAddon };
  } catch {
    return undefined;
  }
}

/**
 * TensorFlow's own list of its ops, an OpList of its protocol; undefined where native TensorFlow is not
 * loaded, or set-up could not compile what asks for it (`scripts/setup/operations.cc`).
 */
export function operationList(): Uint8Array | undefined {
  const found = nativeAddon('operations.node');
  return found && (found.addon as { list(): Uint8Array }).list();
}

async function load(device: Device): Promise<void> {
  if (loaded === undefined) {
    const build = buildFor(device);
    if (build === undefined) return refuse('native TensorFlow is not set up');
    const { addon, tfjsNode } = build;
    prepareProcess(device);
    let binding: NativeBinding | undefined;
    try {
      // The addon first: kernels are registered once, and not for one that does not load.
      quietly(dirname(addon), () => void (binding = require(addon) as NativeBinding));
    } catch (error) {
      throw new FrameloomError('backend', `native TensorFlow does not load: ${messageOf(error)}`, {
        cause: error,
      });
    }
    await import('./gradients.mjs');
    register(device, binding!, tfjsNode);
    shareUnchanged();
    loadedAddon = addon;
    loaded = device;
  }
  await tf.setBackend('tensorflow');
}

/**
 * Makes the addon a backend of TF.js, as the package's own entry does; that would load the umbrella
 * package of TF.js too, and look for the addon in places of its own.
 */
function register(device: Device, binding: NativeBinding, tfjsNode: string): void {
  // What the package takes for TF.js (scripts/setup/tfjs-node.mjs): the very copy that we run on.
  const core = require('@tensorflow/tfjs-core') as typeof tf;
  (globalThis as Record<symbol, unknown>)[Symbol.for('frameloom.tensorflow')] = core;
  const dist = join(tfjsNode, 'dist');
  withoutDeprecations(() => {
    require(join(dist, 'register_all_kernels.js'));
    const { NodeJSKernelBackend } = require(join(dist, 'nodejs_kernel_backend.js')) as {
      NodeJSKernelBackend: new (binding: NativeBinding, packageName: string) => tf.KernelBackend;
    };
    const name = device === 'gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
    core.registerBackend('tensorflow', () => new NodeJSKernelBackend(binding, name), 3);
  });
}

/**
 * What has to be so before the library loads. Values that the user set stay.
 */
function prepareProcess(device: Device): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'; // its notes on processor features are not errors
  // Convolutions by oneDNN: a training step in three quarters of the time on a processor without
  // AVX-512, where TensorFlow leaves it off.
  process.env.TF_ENABLE_ONEDNN_OPTS ??= '1';
  // One pool for all threads' tensors: each thread's own heap keeps what it once took, and a step
  // of sixteen frames grew the process by a sixth more.
  process.env.TF_CPU_ALLOCATOR_USE_BFC ??= 'true';
  process.env.TF_CPU_BFC_MEM_LIMIT_IN_MB ??= String(
    Math.ceil(machineMemory().totalBytes / 2 ** 20),
  );
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true'; // or it takes the whole card at once
  // Sums by atomic additions and cuDNN's choices by time differ from run to run; on a processor none do.
  if (device === 'gpu') process.env.TF_DETERMINISTIC_OPS ??= '1';
  // TF.js 4.22 calls these; Node 22 warns of them and Node 23 took them away.
  const util = require('node:util') as Record<string, unknown>;
  util.isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
  util.isArray = Array.isArray;
}

function refuse(why: string): never {
  throw new FrameloomError('backend', why);
}
