import * as tf from '@tensorflow/tfjs-core';
import { silentLogger, type Logger } from '../base/log.js';
import { loadCpu, loadWasm } from './fallback.js';
import { climb, nativeNeeded, resolvePreference, type BackendChoice, type Rung } from './ladder.js';
import { tensorMemory as memoryOfTensors, type TensorMemory } from './memory.js';
import { loadGpu, loadNative, nativeBackend } from './native.js';
import { describeBackend, type BackendReport } from './report.js';
import { loadWebgpu, webgpuAdapter } from './webgpu/load.js';

export {
  BACKEND_CHOICES,
  type BackendChoice,
  type BackendName,
  type PassedOver,
} from './ladder.js';
export { machineMemory, type MachineMemory, type TensorMemory } from './memory.js';
export type { BackendReport, ThreadReport } from './report.js';
export type { NvidiaCard } from './gpu.js';
export type { AdapterFacts, AdapterLimits } from './webgpu/dawn.js';
export { probeWebgpu, type WebgpuReport } from './webgpu/probe.js';

export interface BackendOptions {
  /**
   * `auto` (default) takes the best there is; `tensorflow`, `webgpu`, `wasm` and `cpu` only that one, and
   * fail where it cannot be had. FRAMELOOM_BACKEND says the same for callers that say nothing.
   */
  prefer?: BackendChoice;
  /** For training and measuring: what was not asked for by name has to be native TensorFlow. */
  native?: boolean;
  /** Told which backend was chosen and why, and warned when it is a slow one. */
  log?: Logger;
}

/** A rung of which there is nothing more to say. */
const plain =
  (load: () => Promise<void>): Rung['load'] =>
  async () => {
    await load();
    return {};
  };

const LADDER: readonly Rung[] = [
  { name: 'tensorflow-gpu', family: 'tensorflow', load: plain(() => loadGpu()) },
  { name: 'tensorflow', family: 'tensorflow', load: plain(loadNative) },
  { name: 'webgpu', family: 'webgpu', load: loadWebgpu },
  { name: 'wasm', family: 'wasm', load: plain(loadWasm) },
  { name: 'cpu', family: 'cpu', load: plain(loadCpu) },
];

let current: { prefer: BackendChoice; report: Promise<BackendReport> } | undefined;

/**
 * Loads a TensorFlow.js backend: native TensorFlow on a GPU, native on the processor, WebAssembly,
 * plain JavaScript; WebGPU where it is named — the first that can be had. Calling it again changes nothing, unless it asks for
 * another backend by name; tensors of before stay usable then.
 *
 * @throws FrameloomError `backend` when what was asked for cannot be had, or is not native where it has
 *   to be, with why and what to do;
 *   `bad-option` when FRAMELOOM_BACKEND is not understood
 */
export async function useBackend(options: BackendOptions = {}): Promise<BackendReport> {
  const prefer = resolvePreference(options.prefer);
  const { native = false, log = silentLogger } = options;
  const previous = current;
  let chosen = previous;
  if (chosen === undefined || (prefer !== 'auto' && prefer !== chosen.prefer)) {
    chosen = { prefer, report: climb(LADDER, prefer, log, native).then(describeBackend) };
    current = chosen;
  }
  try {
    const report = await chosen.report;
    const isNative = report.name.startsWith('tensorflow');
    if (native && !isNative && chosen.prefer === 'auto') throw nativeNeeded(report.passedOver);
    return report;
  } catch (error) {
    // A failed call must not stand in for the backend that is in use, nor for a later try.
    if (chosen !== previous) current = previous;
    throw error;
  }
}

/** The memory that the tensors of the backend in use take: a card's, or the machine's. */
export const tensorMemory = (): TensorMemory =>
  memoryOfTensors(
    nativeBackend()?.isUsingGpuDevice === true ? { vendor: 'nvidia' } : webgpuAdapter(),
  );

/** What tensors and the process hold now, in bytes. */
export function memoryFigures(): {
  tensorBytes: number;
  numTensors: number;
  residentBytes: number;
} {
  const { numBytes, numTensors } = tf.memory();
  return { tensorBytes: numBytes, numTensors, residentBytes: process.memoryUsage.rss() };
}
