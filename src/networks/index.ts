export { actionNumbers, actionsAt, isOfActions } from './acting.js';
export {
  createDiscriminator,
  type Discriminator,
  type JudgedActions,
  type Judgement,
} from './discriminator.js';
export { createDiscriminators, frameRuns, runSpan, type Discriminators } from './discriminators.js';
export {
  createGenerator,
  type Generator,
  type GeneratorInput,
  type GeneratorOutput,
} from './generator.js';
export { GENERATOR_MULTIPLE, type GeneratorBlock } from './generator-blocks.js';
export { createInverseDynamics, type InverseDynamics } from './inverse-dynamics.js';
export type { Size } from './layers.js';
export {
  frameDiscriminatorOptions,
  GENERATOR_PRESETS,
  generatorOptions,
  generatorWidth,
  sequenceDiscriminatorOptions,
  type FrameDiscriminatorOptions,
  type GeneratorOptions,
  type SequenceDiscriminatorOptions,
} from './options.js';
export {
  ParameterLayout,
  type NamedArrays,
  type Parameters,
  type ParameterSpec,
} from './parameters.js';
export { placesOf, type FramePart } from './places.js';
export { createSegmenter, type Segmenter } from './segmenter.js';
export { createSpectralNorm, type SpectralNorm } from './spectral-norm.js';
export { isOfLooks, STYLE_ENCODER } from './style.js';
export { transferParameters, type Transfer } from './transfer.js';
export { withGains } from './weight-norm.js';
export { foldFrames, foldTime, frameAt, unfoldTime } from './time.js';
