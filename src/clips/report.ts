import { rationalToNumber } from '../base/rational.js';
import type { VideoInfo } from '../video/index.js';
import type { BrokenClip } from './broken.js';
import type { ClipActions } from './action-track.js';
import { frameBytesOf } from './decode-blocks.js';
import type { StoredClip } from './frame-store.js';
import type { ClipMedia, MediaPlan } from './media.js';
import type { WindowSampler } from './sampler.js';
import { spanLength, type FrameSpan } from './split.js';
import type {
  ActionsReport,
  ClipReport,
  DatasetReport,
  HeldOutSegment,
  LabelShare,
} from './types.js';

/** What the scans and the split say of one clip. */
export interface ClipFacts extends StoredClip {
  readonly cuts: readonly number[];
  readonly train: FrameSpan;
  readonly heldOut: FrameSpan;
  readonly actions: ClipActions | null;
}

/** What was done in a clip, column by column. */
function actionsReport({ values, columns, ranges, table, toldFrames }: ClipActions): ActionsReport {
  const size = columns.length;
  const frames = values.length / size;
  return {
    ...{
      path: table.path,
      sha256: table.sha256,
      rows: table.rows,
      by: table.by,
      toldFrames,
      unused: table.unused,
    },
    columns: columns.map((column, i) => {
      let [least, most, sum, changes] = [Infinity, -Infinity, 0, 0];
      for (let at = i; at < values.length; at += size) {
        const value = values[at]!;
        least = Math.min(least, value);
        most = Math.max(most, value);
        sum += value;
        if (at >= size && value !== values[at - size]) changes += 1;
      }
      return { ...column, range: ranges[i]!, least, most, mean: sum / frames, changes };
    }),
  };
}

function labelShares(
  { scan: { classPixels, ignoredPixels } }: ClipFacts,
  plan: MediaPlan,
): { labels: LabelShare[]; ignored: number } {
  const total = classPixels.reduce((sum, count) => sum + count, ignoredPixels);
  const share = (pixels: number): number => (total === 0 ? 0 : pixels / total);
  return {
    labels: plan.layout.classNames.map((name, id) => ({
      name,
      fraction: share(classPixels[id] ?? 0),
    })),
    ignored: share(ignoredPixels),
  };
}

/** Frames missing here and there do not change how things move, pauses do. */
const UNEVEN = 0.05;

function isUneven({ variableFrameRate, frameTimes, fps }: VideoInfo): boolean {
  const last = frameTimes?.at(-1);
  if (!variableFrameRate || !frameTimes || last === undefined || last === 0) return false;
  const mean = (frameTimes.length - 1) / last;
  return Math.abs(mean / rationalToNumber(fps) - 1) > UNEVEN;
}

function mediaWarnings({ info }: ClipMedia, plan: MediaPlan): string[] {
  const warnings: string[] = [];
  if (info.variableFrameRate && plan.resample) {
    warnings.push('has a variable frame rate: frames are repeated or left out to make it constant');
  } else if (isUneven(info)) {
    warnings.push(
      'has a variable frame rate: its frames are taken one after another, however long each is shown (data.fps takes them at even times)',
    );
  }
  if (info.interlaced && plan.deinterlace === null) {
    warnings.push('is interlaced: moving edges have combs (data.deinterlace: true takes them out)');
  }
  if (info.width < plan.width || info.height < plan.height) {
    warnings.push(
      `is ${info.width}x${info.height}, smaller than ${plan.width}x${plan.height}: enlarging adds no detail`,
    );
  }
  return warnings;
}

export interface ReportOptions {
  readonly plan: MediaPlan;
  readonly skipped: readonly BrokenClip[];
  readonly clips: readonly ClipFacts[];
  readonly sampler: WindowSampler;
  readonly segments: readonly HeldOutSegment[];
  readonly leadFrames: number;
  readonly historyFrames: number;
  readonly windowFrames: number;
  readonly cacheBytes: number;
}

