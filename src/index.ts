/**
 * Frameloom as a library: trained generators, and the videos that they make. What a call needs is
 * loaded when it is made, so that importing this costs next to nothing. Streams of frames are in
 * `frameloom/video`, training in `frameloom/train`, and what runs in browsers in `frameloom/play`.
 */
import type { Readable, Writable } from 'node:stream';
import type { BackendOptions, BackendReport } from './backend/index.js';
import type { CheckedCall } from './entries/check-call.js';
import type { ExportModel, ExportOptions, ExportResult } from './export/index.js';
import type { Model, OpenModelOptions } from './pipeline/open-model.js';
import type { RunModel } from './pipeline/run-model.js';
import type {
  AnyModel,
  BatchEvent,
  BatchJob,
  BatchOptions,
  BatchSummary,
  ExportedModel,
  GenerateOptions,
  GenerateVideoOptions,
  SampleOptions,
  Synthesizer,
  SynthesizerOptions,
} from './synthesis/index.js';
import type { DatasetSummary, GenerateDatasetOptions } from './synthesis/dataset/options.js';
import type {
  DecodeOptions,
  EncodeOptions,
  EncodeResult,
  Frame,
  FrameSource,
  ProbeOptions,
  VideoInfo,
} from './video/index.js';

export { FrameloomError, isFrameloomError } from './base/error.js';
export { formatRational, parseRational, rational } from './base/rational.js';
export { planBatch } from './synthesis/batch/template.js';
export type * from './entries/types.js';

/** Every call looks at what it is given first. @throws FrameloomError bad-option */
async function check(call: CheckedCall, ...given: readonly unknown[]): Promise<void> {
  (await import('./entries/check-call.js')).checkCall(call, ...given);
}

/**
 * Opens a trained generator: a run's folder, or an `.onnx` file that `frameloom export` wrote. A run is
 * run by its own export (`exports/generator.onnx`) where that holds the weights that are asked for, at
 * full precision, and by TensorFlow.js otherwise, as `frameloom generate` does. `release()` lets it go.
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
  await check('openModel', place, options);
  return (await import('./pipeline/open-model.js')).openModel(place, options);
}

/**
 * A model as one call a frame, with a history of its own: `await next(condition)` gives the next frame as
 * rgb24 bytes. `dispose()` at the end.
 *
 * A run's model is run by TensorFlow.js, on the best backend there is unless `useBackend` has chosen
 * one; an exported file by ONNX Runtime, without TensorFlow.
 * @throws FrameloomError backend; cancelled
 */
export async function createSynthesizer(
  model: AnyModel,
  options: SynthesizerOptions = {},
): Promise<Synthesizer> {
  await check('createSynthesizer', model, options);
  return (await import('./synthesis/engines/open.js')).createSynthesizer(model, options);
}

/**
 * The frames that a model makes of a video, one after another: `for await (const frame of
 * generate(model, path))`. They are those of `generateVideo` and of `frameloom generate`: the input
 * is brought to the model's size as in training, its conditions are made by the model's rule, and each
 * frame is shown when that of the input is. They are made as fast as they are taken; leaving the loop
 * ends everything.
 *
 * @param input a video of the kind that the model's condition is made of: a path, `-`, or a stream
 * @throws FrameloomError as generateVideo, of the input
 */
export async function* generate(
  model: AnyModel,
  input: string | Readable,
  options: GenerateOptions = {},
): AsyncGenerator<Frame, void, undefined> {
  await check('generate', model, input, options);
  yield* (await import('./synthesis/video/generate.js')).generate(model, input, options);
}

/**
 * Generates a video from an input: its conditions by the model's rule, frame for frame, in closed
 * loop. The generator runs once for each frame of the input, and each is shown when that one is; with
 * `fps` the input is resampled first. A file is there whole or not at all, a long film goes on where it
 * was stopped, and a pipe gets its first frame as soon as the input has given one.
 *
 * @throws FrameloomError bad-option, exists, bad-input, untrusted (a filtergraph that could do more than
 *   change pictures), closed-pipe, cancelled; what decoding and encoding throw
 */
export async function generateVideo(
  model: AnyModel,
  options: GenerateVideoOptions,
): Promise<EncodeResult> {
  await check('generateVideo', model, options);
  const video = await import('./synthesis/video/generate-video.js');
  return video.generateVideo(model, options);
}

/**
 * Frames from nothing but noise, or from one picture, by a model without conditions; rgb24, made as
 * fast as they are taken. `loop` closes them to play endlessly.
 * @throws FrameloomError bad-option for a model that needs conditions, fewer frames than one, or a loop of
 *   too few
 */
export async function* sample(
  model: AnyModel,
  options: SampleOptions,
): AsyncGenerator<Frame, void, undefined> {
  await check('sample', model, options);
  const [{ sampleFrames }, { iterateFrames }] = await Promise.all([
    import('./synthesis/sample/sample.js'),
    import('./video/iterate-frames.js'),
  ]);
  yield* iterateFrames(sampleFrames(model, options));
}

