import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../base/outputs.js';
import { FrameloomError } from '../base/error.js';
import { blockDigest, decodeBlocks } from './decode-blocks.js';
import { UnequalLength } from './lockstep.js';
import { unequalError, type ClipMedia, type MediaPlan } from './media.js';
import { SceneMeter } from './scene-cut.js';

/** Raised whenever a scan would come out otherwise for the same clip. */
const SCAN_VERSION = 1;

const clipScan = z.strictObject({
  version: z.literal(SCAN_VERSION),
  path: z.string(),
  frameCount: z.int().positive(),
  /** Change of each frame from the one before, in thousandths. */
  sceneScores: z.array(z.int().min(0).max(1000)),
  blockDigests: z.array(z.string()),
  /** Pixels of each label class in the whole clip; empty without labels. */
  classPixels: z.array(z.number()),
});
/** What is known of a clip once all its frames were decoded. */
export type ClipScan = z.output<typeof clipScan>;

async function fileIdentity(path: string | null): Promise<string | null> {
  if (path === null) return null;
  try {
    const { size, mtimeMs } = await stat(path);
    return `${path}:${size}:${mtimeMs}`;
  } catch {
    // A pattern of an image sequence is no file; its frames' own times are not asked for.
    return null;
  }
}

/** The scan's file name: another clip, another state of it or another option gives another. */
async function scanPath(folder: string, media: ClipMedia, plan: MediaPlan): Promise<string | null> {
  const clip = await fileIdentity(media.path);
  const condition = await fileIdentity(media.conditionPath);
  if (clip === null || (condition === null) !== (media.conditionPath === null)) return null;
  const { width, height, fit, fps, filtergraph, ffmpegVersion } = plan;
  const { firstFrame, frameLimit } = media;
  const content = JSON.stringify([
    SCAN_VERSION,
    [clip, condition, firstFrame, frameLimit],
    [width, height, fit, fps, filtergraph, ffmpegVersion],
    plan.labels?.fingerprint ?? null,
  ]);
  const name = createHash('sha256').update(content).digest('hex').slice(0, 24);
  return join(folder, `scan-${name}.json`);
}

async function readScan(path: string): Promise<ClipScan | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return clipScan.parse(JSON.parse(text));
  } catch {
    // A damaged or older scan is made again.
    return undefined;
  }
}

/**
 * Decodes a clip and its condition once, whole: counts the frames, measures the change from each to
 * the next, checks the labels and hands the blocks on to be cached. The result is kept in
 * `cacheFolder` and found there again as long as neither file nor options changed.
 * @throws FrameloomError bad-data for labels outside the palette and pairs of unequal length;
 *   what decoding throws
 */
export async function scanClip(
  media: ClipMedia,
  plan: MediaPlan,
  options: {
    cacheFolder?: string | undefined;
    onBlock: (block: number, bytes: Uint8Array) => Promise<void>;
    signal?: AbortSignal | undefined;
  },
): Promise<ClipScan> {
  const { cacheFolder, onBlock, signal } = options;
  const stored = cacheFolder === undefined ? null : await scanPath(cacheFolder, media, plan);
  const known = stored === null ? undefined : await readScan(stored);
  if (known) return known;

  const meter = new SceneMeter();
  const sceneScores: number[] = [];
  const blockDigests: string[] = [];
  const tally = plan.labels?.newTally();
  const frameCount = await decodeBlocks(media, plan, {
    firstBlock: 0,
    tally,
    signal,
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
  const scan: ClipScan = {
    version: SCAN_VERSION,
    path: media.path,
    frameCount,
    sceneScores,
    blockDigests,
    classPixels: tally ? [...tally.classPixels] : [],
  };
  if (stored !== null) await writeFileAtomic(stored, JSON.stringify(scan));
  return scan;
}
