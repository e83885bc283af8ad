import { z } from 'zod';
import { dataOptions, divisionProblem, patchProblem } from '../clips/options.js';
import {
  frameDiscriminatorOptions,
  generatorOptions,
  sequenceDiscriminatorOptions,
} from '../networks/options.js';
import { lossOptions, trainingOptions, type GrowingOptions } from '../training/options.js';

/** All of a pipeline file. Each layer owns its section; here they are only put together. */
export const pipelineSections = z.strictObject({
  name: z
    .string()
    .regex(
      /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]*$/u,
      'a name holds letters, digits, ".", "_" and "-" only, and begins with a letter or digit',
    )
    .describe("Names the run's folder; the file's own name unless given."),
  seed: z
    .int()
    .min(0)
    .default(1)
    .describe('Where all randomness comes from: the same seed and data give the same training.'),
  data: dataOptions.prefault({}).describe('Clips, conditions and what is held out.'),
  generator: generatorOptions.prefault({}).describe('The network that makes the frames.'),
  frameDiscriminator: frameDiscriminatorOptions
    .prefault({})
    .describe('The network that judges single frames.'),
  sequenceDiscriminator: sequenceDiscriminatorOptions
    .prefault({})
    .describe('The networks that judge motion over several frames.'),
  losses: lossOptions.prefault({}).describe('What training minimizes, term by term.'),
  training: trainingOptions.prefault({}).describe('Steps, rates, rollouts and what is written.'),
  about: z
    .strictObject({
      author: z.string().min(1).max(200).optional().describe('Whose the trained generator is.'),
      licence: z
        .string()
        .min(1)
        .max(200)
        .optional()
        .describe('What may be done with it, as CC-BY-4.0.'),
    })
    .optional()
    .describe('What exported files say of the generator.'),
});

type Sections = z.output<typeof pipelineSections>;

/** Is there a loss for this generator and these discriminators that has a weight? */
function learns({ losses, generator, sequenceDiscriminator }: Sections): boolean {
  const { frameAdversarial, featureMatching, reconstruction, rawReconstruction } = losses;
  const pictures = frameAdversarial + featureMatching + reconstruction + rawReconstruction;
  const motion = sequenceDiscriminator.temporalStrides.length > 0 ? losses.sequenceAdversarial : 0;
  const flow = generator.flow ? losses.warp + losses.flowSmoothness : 0;
  return pictures + motion + flow > 0;
}

type Tell = (path: readonly string[], message: string) => void;

/** What a generator without memory leaves no room for. */
function withoutMemory({ generator, training }: Sections, tell: Tell): void {
  if (generator.historyFrames > 0) return;
  const none = 'generator.historyFrames is 0';
  if (generator.flow) {
    tell(
      ['generator', 'flow'],
      `${none}: there is no last frame that flow could move, set it to false`,
    );
  }
  if (training.warmUp.frames > 0 && training.warmUp.fraction > 0) {
    tell(['training', 'warmUp', 'frames'], `${none}: nothing is left of a warm-up, set it to 0`);
  }
  if (training.teacherForcing.probability > 0) {
    tell(
      ['training', 'teacherForcing', 'probability'],
      `${none}: no history can be shown, set it to 0`,
    );
  }
}

/** Keyframes stand alone, so what makes each frame has to do so too. */
function aroundKeyframes(all: Sections, tell: Tell): void {
  const { data, generator, training, sequenceDiscriminator } = all;
  const { condition } = data;
  if (!data.keyframes) {
    if (condition.kind === 'derived' && condition.preset === 'picture') {
      tell(
        ['data', 'condition'],
        'a condition that is the frame itself leaves nothing to learn without data.keyframes, the frames as they were painted over (train --keyframes DIR)',
      );
    }
    return;
  }
  const wrong = [
    condition.kind === 'none' && 'data.condition is none',
    data.actions !== undefined && 'data.actions are given',
    generator.historyFrames > 0 && `generator.historyFrames is ${generator.historyFrames}, not 0`,
    generator.conditionFrames > 1 &&
      `generator.conditionFrames is ${generator.conditionFrames}, not 1`,
    training.frames > 1 && `training.frames is ${training.frames}, not 1`,
    sequenceDiscriminator.temporalStrides.length > 0 &&
      `sequenceDiscriminator.temporalStrides is [${sequenceDiscriminator.temporalStrides.join(', ')}], not []`,
    data.strideFrames.some((stride) => stride > 1) && 'data.strideFrames is not 1',
  ].filter((one) => one !== false);
  if (wrong.length === 0) return;
  tell(
    ['data', 'keyframes'],
    `keyframes stand alone and teach to make each frame of its condition alone, and ${wrong.join(', ')}; the pipeline keyframes is made for them`,
  );
}

/** Frames that are to grow have to be of whole pixels while they are small, and to have grown before the end. */
function growingProblem({ data, training }: Sections): { key: string; message: string } | null {
  const { growing, steps, minutes } = training;
  if (typeof growing === 'string') return null;
  const { divideBy, untilSteps } = growing;
  const size = divisionProblem(data.size, divideBy);
  if (size !== undefined) return { key: 'divideBy', message: size };
  if (typeof untilSteps !== 'number' || minutes !== undefined || untilSteps < steps) return null;
  const message = `${untilSteps} is not before the end of ${steps} steps: frames would never be of data.size`;
  return { key: 'untilSteps', message };
}

/** What `training.growing: auto` is where small frames first were measured to make better pictures of the same time. */
const SMALL_FIRST: GrowingOptions = { divideBy: 2, untilSteps: '50%', leastSteps: 1000 };
/** Of halved frames, the shorter side that outlines can still be read on. */
const READABLE_SIDE = 36;

/** Frames grow by themselves where outlines are learned, whole, at a size that halves. */
function decidedGrowing({ data, training }: Sections): GrowingOptions {
  if (training.growing !== 'auto') return training.growing;
  const { condition, size, patch, keyframes } = data;
  const isOfOutlines = condition.kind === 'derived' && condition.preset === 'edges';
  const halves = divisionProblem(size, 2) === undefined;
  const isReadable = Math.min(size.width, size.height) >= 2 * READABLE_SIDE;
  return isOfOutlines && halves && isReadable && !patch && !keyframes ? SMALL_FIRST : 'off';
}

/** {@link pipelineSections}, and what one of them asks of another. */
export const pipelineSchema = pipelineSections
  .refine(learns, {
    path: ['losses'],
    message:
      'nothing is left to learn: warp and flowSmoothness are of a generator with flow, sequenceAdversarial of sequence discriminators, and no other term has a weight',
  })
  .superRefine((all, context) => {
    const tell: Tell = (path, message) =>
      context.addIssue({ code: 'custom', path: [...path], message });
    aroundKeyframes(all, tell);
    withoutMemory(all, tell);
    const growing = growingProblem(all);
    if (growing) tell(['training', 'growing', growing.key], growing.message);
    const patch = patchProblem(all.data);
    if (patch !== undefined) tell(['data', 'patch'], patch);
  })
  .transform((all) => ({ ...all, training: { ...all.training, growing: decidedGrowing(all) } }));

/** A pipeline with every default in its place. */
export type Pipeline = z.output<typeof pipelineSchema>;
