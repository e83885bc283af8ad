/** The calls of `frameloom/train`, which look at what they are given first (`check-call.ts`). */
import * as groups from '../backend/group/index.js';
import * as backend from '../backend/index.js';
import * as clips from '../clips/index.js';
import * as exporting from '../export/index.js';
import * as pipelines from '../pipeline/load.js';
import * as models from '../pipeline/open-model.js';
import * as origins from '../pipeline/open-origin.js';
import * as synthesis from '../synthesis/index.js';
import * as runs from '../training/run/run-folder.js';
import * as training from '../training/trainer.js';
import { checked, checkedPromise } from './check-call.js';

/** Loads a TensorFlow.js backend, the best there is or the one that is asked for. Rejects with FrameloomError. */
export const useBackend: typeof backend.useBackend = checkedPromise(
  'useBackend',
  backend.useBackend,
);

/** Opens clips and conditions to train or evaluate on. Rejects with FrameloomError. */
export const openDataset: typeof clips.openDataset = checkedPromise(
  'openDataset',
  clips.openDataset,
);

/** Writes a generator as one ONNX file that is proved first. Rejects with FrameloomError. */
export const exportGenerator: typeof exporting.exportGenerator = checkedPromise(
  'exportGenerator',
  exporting.exportGenerator,
);

/** Reads a pipeline: a file, or one that comes along by its name. Rejects with FrameloomError. */
export const loadPipeline: typeof pipelines.loadPipeline = checkedPromise(
  'loadPipeline',
  pipelines.loadPipeline,
);

/** Reads the text of a pipeline. Throws FrameloomError with every problem, one a line. */
export const parsePipeline: typeof pipelines.parsePipeline = checked(
  'parsePipeline',
  pipelines.parsePipeline,
);

/** Opens a trained generator: a run's folder, or an `.onnx` file. Rejects with FrameloomError. */
export const openModel: typeof models.openModel = checkedPromise('openModel', models.openModel);

/** Opens what a new training may start from: a run's folder, or an `.onnx` file. Rejects with FrameloomError. */
export const openOrigin: typeof origins.openOrigin = checkedPromise(
  'openOrigin',
  origins.openOrigin,
);

/** Rolls a generator out over held-out segments and measures it. Rejects with FrameloomError. */
export const evaluateHeldOut: typeof synthesis.evaluateHeldOut = checkedPromise(
  'evaluateHeldOut',
  synthesis.evaluateHeldOut,
);

/** Opens what judges how well generated frames show their condition. Rejects with FrameloomError. */
export const openFaithfulness: typeof synthesis.openFaithfulness = checkedPromise(
  'openFaithfulness',
  synthesis.openFaithfulness,
);

/** Opens what judges whether generated frames do what they were told. Rejects with FrameloomError. */
export const openObedience: typeof synthesis.openObedience = checkedPromise(
  'openObedience',
  synthesis.openObedience,
);

/** Loads networks that look at frames, from ONNX files. Rejects with FrameloomError. */
export const openNetworks: typeof synthesis.openNetworks = checkedPromise(
  'openNetworks',
  synthesis.openNetworks,
);

/** An existing run, to read from. Rejects with FrameloomError. */
export const openRun: typeof runs.openRun = checkedPromise('openRun', runs.openRun);

/** Makes a run's folder, or opens one to go on with, and locks it. Rejects with FrameloomError. */
export const startRun: typeof runs.startRun = checkedPromise('startRun', runs.startRun);

/**
 * Joins the processes of one training, before anything else of Frameloom has loaded TensorFlow; what comes of it is `group`
 * of `train`. Leave it by its `end`. Rejects with FrameloomError.
 */
export const joinGroup: typeof groups.joinGroup = checkedPromise('joinGroup', groups.joinGroup);

/** Trains a pipeline. Rejects with FrameloomError. */
export const train: typeof training.train = checkedPromise('train', training.train);
