import {
  evenSegments,
  PHASES,
  type Peak,
  type Phase,
  type PhaseBytes,
  type PhasePeak,
  type StepCosts,
} from '../autodiff/index.js';
import {
  measureStep,
  pixelsOf,
  PROFILE_SIZES,
  shortest,
  type FrameSize,
  type ProfileOptions,
} from './measure-step.js';
import type { Model } from './model.js';

/** The short steps that are run, by what they show. */
type TrialName = 'plain' | 'plainLonger' | 'plainWarmer' | 'cut' | 'longer' | 'wider' | 'warmer';

/** Frames of warm-up that the warmer trials have more. */
const MORE_WARM_UP = 2;

type Trials = Readonly<Record<TrialName, Peak<void>>>;

/** Does a training warm up at all? */
const warms = ({ training }: ProfileOptions): boolean =>
  training.warmUp.frames > 0 && training.warmUp.fraction > 0;

function runTrials(model: Model, options: ProfileOptions, size: FrameSize): Trials {
  const { frames: short } = shortest(model);
  const before = warms(options) ? 1 : 0;
  const run = (frames: number, every: number | null, more = 0): Peak<void> => {
    const segments = every === null ? null : evenSegments(frames, every);
    const trial = { frames, segments, judgedFrames: every ?? frames, warmUp: before + more };
    return measureStep(model, options, trial, size);
  };
  const [plain, cut] = [run(short, null), run(short, 1)];
  return {
    ...{ plain, cut },
    plainLonger: run(short + 1, null),
    plainWarmer: warms(options) ? run(short, null, MORE_WARM_UP) : plain,
    longer: run(short + 1, 1),
    wider: run(short + 1, 2),
    warmer: warms(options) ? run(short, 1, MORE_WARM_UP) : cut,
  };
}

const NOTHING: PhasePeak = { peakBytes: 0, timeline: [0], leftBytes: 0, seconds: 0 };

/** A trial's phase; what has no name of its own is around the optimizer's update. */
const phaseOf = (trial: Peak<void>, phase: Phase): PhasePeak =>
  trial.phases[phase === 'update' ? '' : phase] ?? NOTHING;

/**
 * The peak of a phase at another size than the two that it was run at. The same ops run in the same
 * order at every size, so each moment's bytes follow their own line: what belongs to weights stays,
 * what belongs to activations grows with the pixels. The peak is that of the lines' highest, which
 * may be another moment than at either size.
 */
function peakAt(share: number, small: PhasePeak, large: PhasePeak): number {
  const line = (a: number, b: number): number => a + (b - a) * share;
  if (small.timeline.length !== large.timeline.length) {
    return line(small.peakBytes, large.peakBytes);
  }
  return small.timeline.reduce(
    (peak, bytes, i) => Math.max(peak, line(bytes, large.timeline[i]!)),
    0,
  );
}

/**
 * What a training step takes as a function of frame size and batch. Runs short steps on small frames,
 * a few seconds in all, because what is asked for may not fit.
 */
export function profileCosts(
  model: Model,
  options: ProfileOptions,
  sizes = PROFILE_SIZES,
): (size: FrameSize, batch: number) => StepCosts {
  const [small, large] = sizes;
  const trials = [runTrials(model, options, small), runTrials(model, options, large)] as const;
  return (size, batch) => costsAt(pixelsOf(size) * batch, trials, model, options, sizes);
}

function costsAt(
  pixels: number,
  [small, large]: readonly [Trials, Trials],
  model: Model,
  options: ProfileOptions,
  sizes: typeof PROFILE_SIZES,
): StepCosts {
  const { frames: short } = shortest(model);
  const long = short + 1;
  const { warmUp } = options.training;
  const before = warms(options) ? 1 : 0;
  /** All warm-up frames besides those that were run, by those that the warmer trials have more. */
  const moreWarmUp = warms(options) ? (warmUp.frames - before) / MORE_WARM_UP : 0;
  const [smallPixels, largePixels] = sizes.map(pixelsOf) as [number, number];
  const share = (pixels - smallPixels) / (largePixels - smallPixels);
  const peak = (name: TrialName, phase: Phase): number =>
    peakAt(share, phaseOf(small[name], phase), phaseOf(large[name], phase));

  const stateBytes = model.generator.options.historyFrames * 3 * 4 * pixels;
  /** In segments, without the states that are kept, which the plan counts. */
  const inSegments = (phase: Phase): PhaseBytes => {
    const kept = phase === 'update' ? 0 : stateBytes;
    const few = peak('cut', phase) - kept * (short - 1);
    const many = peak('longer', phase) - kept * (long - 1);
    const wide = peak('wider', phase) - kept * (Math.ceil(long / 2) - 1);
    const perFrame = many - few;
    const perWider = phase === 'forward' || phase === 'update' ? 0 : wide - many;
    const warming = (peak('warmer', phase) - peak('cut', phase)) * moreWarmUp;
    return rounded({
      base: few - perFrame * short - perWider + warming,
      perFrame,
      perTapeFrame: phase === 'back' ? perWider : 0,
      perJudgedFrame: phase === 'back' ? 0 : perWider,
    });
  };
  const onOneTape = (phase: Phase): PhaseBytes => {
    const few = peak('plain', phase);
    const perFrame = peak('plainLonger', phase) - few;
    const warming = (peak('plainWarmer', phase) - few) * moreWarmUp;
    const base = few - perFrame * short + warming;
    return rounded({ base, perFrame, perTapeFrame: 0, perJudgedFrame: 0 });
  };
  const each = (bytes: (phase: Phase) => PhaseBytes): Record<Phase, PhaseBytes> =>
    Object.fromEntries(PHASES.map((phase) => [phase, bytes(phase)])) as Record<Phase, PhaseBytes>;

  // Times waver, and a line would multiply that: a frame's is taken to grow with its pixels.
  const seconds = (phase: Phase): number => phaseOf(large.longer, phase).seconds;
  const scale = pixels / largePixels;
  const forward = seconds('forward') / long;
  return {
    plain: each(onOneTape),
    phases: each(inSegments),
    stateBytes: Math.ceil(stateBytes),
    forwardSeconds: forward * scale,
    plainSeconds: ((seconds('judge') + seconds('back') + seconds('train')) / long) * scale,
    fixedSeconds: Math.max(0, seconds('update') - before * forward),
    warmUpFrames: warmUp.frames * warmUp.fraction,
  };
}

const rounded = (bytes: PhaseBytes): PhaseBytes => ({
  base: Math.ceil(bytes.base),
  perFrame: Math.ceil(bytes.perFrame),
  perTapeFrame: Math.ceil(bytes.perTapeFrame),
  perJudgedFrame: Math.ceil(bytes.perJudgedFrame),
});
