import { chooseModel, type Model } from '../../pipeline/open-model.js';
import { createSynthesizer } from '../../synthesis/engines/open.js';
import type { Synthesizer } from '../../synthesis/engines/synthesizer.js';
import type { OnnxThread } from '../../synthesis/engines/thread/host.js';
import { memoryOf, type AnyModel } from '../../synthesis/models/model.js';
import { FrameloomError } from '../../base/error.js';
import type { Context } from '../terminal/context.js';
import type { EngineFlags } from './flags.js';

/** A model and what runs it. */
export interface Engine {
  readonly model: Model;
  /** The share of training that began from nothing; undefined where it is not known. */
  readonly coldStartFraction: number | undefined;
  /** Names the model whatever runs it. */
  modelId(): Promise<string>;
  /** Makes the engine ready and gives one more recurrent state of the model. */
  open(): Promise<Synthesizer>;
  close(): Promise<void>;
}

/** As far as it is known of a file that says of its pipeline what it likes. */
const coldStartOf = (pipeline: unknown): number | undefined =>
  (pipeline as { training?: { coldStartFraction?: number } } | null)?.training?.coldStartFraction;

/**
 * Opens what `place` names: an exported `.onnx` file, or a run's folder, by TensorFlow.js or by the
 * file that was exported from the same weights.
 * @param thread started early for ONNX Runtime; ended here where it is not needed
 * @throws FrameloomError bad-option where the flags contradict each other or the export; as openModel
 */
export async function openEngine(
  place: string,
  flags: EngineFlags,
  context: Context,
  thread?: OnnxThread,
): Promise<Engine> {
  const { log } = context;
  const { engine, device, snapshot, threads, outputSize, style, styleSeed } = flags;
  if (engine === 'tensorflow' && device !== undefined) {
    await thread?.close();
    throw new FrameloomError('bad-option', '--device is for --engine onnx');
  }
  if (threads !== undefined) {
    // TensorFlow reads these when it is loaded, and takes all cores otherwise.
    process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
    process.env.TF_NUM_INTEROP_THREADS ??= String(threads);
  }
  const how = { engine, device, snapshot, threads, style, styleSeed, log, thread };
  const chosen = await chooseModel(place, { ...how, ...outputSize });
  const { model } = chosen;
  return {
    model,
    coldStartFraction: coldStartOf('info' in model ? model.info.pipeline : model.pipeline),
    modelId: () => chosen.fingerprint(),
    open: () => createSynthesizer(model, { log }),
    close: () => model.release(),
  };
}

/** Another seed without noise to draw by it changes nothing, which nobody would guess. */
export function warnOfSeeds(model: AnyModel, { log }: Context): void {
  if (memoryOf(model).noiseChannels > 0) return;
  log.warn('this generator takes no noise: every seed gives the same video');
}
