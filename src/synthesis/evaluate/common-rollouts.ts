import type { Dataset, HeldOutSegment } from '../../clips/index.js';
import { chooseRollouts, type Rollout } from './choose-rollouts.js';

/** What of the held-out frames is scored of several generators alike. */
export interface CommonRollouts {
  readonly rollouts: readonly Rollout[];
  /** Frames that could be scored of all of them, where a bound let only some be. */
  readonly framesThere: number;
}

/**
 * A segment scored from where the generator that needs the most real frames could begin. What it no longer
 * scores stands before it.
 */
function laterStart(segment: HeldOutSegment, mostHistory: number): HeldOutSegment {
  const { startFrame, frameCount, scoredFrames, precedingFrames } = segment;
  const later = mostHistory - (frameCount - scoredFrames);
  return {
    clip: segment.clip,
    startFrame: startFrame + later,
    frameCount: frameCount - later,
    scoredFrames: scoredFrames - later,
    precedingFrames: precedingFrames + later,
  };
}

/**
 * The frames that generators are compared on, which start from different numbers of real frames: the same ones for
 * each, whatever its own history is.
 * @param mostHistory the most real frames that any of the generators starts from
 * @param mostFrames of all rollouts together
 */
export function commonRollouts(
  dataset: Pick<Dataset, 'heldOut'>,
  { mostHistory, mostFrames = Infinity }: { mostHistory: number; mostFrames?: number | undefined },
): CommonRollouts {
  const segments = dataset
    .heldOut()
    .map((segment) => laterStart(segment, mostHistory))
    .filter(({ scoredFrames }) => scoredFrames >= 1);
  return {
    rollouts: chooseRollouts(segments, { mostFrames }),
    framesThere: segments.reduce((sum, { scoredFrames }) => sum + scoredFrames, 0),
  };
}

/** Which real frames are scored, by the clips' files: equal lists are equal frames. */
export const scoredFramesOf = (
  { report }: Pick<Dataset, 'report'>,
  rollouts: readonly Rollout[],
): string[] =>
  rollouts.map(({ segment, frames }) => {
    const first = segment.startFrame + segment.frameCount - segment.scoredFrames;
    return `${report.clips[segment.clip]!.path} ${first}+${frames}`;
  });