function clipReport(facts: ClipFacts, clip: number, options: ReportOptions): ClipReport {
  const { plan, sampler, segments, windowFrames, historyFrames } = options;
  const { media, scan, cuts, train, heldOut } = facts;
  const trainWindows = sampler.count(windowFrames, clip);
  const heldOutSegments = segments.filter((segment) => segment.clip === clip).length;
  const warnings = [...mediaWarnings(media, plan), ...(facts.actions?.warnings ?? [])];
  if (trainWindows === 0) {
    warnings.push(
      `has ${sampler.presentFrames(clip)} frames in a row to train on, a window needs ${sampler.neededFrames(windowFrames)}: it is not trained on`,
    );
  }
  if (spanLength(heldOut) > 0 && heldOutSegments === 0) {
    warnings.push(
      `holds out ${spanLength(heldOut)} frames, an evaluation needs ${historyFrames + 1} in a row: it is not evaluated on`,
    );
  }
  return {
    path: media.path,
    sourceWidth: media.info.width,
    sourceHeight: media.info.height,
    codec: media.info.codec,
    fps: plan.fps,
    sourceFps: media.info.fps,
    frameCount: scan.frameCount,
    durationSeconds: scan.frameCount / rationalToNumber(plan.fps),
    sceneCuts: cuts,
    train,
    heldOut,
    trainWindows,
    heldOutSegments,
    condition: {
      path: media.conditionPath,
      filtergraph: plan.filtergraph,
      ...labelShares(facts, plan),
    },
    ...(facts.actions && { actions: actionsReport(facts.actions) }),
    warnings,
  };
}

/** Columns that teach nothing: they are the same in every frame of every clip. */
function actionWarnings(clips: readonly ClipReport[]): string[] {
  const all = clips.flatMap(({ actions }) => actions ?? []);
  const names = all[0]?.columns.map(({ name }) => name) ?? [];
  const dead = names.filter((_, i) => {
    const own = all.map(({ columns }) => columns[i]!);
    const value = own[0]!.least;
    return own.every(({ least, most }) => least === value && most === value);
  });
  if (dead.length === 0) return [];
  return [
    `nothing is learned of ${dead.join(', ')}: ${dead.length === 1 ? 'it is' : 'they are'} the same in every frame of every clip`,
  ];
}

function datasetWarnings(clips: readonly ClipReport[], bytes: number, options: ReportOptions) {
  const warnings: string[] = [];
  const met = new Set(
    clips.flatMap(({ condition }) =>
      condition.labels.filter(({ fraction }) => fraction > 0).map(({ name }) => name),
    ),
  );
  const unused = options.plan.layout.classNames.filter((name) => !met.has(name));
  if (unused.length > 0) warnings.push(`no pixel of any clip is labelled ${unused.join(', ')}`);
  warnings.push(...actionWarnings(clips));
  if (bytes > options.cacheBytes) {
    warnings.push(
      'the decoded frames are more than data.cache holds: some are decoded again and again',
    );
  }
  return warnings;
}

/** Everything that `frameloom check` says about the data. */
export function makeReport(options: ReportOptions): DatasetReport {
  const { plan, segments, leadFrames, windowFrames } = options;
  const clips = options.clips.map((facts, clip) => clipReport(facts, clip, options));
  const sum = (of: (clip: ClipReport) => number): number =>
    clips.reduce((total, clip) => total + of(clip), 0);
  const decodedBytes = sum((clip) => clip.frameCount) * frameBytesOf(plan);
  return {
    width: plan.width,
    height: plan.height,
    fps: plan.fps,
    condition: plan.layout,
    leadFrames,
    windowFrames,
    keyframes: null,
    clips,
    ...(plan.actions && { actionOffsetFrames: plan.actions.offsetFrames }),
    skipped: options.skipped.map(({ path, code, reason }) => ({ path, code, reason })),
    totals: {
      clips: clips.length,
      frames: sum((clip) => clip.frameCount),
      durationSeconds: sum((clip) => clip.durationSeconds),
      trainFrames: sum((clip) => spanLength(clip.train)),
      heldOutFrames: sum((clip) => spanLength(clip.heldOut)),
      trainWindows: sum((clip) => clip.trainWindows),
      heldOutSegments: segments.length,
      decodedBytes,
    },
    warnings: datasetWarnings(clips, decodedBytes, options),
  };
}
