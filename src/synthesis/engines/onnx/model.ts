import { silentLogger, type Logger } from '../../../base/log.js';
import type { OnnxProgram } from '../../../export/feeds.js';
import type { Device } from '../../../export/runtime.js';
import { describeExported, readExported, type ExportedModel } from '../../models/exported-model.js';
import { openOnDevice } from './device.js';
import { createOnnxSynthesizer } from './synthesizer.js';

export interface OpenOnnxOptions {
  /** Where it runs: `cpu` unless given. */
  readonly device?: Device;
  /** Pixels, multiples of 4; the size it was trained at unless given. */
  readonly width?: number;
  readonly height?: number;
  /** Threads of the processor; as many as there are cores unless given. */
  readonly threads?: number;
  readonly log?: Logger;
}

/** An exported generator, loaded in this thread. */
export interface OnnxModel extends ExportedModel {
  readonly runtime: OnnxProgram;
}

/**
 * Loads a generator that `frameloom export` wrote into ONNX Runtime, without TensorFlow. A device
 * other than the processor must make the frame that the processor makes, or it is not used.
 *
 * @throws FrameloomError not-found, bad-input (no exported generator, or a size that is not a
 *   multiple of 4), backend (no ONNX Runtime, no such device)
 */
export async function openOnnxModel(
  path: string,
  options: OpenOnnxOptions = {},
): Promise<OnnxModel> {
  const { device: wanted = 'cpu', log = silentLogger, threads } = options;
  const file = await readExported(path);
  const described = describeExported(file, path, options);
  const { runtime, device } = await openOnDevice(file, {
    ...described,
    ...{ device: wanted, log, threads },
  });
  const model: OnnxModel = {
    ...described,
    ...{ runtime, device },
    open: (seed = described.seed, style = described.style) =>
      createOnnxSynthesizer({ ...model, style }, seed),
    release: () => runtime.session.release(),
  };
  return model;
}
