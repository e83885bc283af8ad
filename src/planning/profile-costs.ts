import {
  blockPhase,
  evenSegments,
  PHASES,
  type Peak,
  type Phase,
  type PhasePeak,
} from '../autodiff/index.js';
import { phaseBytes, type BlockCosts, type PhaseBytes, type StepCosts } from './costs.js';
import { pixelsOf, PROFILE_SIZES, type FrameSize, type MeasuredStep } from './measured-step.js';

/** One short step, run at the two sizes of a profile. */
type Trial = readonly [small: Peak<void>, large: Peak<void>];

/**
 * The short steps that are run. Each differs in one thing from another one, so that what this thing takes
 * is the difference of the two.
 */
interface Trials {
  /** The shortest rollout on one tape; one frame longer; with more warm-up. */
  readonly onOneTape: { readonly short: Trial; readonly longer: Trial; readonly warmer: Trial };
  /**
   * The same, every frame a segment and judged by itself; the longer one with two frames each; and the
   * short one, each block of a frame by itself.
   */
  readonly inSegments: {
    readonly short: Trial;
    readonly longer: Trial;
    readonly warmer: Trial;
    readonly longerByTwo: Trial;
    readonly byBlocks: Trial;
  };
}

/** Frames of warm-up that the warmer trials have more than the others. */
const MORE_WARM_UP = 2;

/** Frames of warm-up that all trials have: as soon as there is any, its phase is that of the others too. */
const usualWarmUp = ({ warmUp }: MeasuredStep): number =>
  warmUp.frames > 0 && warmUp.fraction > 0 ? 1 : 0;

function runTrials(step: MeasuredStep, sizes: readonly [FrameSize, FrameSize]): Trials {
  const { shortestFrames: short, blockShares } = step;
  const before = usualWarmUp(step);
  const run = (
    frames: number,
    every: number | null,
    { more = 0, stretches = null }: { more?: number; stretches?: readonly number[] | null } = {},
  ): Trial => {
    const segments = every === null ? null : evenSegments(frames, every);
    const cut = { segments, stretches, judgedFrames: every ?? frames };
    const trial = { frames, ...cut, warmUp: before + more };
    return [step.measure(trial, sizes[0]), step.measure(trial, sizes[1])];
  };
  const warmer = (every: number | null, short_: Trial): Trial =>
    before > 0 ? run(short, every, { more: MORE_WARM_UP }) : short_;
  const [plain, cut] = [run(short, null), run(short, 1)];
  return {
    onOneTape: { short: plain, longer: run(short + 1, null), warmer: warmer(null, plain) },
    inSegments: {
      short: cut,
      longer: run(short + 1, 1),
      warmer: warmer(1, cut),
      longerByTwo: run(short + 1, 2),
      byBlocks: run(short, 1, { stretches: blockShares.map(() => 1) }),
    },
  };
}

const NOTHING: PhasePeak = { peakBytes: 0, timeline: [0], leftBytes: 0, seconds: 0 };

/** A trial's phase by the name that it was metered under. */
const phaseNamed = (peak: Peak<void>, name: string): PhasePeak => peak.phases[name] ?? NOTHING;

/** What has no name of its own is around the optimizer's update. */
const nameOf = (phase: Phase): string => (phase === 'update' ? '' : phase);

const between = (share: number, a: number, b: number): number => a + (b - a) * share;

/**
 * The peak of a phase at another size than the two that it was run at. The same ops run in the same
 * order at every size, so each moment's bytes follow their own line: what belongs to weights stays,
 * what belongs to activations grows with the pixels. The peak is that of the lines' highest, which
 * may be another moment than at either size.
 *
 * @param share where between the two sizes, 0 to 1, or beyond
 */
function peakAt(share: number, [small, large]: Trial, name: string): number {
  const [few, many] = [phaseNamed(small, name), phaseNamed(large, name)];
  if (few.timeline.length !== many.timeline.length) {
    return between(share, few.peakBytes, many.peakBytes);
  }
  return few.timeline.reduce(
    (peak, bytes, i) => Math.max(peak, between(share, bytes, many.timeline[i]!)),
    0,
  );
}

/**
 * What the blocks of a frame take, from steps that pull each of them back by itself.
 * @param besides what the walk back takes beside tapes, which is not theirs
 */
