/** The names of all options of the library's calls, held to their types by the compiler. */
import type { Cluster, JoinOptions } from '../backend/group/index.js';
import type { BackendOptions } from '../backend/index.js';
import type { DatasetContext } from '../clips/types.js';
import type { InputColour } from '../clips/condition.js';
import type { ExportOptions } from '../export/index.js';
import type { LoadOptions } from '../pipeline/load.js';
import type { OpenModelOptions } from '../pipeline/open-model.js';
import type { OpenOriginOptions } from '../pipeline/open-origin.js';
import type { GenerateDatasetOptions } from '../synthesis/dataset/options.js';
import type { FaithfulnessContext } from '../synthesis/evaluate/faithfulness-judge.js';
import type { ObedienceContext } from '../synthesis/evaluate/obedience.js';
import type { EvaluationOptions } from '../synthesis/evaluate/held-out.js';
import type { NetworkFiles } from '../synthesis/evaluate/networks/networks.js';
import type {
  BatchOptions,
  GenerateOptions,
  GenerateVideoOptions,
  SampleOptions,
  SynthesizerOptions,
} from '../synthesis/index.js';
import type {
  ConditionFramesOptions,
  GenerateFramesOptions,
} from '../synthesis/video/operators.js';
import type { StartRunOptions } from '../training/run/run-folder.js';
import type { TrainContext } from '../training/trainer.js';
import type {
  CarryOptions,
  DecodeOptions,
  EncodeOptions,
  MapFramesOptions,
  OpenVideoOptions,
  ProbeOptions,
  RawInput,
  SizeOptions,
} from '../video/index.js';

/** Names of options; of one that has options of its own, theirs. */
export interface Names {
  readonly [name: string]: true | Names;
}

/** Names that have none below them. */
const names = <K extends string>(...keys: readonly K[]): Readonly<Record<K, true>> =>
  Object.fromEntries(keys.map((key) => [key, true])) as Readonly<Record<K, true>>;

/** Each option of a type. */
type All<T> = Readonly<Record<keyof T, true | Names>>;

/** Those of a type: all of them, and no others. */
const of =
  <T>() =>
  <N extends All<T>>(names: N & Readonly<Record<Exclude<keyof N, keyof T>, never>>): N =>
    names;

const WATCHED = names('signal', 'log');
const RAW = of<RawInput>()(names('width', 'height', 'fps', 'pixelFormat'));
const SIZE = of<SizeOptions>()(names('width', 'height', 'fit', 'multipleOf'));
const COLOUR = of<InputColour>()(names('colourMatrix', 'colourRange'));
const CARRY = of<CarryOptions>()(names('from', 'subtitles', 'chapters', 'metadata'));

export const PROBE = of<ProbeOptions>()({
  ...names('count', 'sequenceFps', 'onDamage'),
  raw: RAW,
  ...WATCHED,
});

export const OPEN_VIDEO = of<OpenVideoOptions>()({ ...PROBE, ...names('threads') });

/** Of an opened video: how it is read was said when it was opened. */
const DECODE_OPENED = of<Omit<DecodeOptions, keyof ProbeOptions | 'info'>>()({
  size: SIZE,
  ...names('fps', 'startSeconds', 'startFrame', 'durationSeconds'),
  ...names('frames', 'pixelFormat', 'filter', 'oneToOne', 'preFilter'),
  ...names('sampling', 'pictures', 'colourMatrix', 'colourRange', 'threads'),
});

export const DECODE = of<DecodeOptions>()({ ...PROBE, ...DECODE_OPENED, info: true });

/** How what is made is written. */
const WRITTEN = {
  ...names('format', 'overwrite', 'codec', 'crf', 'preset', 'quality'),
  ...names('threads', 'outputPixelFormat'),
};

export const ENCODE = of<EncodeOptions>()({
  ...WRITTEN,
  ...names('fps', 'expects', 'filter', 'audioFrom', 'audioStartSeconds'),
  carry: CARRY,
  ...names('longestPauseSeconds', 'lastFrameSeconds'),
  ...WATCHED,
});

export const MAP_FRAMES = of<MapFramesOptions>()(names('inFlight'));

export const OPEN_MODEL = of<OpenModelOptions>()({
  ...names('width', 'height', 'engine', 'snapshot', 'device', 'threads'),
  ...names('inThisThread', 'style', 'styleSeed'),
  ...WATCHED,
});

export const SYNTHESIZER = of<SynthesizerOptions>()({ seed: true, ...WATCHED });

