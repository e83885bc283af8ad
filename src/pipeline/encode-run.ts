import * as tf from '@tensorflow/tfjs-core';
import type { Logger } from '../base/log.js';
import { encodeGenerator } from '../export/export-generator.js';
import { openRunModel } from './run-model.js';

/**
 * The generator of a run's snapshot as an ONNX file in memory, by whichever backend of TensorFlow.js is there: the plain
 * JavaScript one will do, since no frame is made.
 * @param place the run's folder
 * @throws FrameloomError not-found (no run, no snapshot), bad-pipeline, bad-snapshot
 */
export async function encodeRun(
  place: string,
  options: { readonly snapshot: number; readonly baseFolder: string; readonly log: Logger },
): Promise<Uint8Array> {
  const { snapshot, baseFolder, log } = options;
  const model = await openRunModel(place, { snapshot, log });
  await anyBackend();
  return encodeGenerator(model, { baseFolder });
}

/** Loads the backend that is there soonest, unless one is there already. */
async function anyBackend(): Promise<void> {
  if ((tf.engine() as { backendName?: string }).backendName !== undefined) return;
  const { useBackend } = await import('../backend/index.js');
  await useBackend({ prefer: 'cpu' });
}
