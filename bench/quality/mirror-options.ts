import { GENERATOR_PRESETS } from '../../src/networks/index.js';
import { generatorWidth } from '../../src/networks/options.js';
import type { PlannedStep } from '../../src/training/schedule.js';
import type { TrainingPipeline } from '../../src/training/trainer.js';

/** A pipeline's networks and losses, as `StepOptions` of bench/peers/mirror_step.py names them. */
export type MirrorOptions = Readonly<Record<string, number | string | boolean | readonly number[]>>;

type Section = Readonly<Record<string, unknown>>;

/** What has no weight, or is off; and how often something is done, which has a weight of its own. */
const isIdle = (key: string, value: unknown): boolean =>
  value === 0 || value === false || value === null || value === 'off' || key.endsWith('EverySteps');

/**
 * Refuses what a section asks for and the mirror does not do, keys that nobody here knows of included.
 * @param known how each key has to be; undefined where any value is taken over
 */
function assertKnown(name: string, section: object, known: Section): void {
  for (const [key, value] of Object.entries(section) as [string, unknown][]) {
    if (value === undefined) continue;
    const isKnown = Object.hasOwn(known, key);
    if (isKnown && (known[key] === undefined || known[key] === value)) continue;
    if (!isKnown && isIdle(key, value)) continue;
    throw new Error(
      `PyTorch's side has no ${name}.${key} of ${JSON.stringify(value)}: compare without it, or teach bench/peers/mirror_step.py`,
    );
  }
}

const any = undefined;
const IMAGE_CHANNELS = 3;

/** Of a judge, what the mirror has only one of for both. */
const judgeOf = (options: Section, width: number): Section => ({
  channels: options.channels === 'auto' ? width : options.channels,
  layers: options.layers,
  scales: options.scales,
  antiAlias: options.antiAlias,
});

/** A pipeline without what only Frameloom's trainings do beside their steps; they are of whole frames then. */
export function withoutExtras<P extends Pick<TrainingPipeline, 'training'>>(pipeline: P): P {
  const { training } = pipeline;
  const histories = { ...training.histories, fraction: 0, judgedFraction: 0 };
  return { ...pipeline, training: { ...training, stability: 'off', growing: 'off', histories } };
}

/**
 * The mirror's options for a pipeline.
 * @throws Error for what the mirror does not do, so that no comparison is of other networks or losses in silence
 */
export function mirrorOptions(
  pipeline: Omit<TrainingPipeline, 'name'>,
  conditionChannels: number,
): MirrorOptions {
  const { data, generator, frameDiscriminator, sequenceDiscriminator, losses, training } = pipeline;
  if (conditionChannels === 0) throw new Error("PyTorch's side needs a condition");
  assertKnown('data', { actions: data.actions }, {});
  const isOfClasses = conditionChannels > IMAGE_CHANNELS;
  const by = generator.normalization;
  const byWeights = by === 'auto' ? isOfClasses : by === 'weights';
  const hasPositions = generator.positions === 'auto' ? isOfClasses : generator.positions;
  const { historyFrames, conditionFrames } = generator;
  const preset = GENERATOR_PRESETS[generator.preset];
  assertKnown('generator', generator, {
    ...{ preset: any, channels: any, residualBlocks: any, branchBlocks: any, normalization: any },
    ...{
      conditionFrames: any,
      modulation: any,
      flowScalePixels: any,
      noiseChannels: 0,
      flow: true,
    },
    // Of what is generated, and not of what is trained.
    holdStill: any,
    historyFrames: historyFrames > 0 ? any : NaN,
    // In the mirror pixels know their place where weights are normalized, and nowhere else.
    positions: hasPositions === byWeights ? any : NaN,
  });
  const width = generatorWidth(generator);
  const judge = judgeOf(frameDiscriminator, width);
  const common = {
    ...{ channels: any, layers: any, scales: any, antiAlias: any, spectralNorm: true },
  };
  const ofJudges = { ...common, instanceNorm: false };
  assertKnown('frameDiscriminator', frameDiscriminator, { ...ofJudges, judgeRaw: any });
  assertKnown('sequenceDiscriminator', sequenceDiscriminator, {
    ...{ ...ofJudges, frames: any, temporalStrides: any },
  });
  assertKnown('sequenceDiscriminator', judgeOf(sequenceDiscriminator, width), judge);
  assertKnown('losses', losses, {
    ...{ adversarial: any, featureMatching: any, warp: any, flowSmoothness: any },
    ...{ reconstruction: any, rawReconstruction: losses.reconstruction },
    ...{ frameAdversarial: 1, sequenceAdversarial: 1, r1: 0, r2: 0, lecam: 0 },
    // Of penalties that there are none of, of spectra, and of actions.
    ...{ penalty: any, penaltySigma: any, focalFrequencyPatches: any, mismatchedActions: any },
  });
  assertKnown('training.teacherForcing', { probability: training.teacherForcing.probability }, {});
  const { channels, layers, scales } = judge as Record<string, number>;
  return {
    channels: width,
    blocks: generator.residualBlocks ?? preset.residualBlocks,
    branch_blocks: generator.branchBlocks ?? preset.branchBlocks,
    condition_channels: conditionChannels,
    condition_frames: conditionFrames,
    history_frames: historyFrames,
    flow_scale_pixels: generator.flowScalePixels,
    by_weights: byWeights,
    modulated: generator.modulation === 'condition',
    judge_channels: channels!,
    judge_layers: layers!,
    judge_scales: scales!,
    anti_alias: frameDiscriminator.antiAlias,
    sequence_frames: sequenceDiscriminator.frames,
    temporal_strides: sequenceDiscriminator.temporalStrides,
    judge_raw: frameDiscriminator.judgeRaw,
    adversarial: losses.adversarial,
    feature_matching: losses.featureMatching,
    reconstruction: losses.reconstruction,
    warp: losses.warp,
    flow_smoothness: losses.flowSmoothness,
    beta1: training.optimizer.beta1,
    beta2: training.optimizer.beta2,
  };
}

/**
 * Refuses a step that does something beside what the mirror is told of it.
 * @throws Error
 */
export function assertMirrored(planned: PlannedStep): void {
  const { request, teacherForced, plan } = planned;
  assertKnown('step', planned, {
    ...{ request: any, coldStart: any, teacherForced: any, plan: any },
  });
  assertKnown('windows', request, {
    ...{ frames: any, batch: any, roomFrames: any, warmUpFrames: any, attempt: any, divideBy: 1 },
  });
  assertKnown('plan', plan, {
    // How memory is spared, which changes no number.
    ...{ segments: any, stretches: any, judgedFrames: any },
    ...{ step: any, judgeRaw: any, beta1: any, beta2: any, averageShare: any },
    ...{ generatorLearningRate: any, discriminatorLearningRate: any },
    ...{ adversarialWeight: 1, matchingWeight: 1, gradientCarried: 1 },
  });
  if (teacherForced.includes(true)) throw new Error("PyTorch's side forces no frames");
}
