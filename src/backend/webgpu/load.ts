import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { FrameloomError } from '../../base/error.js';
import { mendKernels } from '../mended.js';
import { adapterName, factsOf, openAdapter, openDevice, webgpuParts } from './dawn.js';
import type { AdapterFacts } from './dawn.js';
import { mendWebgpuKernels } from './mended.js';
import { watchedBackend, type WebgpuBackendClass } from './watched.js';

const require = createRequire(import.meta.url);

let found: AdapterFacts | undefined;

/** The card that tensors are on, where WebGPU is TF.js's backend now. */
export const webgpuAdapter = (): AdapterFacts | undefined =>
  tf.getBackend() === 'webgpu' ? found : undefined;

/**
 * Loads TF.js's WebGPU backend on the card that Dawn finds.
 *
 * @param byName whether somebody named it: nobody is given it else, until it is measured to be the faster one
 * @returns what it found, for whoever reads the log
 * @throws FrameloomError `backend`, saying why not
 */
export async function loadWebgpu(byName: boolean): Promise<{ about: string; warning?: string }> {
  const why = whyNotByItself();
  if (!byName) throw new FrameloomError('backend', why);
  found ??= await open();
  if (!(await tf.setBackend('webgpu'))) {
    throw new FrameloomError('backend', "TF.js's webgpu backend does not start");
  }
  const about = adapterName(found);
  return found.isSoftware
    ? { about, warning: `${about} is no graphics card but the processor, and takes far longer` }
    : { about };
}

/**
 * Why it is not taken where nobody names it.
 * @param adapter what was found, where that is known
 */
export function whyNotByItself(adapter?: AdapterFacts): string {
  if (webgpuParts() === undefined) return 'it is not set up';
  if (adapter?.isSoftware) return `${adapterName(adapter)} is no graphics card but the processor`;
  return 'it is taken by name alone, until it is measured to be the faster one';
}

async function open(): Promise<AdapterFacts> {
  const adapter = await openAdapter();
  const facts = factsOf(adapter);
  const device = await openDevice(adapter);
  await import('../gradients.mjs');
  // What the package takes for TF.js (scripts/setup/webgpu.mjs): the very copy that we run on.
  (globalThis as Record<symbol, unknown>)[
    Symbol.for('frameloom.tensorflow')
  ] = require('@tensorflow/tfjs-core');
  const { WebGPUBackend } = require(webgpuParts()!.backend) as {
    WebGPUBackend: WebgpuBackendClass;
  };
  // Small tensors that were never on the card would be computed on the processor, with other rounding: a training that
  // goes on from a snapshot has such where the uninterrupted one has not.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  const backend = asInBrowsers(() => watchedBackend(WebGPUBackend, device, adapter.info));
  tf.registerBackend('webgpu', () => backend, 3);
  mendKernels('webgpu');
  mendWebgpuKernels(facts.limits.maxStorageBuffersPerShaderStage);
  return facts;
}

/** Its constructor asks whether `navigator` has WebGPU; for others there is to be none that Node does not have. */
function asInBrowsers<T>(make: () => T): T {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: {} }, configurable: true });
  try {
    return make();
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, 'navigator');
    else Object.defineProperty(globalThis, 'navigator', before);
  }
}
