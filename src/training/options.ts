import { z } from 'zod';
import { memoryOptions } from '../planning/options.js';
import { stabilityLimits } from './stability-limits.js';

const weight = (value: number, text: string) =>
  z.number().nonnegative().default(value).describe(`${text} Weight of the term; 0 turns it off.`);

/** A number of steps, or a share of all of them, as 5%. */
export type StepsOrShare = number | string;

const SHARE = /^\d+(\.\d+)?%$/;
/** Of what is done again and again: 0% would be as little as 0 steps, and after each of them none the less. */
const SHARE_ABOVE_0 = /^(?!0+(\.0+)?%)\d+(\.\d+)?%$/;
/** @param least the smallest number of steps */
const stepsOrShare = (least: 0 | 1, usual: StepsOrShare) =>
  z
    .union([
      z.int().min(least),
      z
        .string()
        .regex(
          least === 0 ? SHARE : SHARE_ABOVE_0,
          `expected a number of steps or a share of all of them${least === 0 ? '' : ' above 0%'}, such as 5%`,
        ),
    ])
    .default(usual);

export const lossOptions = z.strictObject({
  adversarial: z
    .enum(['lsgan', 'hinge', 'non-saturating', 'relativistic'])
    .default('lsgan')
    .describe(
      'Least squares (Mao 2017), hinge (Lim & Ye 2017), non-saturating (Goodfellow 2014), or relativistic: each generated patch against the real one at its place (R3GAN, Huang 2024), made for r1 and r2.',
    ),
  frameAdversarial: weight(1, 'The frame discriminator must believe each frame.'),
  sequenceAdversarial: weight(1, 'The sequence discriminator must believe the motion.'),
  featureMatching: weight(
    5,
    'Features of generated and real must agree (L1) in the discriminators of frames and of sequences, which it trains where their adversarial weights are 0 too.',
  ),
  reconstruction: weight(10, 'Composed frames must equal the real ones (L1).'),
  rawReconstruction: weight(10, 'Hallucinated images must equal the real ones (L1).'),
  moving: z
    .number()
    .nonnegative()
    .default(0)
    .describe(
      'Pixels that differ from the real frame before count so many times more in the losses of colours (reconstruction, rawReconstruction, warp): where little moves, what moves is else next to nothing; try 5 to 20.',
    ),
  laplacian: weight(
    0,
    'Laplacian pyramids of composed frames and real ones must be equal (L1, all bands alike; Bojanowski 2018), so that soft outlines cost as much as wrong colours; try 1 to 10.',
  ),
  focalFrequency: weight(
    0,
    'Spectra of composed frames and real ones must be equal, most of all at the frequencies that are most wrong (focal frequency loss, Jiang 2021, alpha 1); try 1 to 100.',
  ),
  focalFrequencyPatches: z
    .union([z.literal(1), z.literal(2), z.literal(4)])
    .default(1)
    .describe(
      'Into how many parts each side of a frame is cut for that, with a spectrum of each; 1 has one of the whole frame.',
    ),
  mismatchedActions: weight(
    0.5,
    'Of data with actions: real frames beside what was done at another time are none that the sequence discriminators may believe (GameGAN, Kim 2020), so that they look at what was done.',
  ),
  warp: weight(10, 'The last real frame warped by the flow must equal the real one (L1).'),
  flowSmoothness: weight(0.1, 'Flow must vary little from pixel to pixel (total variation).'),
  flowTeacher: weight(
    0,
    "Flow must equal Farneback's between the real frames where that can be trusted (L1, in pixels), as vid2vid has it of FlowNet2; try 0.5 to 10.",
  ),
  pingPong: weight(
    0,
    'A rollout there and back must make the same frames both ways (L1; TecoGAN, Chu 2020), in some of the steps; try 1 to 10.',
  ),
  pingPongEverySteps: z
    .int()
    .min(1)
    .default(4)
    .describe('Steps between two that go there and back, over half as many frames of the clip.'),
  r1: weight(
    0,
    'Gradient penalty on the discriminators at real frames and sequences (Mescheder 2018): gamma of the paper for each patch as a discriminator of its own, whatever the size of the frame; try 0.1 to 10.',
  ),
  r1EverySteps: z
    .int()
    .min(1)
    .default(16)
    .describe('Steps between gradient penalties; the weight is multiplied to make up for it.'),
  r2: weight(
    0,
    'The same penalty at generated frames and sequences, gamma as of r1; R3GAN has both alike.',
  ),
  r2EverySteps: z
    .int()
    .min(1)
    .default(16)
    .describe('Steps between penalties at generated input; the weight makes up for it.'),
  penalty: z
    .enum(['exact', 'approximate'])
    .default('exact')
    .describe(
      'How r1 and r2 are computed: by the gradient, which needs the gradient of a gradient, or by what a little noise changes (APT, Lin 2025), without one, for gammas that mean about the same.',
    ),
  penaltySigma: z
    .number()
    .positive()
    .max(1)
    .default(0.05)
    .describe('Standard deviation of that noise, for colours from -1 to 1.'),
  lecam: weight(
    0,
    'Scores of real are drawn to what those of generated were, and the other way round (LeCam, Tseng 2021), which steadies discriminators of little data; try 0.01 to 0.3.',
  ),
});
export type LossOptions = z.output<typeof lossOptions>;

