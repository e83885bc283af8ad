import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import { inBench } from '../support/files.js';
import { SIZE, paletteOf, sceneFile, type SceneName } from './scenes.js';

/** A value of a pipeline's key. */
type Value =
  number | string | boolean | null | readonly Value[] | { readonly [key: string]: Value };
export type Keys = Readonly<Record<string, Value>>;

export interface Setting {
  readonly name: string;
  /** What is hostile about it, for people. */
  readonly about: string;
  /** Drawn by the bench, or the sample that comes along. */
  readonly clips: readonly SceneName[] | 'street';
  /** What the generator is told. */
  readonly condition: 'labels' | 'edges' | 'none';
  /** Keys that are not as in `BASE`, by their dotted paths. */
  readonly keys: Keys;
  /** Nothing is wrong with it: it shows what control costs. */
  readonly healthy?: true;
}

const STEPS = 120;
/** Where there is more to learn, a young generator ignores its condition with any discriminators. */
const longer = (times: number): Keys => ({ 'training.steps': times * STEPS });

/**
 * What all have in common: small, and few kinds of steps, because recording the first of each kind takes
 * longer than a hundred of the others.
 */
export const BASE: Keys = {
  'data.size': `${SIZE.width}x${SIZE.height}`,
  'generator.preset': 'tiny',
  'training.steps': STEPS,
  'training.frames': 4,
  'training.rollout.startFrames': 4,
  'training.warmUp.frames': 4,
  'training.coldStartFraction': 0,
  'training.gradientCheckpointing': 'off',
  'training.evaluateEverySteps': '25%',
  'training.sampleEverySteps': '100%',
  'training.snapshotEverySteps': '25%',
};

const JUDGES_RATE = 'training.optimizer.discriminatorLearningRate';
const GENERATOR_RATE = 'training.optimizer.generatorLearningRate';
/** The default weights keep nearly any training on its feet: real frames say most of what to make. */
const atWeight = (weight: number): Keys => ({
  'losses.frameAdversarial': weight,
  'losses.sequenceAdversarial': weight,
});
/** Discriminators that are asked more than real frames are, as many a recipe of others has it. */
const judged = (weight: number): Keys => ({
  ...atWeight(weight),
  'losses.reconstruction': 1,
  'losses.rawReconstruction': 1,
  'losses.warp': 1,
});
/** Discriminators alone. */
const judgedAlone = (weight: number): Keys => ({
  ...atWeight(weight),
  'losses.reconstruction': 0,
  'losses.rawReconstruction': 0,
  'losses.warp': 0,
});
const noSpectralNorm: Keys = {
  'frameDiscriminator.spectralNorm': false,
  'sequenceDiscriminator.spectralNorm': false,
};
const judgesOf = (channels: number): Keys => ({
  'frameDiscriminator.channels': channels,
  'sequenceDiscriminator.channels': channels,
});

const onFair = { clips: ['fair'], condition: 'labels' } as const;

