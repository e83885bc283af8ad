import { silentLogger } from '../base/log.js';
import { trackOf, type ClipActions } from './action-track.js';
import type { BlockCache } from './block-cache.js';
import { brokenBy, brokenError, brokenLines, type BrokenClip, type BrokenWith } from './broken.js';
import { indexClips } from './clip-index.js';
import { BLOCK_FRAMES, frameBytesOf } from './decode-blocks.js';
import { blockKey } from './frame-store.js';
import { MediaCache } from './media-cache.js';
import type { ClipMedia, MediaPlan } from './media.js';
import type { DataOptions } from './options.js';
import type { ClipFacts } from './report.js';
import { knownScan, scanClip, type KeptScan } from './scan.js';
import { findSceneCuts } from './scene-cut.js';
import { clipsAtOnce, sideBySide } from './side-by-side.js';
import { splitClip } from './split.js';
import type { DatasetContext, OpeningProgress } from './types.js';

/** So few that each is worth a line of its own. */
const NAMED_ONE_BY_ONE = 8;
/** Of the blocks that clips are read into, side by side. */
const MOST_BLOCK_BYTES = 2 ** 30;

/** Small files of the cache that are read at once. */
const FILES_AT_ONCE = 32;

/** What there is to train on. */
export interface ScannedClips {
  readonly plan: MediaPlan;
  readonly facts: readonly ClipFacts[];
  readonly skipped: readonly BrokenClip[];
}

/** How many clips may be read at once: as the machine has cores, and its memory room for their blocks. */
function readersFor(plan: MediaPlan): number {
  // One that fills while the other is being kept.
  const bytes = 2 * BLOCK_FRAMES * frameBytesOf(plan);
  return Math.max(1, Math.min(clipsAtOnce(), Math.floor(MOST_BLOCK_BYTES / bytes)));
}

/** Progress of work whose items are of different lengths. */
class Pace {
  readonly #started = performance.now();
  readonly #total: number;
  #done = 0;

  constructor(total: number) {
    this.#total = total;
  }

  add(amount: number): void {
    this.#done += amount;
  }