/**
 * Makes many videos with one model. What the manifest knows as made, of the same input by the same
 * model and settings, and that is still there, is skipped; a job that fails does not stop the others.
 *
 * @throws FrameloomError bad-option where an output is a file that is read; untrusted; cancelled, when
 *   all that was begun is cleaned up; write-failed, disk-full where the manifest cannot be written
 */
export async function runBatch(
  model: AnyModel,
  jobs: readonly BatchJob[],
  options: BatchOptions = {},
): Promise<BatchSummary> {
  await check('runBatch', model, jobs, options);
  return (await import('./synthesis/batch/batch.js')).runBatch(model, jobs, options);
}

/**
 * `runBatch` as an async iterable of what happens to its jobs; what it returns in the end is the summary.
 * Leaving the loop cancels the batch.
 * @throws FrameloomError as runBatch
 */
export async function* batchEvents(
  model: AnyModel,
  jobs: readonly BatchJob[],
  options: Omit<BatchOptions, 'onEvent'> = {},
): AsyncGenerator<BatchEvent, BatchSummary, undefined> {
  await check('batchEvents', model, jobs, options);
  return yield* (await import('./synthesis/batch/batch-events.js')).batchEvents(
    model,
    jobs,
    options,
  );
}

/**
 * Generates from many inputs into one folder that other trainings read: the frames, the conditions that
 * they were made from, and the flow and mask that they were composed by, paired by number.
 * @throws FrameloomError bad-option, exists, untrusted, cancelled, disk-full, write-failed
 */
export async function generateDataset(
  model: AnyModel,
  options: GenerateDatasetOptions,
): Promise<DatasetSummary> {
  await check('generateDataset', model, options);
  const dataset = await import('./synthesis/dataset/generate-dataset.js');
  return dataset.generateDataset(model, options);
}

/**
 * Writes a generator as one ONNX file that is proved first: it is run by ONNX Runtime and must make
 * the frames that TensorFlow.js makes. `openModel(run, { engine: 'tensorflow' })` gives what it takes.
 *
 * @throws FrameloomError backend when the generator cannot be written in ONNX, or the file computes
 *   other numbers; diverged when it makes NaN; exists, disk-full, write-failed, cancelled
 */
export async function exportGenerator(
  model: ExportModel,
  path: string,
  options: ExportOptions = {},
): Promise<ExportResult> {
  await check('exportGenerator', model, path, options);
  await useBackend(options.log ? { log: options.log } : {});
  return (await import('./export/index.js')).exportGenerator(model, path, options);
}

/**
 * Loads a TensorFlow.js backend: native TensorFlow on a GPU, native on the processor, WebAssembly,
 * plain JavaScript: the first that can be had, or the one that is asked for. Where nobody has called it,
 * what needs one does.
 *
 * @throws FrameloomError `backend` when what was asked for cannot be had, with why and what to do;
 *   `bad-option` when FRAMELOOM_BACKEND is not understood
 */
export async function useBackend(options: BackendOptions = {}): Promise<BackendReport> {
  await check('useBackend', options);
  return (await import('./backend/index.js')).useBackend(options);
}

/**
 * The frames of a video, one after another: `for await (const frame of readFrames(path))`. ffmpeg
 * works as fast as they are taken, and is gone when the loop is left.
 * @param source a path (a video, a picture, a folder or `%05d.png` pattern of pictures, a named pipe), `-`,
 *   or a stream
 * @throws FrameloomError not-found, bad-option, bad-input (also at the end, when the source is damaged),
 *   bad-shape, ffmpeg-failed, cancelled
 */
export async function* readFrames(
  source: string | Readable,
  options: DecodeOptions = {},
): AsyncGenerator<Frame, void, undefined> {
  await check('readFrames', source, options);
  yield* (await import('./video/decode.js')).readFrames(source, options);
}

/**
 * Writes frames of any iterable as a video. A frame is asked for when the encoder can take one. The
 * rate is that of the frames unless `fps` gives one; the extension chooses the format.
 * @param target a path, `-` for standard output, or a stream
 * @returns once the file is complete and in its place
 * @throws FrameloomError bad-option, bad-input (no frames; sound that cannot be used), bad-shape, exists,
 *   closed-pipe, disk-full, write-failed, ffmpeg-failed, cancelled; what the iterable throws
 */
export async function writeFrames(
  frames: FrameSource,
  target: string | Writable,
  options: EncodeOptions = {},
): Promise<EncodeResult> {
  await check('writeFrames', frames, target, options);
  return (await import('./video/write-frames.js')).writeFrames(frames, target, options);
}

/**
 * What a source says of itself: size, rate, duration, colour, sound and so on, without decoding.
 * @throws FrameloomError not-found, bad-input, bad-option, ffmpeg-failed, cancelled
 */
export async function probe(path: string, options: ProbeOptions = {}): Promise<VideoInfo> {
  await check('probe', path, options);
  return (await import('./video/probe.js')).probe(path, options);
}
