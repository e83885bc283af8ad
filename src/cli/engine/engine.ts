import type { OnnxThread } from '../../synthesis/engines/thread/host.js';
import { memoryOf, type AnyModel } from '../../synthesis/models/model.js';
import { FrameloomError } from '../../base/error.js';
import type { Context } from '../terminal/context.js';
import type { EngineFlags } from './flags.js';
import { openExport, type Engine } from './export.js';

export type { Engine };

/**
 * Opens what `place` names: an exported `.onnx` file, or a run's folder, by TensorFlow.js or by the
 * file that was exported from the same weights.
 * @param thread started early for ONNX Runtime; ended here where it is not needed
 * @throws FrameloomError bad-option where the flags contradict each other or the export; as
 *   openRunModel and openThreadedModel
 */
export async function openEngine(
  place: string,
  flags: EngineFlags,
  context: Context,
  thread?: OnnxThread,
): Promise<Engine> {
  let used = false;
  try {
    if (flags.engine === 'tensorflow' && flags.device !== undefined) {
      throw new FrameloomError('bad-option', '--device is for --engine onnx');
    }
    const exported =
      flags.engine === 'tensorflow' && !/\.onnx$/i.test(place)
        ? undefined
        : await openExport(place, flags, context, thread);
    used = exported !== undefined;
    return exported ?? (await openTensorFlow(place, flags, context));
  } finally {
    if (!used) await thread?.close();
  }
}

async function openTensorFlow(
  folder: string,
  flags: EngineFlags,
  { log }: Context,
): Promise<Engine> {
  const { openRunModel } = await import('../../pipeline/run-model.js');
  const { modelFingerprint } = await import('../../synthesis/batch/fingerprint.js');
  const model = await openRunModel(folder, { log, snapshot: flags.snapshot ?? 'latest' });
  return {
    model,
    coldStartFraction: model.pipeline.training.coldStartFraction,
    modelId: () => modelFingerprint(model),
    open: async () => {
      const { createSynthesizer } = await import('../../synthesis/engines/open.js');
      return createSynthesizer(model, { log });
    },
    close: () => Promise.resolve(),
  };
}

/** Another seed without noise to draw by it changes nothing, which nobody would guess. */
export function warnOfSeeds(model: AnyModel, { log }: Context): void {
  if (memoryOf(model).noiseChannels > 0) return;
  log.warn('this generator takes no noise: every seed gives the same video');
}