export const stabilityOptions = z
  .union([z.enum(['auto', 'off']), stabilityLimits])
  .default('auto')
  .describe(
    'auto steadies the discriminators by how training goes (their weight, what they see, their rate, whether they learn), shortens and cuts gradients that explode, and goes back where that has not helped; off only says how it goes; limits of your own instead of those of auto, where you name them.',
  );
export type StabilityOptions = z.output<typeof stabilityOptions>;

const growingOptions = z
  .union([
    z.enum(['auto', 'off']),
    z.strictObject({
      divideBy: z
        .union([z.literal(2), z.literal(4)])
        .default(2)
        .describe('By what both sides of data.size are divided at first.'),
      untilSteps: stepsOrShare(1, '40%')
        .refine(
          (value) => typeof value === 'number' || Number.parseFloat(value) < 100,
          'expected less than 100%: at the end frames are of data.size',
        )
        .describe('Step, as a number or a share of all, from which on frames are of data.size.'),
      leastSteps: z
        .int()
        .min(0)
        .default(0)
        .describe(
          'Only in trainings of so many steps or more, as they were counted first: shorter ones are of data.size from the beginning, and all of them until steps are counted.',
        ),
    }),
  ])
  .default('auto')
  .describe(
    'Train on frames made smaller at first, which takes a fraction of the time a step (progressive resizing), then on whole ones; off has data.size from the beginning; auto takes half the size for half the steps where the condition is of outlines and training long enough. What is generated, sampled and evaluated is of data.size.',
  );
/** What `auto` is decided to be where a whole pipeline is read; training by itself knows no size. */
export type GrowingOptions = Exclude<z.output<typeof growingOptions>, 'auto'>;

