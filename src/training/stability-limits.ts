import { z } from 'zod';

/** When the controller acts. Shares and ratios unless said otherwise. */
export const stabilityLimits = z
  .strictObject({
    judgesWaitAbove: z
      .number()
      .min(0.5)
      .max(1)
      .default(0.99)
      .describe(
        'The discriminators wait while they tell more than this share of generated patches from the real ones at the same place.',
      ),
    judgesGoOnBelow: z
      .number()
      .min(0.5)
      .max(1)
      .default(0.97)
      .describe('They learn again once it is less than this.'),
    pullAbove: z
      .number()
      .positive()
      .default(1.5)
      .describe(
        'The adversarial terms weigh less where their gradient at the frames is more than this many times that of the reconstruction, or without one that of feature matching.',
      ),
    explodesAbove: z
      .number()
      .nonnegative()
      .default(100)
      .describe(
        "The generator's gradient explodes where it is longer than this many times its loss, as through many frames, and is shortened before the update; 0 leaves it as it is.",
      ),
    rampUp: z
      .string('expected a share of all steps, such as 10%')
      .regex(
        /^(100(\.0+)?|\d{1,2}(\.\d+)?)%$/,
        'expected a share of all steps up to 100%, such as 10%',
      )
      .default('10%')
      .describe(
        'Share of the steps over which the weight of the adversarial terms grows from 0; in the first half of them the blur of what the discriminators see falls to 0.',
      ),
    blurPixels: z
      .number()
      .nonnegative()
      .max(16)
      .default(2)
      .describe(
        'Standard deviation of the blur through which the discriminators see all frames at first; 0 for none.',
      ),
    mostAugmentation: z
      .number()
      .min(0)
      .max(0.8)
      .default(0.6)
      .describe(
        'Highest probability of each augmentation of what the discriminators see, which grows while they overfit; 0 for none.',
      ),
    checkerAbove: z.number().positive().default(1.5).describe('Dots: checker ratio above this.'),
    motionBelow: z.number().min(0).default(0.3).describe('Frozen: motion ratio below this.'),
    motionAbove: z.number().positive().default(2).describe('Boiling: motion ratio above this.'),
    conditionUseBelow: z
      .number()
      .min(0)
      .default(0.2)
      .describe('The condition is ignored: condition use below this.'),
    diversityBelow: z
      .number()
      .min(0)
      .default(0.05)
      .describe('The noise is ignored: diversity below this.'),
    rollbacks: z
      .int()
      .min(0)
      .default(3)
      .describe(
        'Times that a training which tips goes back to its last healthy snapshot, before the next one ends it; 0 for never.',
      ),
    overfittingAbove: z
      .number()
      .nonnegative()
      .default(0.6)
      .describe(
        'Overfitting: held-out real frames are judged so far from trained towards generated ones, as a share of the way.',
      ),
    driftAbove: z
      .number()
      .positive()
      .default(0.05)
      .describe(
        'Drifting: sharpness, checker or mean colour move by more than this in 100 frames.',
      ),
  })
  .superRefine(({ judgesWaitAbove, judgesGoOnBelow, motionBelow, motionAbove }, context) => {
    // The other one may be what was given: each message names both, with what they are.
    if (judgesGoOnBelow > judgesWaitAbove) {
      context.addIssue({
        code: 'custom',
        path: ['judgesGoOnBelow'],
        message: `is ${judgesGoOnBelow}, above judgesWaitAbove, ${judgesWaitAbove}: the discriminators would wait and go on by turns; give both`,
      });
    }
    if (motionBelow >= motionAbove) {
      context.addIssue({
        code: 'custom',
        path: ['motionBelow'],
        message: `is ${motionBelow}, not below motionAbove, ${motionAbove}: any motion would be too little or too much; give both`,
      });
    }
  });
export type StabilityLimits = z.output<typeof stabilityLimits>;

/** What `training.stability` asks for, as limits: those of `auto` where it gives none. */
export const limitsOf = (stability: 'auto' | 'off' | StabilityLimits): StabilityLimits =>
  typeof stability === 'string' ? stabilityLimits.parse({}) : stability;
