import { createHash } from 'node:crypto';
import type { Logger } from '../base/log.js';
import { consumeFrames, decodeClip, type ClipMedia, type MediaPlan } from './media.js';
import type { LabelTally } from './labels.js';

/** Frames are cached, and decoded at the least, in blocks of so many. */
export const BLOCK_FRAMES = 32;

export const rgbBytes = (plan: MediaPlan): number => plan.width * plan.height * 3;
export const conditionBytes = (plan: MediaPlan): number =>
  plan.width * plan.height * plan.layout.bytesPerPixel;
export const frameBytesOf = (plan: MediaPlan): number => rgbBytes(plan) + conditionBytes(plan);

/** A short digest that tells whether a block decoded again is the one that was scanned. */
export const blockDigest = (bytes: Uint8Array): string =>
  createHash('sha1').update(bytes).digest('base64url').slice(0, 12);

export interface BlockDecoding {
  readonly firstBlock: number;
  /** Decodes to the end of the clip unless given. */
  readonly lastBlock?: number | undefined;
  /**
   * Takes each block in order: its frames' rgb24 bytes, then its frames' condition bytes. The last
   * of a clip is shorter. Decoding waits for the promise.
   */
  readonly onBlock: (block: number, bytes: Uint8Array) => Promise<void>;
  readonly onFrame?: (rgb: Uint8Array) => void;
  readonly tally?: LabelTally | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of what is wrong with the files and can be borne. */
  readonly log?: Logger | undefined;
}

/** Decodes a run of blocks. @returns the number of frames that were decoded */
export async function decodeBlocks(
  media: ClipMedia,
  plan: MediaPlan,
  options: BlockDecoding,
): Promise<number> {
  const { firstBlock, lastBlock, onBlock, onFrame, tally, signal, log } = options;
  const pixels = rgbBytes(plan);
  const extra = conditionBytes(plan);
  const frames = lastBlock === undefined ? undefined : (lastBlock - firstBlock + 1) * BLOCK_FRAMES;
  const fresh = (): Uint8Array => new Uint8Array((pixels + extra) * BLOCK_FRAMES);
  let block = firstBlock;
  let buffer = fresh();
  let filled = 0;
  let count = 0;
  const source = decodeClip(media, plan, {
    startFrame: firstBlock * BLOCK_FRAMES,
    frames,
    ...{ tally, signal, log },
  });
  await consumeFrames(source, ({ rgb, condition }) => {
    onFrame?.(rgb);
    buffer.set(rgb, filled * pixels);
    if (condition) buffer.set(condition, BLOCK_FRAMES * pixels + filled * extra);
    filled += 1;
    count += 1;
    if (filled < BLOCK_FRAMES) return undefined;
    const whole = buffer;
    buffer = fresh();
    filled = 0;
    return onBlock(block++, whole);
  });
  if (filled > 0) {
    const last = new Uint8Array((pixels + extra) * filled);
    last.set(buffer.subarray(0, filled * pixels));
    const from = BLOCK_FRAMES * pixels;
    last.set(buffer.subarray(from, from + filled * extra), filled * pixels);
    await onBlock(block, last);
  }
  return count;
}
