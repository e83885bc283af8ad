import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../base/error.js';
import { mendKernels } from './mended.js';
import { registerMissingWasmKernels } from './wasm/register.js';

const require = createRequire(import.meta.url);

/** Loads TF.js's WebAssembly backend, with the kernels that training needs and it lacks. */
export async function loadWasm(): Promise<void> {
  const { setWasmPaths } = require('@tensorflow/tfjs-backend-wasm') as {
    setWasmPaths: (prefix: string) => void;
  };
  // From the package itself, so that nothing is looked for on the network.
  setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
  await loadCpuPackage();
  registerMissingWasmKernels();
  mendKernels('wasm');
  await select('wasm');
}

/** Loads TF.js's backend in plain JavaScript, which runs everywhere. */
export async function loadCpu(): Promise<void> {
  await loadCpuPackage();
  await select('cpu');
}

async function loadCpuPackage(): Promise<void> {
  await import('./gradients.mjs');
  require('@tensorflow/tfjs-backend-cpu');
  mendKernels('cpu');
  // It greets on its first use with advice that our own warning already gives.
  (tf.findBackend('cpu') as unknown as { firstUse: boolean }).firstUse = false;
}

async function select(name: 'wasm' | 'cpu'): Promise<void> {
  if (!(await tf.setBackend(name))) {
    throw new FrameloomError('backend', `TF.js's ${name} backend does not start`);
  }
}
