import { extname } from 'node:path';
import { dataOf, type AnyModel } from '../../../synthesis/models/model.js';
import type { VideoInfo } from '../../../video/index.js';
import type { Context } from '../../terminal/context.js';
import { refuseIdle } from '../../idle-options.js';
import type { CarryFlags, RawFlags } from '../../output/choice.js';
import type { OutputFlags } from '../../output/flags.js';
import type { TrustFlags } from '../../engine/trust-flag.js';
import { warnOfIdleTrust } from '../../engine/trusted-filters.js';

/** How the colours of an input are to be read. */
export interface ColourFlags {
  readonly inputMatrix?: string | undefined;
  readonly inputRange?: string | undefined;
}

interface Flags
  extends OutputFlags, CarryFlags, RawFlags, ColourFlags, Pick<TrustFlags, 'trustFilters'> {}

/** Formats of pixels that are colours as they stand, without a matrix between. */
const WITHOUT_MATRIX = /^(rgb|bgr|gbr|argb|abgr|0rgb|rgb0|bgr0|x2|pal8|gray|ya|mono)/;

/** Files that are videos with headers whatever they hold. */
const WITH_HEADERS = /^\.(mp4|m4v|mov|mkv|webm|avi|ts|gif|y4m|nut|png|jpe?g|webp)$/i;

/**
 * Refuses what would do nothing, as far as the line alone tells.
 * @throws FrameloomError bad-option
 */
export function refuseIdleFlags(flags: Flags, inputs: readonly string[]): void {
  const toPipe = flags.output === '-' && 'to a pipe';
  const fromPipe = inputs.includes('-') && 'from a pipe: such a film is made in one piece';
  refuseIdle(
    { option: '--overwrite', given: flags.overwrite, why: toPipe },
    { option: '--segment-frames', given: flags.segmentFrames, why: fromPipe },
  );
}

/** Says of flags that change nothing for this model. */
export function warnOfIdleFlags(
  flags: RawFlags & Pick<TrustFlags, 'trustFilters'>,
  inputs: readonly string[],
  model: AnyModel,
  { log }: Context,
): void {
  warnOfIdleTrust(flags, dataOf(model).condition, log);
  const raw = flags.pixFmt !== undefined || flags.size !== undefined;
  const named = raw ? inputs.find((input) => WITH_HEADERS.test(extname(input))) : undefined;
  if (named !== undefined) {
    log.warn(`${named} is read as raw frames, though its name says that it has a header`);
  }
}

/** Says of flags that change nothing for this input. */
export function warnOfColourFlags(flags: ColourFlags, info: VideoInfo, { log }: Context): void {
  if (!WITHOUT_MATRIX.test(info.pixelFormat)) return;
  for (const [name, value] of [
    ['--input-matrix', flags.inputMatrix],
    ['--input-range', flags.inputRange],
  ] as const) {
    if (value !== undefined) log.warn(`${name} does nothing for ${info.pixelFormat}`);
  }
}
