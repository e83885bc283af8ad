import { availableParallelism } from 'node:os';
import { nvidiaCards, type NvidiaCard } from './gpu.js';
import type { BackendName, Choice, PassedOver } from './ladder.js';
import { noteCards } from './memory.js';
import { nativeBackend } from './native.js';
import type { AdapterFacts } from './webgpu/dawn.js';
import { webgpuAdapter } from './webgpu/load.js';

export interface BackendReport {
  readonly name: BackendName;
  /** Why this rung of the ladder and not a higher one. */
  readonly reason: string;
  readonly passedOver: readonly PassedOver[];
  /** Version of the C library; only on native TensorFlow. */
  readonly libtensorflow?: string;
  /** Only on native TensorFlow; WebAssembly and JavaScript use one thread under Node. */
  readonly threads?: ThreadReport;
  /** Intel's kernels: set by TF_ENABLE_ONEDNN_OPTS, else as TensorFlow chooses. */
  readonly oneDnn?: 'on' | 'off' | 'as TensorFlow chooses';
  /** NVIDIA's cards of this machine, whether used or not. */
  readonly gpus: readonly NvidiaCard[];
  /** The card that WebGPU uses; only on that backend. */
  readonly adapter?: AdapterFacts;
}

export interface ThreadReport {
  /** Inside one operation: TF_NUM_INTRAOP_THREADS, else one a core that this process may use. */
  readonly intraOp: number;
  /** Between operations: TF_NUM_INTEROP_THREADS, else the same. */
  readonly interOp: number;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Threads that native TensorFlow runs on; 0 and what is not a number mean its default, as for it. */
export function threadReport(env: Env = process.env, cores = availableParallelism()): ThreadReport {
  const count = (name: string): number => {
    const value = Number(env[name]);
    return Number.isInteger(value) && value > 0 ? value : cores;
  };
  return { intraOp: count('TF_NUM_INTRAOP_THREADS'), interOp: count('TF_NUM_INTEROP_THREADS') };
}

/** What TF_ENABLE_ONEDNN_OPTS says. */
export function oneDnnReport(env: Env = process.env): 'on' | 'off' | 'as TensorFlow chooses' {
  const value = env.TF_ENABLE_ONEDNN_OPTS;
  if (value === undefined || value === '') return 'as TensorFlow chooses';
  return value === '0' || value === 'false' ? 'off' : 'on';
}

/** Everything about the backend that was chosen. */
export async function describeBackend(choice: Choice): Promise<BackendReport> {
  const native = nativeBackend();
  const gpus = await nvidiaCards();
  noteCards(gpus);
  const adapter = webgpuAdapter();
  if (native === undefined) return { ...choice, gpus, ...(adapter && { adapter }) };
  const libtensorflow = native.binding.TF_Version;
  return { ...choice, libtensorflow, threads: threadReport(), oneDnn: oneDnnReport(), gpus };
}
