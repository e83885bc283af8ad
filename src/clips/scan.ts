import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { FrameloomError, messageOf } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { blockDigest, decodeBlocks } from './decode-blocks.js';
import { assertLabelMaps } from './label-maps.js';
import { UnequalLength } from './lockstep.js';
import { identityOnce, type LookContext } from './look.js';
import { unequalError, type ClipMedia, type MediaPlan } from './media.js';
import { SceneMeter } from './scene-cut.js';

/** Raised whenever a scan would come out otherwise for the same clip. */
const SCAN_VERSION = 3;

const clipScan = z.strictObject({
  version: z.literal(SCAN_VERSION),
  path: z.string(),
  /** Of all files that were read: names, sizes and dates. */
  identity: z.string(),
  frameCount: z.int().positive(),
  /** Change of each frame from the one before, in thousandths. */
  sceneScores: z.array(z.int().min(0).max(1000)),
  blockDigests: z.array(z.string()),
  /** Pixels of each label class in the whole clip; empty without labels. */
  classPixels: z.array(z.number()),
  /** Pixels of no class, which the pipeline says are to be ignored. */
  ignoredPixels: z.number(),
  /** What was wrong and could be borne: told again by whoever uses the scan. */
  warnings: z.array(z.string()),
});
/** What is known of a clip once all its frames were decoded. */
export type ClipScan = z.output<typeof clipScan>;

/** Where a clip's scan is kept, and the state of its files that it holds for. */
interface ScanPlace {
  readonly path: string | null;
  readonly identity: string;
}

/** Names, sizes and dates of all files of a clip and its condition; null where there are none. */
async function identityOfClip(
  { path, conditionPath }: ClipMedia,
  known: Pick<LookContext, 'identities'>,
): Promise<string | null> {
  const clip = await identityOnce(path, known);
  const condition = conditionPath === null ? '' : await identityOnce(conditionPath, known);
  if (clip === null || condition === null) return null;
  // Of a folder of pictures it is a text of megabytes.
  return createHash('sha256')
    .update(JSON.stringify([clip, condition]))
    .digest('hex');
}

/**
 * One file for each clip and way of reading it: a scan of what the clip was before is written over,
 * so that what no longer holds does not pile up.
 */
async function placeOf(
  media: ClipMedia,
  plan: MediaPlan,
  context: ScanContext,
): Promise<ScanPlace | null> {
  const identity = await identityOfClip(media, context);
  if (identity === null) return null;
  const { width, height, fit, fps, resample, filtergraph, ffmpegVersion, deinterlace, onDamage } =
    plan;
  const { path, conditionPath, firstFrame, frameLimit } = media;
  const place = context.cache.placeOf('scan', [
    SCAN_VERSION,
    [path, conditionPath, firstFrame, frameLimit],
    [width, height, fit, fps, resample, filtergraph, ffmpegVersion, deinterlace, onDamage],
    plan.labels?.fingerprint ?? null,
  ]);
  return { path: place, identity };
}

/** Takes away a scan that turned out not to hold, so that the next one is made from the files. */
export async function forgetScan(path: string, log: Logger): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    log.warn(`remove ${path} by hand, which no longer holds: ${messageOf(error)}`);
  }
}

/** The error for a clip whose files are not what they were when it was scanned. */
export const changedError = (path: string, cause?: Error): FrameloomError =>
  new FrameloomError('bad-data', `${path} changed since it was scanned`, {
    hint: 'start again, and leave the clips alone while they are in use',
    path,
    cause,
  });

/** A scan, and where it is kept. */
export interface KeptScan {
  readonly scan: ClipScan;
  /** Null where it is not. */
  readonly keptAt: string | null;
}

/** Who scans: what it may use, and who hears of it. */
export type ScanContext = Pick<LookContext, 'cache' | 'identities' | 'log'>;

/**
 * What an earlier scan found of the same files and options; undefined where there is none. What it had
 * to warn of is said again.
 */
export async function knownScan(
  media: ClipMedia,
  plan: MediaPlan,
  context: ScanContext,
): Promise<KeptScan | undefined> {
  const place = await placeOf(media, plan, context);
  if (!place) return undefined;
  const scan = await context.cache.read(place.path, clipScan);
  if (scan?.identity !== place.identity) return undefined;
  for (const warning of scan.warnings) context.log.warn(warning);
  return { scan, keptAt: place.path };
}

/**
 * Decodes a clip and its condition once, whole: counts the frames, measures the change from each to
 * the next, checks the labels and hands the blocks on to be cached. The result is kept in the cache and
 * found there again, by `knownScan`, as long as none of the files and no option changed.
 * @throws FrameloomError bad-data for labels outside the palette, pairs of unequal length and files
 *   that change meanwhile; what decoding throws
 */
export async function scanClip(
  media: ClipMedia,
  plan: MediaPlan,
  context: ScanContext & {
    readonly onBlock: (block: number, bytes: Uint8Array) => Promise<void>;
    /** Told of each frame. */
    readonly onFrame?: () => void;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<KeptScan> {
  const place = await placeOf(media, plan, context);
  if (media.conditionInfo && plan.labels) await assertLabelMaps(media.conditionInfo, plan.labels);
  const found = await decodeWhole(media, plan, context);
  const now = place && (await identityOfClip(media, { identities: new Map() }));
  if (now !== (place?.identity ?? null)) throw changedError(media.path);
  const scan: ClipScan = {
    version: SCAN_VERSION,
    path: media.path,
    identity: place?.identity ?? '',
    ...found,
  };
  const isKept = place !== null && (await context.cache.write(place.path, scan));
  return { scan, keptAt: isKept ? place.path : null };
}

async function decodeWhole(
  media: ClipMedia,
  plan: MediaPlan,
  options: Parameters<typeof scanClip>[2],
): Promise<Omit<ClipScan, 'version' | 'path' | 'identity'>> {
  const { onBlock, onFrame, signal } = options;
  const warnings: string[] = [];
  const log: Logger = {
    ...options.log,
    warn(message, fields) {
      warnings.push(message);
      options.log.warn(message, fields);
    },
  };
  const meter = new SceneMeter();
  const sceneScores: number[] = [];
  const blockDigests: string[] = [];
  const tally = plan.labels?.newTally();
  const frameCount = await decodeBlocks(media, plan, {
    firstBlock: 0,
    ...{ tally, signal, log },
    onFrame: (rgb) => {
      sceneScores.push(Math.round(meter.push(rgb) * 1000));
      onFrame?.();
    },
    onBlock: async (block, bytes) => {
      blockDigests.push(blockDigest(bytes));
      await onBlock(block, bytes);
    },
  }).catch(async (error: unknown) => {
    throw error instanceof UnequalLength ? await unequalError(media, plan, error, signal) : error;
  });
  if (frameCount === 0) {
    throw new FrameloomError('bad-data', `${media.path} has no frames in the part that is used`, {
      hint: 'check data.startSeconds against the length of the clip',
      path: media.path,
    });
  }
  if (tally && plan.labels && tally.unknown.size > 0) {
    throw plan.labels.unknownError(tally, media.conditionPath ?? media.path);
  }
  return {
    frameCount,
    sceneScores,
    blockDigests,
    classPixels: tally ? [...tally.classPixels] : [],
    ignoredPixels: tally?.ignoredPixels ?? 0,
    warnings,
  };
}
