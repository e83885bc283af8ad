import type * as tf from '@tensorflow/tfjs-core';
import { FrameloomError, messageOf } from '../../base/error.js';
import type { GpuDevice } from './dawn.js';

/** A program of TF.js's WebGPU backend: a shader, and how it is run. */
export interface Program {
  readonly outputShape: readonly number[];
  readonly variableNames: readonly string[];
  readonly uniforms: string;
  readonly workgroupSize: [number, number, number];
  readonly dispatchLayout: { readonly x: readonly number[] };
  dispatch: [number, number, number];
  shaderKey: string;
  /** Its result is added to by atomic operations, on integers. */
  readonly atomic?: boolean;
  /** Of a matrix product whose inner dimension is divided among workgroups: how much each takes. */
  splitedDimInner?: number;
  getUserCode(): string;
}

export interface Uniform {
  readonly type: 'int32' | 'float32';
  readonly data: readonly number[];
}

/** What is used of TF.js's WebGPU backend beyond its public face. */
export interface WebgpuBackend extends tf.KernelBackend {
  readonly bufferManager: BufferManager;
  readonly tensorMap: { get(dataId: object): { readonly values?: tf.BackendValues | null } };
  runWebGPUProgram(
    program: Program,
    inputs: readonly tf.TensorInfo[],
    dtype: tf.DataType,
    uniforms?: readonly Uniform[] | null,
    output?: tf.TensorInfo,
  ): tf.TensorInfo;
}

interface BufferManager {
  readonly freeBuffers: Map<string, { readonly size: number; destroy(): void }[]>;
  numFreeBuffers: number;
  numBytesUsed: number;
  numBytesAllocated: number;
}

export type WebgpuBackendClass = new (device: GpuDevice, info: unknown) => WebgpuBackend;

/** Buffers that were let go are kept for tensors of the same size: at most so many times what was ever used at once. */
const KEPT_TIMES = 2;

/**
 * TF.js's backend, made safe: what WebGPU reports by an event alone, beside numbers that are then wrong, is an error
 * of whatever is read or run next; and a tensor that would be read without waiting is one at once.
 */
export function watchedBackend(
  Base: WebgpuBackendClass,
  device: GpuDevice,
  info: unknown,
): WebgpuBackend {
  let failure: FrameloomError | undefined;
  device.addEventListener('uncapturederror', (event) => {
    event.preventDefault();
    failure ??= failureOf(event.error);
  });
  void device.lost.then(({ reason, message }) => {
    failure ??= new FrameloomError('backend', `the graphics card is lost (${reason}): ${message}`, {
      hint: 'go on from the last snapshot; where it happens again, look at the driver',
    });
  });
  const assertSound = (): void => {
    if (failure !== undefined) throw failure;
  };

  return new (class extends Base {
    #mostUsed = 0;

    override async read(dataId: object): Promise<tf.BackendValues> {
      assertSound();
      let values: tf.BackendValues;
      try {
        values = await super.read(dataId);
      } catch (error) {
        // That it is lost is told after what fails by it.
        await new Promise((resolve) => setImmediate(resolve));
        assertSound();
        throw new FrameloomError('backend', `the graphics card gives no answer: ${messageOf(error)}`, { cause: error }); // prettier-ignore
      }
      assertSound();
      this.#letGo();
      return values;
    }

    override readSync(dataId: object): tf.BackendValues {
      const { values } = this.tensorMap.get(dataId);
      if (values) return values;
      throw new FrameloomError('backend', 'WebGPU cannot read a tensor without waiting', {
        hint: 'await tensor.data() instead of calling tensor.dataSync()',
      });
    }

    override runWebGPUProgram(
      program: Program,
      inputs: readonly tf.TensorInfo[],
      dtype: tf.DataType,
      uniforms?: readonly Uniform[] | null,
      output?: tf.TensorInfo,
    ): tf.TensorInfo {
      assertSound();
      if (program.splitedDimInner !== undefined) inOnePart(program, uniforms);
      this.#mostUsed = Math.max(this.#mostUsed, this.bufferManager.numBytesUsed);
      return super.runWebGPUProgram(program, inputs, dtype, uniforms, output);
    }

    /** A training that grows leaves buffers of sizes that do not come again. */
    #letGo(): void {
      const { bufferManager: buffers } = this;
      if (buffers.numBytesAllocated <= (1 + KEPT_TIMES) * this.#mostUsed) return;
      for (const free of buffers.freeBuffers.values()) {
        for (const buffer of free.splice(0)) {
          buffers.numFreeBuffers -= 1;
          buffers.numBytesAllocated -= buffer.size;
          buffer.destroy();
        }
      }
      this.#mostUsed = buffers.numBytesUsed;
    }
  })(device, info);
}

/**
 * The parts of a divided product are added up by whichever workgroup is done: another order each time, and other
 * rounding. One part for all of it is added to nothing but zeros.
 */
function inOnePart(program: Program, uniforms: readonly Uniform[] | null | undefined): void {
  const inner = uniforms?.[2]?.data[0];
  if (inner === undefined) throw new Error('TF.js runs matrix products in another way now');
  program.splitedDimInner = 32 * Math.ceil(inner / 32);
  program.dispatch = [program.dispatch[0], program.dispatch[1], 1];
  program.shaderKey += ` whole ${program.splitedDimInner}`;
}

function failureOf(error: Error): FrameloomError {
  const [first = ''] = error.message.trim().split('\n');
  if (error.constructor.name === 'GPUOutOfMemoryError') {
    return new FrameloomError('backend', `the graphics card has no memory left: ${first}`, {
      hint: 'a smaller picture, a smaller batch, or `gradientCheckpointing: auto`',
      cause: error,
    });
  }
  return new FrameloomError('backend', `WebGPU refused a step of the computation: ${first}`, {
    hint: 'what came of it would be wrong; please report it with the whole message (DEBUG=1)',
    cause: error,
  });
}