  get etaSeconds(): number | null {
    if (this.#done === 0) return null;
    const seconds = (performance.now() - this.#started) / 1000;
    return seconds * Math.max(0, this.#total / this.#done - 1);
  }
}

function cutsOf({ scan }: KeptScan, media: ClipMedia, { sceneCuts }: DataOptions): number[] {
  const { detect, threshold } = sceneCuts;
  const scores = scan.sceneScores.map((score) => score / 1000);
  const seen = detect ? findSceneCuts(scores, threshold) : [];
  // Across missing pictures no frame follows from the last.
  return [...new Set([...seen, ...media.gapFrames])].sort((a, b) => a - b);
}

/**
 * Finds the clips, looks at each and reads each once, as many side by side as the machine has cores.
 * @throws FrameloomError as openDataset
 */
export async function scanAll(
  options: DataOptions,
  context: DatasetContext,
  blocks: BlockCache,
): Promise<ScannedClips> {
  const { baseFolder, cacheFolder, signal, trustFilters, onProgress } = context;
  const log = context.log ?? silentLogger;
  const cache = new MediaCache(cacheFolder, log);
  const look = { cache, log, identities: new Map<string, string | null>() };
  const told = (progress: OpeningProgress): void => onProgress?.(progress);
  const isSkipping = options.onBroken === 'skip';
  let pace: Pace | undefined;
  const index = await indexClips(options, {
    ...{ ...look, baseFolder, signal, trustFilters, onDamage: options.onDamage },
    onBroken: context.onBroken,
    onLooked: (done, total, broken) => {
      pace ??= new Pace(total);
      pace.add(1);
      told({ stage: 'looking', done, total, broken, etaSeconds: pace.etaSeconds });
    },
  });
  const { plan, clips } = index;
  const total = clips.length + index.broken.length;
  const stop = (broken: readonly BrokenWith[]): never => {
    context.onBroken?.(broken);
    throw brokenError(broken, total);
  };
  if (index.broken.length > 0 && !isSkipping && !context.findAllBroken) stop(index.broken);
  const { scans, broken } = await readAll(index.clips, plan, {
    ...{ ...look, signal, blocks, broken: index.broken.length, told },
  });
  await cache.sweep();
  const all = [...index.broken, ...broken];
  if (all.length > 0 && (!isSkipping || all.length === total)) stop(all);
  if (all.length > 0) {
    context.onBroken?.(all);
    log.warn(`left out ${all.length} of ${total} clips, which cannot be used:${brokenLines(all)}`);
  }
  const unfit: BrokenWith[] = [];
  const facts = clips.flatMap((media, slot): ClipFacts[] => {
    const kept = scans[slot];
    if (!kept) return [];
    const { frameCount } = kept.scan;
    const cuts = cutsOf(kept, media, options);
    try {
      const actions = actionsOf(media, frameCount, plan);
      return [{ media, slot, ...kept, actions, cuts, ...splitClip(frameCount, options.heldOut) }];
    } catch (error) {
      unfit.push(brokenBy(media.path, error));
      return [];
    }
  });
  const unusable = [...all, ...unfit];
  if (unfit.length > 0) {
    if (!isSkipping || unusable.length === total) stop(unusable);
    context.onBroken?.(unusable);
    log.warn(
      `left out ${unfit.length} of ${total} clips, whose actions are of other frames:${brokenLines(unfit)}`,
    );
  }
  return { plan, facts, skipped: unusable };
}

/** What was done in each frame of a clip; null where the generator is told nothing. */
const actionsOf = (
  { actions: table, ...media }: ClipMedia,
  frameCount: number,
  plan: MediaPlan,
): ClipActions | null =>
  table && plan.actions ? trackOf(table, { ...media, frameCount }, plan.actions, plan) : null;

/** What is known of each clip, or is found by reading it; null of one that is broken. */
async function readAll(
  clips: readonly ClipMedia[],
  plan: MediaPlan,
  context: Parameters<typeof knownScan>[2] & {
    readonly blocks: BlockCache;
    readonly signal: AbortSignal | undefined;
    /** Clips that were found broken before. */
    readonly broken: number;
    readonly told: (progress: OpeningProgress) => void;
  },
): Promise<{ scans: (KeptScan | null)[]; broken: BrokenWith[] }> {
  const { blocks, signal, told, log } = context;
  const known = await sideBySide(clips, async (media) => knownScan(media, plan, context), {
    ...{ signal, atOnce: FILES_AT_ONCE },
  });
  const unread = clips.filter((_, slot) => known[slot] === undefined);
  const framesOf = ({ info, frameLimit }: ClipMedia): number =>
    Math.min(info.frameCount ?? 1, frameLimit ?? Number.POSITIVE_INFINITY);
  const pace = new Pace(unread.reduce((sum, media) => sum + framesOf(media), 0));
  const broken: BrokenWith[] = [];
  let done = clips.length - unread.length;
  const tell = (): void =>
    told({
      ...{ stage: 'reading', done, total: clips.length, etaSeconds: pace.etaSeconds },
      broken: context.broken + broken.length,
    });
  const scans = await sideBySide(
    clips,
    async (media, slot, stopped): Promise<KeptScan | null> => {
      const before = known[slot];
      if (before) return before;
      const words = `reading ${media.path} (${slot + 1} of ${clips.length})`;
      if (unread.length <= NAMED_ONE_BY_ONE) log.info(words);
      else log.debug(words);
      try {
        return await scanClip(media, plan, {
          ...context,
          signal: stopped,
          onFrame: () => pace.add(1),
          onBlock: async (block, bytes) => {
            tell();
            await blocks.put(blockKey(slot, block), bytes);
          },
        });
      } catch (error) {
        broken.push(brokenBy(media.path, error));
        return null;
      } finally {
        done += 1;
        tell();
      }
    },
    { signal, atOnce: readersFor(plan) },
  );
  const by = new Map(broken.map((one) => [one.path, one]));
  return { scans, broken: clips.flatMap(({ path }) => by.get(path) ?? []) };
}
