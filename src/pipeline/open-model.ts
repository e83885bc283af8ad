import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfCancelled } from '../base/cancel.js';
import { asGiven } from '../base/caller.js';
import { FrameloomError, isFrameloomError } from '../base/error.js';
import { ownCommand } from '../base/own-command.js';
import { silentLogger, type Logger } from '../base/log.js';
import type { Device } from '../export/runtime.js';
import { weightsHash } from '../export/weights-hash.js';
import { modelFingerprint } from '../synthesis/batch/fingerprint.js';
import type { OnnxThread } from '../synthesis/engines/thread/host.js';
import {
  describeExported,
  readExported,
  type ExportedModel,
} from '../synthesis/models/exported-model.js';
import type { SizeChoice } from '../synthesis/models/run-size.js';
import { openRun } from '../training/run/run-folder.js';
import { readSnapshot, type SnapshotChoice } from '../training/run/snapshot-store.js';
import { withStyle, type StyleOptions } from './choose-style.js';
import type { RunModel } from './run-model.js';

/** What runs a generator: the exported file, the run's weights, or the file where it is of these weights. */
export type EngineChoice = 'auto' | 'onnx' | 'tensorflow';

export interface OpenModelOptions extends SizeChoice, StyleOptions {
  /** `auto` unless given. */
  readonly engine?: EngineChoice | undefined;
  /** Which of a run's weights: `latest` unless given; `best` did best on held-out frames; or a step. */
  readonly snapshot?: SnapshotChoice | undefined;
  /** Where ONNX Runtime runs it: `cpu` unless given. One that makes other frames is not used. */
  readonly device?: Device | undefined;
  /** Threads of the processor for ONNX Runtime; as many as there are cores unless given. */
  readonly threads?: number | undefined;
  /**
   * Run ONNX Runtime in the thread that calls, which it blocks for as long as a frame takes. Off unless
   * given: it has a thread of its own, so that frames are decoded and encoded meanwhile.
   */
  readonly inThisThread?: boolean | undefined;
  readonly log?: Logger | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A trained generator, by whatever runs it. */
export type Model = RunModel | ExportedModel;

/** A model, and what it is called whichever engine runs it. */
export interface ChosenModel {
  readonly model: Model;
  /** `modelFingerprint` of the run's weights, where there is a run. */
  fingerprint(): Promise<string>;
}

interface Opening extends OpenModelOptions {
  /** A thread that was started early, for ONNX Runtime; ended here where it is not needed. */
  readonly thread?: OnnxThread | undefined;
}

const DOING = 'opening the model';
const isFile = (place: string): boolean => /\.onnx$/i.test(place);

/**
 * Opens a trained generator: a run's folder, or an `.onnx` file that `frameloom export` wrote. A run is
 * run by its own export (`exports/generator.onnx`) where that holds the weights that are asked for, at
 * full precision, and by TensorFlow.js otherwise, as `frameloom generate` does.
 *
 * @throws FrameloomError not-found (no run, no snapshot, no export), bad-option where the options
 *   contradict each other or the export, bad-pipeline, bad-snapshot, bad-input (no exported generator,
 *   or a size that it cannot be run in), backend (no ONNX Runtime, no such device), cancelled
 */
export function openModel(
  place: string,
  options: OpenModelOptions & { readonly engine: 'tensorflow' },
): Promise<RunModel>;
export function openModel(
  place: string,
  options: OpenModelOptions & { readonly engine: 'onnx' },
): Promise<ExportedModel>;
export function openModel(place: string, options?: OpenModelOptions): Promise<Model>;
export async function openModel(place: string, options: OpenModelOptions = {}): Promise<Model> {
  return (await chooseModel(place, options)).model;
}

/** `openModel`, with its name and a thread that was started early. @throws FrameloomError as openModel */
export async function chooseModel(place: string, options: Opening): Promise<ChosenModel> {
  const { engine, device, thread, signal } = options;
  let used = false;
  try {
    throwIfCancelled(signal, DOING);
    if (engine !== undefined && !['auto', 'onnx', 'tensorflow'].includes(engine)) {
      throw new FrameloomError('bad-option', `there is no engine ${JSON.stringify(engine)}`, {
        hint: 'auto, onnx or tensorflow',
      });
    }
    if (engine === 'tensorflow' && device !== undefined) {
      throw new FrameloomError('bad-option', 'a device is for the engine onnx');
    }
    const exported =
      engine === 'tensorflow' && !isFile(place) ? undefined : await openExport(place, options);
    used = exported !== undefined && options.inThisThread !== true;
    return exported ?? (await openWeights(place, options));
  } finally {
    if (!used) await thread?.close();
  }
}

async function openWeights(folder: string, options: Opening): Promise<ChosenModel> {
  const { snapshot = 'latest', log = silentLogger, signal, width, height } = options;
  if (width !== undefined || height !== undefined) {
    throw new FrameloomError(
      'bad-option',
      'TensorFlow.js runs a run at the size it was trained at',
      {
        hint: `${ownCommand('export', folder)} writes a file that takes other sizes`,
      },
    );
  }
  const { openRunModel } = await import('./run-model.js');
  const opened = await openRunModel(folder, { snapshot, log });
  throwIfCancelled(signal, DOING);
  const read = (path: string) => lookBy(opened, path, options);
  const model = await withStyle(opened, opened.styles ?? [], options, { read, log });
  return { model, fingerprint: () => modelFingerprint(model) };
}

/**
 * Opens an exported file, or a run's where it is of the weights asked for, in ONNX Runtime; neither
 * TensorFlow.js nor a line of ours that needs it is loaded.
 * @returns undefined where a run is left to TensorFlow.js; why is said
 */
async function openExport(place: string, options: Opening): Promise<ChosenModel | undefined> {
  const { device, snapshot, engine, log = silentLogger } = options;
  if (isFile(place)) {
    if (engine === 'tensorflow' || snapshot !== undefined) {
      throw new FrameloomError('bad-option', `${place} holds one snapshot, for onnx`, {
        hint: 'name the run’s folder instead',
      });
    }
    const opened = await openFile(place, options);
    const model = await styled(opened, options, null);
    return { model, fingerprint: () => modelFingerprint(model) };
  }
  const run = await openRun(place);
  const path = join(run.exports, 'generator.onnx');
  const needed = engine === 'onnx' || device !== undefined;
  const hint = ownCommand('export', place);
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (!exists) {
    if (!needed) return undefined;
    throw new FrameloomError('not-found', `${place} has no export`, { path, hint });
  }
  const wanted = await readSnapshot(run.snapshots, snapshot ?? 'latest', { log });
  let opened: ExportedModel;
  try {
    const { info } = describeExported(await readExported(path), path);
    const why = differs(info, wanted, needed);
    if (why !== undefined) {
      if (needed) throw new FrameloomError('bad-option', `${path} ${why}`, { path, hint });
      log.info(`${path} ${why}: using TensorFlow.js (${hint} mends it)`);
      return undefined;
    }
    if (info.precision === 'float16' && !needed) {
      log.info(
        `${path} has weights of half precision: using TensorFlow.js (${asGiven('--engine onnx', "engine: 'onnx'")} uses it)`,
      );
      return undefined;
    }
    opened = await openFile(path, options);
  } catch (error) {
    if (needed || !isFrameloomError(error) || error.code === 'cancelled') throw error;
    log.warn(`${error.toLine()}: using TensorFlow.js`);
    return undefined;
  }
  // A look that there is not is none of TensorFlow.js either.
  const model = await styled(opened, options, async (picture) => {
    const { openRunModel } = await import('./run-model.js');
    return lookBy(await openRunModel(place, { log, snapshot: wanted.step }), picture, options);
  });
  log.info(`using ${path} on ONNX Runtime`);
  return {
    model,
    fingerprint: async () => {
      // The same name as by TensorFlow.js: what one engine made the other need not make again.
      const { openRunModel } = await import('./run-model.js');
      const run = await openRunModel(place, { log, snapshot: wanted.step });
      return modelFingerprint(model.style ? { ...run, style: model.style } : run);
    },
  };
}

/** The look of a picture, by the encoder of a run. */
const lookBy = async (
  run: RunModel,
  picture: string,
  { log = silentLogger, signal }: Opening,
): Promise<readonly number[]> =>
  (await import('./read-look.js')).readLook(picture, run, { log, signal });

/** An exported file with the look that is asked for; it is let go where there is none. */
async function styled(
  model: ExportedModel,
  options: Opening,
  read: ((picture: string) => Promise<readonly number[]>) | null,
): Promise<ExportedModel> {
  const { log = silentLogger } = options;
  try {
    return await withStyle(model, model.info.styles ?? [], options, { read, log });
  } catch (error) {
    await model.release();
    throw error;
  }
}

/** Why an export is not the one of a snapshot; undefined where it is, as far as it says. */
export function differs(
  info: ExportedModel['info'],
  wanted: Awaited<ReturnType<typeof readSnapshot>>,
  needed: boolean,
): string | undefined {
  if (info.step !== wanted.step) {
    return `is of step ${info.step}, the snapshot of step ${wanted.step}`;
  }
  if (info.weights === null) return needed ? undefined : 'does not say of which weights it is';
  if (info.weights === weightsHash(wanted.tensors, 'average.')) return undefined;
  return `is of other weights than the snapshot of step ${wanted.step}`;
}

async function openFile(path: string, options: Opening): Promise<ExportedModel> {
  const { device, width, height, threads, thread, signal, log = silentLogger } = options;
  const given = { device, width, height, threads };
  const own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const open = options.inThisThread
    ? async () =>
        (await import('../synthesis/engines/onnx/model.js')).openOnnxModel(path, { ...own, log })
    : async () => {
        const { openThreadedModel } = await import('../synthesis/engines/thread/model.js');
        return openThreadedModel(path, { ...own, log, thread });
      };
  const model = await open();
  log.debug(`onnxruntime on ${model.device}: ${path}`);
  if (!signal?.aborted) return model;
  await model.release();
  throwIfCancelled(signal, DOING);
  return model;
}
