import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../base/outputs.js';
import { FrameloomError, messageOf } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { identityOf } from '../video/sequence.js';
import { blockDigest, decodeBlocks } from './decode-blocks.js';
import { UnequalLength } from './lockstep.js';
import { unequalError, type ClipMedia, type MediaPlan } from './media.js';
import { SceneMeter } from './scene-cut.js';

/** Raised whenever a scan would come out otherwise for the same clip. */
const SCAN_VERSION = 2;

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
  /** What was wrong and could be borne: told again by whoever uses the scan. */
  warnings: z.array(z.string()),
});
/** What is known of a clip once all its frames were decoded. */
export type ClipScan = z.output<typeof clipScan>;

/** Where a clip's scan is kept, and the state of its files that it holds for. */
interface ScanPlace {
  readonly path: string;
  readonly identity: string;
}

/** Names, sizes and dates of all files of a clip and its condition; null where there are none. */
async function identityOfClip(media: ClipMedia): Promise<string | null> {
  const clip = await identityOf(media.path);
  const condition = media.conditionPath === null ? '' : await identityOf(media.conditionPath);
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
  folder: string,
  media: ClipMedia,
  plan: MediaPlan,
): Promise<ScanPlace | null> {
  const identity = await identityOfClip(media);
  if (identity === null) return null;
  const { width, height, fit, fps, resample, filtergraph, ffmpegVersion, deinterlace, onDamage } =
    plan;
  const { path, conditionPath, firstFrame, frameLimit } = media;
  const content = JSON.stringify([
    SCAN_VERSION,
    [resolve(path), conditionPath && resolve(conditionPath), firstFrame, frameLimit],
    [width, height, fit, fps, resample, filtergraph, ffmpegVersion, deinterlace, onDamage],
    plan.labels?.fingerprint ?? null,
  ]);
  const name = createHash('sha256').update(content).digest('hex').slice(0, 24);
  return { path: join(folder, `scan-${name}.json`), identity };
}

async function readScan({ path, identity }: ScanPlace): Promise<ClipScan | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const scan = clipScan.parse(JSON.parse(text));
    return scan.identity === identity ? scan : undefined;
  } catch {
    // A damaged or older scan is made again.
    return undefined;
  }
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

/**
 * Decodes a clip and its condition once, whole: counts the frames, measures the change from each to
 * the next, checks the labels and hands the blocks on to be cached. The result is kept in
 * `cacheFolder` and found there again as long as none of the files and no option changed.
 * @throws FrameloomError bad-data for labels outside the palette, pairs of unequal length and files
 *   that change meanwhile; what decoding throws
 */
export async function scanClip(
  media: ClipMedia,
  plan: MediaPlan,
  options: {
    cacheFolder?: string | undefined;
    onBlock: (block: number, bytes: Uint8Array) => Promise<void>;
    signal?: AbortSignal | undefined;
    log: Logger;
    /** Told that the scan could not be written, which costs the next command its time, no more. */
    onNotKept?: (error: unknown) => void;
  },
): Promise<KeptScan> {
  const { cacheFolder, log } = options;
  const place = cacheFolder === undefined ? null : await placeOf(cacheFolder, media, plan);
  const keptAt = place?.path ?? null;
  const known = place === null ? undefined : await readScan(place);
  if (known) {
    for (const warning of known.warnings) log.warn(warning);
    return { scan: known, keptAt };
  }
  const before = place?.identity ?? (await identityOfClip(media));
  const found = await decodeWhole(media, plan, options);
  if ((await identityOfClip(media)) !== before) throw changedError(media.path);
  const scan = {
    version: SCAN_VERSION,
    path: media.path,
    identity: before ?? '',
    ...found,
  } as const;
  if (!place) return { scan, keptAt };
  try {
    await writeFileAtomic(place.path, JSON.stringify(scan));
  } catch (error) {
    options.onNotKept?.(error);
    return { scan, keptAt: null };
  }
  return { scan, keptAt };
}

async function decodeWhole(
  media: ClipMedia,
  plan: MediaPlan,
  options: {
    onBlock: (block: number, bytes: Uint8Array) => Promise<void>;
    signal?: AbortSignal | undefined;
    log: Logger;
  },
): Promise<Omit<ClipScan, 'version' | 'path' | 'identity'>> {
  const { onBlock, signal } = options;
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
    onFrame: (rgb) => void sceneScores.push(Math.round(meter.push(rgb) * 1000)),
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
    throw plan.labels.unknownError(tally.unknown, media.conditionPath ?? media.path);
  }
  return {
    frameCount,
    sceneScores,
    blockDigests,
    classPixels: tally ? [...tally.classPixels] : [],
    warnings,
  };
}
