import { asGiven } from '../base/caller.js';
import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { formatRational, rationalToNumber, type Rational } from '../base/rational.js';
import { deinterlaceFilter } from '../video/deinterlace.js';
import { findFfmpeg } from '../video/ffmpeg-path.js';
import { frameNear } from '../video/frame-near.js';
import type { VideoInfo } from '../video/types.js';
import { readActions } from './action-table.js';
import type { ActionRules } from './actions.js';
import { brokenBy, brokenError, brokenLines, type BrokenWith } from './broken.js';
import { planCondition } from './condition-plan.js';
import { findClips } from './expand.js';
import { holdsIdPictures } from './label-maps.js';
import type { LabelReader } from './labels.js';
import { atRate, lookAt, type LookContext } from './look.js';
import type { ClipMedia, MediaPlan } from './media.js';
import type { DataOptions } from './options.js';
import { actionPaths, missingCondition, pairClips } from './pair-clips.js';
import { assertPaired, gapsOf, gapsText, restartsOf, sequenceAt } from './pairs.js';
import { differentRates, sameRate } from './rates.js';
import { sideBySide } from './side-by-side.js';

/** The clips of a dataset, looked at but not decoded. */
export interface ClipIndex {
  readonly plan: MediaPlan;
  readonly clips: readonly ClipMedia[];
  /** Those that cannot be used. */
  readonly broken: readonly BrokenWith[];
}

function noClips(): FrameloomError {
  return new FrameloomError('bad-data', 'there are no clips to train on', {
    hint: `name videos under data.clips${asGiven(', or with --clip', '')}`,
    path: 'data.clips',
  });
}

/**
 * Pairs the pictures of folders and patterns by number, and looks for holes in the numbers.
 * @returns the frames before which pictures are missing, or another series begins
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
  const restarts = restartsOf(source, media);
  if (restarts.length > 0) {
    log.info(
      `${from ?? ''} holds ${restarts.length + 1} series of numbers, one behind the other: each begins as a new scene`,
    );
  }
  return [...gaps.map(({ frame }) => frame), ...restarts];
}

/** A clip and its condition as they were found, at no rate yet. */
interface Looked {
  readonly path: string;
  readonly info: VideoInfo;
  readonly conditionPath: string | null;
  readonly conditionInfo: VideoInfo | null;
  readonly actionsPath: string | null;
}

async function indexClip(
  clip: Looked,
  options: DataOptions,
  fps: Rational,
  {
    log,
    labels,
    actions: rules,
  }: { log: Logger; labels: LabelReader | null; actions: ActionRules | null },
): Promise<ClipMedia> {
  const { path, conditionPath, actionsPath } = clip;
  const info = atRate(clip.info, fps);
  const conditionInfo = clip.conditionInfo && atRate(clip.conditionInfo, fps);
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
  const actions =
    rules && actionsPath !== null ? await readActions(actionsPath, path, rules) : null;
  const media = { path, info, conditionPath, conditionInfo, actions, ...part };
  const isIdPictures =
    conditionInfo !== null && labels !== null && (await holdsIdPictures(conditionInfo, labels));
  return { ...media, isIdPictures, gapFrames: await checkPictures(media, log) };
}

/** Finds the clips and pairs them, and says what a folder or a glob did not take. */
async function findPairs(
  { clips: entries, condition, actions }: DataOptions,
  baseFolder: string,
  log: Logger,
): Promise<Pair[]> {
  const { clips, passedOver, otherFiles } = await findClips(entries, baseFolder);
  if (clips.length === 0) throw noClips();
  const pairs =
    condition.kind === 'paired'
      ? await pairClips(clips, condition.path, baseFolder)
      : clips.map((clip) => ({ clip, condition: null }));
  const conditions = new Set(pairs.map((pair) => pair.condition));
  const lost = passedOver.filter((clip) => !conditions.has(clip));
  const [first] = lost;
  if (first !== undefined) {
    log.warn(
      `${lost.length === 1 ? `${first} is` : `${lost.length} more clips, such as ${first}, are`} not taken: a folder that holds clips itself stands for those alone (end it in /** to take all)`,
    );
  }
  if (otherFiles.length > 0) {
    log.info(
      `left out ${otherFiles.length === 1 ? '' : `${otherFiles.length} files `}that ${otherFiles.length === 1 ? 'is' : 'are'} neither video nor picture: ${otherFiles[0] ?? ''}`,
    );
  }
  if (!actions) return pairs.map((pair) => ({ ...pair, actions: null }));
  const files = actionPaths(
    pairs.map(({ clip }) => clip),
    actions.path,
    baseFolder,
  );
  return pairs.map((pair, i) => ({ ...pair, actions: files[i]! }));
}