function blockCosts(
  trial: Trial,
  share: number,
  besides: number,
  shares: readonly number[],
): BlockCosts[] {
  const left = (what: 'sweep' | 'tape', block: number): number => {
    const name = blockPhase(what, { from: block });
    const [few, many] = trial.map((peak) => phaseNamed(peak, name).leftBytes);
    return between(share, few!, many!);
  };
  let kept = 0;
  return shares.map((forwardShare, block) => {
    const peaks = (['tape', 'pull'] as const).map((what) =>
      peakAt(share, trial, blockPhase(what, { from: block })),
    );
    const peakBytes = Math.ceil(Math.max(...peaks) - besides - kept);
    const leftBytes = Math.ceil(left('sweep', block));
    kept += leftBytes;
    return { tapeBytes: Math.ceil(left('tape', block)), peakBytes, leftBytes, forwardShare };
  });
}

/**
 * What a training step takes as a function of frame size and batch. Runs eight short steps on small
 * frames, at two sizes each, a few seconds in all, because what is asked for may not fit.
 *
 * The bytes of a phase are a sum: some whatever the rollout, some for each of its frames, of the longest
 * tape's, of those that are judged at once, and of the warm-up's. The trials change one of these at a
 * time; bytes are as exact as that. Times are taken from one of them, and are of the order.
 */
export function profileCosts(
  step: MeasuredStep,
  sizes = PROFILE_SIZES,
): (size: FrameSize, batch: number) => StepCosts {
  const trials = runTrials(step, sizes);
  return (size, batch) => costsAt(pixelsOf(size) * batch, trials, step, sizes);
}

function costsAt(
  pixels: number,
  { onOneTape, inSegments }: Trials,
  step: MeasuredStep,
  sizes: readonly [FrameSize, FrameSize],
): StepCosts {
  const { shortestFrames: short, warmUp, blockShares } = step;
  const long = short + 1;
  const before = usualWarmUp(step);
  const [smallPixels, largePixels] = [pixelsOf(sizes[0]), pixelsOf(sizes[1])];
  const share = (pixels - smallPixels) / (largePixels - smallPixels);
  const stateBytes = step.historyFrames * 3 * 4 * pixels;
  const peak = (trial: Trial, phase: Phase): number => peakAt(share, trial, nameOf(phase));
  /** What a training's warm-up takes more than that of the trials. */
  const warming = (trials: { short: Trial; warmer: Trial }, phase: Phase): number =>
    before === 0
      ? 0
      : (peak(trials.warmer, phase) - peak(trials.short, phase)) *
        ((warmUp.frames - before) / MORE_WARM_UP);

  const plainBytes = (phase: Phase): PhaseBytes => {
    const few = peak(onOneTape.short, phase);
    const perFrame = peak(onOneTape.longer, phase) - few;
    const base = few - perFrame * short + warming(onOneTape, phase);
    return rounded({ base, perFrame, perTapeFrame: 0, perJudgedFrame: 0 });
  };
  const segmentedBytes = (phase: Phase): PhaseBytes => {
    // The states that are kept besides the first are counted by the plan.
    const kept = phase === 'update' ? 0 : stateBytes;
    const few = peak(inSegments.short, phase) - kept * (short - 1);
    const many = peak(inSegments.longer, phase) - kept * (long - 1);
    const byTwo = peak(inSegments.longerByTwo, phase) - kept * (Math.ceil(long / 2) - 1);
    const perFrame = many - few;
    // Two frames on a tape are two that are judged, and each phase depends on one of both.
    const perWider = phase === 'forward' || phase === 'update' ? 0 : byTwo - many;
    return rounded({
      base: few - perFrame * short - perWider + warming(inSegments, phase),
      perFrame,
      perTapeFrame: phase === 'back' ? perWider : 0,
      perJudgedFrame: phase === 'back' ? 0 : perWider,
    });
  };
  const each = (bytes: (phase: Phase) => PhaseBytes): Record<Phase, PhaseBytes> =>
    Object.fromEntries(PHASES.map((phase) => [phase, bytes(phase)])) as Record<Phase, PhaseBytes>;

  // Times waver, and a line would multiply that: a frame's is taken to grow with its pixels.
  const seconds = (phase: Phase): number => phaseNamed(inSegments.longer[1], nameOf(phase)).seconds;
  const scale = pixels / largePixels;
  const forward = seconds('forward') / long;
  const phases = each(segmentedBytes);
  const besides =
    phaseBytes(phases.back, { frames: short }) +
    (short - 1) * stateBytes -
    warming(inSegments, 'back');
  return {
    ...{ plain: each(plainBytes), phases },
    stateBytes: Math.ceil(stateBytes),
    blocks: blockCosts(inSegments.byBlocks, share, besides, blockShares),
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
