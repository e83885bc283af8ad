import {
  blockPhase,
  evenSegments,
  phaseBytes,
  PHASES,
  type BlockCosts,
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
type TrialName =
  'plain' | 'plainLonger' | 'plainWarmer' | 'cut' | 'longer' | 'wider' | 'warmer' | 'blocks';

/** Frames of warm-up that the warmer trials have more. */
const MORE_WARM_UP = 2;

type Trials = Readonly<Record<TrialName, Peak<void>>>;

/** Does a training warm up at all? */
const warms = ({ training }: ProfileOptions): boolean =>
  training.warmUp.frames > 0 && training.warmUp.fraction > 0;

function runTrials(model: Model, options: ProfileOptions, size: FrameSize): Trials {
  const { frames: short } = shortest(model);
  const before = warms(options) ? 1 : 0;
  const run = (
    frames: number,
    every: number | null,
    { more = 0, stretches = null }: { more?: number; stretches?: readonly number[] | null } = {},
  ): Peak<void> => {
    const segments = every === null ? null : evenSegments(frames, every);
    const cut = { segments, stretches, judgedFrames: every ?? frames };
    return measureStep(model, options, { frames, ...cut, warmUp: before + more }, size);
  };
  const warmer = { more: MORE_WARM_UP };
  const [plain, cut] = [run(short, null), run(short, 1)];
  return {
    ...{ plain, cut },
    plainLonger: run(short + 1, null),
    plainWarmer: warms(options) ? run(short, null, warmer) : plain,
    longer: run(short + 1, 1),
    wider: run(short + 1, 2),
    warmer: warms(options) ? run(short, 1, warmer) : cut,
    blocks: run(short, 1, { stretches: model.generator.blocks(true).map(() => 1) }),
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

/** A block's part of a step that pulls each of them back by itself. */
const blockPart = (trial: Peak<void>, what: Parameters<typeof blockPhase>[0], block: number) =>
  trial.phases[blockPhase(what, { from: block })] ?? NOTHING;

/** What the generator's blocks take, from steps that pull each of them back by itself. */
function blockCosts(
  { small, large }: { small: Peak<void>; large: Peak<void> },
  at: { share: number; scale: number; besides: number },
  model: Model,
): BlockCosts[] {
  const left = (what: 'sweep' | 'tape', block: number): number => {
    const [few, many] = [small, large].map((trial) => blockPart(trial, what, block).leftBytes);
    return few! + (many! - few!) * at.share;
  };
  let kept = 0;
  return model.generator.blocks(true).map((_, block) => {
    const peaks = (['tape', 'pull'] as const).map((what) =>
      peakAt(at.share, blockPart(small, what, block), blockPart(large, what, block)),
    );
    const peakBytes = Math.ceil(Math.max(...peaks) - at.besides - kept);
    const leftBytes = Math.ceil(left('sweep', block));
    kept += leftBytes;
    const forwardSeconds = blockPart(large, 'sweep', block).seconds * at.scale;
    return { tapeBytes: Math.ceil(left('tape', block)), peakBytes, leftBytes, forwardSeconds };
  });
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
  /** What warm-up adds to what was run, in segments. */
  const warming = (phase: Phase): number =>
    (peak('warmer', phase) - peak('cut', phase)) * moreWarmUp;
  /** In segments, without the states that are kept, which the plan counts. */
  const inSegments = (phase: Phase): PhaseBytes => {
    const kept = phase === 'update' ? 0 : stateBytes;
    const few = peak('cut', phase) - kept * (short - 1);
    const many = peak('longer', phase) - kept * (long - 1);
    const wide = peak('wider', phase) - kept * (Math.ceil(long / 2) - 1);
    const perFrame = many - few;
    const perWider = phase === 'forward' || phase === 'update' ? 0 : wide - many;
    return rounded({
      base: few - perFrame * short - perWider + warming(phase),
      perFrame,
      perTapeFrame: phase === 'back' ? perWider : 0,
      perJudgedFrame: phase === 'back' ? 0 : perWider,
    });
  };
  const onOneTape = (phase: Phase): PhaseBytes => {
    const few = peak('plain', phase);
    const perFrame = peak('plainLonger', phase) - few;
    const warmer = (peak('plainWarmer', phase) - few) * moreWarmUp;
    const base = few - perFrame * short + warmer;
    return rounded({ base, perFrame, perTapeFrame: 0, perJudgedFrame: 0 });
  };
  const each = (bytes: (phase: Phase) => PhaseBytes): Record<Phase, PhaseBytes> =>
    Object.fromEntries(PHASES.map((phase) => [phase, bytes(phase)])) as Record<Phase, PhaseBytes>;

  // Times waver, and a line would multiply that: a frame's is taken to grow with its pixels.
  const seconds = (phase: Phase): number => phaseOf(large.longer, phase).seconds;
  const scale = pixels / largePixels;
  const forward = seconds('forward') / long;
  const phases = each(inSegments);
  const trials = { small: small.blocks, large: large.blocks };
  // What the walk back took in those that were run besides tapes, every state kept.
  const besides =
    phaseBytes(phases.back, { frames: short }) + (short - 1) * stateBytes - warming('back');
  return {
    ...{ plain: each(onOneTape), phases },
    stateBytes: Math.ceil(stateBytes),
    blocks: blockCosts(trials, { share, scale: scale / short, besides }, model),
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