/** A clip, and the files beside it. */
interface Pair {
  readonly clip: string;
  readonly condition: string | null;
  readonly actions: string | null;
}

/** Looks at every clip and its condition, side by side. */
async function lookAtAll(
  pairs: readonly Pair[],
  options: DataOptions,
  context: LookContext & {
    readonly signal?: AbortSignal | undefined;
    readonly onLooked?: ((done: number, total: number, broken: number) => void) | undefined;
  },
): Promise<{ looked: Looked[]; broken: BrokenWith[] }> {
  const { signal, onLooked, log } = context;
  let done = 0;
  let first: VideoInfo | undefined;
  let isTold = options.fps !== undefined;
  const broken: BrokenWith[] = [];
  const looked = await sideBySide(
    pairs,
    async ({ clip, condition, actions }, _, stop): Promise<Looked | null> => {
      try {
        if (condition !== null && options.condition.kind === 'paired') {
          const missing = await missingCondition({ clip, condition }, options.condition.path);
          if (missing) throw missing;
        }
        const info = await lookAt(clip, context, stop);
        first ??= info;
        if (!isTold && pairs.length > 2 && !sameRate(first.fps, info.fps)) {
          isTold = true;
          log.warn(
            `the clips differ in rate: ${first.path ?? ''} has ${formatRational(first.fps)} frames a second, ${clip} ${formatRational(info.fps)}; the others are looked at for the whole list`,
          );
        }
        const conditionInfo = condition === null ? null : await lookAt(condition, context, stop);
        return {
          ...{ path: clip, info, conditionPath: condition, conditionInfo },
          actionsPath: actions,
        };
      } catch (error) {
        broken.push(brokenBy(clip, error));
        return null;
      } finally {
        onLooked?.((done += 1), pairs.length, broken.length);
      }
    },
    { signal },
  );
  return { looked: looked.filter((one) => one !== null), broken };
}

/** Every clip, in the order that they were named in. */
const inOrderOf = (
  pairs: readonly { readonly clip: string }[],
  broken: readonly BrokenWith[],
): BrokenWith[] => {
  const by = new Map(broken.map((one) => [one.path, one]));
  return pairs.flatMap(({ clip }) => by.get(clip) ?? []);
};

/**
 * Finds the clips and their conditions and looks at each.
 * @throws FrameloomError not-found for a path or glob without a file; bad-data for rates that differ,
 *   with the list of them and of the clips that are broken besides; untrusted for a filtergraph that
 *   could do more than change pictures; cancelled
 */
export async function indexClips(
  options: DataOptions,
  context: LookContext & {
    readonly baseFolder: string;
    readonly signal?: AbortSignal | undefined;
    readonly trustFilters?: boolean | undefined;
    /** Told of each clip that was looked at. */
    readonly onLooked?: (done: number, total: number, broken: number) => void;
    /** Told of clips that cannot be used before an error says so. */
    readonly onBroken?: ((broken: readonly BrokenWith[]) => void) | undefined;
  },
): Promise<ClipIndex> {
  const { baseFolder, trustFilters, log } = context;
  const { width, height } = options.size;
  const place = { baseFolder, width, height, trustFilters };
  // First of all: what may not be run is told before the clips are looked for.
  const conditionPlan = await planCondition(options, place);
  const pairs = await findPairs(options, baseFolder, log);
  const { looked, broken } = await lookAtAll(pairs, options, context);
  const fps = options.fps ?? looked[0]?.info.fps;
  if (!fps) {
    context.onBroken?.(inOrderOf(pairs, broken));
    throw brokenError(inOrderOf(pairs, broken), pairs.length);
  }
  const differ = options.fps ? undefined : differentRates(looked.map(({ info }) => info));
  if (differ) {
    if (broken.length === 0) throw differ;
    context.onBroken?.(inOrderOf(pairs, broken));
    throw new FrameloomError(
      differ.code,
      `${differ.toLine()}\nand ${broken.length} of ${pairs.length} clips cannot be used:${brokenLines(inOrderOf(pairs, broken))}`,
      { cause: differ },
    );
  }
  const clips: ClipMedia[] = [];
  for (const clip of looked) {
    try {
      clips.push(await indexClip(clip, options, fps, { log, ...conditionPlan }));
    } catch (error) {
      broken.push(brokenBy(clip.path, error));
    }
  }
  const { version } = await findFfmpeg();
  const { fit, onDamage } = options;
  const deinterlace = options.deinterlace ? await deinterlaceFilter() : null;
  return {
    clips,
    broken: inOrderOf(pairs, broken),
    plan: {
      ...{ width, height, fit, fps, deinterlace, onDamage, ...conditionPlan },
      resample: options.fps !== undefined,
      ffmpegVersion: version,
    },
  };
}
