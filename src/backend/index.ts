import * as tf from '@tensorflow/tfjs-core';
import { silentLogger, type Logger } from '../base/log.js';
import { loadCpu, loadWasm } from './fallback.js';
import { climb, resolvePreference, type BackendChoice, type Rung } from './ladder.js';
import { loadGpu, loadNative } from './native.js';
import { describeBackend, type BackendReport } from './report.js';

export {
  BACKEND_CHOICES,
  type BackendChoice,
  type BackendName,
  type PassedOver,
} from './ladder.js';
export {
  machineMemory,
  type BackendReport,
  type MachineMemory,
  type ThreadReport,
} from './report.js';
export type { NvidiaCard } from './gpu.js';

export interface BackendOptions {
  /**
   * `auto` (default) takes the best there is; `tensorflow`, `wasm` and `cpu` only that one, and fail
   * where it cannot be had. FRAMELOOM_BACKEND says the same for callers that say nothing.
   */
  prefer?: BackendChoice;
  /** Told which backend was chosen and why, and warned when it is a slow one. */
  log?: Logger;
}

const LADDER: readonly Rung[] = [
  { name: 'tensorflow-gpu', family: 'tensorflow', load: () => loadGpu() },
  { name: 'tensorflow', family: 'tensorflow', load: loadNative },
  { name: 'wasm', family: 'wasm', load: loadWasm },
  { name: 'cpu', family: 'cpu', load: loadCpu },
];

let current: { prefer: BackendChoice; report: Promise<BackendReport> } | undefined;

/**
 * Loads a TensorFlow.js backend: native TensorFlow on a GPU, native on the processor, WebAssembly,
 * plain JavaScript — the first that can be had. Calling it again changes nothing, unless it asks for
 * another backend by name; tensors of before stay usable then.
 *
 * @throws FrameloomError `backend` when what was asked for cannot be had, with why and what to do;
 *   `bad-option` when FRAMELOOM_BACKEND is not understood
 */
export async function useBackend(options: BackendOptions = {}): Promise<BackendReport> {
  const prefer = resolvePreference(options.prefer);
  if (current !== undefined && (prefer === 'auto' || prefer === current.prefer)) {
    return current.report;
  }
  const previous = current;
  const report = climb(LADDER, prefer, options.log ?? silentLogger).then(describeBackend);
  current = { prefer, report };
  try {
    return await report;
  } catch (error) {
    // A failed call must not stand in for the backend that is in use, nor for a later try.
    current = previous;
    throw error;
  }
}

/** What tensors and the process hold now, in bytes. */
export function memoryFigures(): {
  tensorBytes: number;
  numTensors: number;
  residentBytes: number;
} {
  const { numBytes, numTensors } = tf.memory();
  return { tensorBytes: numBytes, numTensors, residentBytes: process.memoryUsage.rss() };
}
