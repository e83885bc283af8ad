import { z } from 'zod';

/** Base channels and residual blocks of each size of generator. */
export const GENERATOR_PRESETS = {
  tiny: { channels: 12, residualBlocks: 2, branchBlocks: 1 },
  small: { channels: 24, residualBlocks: 3, branchBlocks: 1 },
  base: { channels: 48, residualBlocks: 6, branchBlocks: 2 },
  large: { channels: 96, residualBlocks: 9, branchBlocks: 3 },
} as const;

/** Frames of its own past that a generator keeps at the most. */
const MOST_HISTORY = 16;

export const generatorOptions = z.strictObject({
  preset: z
    .enum(['tiny', 'small', 'base', 'large'])
    .default('small')
    .describe('Size of the network; the numbers below override it. small trains on two cores.'),
  channels: z
    .int()
    .min(4)
    .max(512)
    .optional()
    .describe(
      'Base width: twice as many features at half, four times at a quarter of the resolution.',
    ),
  residualBlocks: z
    .int()
    .min(0)
    .max(64)
    .optional()
    .describe('Residual blocks shared by the image and the flow.'),
  branchBlocks: z
    .int()
    .min(0)
    .max(64)
    .optional()
    .describe('Residual blocks of the image branch after the shared ones.'),
  historyFrames: z
    .int()
    .min(0)
    .max(MOST_HISTORY)
    .default(2)
    .describe(
      'Frames of its own past that the generator sees; 0 for none: each frame is made by itself, from its condition alone.',
    ),
  historyAges: z
    .array(z.int().min(1).max(MOST_HISTORY))
    .min(1)
    .refine((ages) => ages[0] === 1, 'the newest frame, 1, has to be among them')
    .refine((ages) => ages.every((age, i) => i === 0 || age > ages[i - 1]!), 'ages have to rise')
    .optional()
    .describe(
      'Which of the last historyFrames frames it sees, by how many frames ago they were, such as [1, 2, 4, 8] of 8: a longer past for the arithmetic of a short one. All of them unless given.',
    ),
  conditionFrames: z
    .int()
    .min(1)
    .max(16)
    .default(3)
    .describe('Frames of the condition that the generator sees, the current one included.'),
  noiseChannels: z
    .int()
    .min(0)
    .max(256)
    .default(0)
    .describe('Channels of normal noise added at the coarsest resolution; 0 is deterministic.'),
  styleChannels: z
    .int()
    .min(0)
    .max(64)
    .default(0)
    .describe(
      'Numbers that a look is told by, where clips have several: an encoder makes them of a picture, and they scale and shift features. 4 to 16 are enough; 0 for none.',
    ),
  normalization: z
    .enum(['auto', 'weights', 'instance'])
    .default('auto')
    .describe(
      'What keeps features at one deviation: the weights (Salimans & Kingma 2016), which leaves classes their colours, or each picture by itself (Ulyanov et al. 2016), which brings what is far away together; auto is weights for conditions of more than three channels, as classes are, and instance for others.',
    ),
  positions: z
    .union([z.literal('auto'), z.boolean()])
    .default('auto')
    .describe(
      'Show the encoders where in the picture each pixel lies; auto is true for conditions of more than three channels, whose regions look alike wherever they are, and false for others, which would learn by heart what is where.',
    ),
  modulation: z
    .enum(['none', 'condition'])
    .default('none')
    .describe(
      'What the features of the residual blocks are multiplied by and moved by after they are normalized: nothing, or one map of the condition for all of them (after SPADE, Park et al. 2019), which begins as the identity.',
    ),
  skip: z
    .boolean()
    .default(false)
    .describe(
      'Show the decoder the last frames at half of the resolution, past the coarse features (U-Net, Ronneberger 2015): small figures keep their outlines, for a fifth more of arithmetic.',
    ),
  exactCopies: z
    .boolean()
    .default(false)
    .describe(
      'Of what is warped every pixel is one of the last frame as it was: flow is predicted for each pixel and rounded to whole ones, and the mask reaches 0 and 1. For games whose things move by whole pixels, which else blur a little with every frame.',
    ),
  flow: z
    .boolean()
    .default(true)
    .describe('Predict optical flow and a mask, and keep what only moved by warping it.'),
  holdStill: z
    .union([z.literal('auto'), z.boolean()])
    .default('auto')
    .describe(
      'In what is generated, where neither the condition nor the last two frames have changed, the frame is the last frame, exactly; training does without. auto is true for conditions of up to three channels, where two frames or more of them and of the past are seen, beside a flow.',
    ),
  flowScalePixels: z
    .number()
    .positive()
    .default(8)
    .describe('Pixels of flow for one unit of the flow head; about the largest usual motion.'),
});
export type GeneratorOptions = z.output<typeof generatorOptions>;

/** A generator's base channels. */
export const generatorWidth = ({
  preset,
  channels,
}: Pick<GeneratorOptions, 'preset' | 'channels'>): number =>
  channels ?? GENERATOR_PRESETS[preset].channels;

const patchDiscriminator = {
  channels: z
    .union([z.literal('auto'), z.int().min(4).max(512)])
    .default('auto')
    .describe(
      'Feature channels of the first layer, doubled at each layer; auto is as many as the generator has, so that neither outgrows the other.',
    ),
  layers: z
    .int()
    .min(1)
    .max(6)
    .default(3)
    .describe('Strided layers; each doubles the size of the patch that is judged.'),
  scales: z
    .int()
    .min(1)
    .max(4)
    .default(2)
    .describe('Copies of the network that judge the frame at 1, 1/2, 1/4 … of its size.'),
  spectralNorm: z
    .boolean()
    .default(true)
    .describe('Divide each weight by its largest singular value (Miyato et al. 2018).'),
  instanceNorm: z
    .boolean()
    .default(false)
    .describe('Normalize the inner layers by instance, as pix2pixHD does; slower.'),
  antiAlias: z
    .boolean()
    .default(false)
    .describe(
      'Blur before each stride (Zhang 2019), so that what the generator learns from has no grid; the network takes up to a third more time.',
    ),
};

export const frameDiscriminatorOptions = z.strictObject({
  ...patchDiscriminator,
  judgeRaw: z
    .boolean()
    .default(true)
    .describe('Judge the hallucinated image as well as the composed frame.'),
});
export type FrameDiscriminatorOptions = z.output<typeof frameDiscriminatorOptions>;

export const sequenceDiscriminatorOptions = z.strictObject({
  ...patchDiscriminator,
  frames: z.int().min(2).max(8).default(3).describe('Frames judged together.'),
  temporalStrides: z
    .array(z.int().min(1).max(16))
    .max(4)
    .default([1])
    .describe('Steps between the frames judged together, one network each; [] turns it off.'),
});
export type SequenceDiscriminatorOptions = z.output<typeof sequenceDiscriminatorOptions>;