/** How an input is read. */
const READ = {
  raw: RAW,
  colour: COLOUR,
  ...names('sequenceFps', 'fps', 'onDamage', 'startSeconds', 'durationSeconds'),
  ...names('startFrames', 'actions', 'baseFolder', 'trustFilters'),
};

export const GENERATE = of<GenerateOptions>()({
  ...READ,
  ...names('seed', 'synthesizer', 'threads'),
  ...WATCHED,
});

/** What all videos of a batch have in common. */
const EACH_VIDEO = {
  ...READ,
  ...WRITTEN,
  carry: CARRY,
  ...names('sideBySide', 'audio', 'reads', 'segmentFrames'),
  ...WATCHED,
};

export const GENERATE_VIDEO = of<GenerateVideoOptions>()({
  ...EACH_VIDEO,
  ...names('input', 'output', 'video', 'seed', 'synthesizer', 'onFrame'),
});

export const GENERATE_FRAMES = of<GenerateFramesOptions>()({
  ...names('seed', 'startFrames', 'startConditions', 'startActions', 'actions'),
});

export const WITH_CONDITION = of<ConditionFramesOptions>()({
  ...names('trustFilters', 'baseFolder'),
});

export const SAMPLE = of<SampleOptions>()({
  ...names('frames', 'fps', 'seed', 'firstFrame', 'loop', 'synthesizer'),
});

export const BATCH_EVENTS = of<Omit<BatchOptions, 'onEvent'>>()({
  ...EACH_VIDEO,
  ...names('folder', 'shard', 'parallel', 'modelId', 'openSynthesizer'),
});

export const BATCH = of<BatchOptions>()({ ...BATCH_EVENTS, onEvent: true });

export const DATASET = of<GenerateDatasetOptions>()({
  ...READ,
  ...names('inputs', 'folder', 'format', 'seeds', 'sequenceNames', 'with'),
  ...names('threads', 'samplesPerShard', 'shard', 'parallel', 'overwrite', 'reads'),
  ...names('modelId', 'openSynthesizer', 'onEvent'),
  ...WATCHED,
});

export const EXPORT = of<ExportOptions>()({
  size: names('width', 'height'),
  ...names('target', 'batch', 'precision'),
  ...names('tolerance', 'ffmpeg', 'overwrite', 'baseFolder'),
  ...WATCHED,
});

export const BACKEND = of<BackendOptions>()(names('prefer', 'native', 'log'));

export const LOAD = of<LoadOptions>()(names('set', 'clips', 'keyframes', 'cwd', 'from'));

export const START_RUN = of<StartRunOptions>()({
  ...names('name', 'pipelineYaml', 'folder', 'root', 'resume', 'from', 'log'),
});

export const OPEN_ORIGIN = of<OpenOriginOptions>()(names('snapshot', 'log'));

export const OPEN_DATASET = of<DatasetContext>()({
  ...names('seed', 'baseFolder', 'historyFrames', 'conditionFrames'),
  ...names('windowFrames', 'cacheFolder', 'onProgress', 'onBroken'),
  ...names('findAllBroken', 'trustFilters', 'motion'),
  ...WATCHED,
});

export const CLUSTER = of<Cluster>()(names('addresses', 'rank'));
export const JOIN = of<JoinOptions>()({
  ...names('waitSeconds', 'trustNetwork', 'prefer'),
  ...WATCHED,
});

export const TRAIN = of<TrainContext>()({
  ...names('run', 'group', 'baseFolder', 'maxMinutes', 'snapshot', 'onProgress', 'onOpening'),
  ...names('onOpened', 'onEvaluation', 'cacheFolder', 'trustFilters'),
  ...WATCHED,
});

export const FAITHFULNESS = of<FaithfulnessContext>()({
  ...names('data', 'dataset', 'training', 'frames', 'segmenter', 'seed'),
  ...names('trustFilters', 'signal', 'onTraining'),
});

export const OBEDIENCE = of<ObedienceContext>()(
  names('dataset', 'training', 'dynamics', 'seed', 'signal', 'onTraining'),
);

export const EVALUATE = of<EvaluationOptions>()({
  ...names('framesPerSegment', 'mostFrames', 'rollouts', 'baselines', 'coldStart', 'training'),
  ...names('mostTrainingFrames', 'flow', 'stripMoments', 'signal'),
  ...names('onScored', 'onFrame', 'faithfulness', 'obedience', 'networks'),
});

export const NETWORKS = of<NetworkFiles>()(
  names('lpips', 'features', 'videoFeatures', 'segmenter'),
);
