/** Every type that the root, `frameloom/video` and `frameloom/train` show, by its name. */
export type { Block } from '../backend/graph/blocks.js';
export type { NvidiaCard } from '../backend/gpu.js';
export type { Cluster, Group, JoinOptions } from '../backend/group/index.js';
export type { NamedTensors } from '../backend/graph/named.js';
export type { BackendOptions, BackendReport } from '../backend/index.js';
export type { BackendChoice, BackendName, PassedOver } from '../backend/ladder.js';
export type { AdapterFacts, AdapterLimits } from '../backend/webgpu/dawn.js';
export type { ThreadReport } from '../backend/report.js';
export type { ErrorCode, ErrorDetail } from '../base/error.js';
export type { LogLevel, LogOptions, Logger } from '../base/log.js';
export type { Rational } from '../base/rational.js';
export type { Share } from '../base/share.js';
export type { Augmentation } from '../clips/augment.js';
export type { Patch } from '../clips/patch.js';
export type { BrokenClip } from '../clips/broken.js';
export type { ConditionKind, ConditionOptions } from '../clips/condition-options.js';
export type {
  ConditionContext,
  ConditionSource,
  ConditionStream,
  InputColour,
} from '../clips/condition.js';
export type { DataOptions } from '../clips/options.js';
export type { FrameSpan } from '../clips/split.js';
export type {
  ActionColumn,
  ActionColumnReport,
  ActionsReport,
  ClipReport,
  Colour,
  ConditionLayout,
  Dataset,
  DatasetContext,
  DatasetReport,
  FrameRange,
  HeldOutSegment,
  KeyframeReport,
  LabelShare,
  Motion,
  MotionEstimator,
  OpeningProgress,
  Window,
  WindowFeed,
  WindowOrigin,
  WindowRequest,
} from '../clips/types.js';
export type { Comparison } from '../export/compare.js';
export type {
  About,
  ExportModel,
  ExportOptions,
  ExportResult,
  Precision,
} from '../export/export-generator.js';
export type { FloatType } from '../export/graph.js';
export type { ExportedCondition } from '../export/metadata-fields.js';
export type { ExportedInfo, FixedSize } from '../export/metadata.js';
export type { Device } from '../export/runtime.js';
export type { ExportTarget } from '../export/targets.js';
export type { Interval } from '../metrics/bootstrap.js';
export type { RolloutComparison, RolloutMeasureOptions } from '../metrics/evaluate-rollout.js';
export type { Faithfulness, MadeAndReal } from '../metrics/faithfulness.js';
export type { ActionKind } from '../metrics/action-agreement.js';
export type { Obedience, Obeyed } from '../metrics/obedience.js';
export type { Flicker } from '../metrics/flicker.js';
export type { NetworkIntervals, NetworkMeasures } from '../metrics/network-measures.js';
export type {
  FrameScores,
  JudgedFrameScores,
  RolloutDrift,
  RolloutIntervals,
  RolloutMeasures,
} from '../metrics/rollout-measures.js';
export type { Image, ImageSize } from '../metrics/image.js';
export type { FlowEstimator, FlowField } from '../metrics/optical-flow.js';
export type { ClipStyle } from '../networks/clip-styles.js';
export type { GeneratorBlock, GeneratorTensors } from '../networks/generator-blocks.js';
export type { Generator, GeneratorInput, GeneratorOutput } from '../networks/generator.js';
export type { Size } from '../networks/layers.js';
export type {
  FrameDiscriminatorOptions,
  GeneratorOptions,
  SequenceDiscriminatorOptions,
} from '../networks/options.js';
export type {
  Initializer,
  ParameterLayout,
  NamedArrays,
  ParameterSpec,
  Parameters,
} from '../networks/parameters.js';
export type { LoadOptions, LoadedPipeline } from '../pipeline/load.js';
export type { StyleOptions } from '../pipeline/choose-style.js';
export type { EngineChoice, Model, OpenModelOptions } from '../pipeline/open-model.js';
export type { OpenOriginOptions } from '../pipeline/open-origin.js';
export type { RunModel } from '../pipeline/run-model.js';
export type { Pipeline } from '../pipeline/schema.js';
export type { BatchEvent, BatchOptions, BatchSummary } from '../synthesis/batch/batch.js';
export type { JobSettings } from '../synthesis/batch/job.js';
export type { BatchJob, Shard } from '../synthesis/batch/template.js';
export type { DatasetSummary, GenerateDatasetOptions } from '../synthesis/dataset/options.js';
export type { DatasetFormat, Extra } from '../synthesis/dataset/names.js';
export type { SequenceJob } from '../synthesis/dataset/plan.js';
export type { SequenceSettings } from '../synthesis/dataset/sequence.js';
export type { LatencyFigures } from '../synthesis/engines/latency.js';
export type { SynthesizerOptions } from '../synthesis/engines/open.js';
export type {
  DetailedFrame,
  NextOptions,
  Synthesizer,
  SynthesizerState,
} from '../synthesis/engines/synthesizer.js';
export type { GivenActions } from '../synthesis/engines/told-actions.js';
export type {
  FaithfulnessContext,
  FaithfulnessJudge,
} from '../synthesis/evaluate/faithfulness-judge.js';
export type {
  SegmenterTraining,
  SharedSegmenter,
  TrainedSegmenter,
} from '../synthesis/evaluate/segmenter.js';
export type {
  ObedienceContext,
  ObedienceJudge,
  ObeyingFrame,
  SharedInverseDynamics,
} from '../synthesis/evaluate/obedience.js';
export type {
  InverseDynamicsTraining,
  TrainedInverseDynamics,
} from '../synthesis/evaluate/inverse-dynamics.js';
export type { Rollout } from '../synthesis/evaluate/choose-rollouts.js';
export type { RowMeasures } from '../synthesis/evaluate/combine-measures.js';
export type {
  JudgeContext,
  NetworkFiles,
  NetworkKind,
  Networks,
  NetworksFound,
  NetworksJudge,
  UsedNetwork,
} from '../synthesis/evaluate/networks/networks.js';
export type { JudgedRow, JudgedRows, RowsFrame } from '../synthesis/evaluate/networks/rows.js';
export type {
  Evaluation,
  EvaluationOptions,
  EvaluationRow,
  EvaluationRows,
} from '../synthesis/evaluate/held-out.js';
export type { Picture } from '../synthesis/evaluate/pictures.js';
export type { ScoredFrame } from '../synthesis/evaluate/rollout-video.js';
export type { ExportedModel } from '../synthesis/models/exported-model.js';
export type { AnyModel, SynthesisModel, TrainedGenerator } from '../synthesis/models/model.js';
export type { SizeChoice } from '../synthesis/models/run-size.js';
export type { SampleOptions } from '../synthesis/sample/sample.js';
export type { GenerateVideoOptions, OutputChoice } from '../synthesis/video/generate-video.js';
export type { GenerateOptions } from '../synthesis/video/generate.js';
export type {
  ConditionFramesOptions,
  GenerateFramesOptions,
} from '../synthesis/video/operators.js';
export type { LossOptions, TrainingOptions } from '../training/options.js';
export type { Origin, OriginCondition, OriginDescription } from '../training/run/origin.js';
export type { Run, RunPaths, StartRunOptions } from '../training/run/run-folder.js';
export type { SnapshotChoice, SnapshotTensors } from '../training/run/snapshot-store.js';
export type { TrainEnding } from '../training/budget.js';
export type {
  TrainContext,
  TrainProgress,
  TrainResult,
  TrainingPipeline,
} from '../training/trainer.js';
export type { TimesAhead } from '../video/container-clock.js';
export type { FrameSource } from '../video/from-frames.js';
export type { OpenedVideo } from '../video/open.js';
export type { PixelFormat } from '../video/pixel-format.js';
export type {
  CarryOptions,
  ColourMatrix,
  DecodeOptions,
  EncodeOptions,
  EncodeResult,
  Fit,
  Frame,
  FrameShape,
  OnDamage,
  OutputFormatName,
  PictureChange,
  ProbeOptions,
  RawInput,
  Rotation,
  SizeOptions,
  VideoCodec,
  VideoColour,
  VideoInfo,
} from '../video/types.js';
