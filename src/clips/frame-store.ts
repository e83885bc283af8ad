import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { actionsOfFrames, type ActionTrack } from './actions.js';
import type { BlockCache } from './block-cache.js';
import {
  BLOCK_FRAMES,
  blockDigest,
  conditionBytes,
  decodeBlocks,
  frameBytesOf,
  rgbBytes,
} from './decode-blocks.js';
import { UnequalLength } from './lockstep.js';
import type { ClipMedia, MediaPlan } from './media.js';
import { changedError, forgetScan, type KeptScan } from './scan.js';
import type { FrameRange } from './types.js';

export interface StoredClip extends KeptScan {
  readonly media: ClipMedia;
  /** Its number in the cache: that of all clips, those that turned out broken included. */
  readonly slot: number;
  /** What was done in each of its frames; null where the generator is told nothing. */
  readonly actions: ActionTrack | null;
}

interface Waiting {
  readonly promise: Promise<Uint8Array>;
  resolve(bytes: Uint8Array): void;
  reject(error: unknown): void;
}

function waiting(): Waiting {
  let resolve: Waiting['resolve'] = () => undefined;
  let reject: Waiting['reject'] = () => undefined;
  const promise = new Promise<Uint8Array>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  // Blocks decoded along the way may have nobody waiting for them.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** A block that came out otherwise than when it was scanned. */
class OtherFrames extends Error {}

/** The cache's number of a block. */
export const blockKey = (slot: number, block: number): number => slot * 2 ** 32 + block;

/** Decoded frames by clip and number: from memory, from disk, or decoded again. */
export class FrameStore {
  readonly #clips: readonly StoredClip[];
  readonly #plan: MediaPlan;
  readonly #cache: BlockCache;
  readonly #log: Logger;
  readonly #pending = new Map<number, Waiting>();
  readonly #abort = new AbortController();
  readonly #fromStart = new Set<number>();
  #decoding: Promise<void> = Promise.resolve();

  constructor(clips: readonly StoredClip[], plan: MediaPlan, cache: BlockCache, log: Logger) {
    this.#clips = clips;
    this.#plan = plan;
    this.#cache = cache;
    this.#log = log;
  }

  /**
   * `count` frames from `startFrame`, each `stride` after the last.
   * @throws FrameloomError bad-option outside the clip; what decoding throws
   */
  async read(clip: number, startFrame: number, count: number, stride = 1): Promise<FrameRange> {
    const stored = this.#clips[clip];
    const last = startFrame + (count - 1) * stride;
    const whole = [clip, startFrame, count, stride].every(Number.isInteger);
    if (!stored || !whole || count < 1 || startFrame < 0 || last >= stored.scan.frameCount) {
      const there = stored
        ? `${stored.media.path} has frames 0 to ${stored.scan.frameCount - 1}`
        : `clips are numbered 0 to ${this.#clips.length - 1}`;
      throw new FrameloomError(
        'bad-option',
        `cannot read ${count} frames from frame ${startFrame} of clip ${clip}: ${there}`,
      );
    }
    const { width, height, layout } = this.#plan;
    const pixels = rgbBytes(this.#plan);
    const extra = conditionBytes(this.#plan);
    const frames = new Uint8Array(count * pixels);
    const condition = extra > 0 ? new Uint8Array(count * extra) : null;
    const blocks = this.#blocks(clip, startFrame, last);
    let held = -1;
    let bytes: Uint8Array = new Uint8Array();
    for (let i = 0; i < count; i += 1) {
      const frame = startFrame + i * stride;
      const block = Math.floor(frame / BLOCK_FRAMES);
      if (block !== held) {
        const coming = blocks.get(block)!;
        bytes = coming instanceof Uint8Array ? coming : await coming;
        held = block;
      }
      const at = frame - block * BLOCK_FRAMES;
      const inBlock = bytes.length / (pixels + extra);
      frames.set(bytes.subarray(at * pixels, (at + 1) * pixels), i * pixels);
      const from = inBlock * pixels + at * extra;
      condition?.set(bytes.subarray(from, from + extra), i * extra);
    }
    const actions = stored.actions
      ? actionsOfFrames(stored.actions, startFrame, count, stride)
      : null;
    return {
      ...{ clip, startFrame, frameCount: count, width, height },
      ...{ frames, condition, actions, layout },
    };
  }

  #key(clip: number, block: number): number {
    return blockKey(this.#clips[clip]!.slot, block);
  }

  /** Stops decoding; waits until it has stopped. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#decoding;
  }

  /**
   * All blocks of a stretch, asked for at once: a cache that holds fewer would drop the later ones
   * before they are looked at.
   */
  #blocks(
    clip: number,
    first: number,
    last: number,
  ): Map<number, Uint8Array | Promise<Uint8Array>> {
    const blocks = new Map<number, Uint8Array | Promise<Uint8Array>>();
    const lastBlock = Math.floor(last / BLOCK_FRAMES);
    for (let block = Math.floor(first / BLOCK_FRAMES); block <= lastBlock; block += 1) {
      const held = this.#cache.peek(this.#key(clip, block));
      const coming = held ?? this.#block(clip, block, lastBlock);
      // The first that fails is thrown where it is awaited.
      if (coming instanceof Promise) coming.catch(() => undefined);
      blocks.set(block, coming);
    }
    return blocks;
  }

  async #block(clip: number, block: number, lastWanted: number): Promise<Uint8Array> {
    const key = this.#key(clip, block);
    const known = await this.#cache.get(key);
    if (known) return known;
    const coming = this.#pending.get(key);
    if (coming) return coming.promise;
    return this.#load(clip, block, lastWanted);
  }

  /** Decodes a missing block, with those behind it that are wanted too, or all if they can be kept. */
  #load(clip: number, block: number, lastWanted: number): Promise<Uint8Array> {
    const { frameCount } = this.#clips[clip]!.scan;
    const all = Math.ceil(frameCount / BLOCK_FRAMES) - 1;
    const missing = (other: number): boolean =>
      !this.#cache.has(this.#key(clip, other)) && !this.#pending.has(this.#key(clip, other));
    let first = block;
    let last = block;
    if (this.#cache.hasRoomFor(frameCount * frameBytesOf(this.#plan))) {
      while (first > 0 && missing(first - 1)) first -= 1;
      while (last < all && missing(last + 1)) last += 1;
    } else {
      while (last < lastWanted && missing(last + 1)) last += 1;
    }
    for (let i = first; i <= last; i += 1) this.#pending.set(this.#key(clip, i), waiting());
    const wanted = this.#pending.get(this.#key(clip, block))!.promise;
    // One decoder at a time: ffmpeg uses several cores by itself.
    this.#decoding = this.#decoding.then(async () => this.#decodeRun(clip, first, last));
    return wanted;
  }

  async #decodeRun(clip: number, first: number, last: number): Promise<void> {
    try {
      const begin = this.#fromStart.has(clip) ? 0 : first;
      try {
        await this.#decode(clip, begin, first, last);
      } catch (error) {
        if (!(error instanceof OtherFrames) || begin === 0) throw error;
        this.#log.warn(
          `${this.#clips[clip]!.media.path} cannot be entered in the middle without its frames coming out otherwise; it is decoded from its start each time (a larger data.cache avoids that)`,
        );
        this.#fromStart.add(clip);
        await this.#decode(clip, 0, first, last);
      }
    } catch (error) {
      const other = error instanceof OtherFrames || error instanceof UnequalLength;
      const reason = other ? await this.#changed(clip, error) : error;
      for (let i = first; i <= last; i += 1) this.#settle(clip, i)?.reject(reason);
    }
  }

  async #decode(clip: number, begin: number, first: number, last: number): Promise<void> {
    const { media, scan } = this.#clips[clip]!;
    let done = begin;
    await decodeBlocks(media, this.#plan, {
      firstBlock: begin,
      lastBlock: last,
      signal: this.#abort.signal,
      onBlock: async (block, bytes) => {
        done = block + 1;
        if (block < first || !this.#pending.has(this.#key(clip, block))) return;
        if (blockDigest(bytes) !== scan.blockDigests[block]) throw new OtherFrames();
        await this.#cache.put(this.#key(clip, block), bytes);
        this.#settle(clip, block)?.resolve(bytes);
      },
    });
    if (done <= last) throw new OtherFrames();
  }

  #settle(clip: number, block: number): Waiting | undefined {
    const key = this.#key(clip, block);
    const entry = this.#pending.get(key);
    this.#pending.delete(key);
    return entry;
  }

  /** The scan does not hold: whoever starts again gets a new one. */
  async #changed(clip: number, cause: Error): Promise<FrameloomError> {
    const { media, keptAt } = this.#clips[clip]!;
    if (keptAt !== null) await forgetScan(keptAt, this.#log);
    return changedError(media.path, cause);
  }
}
