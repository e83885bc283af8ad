import type { Rational } from '../base/rational.js';
import type { FfmpegPrograms } from './ffmpeg-path.js';
import { OUTPUT_FORMATS } from './formats.js';
import { OutputTimes, type OutputTimesState } from './output-times.js';
import type { OutputPlan } from './plan-types.js';
import type { EncodeOptions, FrameShape, OutputFormatName } from './types.js';

/** A film as it is to be written. */
export interface PlannedFilm {
  readonly format: OutputFormatName;
  readonly fps: Rational;
  readonly shape: FrameShape;
  readonly options: EncodeOptions;
  readonly programs: Pick<FfmpegPrograms, 'fpsMode'>;
  readonly toPipe: boolean;
  readonly numbered: boolean;
  /** ffmpeg's encoder of another codec than the format's usual one. */
  readonly encoder?: string | undefined;
}

/**
 * The clock of a film, and ffmpeg's arguments that write it by that clock.
 * @param state where the times of a film stand that is gone on with
 * @throws FrameloomError bad-option; bad-input of a pause that the container cannot hold
 */
export function planOutput(
  film: PlannedFilm,
  state?: OutputTimesState,
): { readonly plan: OutputPlan; readonly times: OutputTimes } {
  const { format, fps, shape, options, programs, toPipe, numbered, encoder } = film;
  const { times: kind, gapSeconds, clock, plan } = OUTPUT_FORMATS[format];
  const { longestPauseSeconds, lastFrameSeconds } = options;
  const ahead = { longestPauseSeconds, lastFrameSeconds };
  const own = { fps, kind, smallestGapSeconds: gapSeconds, clock, format };
  const times = new OutputTimes({ ...own, ...ahead }, state);
  const target = {
    ...{ toPipe, numbered, fps, oldEncoder: !programs.fpsMode },
    ticksPerSecond: times.timeBase.den,
    inOrder: !times.reorders,
    ...{ finalSeconds: times.finalSeconds, encoder },
  };
  const planned = plan(shape, options, target);
  const { threads } = options;
  // Raw encoders work in one, whatever is asked for: several would hold frames back.
  if (threads === undefined || planned.options.includes('-threads:v')) {
    return { plan: planned, times };
  }
  const inThreads = ['-threads:v', String(threads)];
  return { plan: { ...planned, options: [...planned.options, ...inThreads] }, times };
}
