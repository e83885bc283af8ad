import { FrameloomError, isFrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { formatRational, rationalToNumber, type Rational } from '../base/rational.js';
import { deinterlaceFilter } from '../video/deinterlace.js';
import { findFfmpeg, frameNear, probe, type VideoInfo } from '../video/index.js';
import { planCondition } from './condition-plan.js';
import { expandClips, pairClips } from './expand.js';
import { assertLabelMaps } from './label-maps.js';
import type { LabelReader } from './labels.js';
import type { ClipMedia, MediaPlan } from './media.js';
import { SMALLEST_SIDE, type DataOptions } from './options.js';
import { assertPaired, gapsOf, gapsText, sequenceAt } from './pairs.js';

/** Rates this close are one rate, written differently. */
const SAME_RATE = 1e-3;

export const sameRate = (a: Rational, b: Rational): boolean =>
  Math.abs(rationalToNumber(a) / rationalToNumber(b) - 1) < SAME_RATE;

/** The clips of a dataset, looked at but not decoded. */
export interface ClipIndex {
  readonly plan: MediaPlan;
  readonly clips: readonly ClipMedia[];
}

/**
 * Runs `work` on every item and throws one error for all that failed.
 * @throws what failed, where it is one; FrameloomError bad-data with a line for each, where several
 */
export async function forEachClip<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const failures: FrameloomError[] = [];
  for (const [index, item] of items.entries()) {
    try {
      results.push(await work(item, index));
    } catch (error) {
      if (!isFrameloomError(error) || error.code === 'cancelled') throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  if (!first) return results;
  if (failures.length === 1) throw first;
  const lines = failures.map((failure) => `\n  ${failure.toLine()}`).join('');
  throw new FrameloomError(
    'bad-data',
    `${failures.length} of ${items.length} clips cannot be used:${lines}`,
    { cause: first },
  );
}

async function probeSource(
  path: string,
  options: DataOptions,
  { signal, log }: { signal: AbortSignal | undefined; log: Logger },
): Promise<VideoInfo> {
  const { fps: sequenceFps, onDamage } = options;
  // Of pictures all that there is to say is said where they are paired.
  const told = (await sequenceAt(path)) ? {} : { log };
  const info = await probe(path, { sequenceFps, onDamage, count: true, signal, ...told });
  if (info.width < SMALLEST_SIDE || info.height < SMALLEST_SIDE) {
    throw new FrameloomError(
      'bad-data',
      `${path} is ${info.width}x${info.height} pixels, too small to learn from`,
      { hint: `both sides need at least ${SMALLEST_SIDE} pixels`, path },
    );
  }
  return info;
}

/** The rate of the dataset: the one asked for, or that of all clips. */
function commonRate(options: DataOptions, infos: readonly VideoInfo[]): Rational {
  const [first] = infos;
  const fps = options.fps ?? first?.fps;
  if (!fps || !first) throw noClips();
  const other = options.fps ? undefined : infos.find((info) => !sameRate(info.fps, fps));
  if (other) {
    throw new FrameloomError(
      'bad-data',
      `the clips differ in rate: ${first.path ?? ''} has ${formatRational(fps)} frames a second, ${other.path ?? ''} ${formatRational(other.fps)}`,
      { hint: `set data.fps, such as fps: ${formatRational(fps)}, to take all at one rate` },
    );
  }
  return fps;
}

function noClips(): FrameloomError {
  return new FrameloomError('bad-data', 'there are no clips to train on', {
    hint: 'name videos under data.clips, or with --clip',
    path: 'data.clips',
  });
}

/**
 * Pairs the pictures of folders and patterns by number, and looks for holes in the numbers.
 * @returns the frames before which pictures are missing
 * @throws FrameloomError bad-data for a picture without a partner
 */
async function checkPictures(
  media: Pick<ClipMedia, 'path' | 'conditionPath' | 'firstFrame' | 'frameLimit'>,
  log: Logger,
): Promise<number[]> {
  const { path, conditionPath } = media;
  const sequence = await sequenceAt(path);
  const other = conditionPath === null ? undefined : await sequenceAt(conditionPath);
  if (sequence && other && conditionPath !== null) {
    assertPaired({ path, sequence }, { path: conditionPath, sequence: other }, media);
  }
  // A video beside a folder with holes has no numbers that could be held against them.
  const [from, source] = sequence ? [path, sequence] : [conditionPath, other];
  if (!source) return [];
  const gaps = gapsOf(source, media);
  if (gaps.length > 0) {
    log.warn(
      `${from ?? ''} lacks the pictures ${gapsText(gaps)}: ${gaps.length === 1 ? 'the gap is' : 'gaps are'} taken as a scene cut`,
    );
  }
  return gaps.map(({ frame }) => frame);
}

async function indexClip(
  clip: { path: string; info: VideoInfo; conditionPath: string | null },
  options: DataOptions,
  fps: Rational,
  context: { labels: LabelReader | null; log: Logger; signal: AbortSignal | undefined },
): Promise<ClipMedia> {
  const { path, info, conditionPath } = clip;
  const { labels, log } = context;
  const conditionInfo =
    conditionPath === null ? null : await probeSource(conditionPath, { ...options, fps }, context);
  if (
    conditionInfo &&
    !options.fps &&
    conditionInfo.kind !== 'sequence' &&
    !sameRate(conditionInfo.fps, info.fps)
  ) {
    throw new FrameloomError(
      'bad-data',
      `${path} has ${formatRational(info.fps)} frames a second but its condition ${conditionPath ?? ''} has ${formatRational(conditionInfo.fps)}`,
      { hint: 'set data.fps to take both at one rate', path },
    );
  }
  if (conditionInfo && labels) await assertLabelMaps(conditionInfo, labels);
  // At its own rate a clip is counted by the times of its frames, which a pause moves.
  const frameAt = (seconds: number): number =>
    options.fps ? Math.round(seconds * rationalToNumber(fps)) : frameNear(info, seconds);
  const { startSeconds = 0 } = options;
  const firstFrame = frameAt(startSeconds);
  const part = {
    firstFrame,
    frameLimit:
      options.durationSeconds === undefined
        ? null
        : Math.max(1, frameAt(startSeconds + options.durationSeconds) - firstFrame),
  };
  const media = { path, info, conditionPath, conditionInfo, ...part };
  return { ...media, gapFrames: await checkPictures(media, log) };
}

/**
 * Finds the clips and their conditions and looks at each.
 * @throws FrameloomError not-found for a path or glob without a file; bad-input for a file that is
 *   no video; bad-data for rates or sizes that do not fit; several bad clips make one error;
 *   untrusted for a filtergraph that could do more than change pictures
 */
export async function indexClips(
  options: DataOptions,
  context: {
    baseFolder: string;
    signal?: AbortSignal | undefined;
    trustFilters?: boolean | undefined;
    log: Logger;
  },
): Promise<ClipIndex> {
  const { baseFolder, signal, trustFilters, log } = context;
  const { condition } = options;
  const { width, height } = options.size;
  const place = { baseFolder, width, height, trustFilters };
  // First of all: what may not be run is told before the clips are looked for.
  const conditionPlan = await planCondition(condition, place);
  const paths = await expandClips(options.clips, baseFolder);
  if (paths.length === 0) throw noClips();
  const pairs: readonly { clip: string; condition: string | null }[] =
    condition.kind === 'paired'
      ? await pairClips(paths, condition.path, baseFolder)
      : paths.map((clip) => ({ clip, condition: null }));
  const probed = await forEachClip(pairs, async (pair) => ({
    path: pair.clip,
    conditionPath: pair.condition,
    info: await probeSource(pair.clip, options, { signal, log }),
  }));
  const fps = commonRate(
    options,
    probed.map((clip) => clip.info),
  );
  const { labels } = conditionPlan;
  const clips = await forEachClip(probed, async (clip) =>
    indexClip(clip, options, fps, { labels, log, signal }),
  );
  const { version } = await findFfmpeg();
  const { fit, onDamage } = options;
  const deinterlace = options.deinterlace ? await deinterlaceFilter() : null;
  return {
    clips,
    plan: {
      ...{ width, height, fit, fps, deinterlace, onDamage, ...conditionPlan },
      resample: options.fps !== undefined,
      ffmpegVersion: version,
    },
  };
}