export const SETTINGS: readonly Setting[] = [
  {
    name: 'judges-rate',
    about: 'discriminators learn ten times as fast, and weigh four times as much as real frames',
    ...onFair,
    keys: { [JUDGES_RATE]: 4e-3, ...judged(4) },
  },
  {
    name: 'generator-rate',
    about: 'the generator learns ten times as fast',
    ...onFair,
    keys: { [GENERATOR_RATE]: 1e-2, ...judged(4) },
  },
  {
    name: 'short-clip',
    about: '40 frames, and discriminators that can learn them by heart',
    clips: ['short'],
    condition: 'labels',
    keys: { ...judgesOf(32), ...judged(4), [JUDGES_RATE]: 1e-3 },
  },
  {
    name: 'full-weight',
    about: 'a tiny generator, discriminators at four times the weight of real frames',
    ...onFair,
    keys: judged(4),
  },
  {
    name: 'noise-16',
    about: '16 channels of noise',
    ...onFair,
    keys: { 'generator.noiseChannels': 16, ...judged(4) },
  },
  {
    name: 'no-spectral-norm',
    about: 'discriminators without spectral norm',
    ...onFair,
    keys: { ...noSpectralNorm, ...judged(4) },
  },
  {
    name: 'no-spectral-norm-rate',
    about: 'without spectral norm, and ten times as fast',
    ...onFair,
    keys: { ...noSpectralNorm, ...judged(4), [JUDGES_RATE]: 4e-3 },
  },
  {
    name: 'rollout-64',
    about: 'rollouts of 64 frames',
    ...onFair,
    keys: {
      ...judged(4),
      'data.size': '32x24',
      'training.steps': 240,
      'training.frames': 64,
      'training.rollout.startFrames': 64,
      'training.warmUp.frames': 0,
      'training.gradientCheckpointing': { every: 4 },
    },
  },
  {
    name: 'batch-4',
    about: 'four windows a step, both sides as much faster',
    ...onFair,
    keys: {
      ...judged(4),
      'training.batch': 4,
      'training.steps': 80,
      [GENERATOR_RATE]: 4e-3,
      [JUDGES_RATE]: 1.6e-3,
    },
  },
  {
    name: 'rare-class',
    about: 'label maps with a class that is in a tenth of the frames',
    clips: ['rare'],
    condition: 'labels',
    keys: judged(4),
  },
  {
    name: 'three-clips',
    about: 'three clips of other lengths and looks',
    clips: ['three-a', 'three-b', 'three-c'],
    condition: 'edges',
    keys: { ...judged(4), ...longer(4) },
  },
  {
    name: 'no-feature-matching',
    about: 'no feature matching, which holds a generator at the real features',
    ...onFair,
    keys: { ...judged(4), 'losses.featureMatching': 0 },
  },
  {
    name: 'no-reconstruction',
    about: 'no reconstruction: only the discriminators say what to make',
    ...onFair,
    keys: judgedAlone(1),
  },
  {
    name: 'hinge',
    about: 'hinge loss, whose gradient does not fall as the generator nears',
    ...onFair,
    keys: { 'losses.adversarial': 'hinge', ...judged(4) },
  },
  {
    name: 'non-saturating',
    about: 'non-saturating loss, whose gradient is smaller, at ten times the weight of real frames',
    ...onFair,
    keys: { 'losses.adversarial': 'non-saturating', ...judged(10) },
  },
  {
    name: 'still-clip',
    about: 'a still picture with one small thing that moves',
    clips: ['still'],
    condition: 'labels',
    keys: judged(4),
  },
  {
    name: 'fast-cuts',
    about: 'another scene every 12 frames',
    clips: ['cuts'],
    condition: 'edges',
    keys: { ...judged(4), ...longer(2) },
  },
  {
    name: 'wide-judges',
    about: 'discriminators of eight times the channels against the smallest generator',
    ...onFair,
    keys: { 'generator.channels': 6, ...judgesOf(48), ...judged(8) },
  },
  {
    name: 'no-condition',
    about: 'no condition, eight channels of noise, discriminators alone',
    clips: ['fair'],
    condition: 'none',
    keys: {
      'generator.noiseChannels': 8,
      'generator.conditionFrames': 1,
      ...judgedAlone(4),
      ...longer(3),
    },
  },
  {
    name: 'history-1',
    about: 'one frame of history',
    clips: ['fair'],
    condition: 'edges',
    keys: { 'generator.historyFrames': 1, ...judged(4) },
  },
  {
    name: 'healthy-labels',
    about: 'label maps, weights as for the smallest network',
    ...onFair,
    keys: atWeight(0.4),
    healthy: true,
  },
  {
    name: 'healthy-edges',
    about: 'outlines, a little more of the past',
    clips: ['fair'],
    condition: 'edges',
    keys: atWeight(0.4),
    healthy: true,
  },
  {
    name: 'healthy-street',
    about: 'the sample’s label maps',
    clips: 'street',
    condition: 'labels',
    keys: { ...atWeight(0.4), ...longer(3) },
    healthy: true,
  },
];

/** A path in `samples/`. */
const sample = (name: string): string => inBench(`../samples/${name}`);

/**
 * All keys of a training.
 * @param scene draws what has to be drawn
 */
export async function keysOf(
  { clips, condition, keys }: Setting,
  scene: (name: SceneName, isLabel: boolean) => Promise<string>,
): Promise<Keys> {
  const isStreet = clips === 'street';
  const paths = isStreet
    ? [sample('street.mp4')]
    : await Promise.all(clips.map((name) => scene(name, false)));
  const told = async (): Promise<Value> => {
    if (condition !== 'labels') return condition;
    const maps = isStreet
      ? [sample('street-labels.mkv')]
      : await Promise.all(clips.map((name) => scene(name, true)));
    const palette = isStreet ? sample('street-palette.json') : paletteOf(clips[0]!);
    return { kind: 'paired', content: 'labels', path: maps, palette };
  };
  return { ...BASE, ...keys, 'data.clips': paths, 'data.condition': await told() };
}

/** All that a run is asked for, in one word; folders of this machine are no part of it. */
export async function askedOf(setting: Setting, seed: number, side: string): Promise<string> {
  const keys = await keysOf(setting, (name, isLabel) => Promise.resolve(sceneFile(name, isLabel)));
  const text = JSON.stringify([keys, seed, side]).replaceAll(inBench('..'), '');
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Keys by their dotted paths as the text of a pipeline. */
export function pipelineText(keys: Keys): string {
  const root: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(keys)) {
    const names = path.split('.');
    let at = root;
    for (const name of names.slice(0, -1)) at = (at[name] ??= {}) as Record<string, unknown>;
    at[names.at(-1)!] = value;
  }
  return stringify(root);
}
