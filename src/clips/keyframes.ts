import { resolve } from 'node:path';
import { FrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { rationalToNumber } from '../base/rational.js';
import { indexClips } from './clip-index.js';
import { frameBytesOf } from './decode-blocks.js';
import { misnumbered, type Compared } from './keyframe-fit.js';
import { findKeyframes, type NamedKeyframe } from './keyframe-names.js';
import { readPainting } from './keyframe-picture.js';
import { KeyframeStore } from './keyframe-store.js';
import { MediaCache } from './media-cache.js';
import { consumeFrames, decodeClip, type ClipMedia, type MediaPlan } from './media.js';
import type { DataOptions, KeyframeOptions } from './options.js';
import { sequenceAt } from './pairs.js';
import { WindowSampler } from './sampler.js';
import { sideBySide } from './side-by-side.js';
import type { DatasetContext, DatasetReport, HeldOutSegment, KeyframeReport } from './types.js';

/** With fewer, all are needed to learn the look from. */
const FEWEST_TO_HOLD_OUT = 4;
const KEY = 'data.keyframes';

/** What a data set of keyframes is made of. */
export interface KeyframeData {
  readonly plan: MediaPlan;
  readonly sampler: WindowSampler;
  readonly segments: readonly HeldOutSegment[];
  readonly store: KeyframeStore;
  readonly report: DatasetReport;
}

/**
 * Of keyframes in order, the places of those that are held out: of four or more the share that is asked for, one at
 * the least and half at the most, spread evenly and between others.
 */
export function heldOutAmong(count: number, fraction: number): Set<number> {
  if (fraction === 0 || count < FEWEST_TO_HOLD_OUT) return new Set();
  const most = Math.floor(count / 2);
  const held = Math.min(most, Math.max(1, Math.round(count * fraction)));
  return new Set(
    Array.from({ length: held }, (_, i) => Math.floor(((i + 1) * count) / (held + 1))),
  );
}

/** @throws FrameloomError bad-option for what keyframes leave no room for */
function assertAlone(options: DataOptions, context: DatasetContext): void {
  const { historyFrames, conditionFrames, windowFrames = 1 } = context;
  if (historyFrames > 0 || conditionFrames > 1 || windowFrames > 1) {
    throw new FrameloomError(
      'bad-option',
      'keyframes stand alone: there are no frames before them',
      {
        path: KEY,
        hint: 'set generator.historyFrames to 0, generator.conditionFrames and training.frames to 1, as the pipeline keyframes does',
      },
    );
  }
  if (options.actions) {
    throw new FrameloomError('bad-option', `data.actions cannot stand beside ${KEY}`, {
      path: 'data.actions',
      hint: 'what was done says how a frame comes of the one before, and keyframes stand alone',
    });
  }
  const idle = (['fps', 'startSeconds', 'durationSeconds'] as const).find(
    (key) => options[key] !== undefined,
  );
  if (idle !== undefined) {
    throw new FrameloomError('bad-option', `data.${idle} cannot stand beside ${KEY}`, {
      path: `data.${idle}`,
      hint: 'keyframes are named by the frames of the whole clip, at its own rate',
    });
  }
}

/** The one clip that the keyframes are of. */
async function clipOf(
  options: DataOptions,
  context: DatasetContext,
  log: Logger,
): Promise<{ plan: MediaPlan; media: ClipMedia }> {
  const { baseFolder, cacheFolder, signal, trustFilters, onProgress } = context;
  const index = await indexClips(options, {
    cache: new MediaCache(cacheFolder, log),
    identities: new Map(),
    ...{ log, baseFolder, signal, trustFilters, onDamage: options.onDamage },
    onBroken: context.onBroken,
    onLooked: (done, total, broken) =>
      onProgress?.({ stage: 'looking', done, total, broken, etaSeconds: null }),
  });
  const [broken] = index.broken;
  if (broken) {
    context.onBroken?.(index.broken);
    throw broken.error;
  }
  const [media, other] = index.clips;
  if (!media || other) {
    throw new FrameloomError(
      'bad-data',
      `keyframes are of one clip, and data.clips names ${index.clips.length}`,
      { path: 'data.clips', hint: 'name the clip that they were painted over' },
    );
  }
  return { plan: index.plan, media };
}

/** The clip's own frames at the keyframes, with their conditions, and those beside them. */
async function readSources(
  media: ClipMedia,
  plan: MediaPlan,
  keyframes: readonly NamedKeyframe[],
  context: { readonly log: Logger; readonly signal: AbortSignal | undefined },
): Promise<{ conditions: Map<number, Uint8Array>; beside: Map<number, Uint8Array> }> {
  const own = new Set(keyframes.map(({ frame }) => frame));
  const wanted = new Set([...own].flatMap((frame) => [frame - 1, frame, frame + 1]));
  const last = Math.max(...own);
  const conditions = new Map<number, Uint8Array>();
  const beside = new Map<number, Uint8Array>();
  let at = 0;
  const part = { startFrame: 0, frames: last + 2, ...context };
  await consumeFrames(
    decodeClip(media, plan, part),
    ({ rgb, condition }) => {
      if (own.has(at)) conditions.set(at, Uint8Array.from(condition!));
      if (wanted.has(at)) beside.set(at, Uint8Array.from(rgb));
      at += 1;
      return undefined;
    },
    context.signal,
  );
  const missing = keyframes.find(({ frame }) => !conditions.has(frame));
  if (!missing) return { conditions, beside };
  throw new FrameloomError(
    'bad-data',
    `${missing.path} is of frame ${missing.frame + 1}, and ${media.path} ends after ${at} frames`,
    { path: missing.path, hint: 'take the picture away, or give the whole clip' },
  );
}

/**
 * Opens frames that people painted, beside the frames of the clip that they painted over: a data set of single
 * frames, each a scene by itself. Its one clip has those to train on first, then those that are held out.
 *
 * @param options the parsed `data:` section
 * @throws FrameloomError bad-option beside what keyframes leave no room for; bad-data and not-found as
 *   `findKeyframes`, for pictures of another aspect or transparent ones; untrusted; what decoding throws; cancelled
 */
export async function openKeyframes(
  options: DataOptions & { readonly keyframes: KeyframeOptions },
  context: DatasetContext,
): Promise<KeyframeData> {
  const { signal, seed } = context;
  const log = context.log ?? silentLogger;
  assertAlone(options, context);
  const { plan, media } = await clipOf(options, context, log);
  if (plan.layout.kind === 'none') {
    throw new FrameloomError('bad-option', 'keyframes teach nothing without a condition', {
      path: 'data.condition',
      hint: 'condition: picture shows the generator the frame that was painted over',
    });
  }
  const { firstNumber } = options.keyframes;
  const folder = resolve(context.baseFolder, options.keyframes.folder);
  const clip = { path: media.path, info: media.info, sequence: await sequenceAt(media.path) };
  const named = await findKeyframes(folder, clip, firstNumber);
  const paintings = await sideBySide(
    named,
    (one, _, stopped) => readPainting(one, media.info, plan, stopped),
    { signal },
  );
  const { conditions, beside } = await readSources(media, plan, named, { log, signal });
  const held = heldOutAmong(named.length, options.heldOut.fraction);
  const ordered = [
    ...paintings.filter((_, i) => !held.has(i)),
    ...paintings.filter((_, i) => held.has(i)),
  ];
  const trained = ordered.length - held.size;
  const store = new KeyframeStore(
    ordered.map(({ rgb, frame }) => ({ rgb, condition: conditions.get(frame)! })),
    plan,
  );
  const sampler = new WindowSampler({
    ...{ seed, leadFrames: 0, strides: [1], augment: options.augment },
    ...{ width: plan.width, height: plan.height, patch: options.patch, paths: [media.path] },
    shots: ordered.slice(0, trained).map((_, i) => ({ clip: 0, start: i, end: i + 1 })),
  });
  const segments = ordered.slice(trained).map((_, i) => ({
    ...{ clip: 0, startFrame: trained + i, frameCount: 1, scoredFrames: 1, precedingFrames: 0 },
  }));
  const compared = paintings.map(({ rgb, frame }): Compared => ({
    painting: rgb,
    before: beside.get(frame - 1),
    own: beside.get(frame)!,
    after: beside.get(frame + 1),
  }));
  const warning = misnumbered(compared, plan);
  const keyframes = paintings.map(({ path, frame, sha256, info }, i) => ({
    ...{ path, frame, sha256, width: info.width, height: info.height, isHeldOut: held.has(i) },
  }));
  const report = reportOf(keyframes, media, plan, warning === undefined ? [] : [warning]);
  for (const one of report.warnings) log.debug(one);
  return { plan, sampler, segments, store, report };
}

const NOTHING_HELD_OUT =
  'nothing is held out of fewer than four keyframes: how good it is on other frames is not measured, and no snapshot is known to be the best';

function reportOf(
  keyframes: readonly KeyframeReport[],
  media: ClipMedia,
  plan: MediaPlan,
  found: readonly string[],
): DatasetReport {
  const { info } = media;
  const heldOut = keyframes.filter(({ isHeldOut }) => isHeldOut).length;
  const trained = keyframes.length - heldOut;
  const frameCount = info.frameCount ?? keyframes.length;
  const durationSeconds = info.durationSeconds ?? frameCount / rationalToNumber(plan.fps);
  const small = keyframes.filter(({ width, height }) => width < plan.width || height < plan.height);
  const warnings = [
    ...found,
    ...(heldOut === 0 ? [NOTHING_HELD_OUT] : []),
    ...small.map(
      ({ path, width, height }) =>
        `${path} is ${width}x${height}, smaller than ${plan.width}x${plan.height}: enlarging adds no detail`,
    ),
  ];
  return {
    ...{ width: plan.width, height: plan.height, fps: plan.fps, condition: plan.layout },
    ...{ leadFrames: 0, windowFrames: 1, skipped: [], keyframes, warnings },
    clips: [
      {
        path: media.path,
        ...{ sourceWidth: info.width, sourceHeight: info.height, codec: info.codec },
        ...{ fps: plan.fps, sourceFps: info.fps, frameCount, durationSeconds, sceneCuts: [] },
        train: { start: 0, end: trained },
        heldOut: { start: trained, end: keyframes.length },
        ...{ trainWindows: trained, heldOutSegments: heldOut, warnings: [] },
        condition: {
          ...{ path: media.conditionPath, filtergraph: plan.filtergraph, labels: [], ignored: 0 },
        },
      },
    ],
    totals: {
      ...{ clips: 1, frames: frameCount, durationSeconds },
      ...{ trainFrames: trained, heldOutFrames: heldOut },
      ...{ trainWindows: trained, heldOutSegments: heldOut },
      decodedBytes: keyframes.length * frameBytesOf(plan),
    },
  };
}
