import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { useBackend } from '../backend/index.js';
import { FrameloomError, isFrameloomError } from '../base/error.js';
import { DEVICES, type Device } from '../export/runtime.js';
import { openModel } from '../pipeline/open-model.js';
import {
  modelFingerprint,
  openOnnxModel,
  openSynthesizer,
  type AnyModel,
  type OnnxModel,
  type Synthesizer,
} from '../synthesis/index.js';
import { runPaths } from '../training/run/run-folder.js';
import type { Context } from './context.js';
import { snapshotChoice } from './snapshot-choice.js';

export interface EngineFlags {
  snapshot?: 'latest' | 'best' | number;
  engine?: 'auto' | 'onnx' | 'tensorflow';
  device?: Device;
}

/** --snapshot, --engine and --device, the same for everything that runs a generator. */
export const addEngineFlags = (command: Command): Command =>
  command
    .option('--snapshot <which>', 'latest, best or a step', snapshotChoice)
    .addOption(
      new Option(
        '--engine <which>',
        'what runs it: onnx (the exported file), tensorflow, or auto: onnx where there is an export of the snapshot',
      ).choices(['auto', 'onnx', 'tensorflow']),
    )
    .addOption(
      new Option('--device <name>', 'where onnx runs it; cpu unless given').choices([...DEVICES]),
    );

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

function onnxEngine(model: OnnxModel, context: Context, modelId?: () => Promise<string>): Engine {
  context.log.debug(`onnxruntime on ${model.device}: ${model.path}`);
  return {
    model,
    coldStartFraction: coldStartOf(model.info.pipeline),
    modelId: modelId ?? (() => modelFingerprint(model)),
    open: () => Promise.resolve(openSynthesizer(model)),
    close: () => model.release(),
  };
}

/**
 * Opens what `place` names: an exported `.onnx` file, or a run's folder, by TensorFlow.js or by the
 * file that was exported from the same snapshot.
 * @throws FrameloomError bad-option where the flags contradict each other or the export; as
 *   openModel and openOnnxModel
 */
export async function openEngine(
  place: string,
  flags: EngineFlags,
  context: Context,
): Promise<Engine> {
  const { log } = context;
  const { engine = flags.device === undefined ? 'auto' : 'onnx', device } = flags;
  const onDevice = { log, ...(device !== undefined && { device }) };
  if (engine === 'tensorflow' && device !== undefined) {
    throw new FrameloomError('bad-option', '--device is for --engine onnx');
  }
  if (/\.onnx$/i.test(place)) {
    if (engine === 'tensorflow' || flags.snapshot !== undefined) {
      throw new FrameloomError('bad-option', `${place} holds one snapshot, for onnx`, {
        hint: 'name the run’s folder instead',
      });
    }
    return onnxEngine(await openOnnxModel(place, onDevice), context);
  }
  const model = await openModel(place, { log, snapshot: flags.snapshot ?? 'latest' });
  const modelId = (): Promise<string> => modelFingerprint(model);
  if (engine !== 'tensorflow') {
    const exported = await openExport(place, model.step, engine === 'onnx', onDevice);
    if (exported) return onnxEngine(exported, context, modelId);
  }
  return {
    model,
    coldStartFraction: model.pipeline.training.coldStartFraction,
    modelId,
    open: async () => {
      await useBackend({ log });
      return openSynthesizer(model);
    },
    close: () => Promise.resolve(),
  };
}

/** A run's exported file, where it is of this step; undefined where it is not and need not be. */
async function openExport(
  folder: string,
  step: number,
  needed: boolean,
  options: Parameters<typeof openOnnxModel>[1] & object,
): Promise<OnnxModel | undefined> {
  const path = join(runPaths(folder).exports, 'generator.onnx');
  const hint = `frameloom export ${folder}`;
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (!exists) {
    if (!needed) return undefined;
    throw new FrameloomError('not-found', `${folder} has no export`, { path, hint });
  }
  let model: OnnxModel;
  try {
    model = await openOnnxModel(path, options);
  } catch (error) {
    if (needed || !isFrameloomError(error)) throw error;
    options.log?.warn(`${error.toLine()}: using TensorFlow.js`);
    return undefined;
  }
  if (model.step === step) return model;
  await model.release();
  if (!needed) return undefined;
  throw new FrameloomError(
    'bad-option',
    `${path} is of step ${model.step}, the snapshot of step ${step}`,
    { path, hint },
  );
}
