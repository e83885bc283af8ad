import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FrameloomError, isFrameloomError } from '../../base/error.js';
import { weightsHash } from '../../export/weights-hash.js';
import {
  describeExported,
  readExported,
  type ExportedModel,
} from '../../synthesis/models/exported-model.js';
import type { AnyModel } from '../../synthesis/models/model.js';
import type { Synthesizer } from '../../synthesis/engines/synthesizer.js';
import { modelFingerprint } from '../../synthesis/batch/fingerprint.js';
import type { OnnxThread } from '../../synthesis/engines/thread/host.js';
import { openThreadedModel } from '../../synthesis/engines/thread/model.js';
import { openRun } from '../../training/run/run-folder.js';
import { readSnapshot } from '../../training/run/snapshot-store.js';
import type { Context } from '../terminal/context.js';
import type { EngineFlags } from './flags.js';

/** A model and what runs it. */
export interface Engine {
  readonly model: AnyModel;
  /** The share of training that began from nothing; undefined where it is not known. */
  readonly coldStartFraction: number | undefined;
  /** Names the model whatever runs it. */
  modelId(): Promise<string>;
  /** Makes the engine ready and gives one more recurrent state of the model. */
  open(): Promise<Synthesizer>;
  close(): Promise<void>;
}

const coldStartOf = (pipeline: unknown): number | undefined =>
  (pipeline as { training?: { coldStartFraction?: number } } | null)?.training?.coldStartFraction;

function engineOf(model: ExportedModel, context: Context, modelId: () => Promise<string>): Engine {
  context.log.debug(`onnxruntime on ${model.device}: ${model.path}`);
  return {
    model,
    modelId,
    coldStartFraction: coldStartOf(model.info.pipeline),
    open: () => Promise.resolve(model.open()),
    close: () => model.release(),
  };
}

/**
 * Opens an exported file, or a run's where it is of the weights asked for, in ONNX Runtime; neither
 * TensorFlow.js nor a line of ours that needs it is loaded.
 * @returns undefined where a run is left to TensorFlow.js; why is said
 * @throws FrameloomError as openEngine
 */
export async function openExport(
  place: string,
  flags: EngineFlags,
  context: Context,
  thread: OnnxThread | undefined,
): Promise<Engine | undefined> {
  const { log } = context;
  const { device, snapshot } = flags;
  const options = { log, thread, ...(device !== undefined && { device }) };
  if (/\.onnx$/i.test(place)) {
    if (flags.engine === 'tensorflow' || snapshot !== undefined) {
      throw new FrameloomError('bad-option', `${place} holds one snapshot, for onnx`, {
        hint: 'name the run’s folder instead',
      });
    }
    const model = await openThreadedModel(place, options);
    return engineOf(model, context, () => modelFingerprint(model));
  }
  const run = await openRun(place);
  const path = join(run.exports, 'generator.onnx');
  const needed = flags.engine === 'onnx' || device !== undefined;
  const hint = `frameloom export ${place}`;
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (!exists) {
    if (!needed) return undefined;
    throw new FrameloomError('not-found', `${place} has no export`, { path, hint });
  }
  const wanted = await readSnapshot(run.snapshots, snapshot ?? 'latest', { log });
  try {
    const { info } = describeExported(await readExported(path), path);
    const hash = weightsHash(wanted.tensors, 'average.');
    const why =
      info.step !== wanted.step
        ? `is of step ${info.step}, the snapshot of step ${wanted.step}`
        : info.weights === null
          ? needed
            ? undefined
            : 'does not say of which weights it is'
          : info.weights !== hash
            ? `is of other weights than the snapshot of step ${wanted.step}`
            : undefined;
    if (why !== undefined) {
      if (needed) throw new FrameloomError('bad-option', `${path} ${why}`, { path, hint });
      log.info(`${path} ${why}: using TensorFlow.js (${hint} mends it)`);
      return undefined;
    }
    if (info.precision === 'float16' && !needed) {
      log.info(
        `${path} has weights of half precision: using TensorFlow.js (--engine onnx uses it)`,
      );
      return undefined;
    }
    const model = await openThreadedModel(path, options);
    log.info(`using ${path} on ONNX Runtime`);
    return engineOf(model, context, async () => {
      // The same name as by TensorFlow.js: what one engine made the other need not make again.
      const { openModel } = await import('../../pipeline/open-model.js');
      return modelFingerprint(await openModel(place, { log, snapshot: wanted.step }));
    });
  } catch (error) {
    if (needed || !isFrameloomError(error)) throw error;
    log.warn(`${error.toLine()}: using TensorFlow.js`);
    return undefined;
  }
}