export const trainingOptions = z.strictObject({
  steps: z.int().min(1).default(2000).describe('Training steps, one window of each batch each.'),
  minutes: z
    .number()
    .positive()
    .optional()
    .describe(
      'Train for so long instead: the steps that fit are counted early on, and all shares of them go by that.',
    ),
  batch: z.int().min(1).max(64).default(1).describe('Windows a step.'),
  frames: z
    .int()
    .min(1)
    .max(256)
    .default(5)
    .describe('Frames the generator rolls out in one step when the curriculum has grown.'),
  rollout: z
    .strictObject({
      startFrames: z.int().min(1).default(4).describe('Frames rolled out at first.'),
      growEverySteps: stepsOrShare(1, '5%').describe(
        'Steps, or the share of all, after which the rollout is one frame longer, up to `frames`.',
      ),
    })
    .prefault({})
    .describe('The curriculum: short rollouts first, as vid2vid does.'),
  warmUp: z
    .strictObject({
      frames: z
        .int()
        .min(0)
        .max(256)
        .default(8)
        .describe(
          'Frames generated before the rollout without being trained on, as far as the scene has room; 0 for none.',
        ),
      fraction: z
        .number()
        .min(0)
        .max(1)
        .default(0.5)
        .describe('Share of steps that are warmed up; the others start from real frames.'),
      fromStep: stepsOrShare(0, '10%').describe(
        'First step that may be, as a number or a share: before, the generator has little to go on from.',
      ),
    })
    .prefault({})
    .describe(
      "Rollouts that go on from the generator's own frames, so that a long video does not drift (Brandstetter et al. 2022).",
    ),
  histories: z
    .strictObject({
      pool: z
        .int()
        .min(1)
        .max(256)
        .default(8)
        .describe('Generated histories that are kept at most.'),
      fraction: z
        .number()
        .min(0)
        .max(1)
        .default(0)
        .describe(
          'Share of steps that go on from a kept one, of those that begin with a history at all; 0 keeps none.',
        ),
      judgedFraction: z
        .number()
        .min(0)
        .max(1)
        .default(0)
        .describe(
          'Share of those steps that go on at another place of the clips, whose frames no real ones belong to: the discriminators alone judge them (APT2, Lin et al. 2025).',
        ),
      oldestFrames: z
        .int()
        .min(1)
        .default(480)
        .describe('Frames since real ones after which a history is let go.'),
      fromStep: stepsOrShare(0, '10%').describe(
        'First step that may go on from one, as a number or a share.',
      ),
    })
    .prefault({})
    .describe(
      "Where a step's rollout ended, kept for a later one to go on from, so that training meets a drift of hundreds of frames that it makes but once.",
    ),
  historyNoise: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      'Noise on the real frames that a rollout goes on from, fine and coarse, of deviations up to this for colours from -1 to 1 (GameNGen, Valevski 2024), so that a generator learns to redraw what it has spoilt itself; try 0.1 to 0.3.',
    ),
  actions: z
    .strictObject({
      dropFraction: z
        .number()
        .min(0)
        .max(1)
        .default(0.1)
        .describe(
          'Share of windows of which the generator is told nothing of what was done, so that a world may also go on by itself.',
        ),
    })
    .prefault({})
    .describe('How what was done is told, of data with actions.'),
  growing: growingOptions,
  throughTime: z
    .enum(['full', 'detached'])
    .default('full')
    .describe(
      "full: a frame's loss reaches all frames of the rollout before it; detached: the gradient ends at each frame, whose past is then data, in the memory of one frame.",
    ),
  teacherForcing: z
    .strictObject({
      probability: z
        .number()
        .min(0)
        .max(1)
        .default(0)
        .describe('Share of frames that see real history, at the first step.'),
      untilSteps: stepsOrShare(0, '5%').describe(
        'Step, as a number or a share, at which the probability has fallen to 0.',
      ),
    })
    .prefault({})
    .describe('Real frames as history at first (Bengio et al. 2015).'),
  coldStartFraction: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe('Share of windows that begin with no history, so that the first frame is trained.'),
  optimizer: z
    .strictObject({
      generatorLearningRate: z.number().positive().default(1e-3).describe("Adam's rate."),
      discriminatorLearningRate: z.number().positive().default(4e-4).describe("Adam's rate."),
      beta1: z.number().min(0).lt(1).default(0.5).describe("Adam's decay of the mean."),
      beta2: z.number().min(0).lt(1).default(0.999).describe("Adam's decay of the square."),
      decayFromFraction: z
        .number()
        .min(0)
        .max(1)
        .default(0.5)
        .describe('Share of the steps after which both rates fall linearly to 0.'),
    })
    .prefault({})
    .describe('Adam (Kingma & Ba 2015), with a rate for each side.'),
  ema: z
    .strictObject({
      halfLifeSteps: z
        .union([
          z.number().nonnegative(),
          z.string().regex(SHARE, 'expected steps or a share of all of them, such as 25%'),
        ])
        .default('25%')
        .describe(
          'Half-life of the averaged generator, in steps or as a share of all; 0 turns averaging off.',
        ),
      rampUpFraction: z
        .number()
        .positive()
        .max(1)
        .default(0.03)
        .describe('The half-life is at most this share of the steps so far.'),
    })
    .prefault({})
    .describe('The averaged generator that evaluates, samples and generates.'),
  stability: stabilityOptions,
  ...memoryOptions,
  compile: z
    .boolean()
    .default(true)
    .describe(
      'Record the step once and run it as one TensorFlow graph, or with teacher forcing as a graph for each kind of piece: the same numbers but for rounding, up to twice as fast. Only on native TensorFlow.',
    ),
  logEverySteps: z.int().min(1).default(10).describe('Steps between lines of log.jsonl.'),
  snapshotEverySteps: stepsOrShare(1, 200).describe(
    'Steps between snapshots, or the share of all.',
  ),
  keepSnapshots: z.int().min(1).default(3).describe('Snapshots kept besides the best.'),
  sampleEverySteps: stepsOrShare(1, '10%').describe(
    'Steps between sample strips, or the share of all.',
  ),
  evaluateEverySteps: stepsOrShare(1, '25%').describe(
    'Steps between evaluations on held-out frames, or the share of all; they choose the best snapshot.',
  ),
  evaluateFrames: z
    .int()
    .min(1)
    .default(24)
    .describe(
      'Held-out frames of each scene that an evaluation during training rolls out at most.',
    ),
  evaluateTotalFrames: z
    .int()
    .min(1)
    .default(128)
    .describe(
      'Held-out frames of all clips together that an evaluation during training takes at most: shorter rollouts, then scenes spread over all clips.',
    ),
  bestBy: z
    .enum(['composite', 'ssim'])
    .default('composite')
    .describe(
      'What makes a snapshot the best: SSIM less what lost sharpness, dots and motion that froze or boils take away, or SSIM alone, which prefers what is blurred.',
    ),
  evaluateLongFrames: z
    .union([z.literal(0), z.int().min(100).max(100_000)])
    .default(240)
    .describe(
      'Frames of the long rollout by which an evaluation sees whether sharpness, checker and colour drift; 0 for none.',
    ),
  evaluateLongShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe(
      'Of what the steps between two evaluations take, the most that such a rollout may take for each of them to have one; else only the last one does, where it takes no more than a tenth of the training.',
    ),
});
export type TrainingOptions = z.output<typeof trainingOptions>;
