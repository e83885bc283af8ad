import { FrameloomError, isFrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { rationalToNumber } from '../base/rational.js';
import { indexClips } from '../clips/clip-index.js';
import { nameOfClip } from '../clips/clip-name.js';
import { planCondition } from '../clips/condition-plan.js';
import { MediaCache } from '../clips/media-cache.js';
import type { ClipFrame, ClipMedia, MediaPlan } from '../clips/media.js';
import type { DataOptions } from '../clips/options.js';
import { sameRate } from '../clips/rates.js';
import type { Size } from './picture-filter.js';

export interface ClipsOptions {
  readonly data: DataOptions;
  readonly baseFolder: string;
  readonly trustFilters?: boolean | undefined;
  /** Where what is found out about clips is kept. */
  readonly cacheFolder?: string | undefined;
  readonly log: Logger;
  readonly signal?: AbortSignal | undefined;
}

/** A clip that a model was trained on. */
export interface KnownClip {
  readonly name: string;
  readonly frames: number;
  readonly fps: number;
}

/** The clips that a model was trained on, as far as they are still there. */
export interface TrainingClips {
  readonly list: readonly KnownClip[];
  /** Why there are none, in words; null where there are. */
  readonly unavailable: string | null;
  /** Conditions of a clip in a row, at a size: `count`, or as many as there are. */
  conditions(clip: number, first: number, count: number, size: Size): Promise<Uint8Array[]>;
  /** The same of frames, rgb24, with their conditions; null of a model without. */
  frames(
    clip: number,
    first: number,
    count: number,
    size: Size,
  ): Promise<{ readonly frames: Uint8Array[]; readonly conditions: Uint8Array[] | null }>;
}

/** Frames that surely are there. A rate that a clip is brought to rounds at its end: there one may be missing. */
function framesOf({ info, firstFrame, frameLimit }: ClipMedia, { fps }: MediaPlan): number {
  const { frameCount, durationSeconds } = info;
  const whole =
    frameCount !== null && (info.kind === 'sequence' || sameRate(info.fps, fps))
      ? frameCount
      : Math.floor((durationSeconds ?? 0) * rationalToNumber(fps)) - 1;
  return Math.max(0, Math.min(whole - firstFrame, frameLimit ?? Infinity));
}

const none = (unavailable: string): TrainingClips => {
  const refuse = (): Promise<never> => Promise.reject(new FrameloomError('not-found', unavailable));
  return { list: [], unavailable, conditions: refuse, frames: refuse };
};

/**
 * Looks for the clips that a model was trained on. Where they have gone since, that is no error: there is then
 * nothing to begin from, and why is said.
 */
export async function openTrainingClips(options: ClipsOptions): Promise<TrainingClips> {
  const { data, baseFolder, trustFilters, cacheFolder, log, signal } = options;
  if (data.clips.length === 0) return none('the pipeline names no clips');
  let found: Awaited<ReturnType<typeof indexClips>>;
  try {
    found = await indexClips(
      { ...data, onBroken: 'skip' },
      {
        ...{ baseFolder, trustFilters, log, signal, onDamage: 'warn' },
        cache: new MediaCache(cacheFolder, log),
        identities: new Map<string, string | null>(),
      },
    );
  } catch (error) {
    if (!isFrameloomError(error) || error.code === 'cancelled') throw error;
    return none(`the clips that it was trained on cannot be used: ${error.toLine()}`);
  }
  const { plan } = found;
  const clips = found.clips.filter((media) => framesOf(media, plan) > 0);
  if (clips.length === 0) return none('the clips that it was trained on are gone');

  async function read(
    clip: number,
    first: number,
    count: number,
    { width, height }: Size,
  ): Promise<ClipFrame[]> {
    const media = clips[clip];
    if (!media) throw new FrameloomError('bad-option', `there is no clip ${clip}`);
    const frames = Math.min(count, framesOf(media, plan) - first);
    if (frames <= 0) return [];
    const part = { startFrame: first, frames, signal, log };
    // A world begins before a clip is read.
    const [{ lastValueFrom, toArray }, { decodeClip }] = await Promise.all([
      import('rxjs'),
      import('../clips/media.js'),
    ]);
    return lastValueFrom(decodeClip(media, await sized(width, height), part).pipe(toArray()));
  }

  /** Conditions are made anew at each size, as training would have. */
  async function sized(width: number, height: number): Promise<MediaPlan> {
    if (width === plan.width && height === plan.height) return plan;
    const own = await planCondition(data, { baseFolder, trustFilters, width, height });
    return { ...plan, ...own, width, height };
  }

  return {
    unavailable: null,
    list: clips.map((media) => ({
      name: nameOfClip(media.path),
      frames: framesOf(media, plan),
      fps: rationalToNumber(plan.fps),
    })),
    async conditions(clip, first, count, size) {
      const found = await read(clip, first, count, size);
      return found.flatMap(({ condition }) => condition ?? []);
    },
    async frames(clip, first, count, size) {
      const found = await read(clip, first, count, size);
      const conditions = found.flatMap(({ condition }) => condition ?? []);
      return {
        frames: found.map(({ rgb }) => rgb),
        conditions: conditions.length === found.length ? conditions : null,
      };
    },
  };
}
