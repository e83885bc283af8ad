import { basename } from 'node:path';
import { z } from 'zod';
import { FrameloomError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { drawIndex, randomStream } from '../base/random.js';
import { windowOriginSchema, type Dataset, type WindowOrigin } from '../clips/index.js';
import type { TrainingOptions } from './options.js';
import { stableStringify, type JsonValue } from './run/json.js';
import type { SnapshotTensors } from './run/snapshot-store.js';
import { remembrance } from './signals.js';
import { isPast, type StepCounts } from './step-counts.js';

/** Where a generator's rollout was left, to be gone on with by a later step. */
export interface KeptHistory {
  /** The window that goes on there, changed as the one was that led to it. */
  readonly origin: WindowOrigin;
  /** Frames made since a real one, or since nothing. */
  readonly age: number;
  /** [lead, H, W, 3]: the frames before those that it trains on, as the generator made them, oldest first. */
  readonly frames: KeptFrames;
}

interface KeptFrames {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** What a step goes on from, one for each window of its batch. */
export interface Picked {
  readonly from: readonly KeptHistory[];
  /** Whether it goes on at another place than where they were left. */
  readonly elsewhere: boolean;
}

/** What a step left behind, by the windows of its batch. */
export interface LeftBehind {
  readonly origin: readonly WindowOrigin[];
  /** Frames from one window's beginning to that of the one which goes on. */
  readonly advance: number;
  /** Frames made in the step. */
  readonly made: number;
  /** [N, lead, H, W, 3]; null where there were too few, or the step came to nothing. */
  readonly frames: KeptFrames | null;
}

/**
 * Generated histories that are kept between steps, so that training meets a drift of hundreds of frames and makes
 * none of them twice. A pure function of the steps so far.
 */
export interface Histories {
  /** Whether steps have to leave their last frames. */
  readonly isKept: boolean;
  /**
   * What a step goes on from; null where it begins anew. Its windows are read ahead, so it is asked for before the
   * steps right before it are done; asked again it is the same.
   * @param step steps done before it
   * @param mayBeElsewhere whether it may be one that goes on at another place
   */
  pick(step: number, counts: StepCounts, mayBeElsewhere: boolean): Picked | null;
  /**
   * Takes what a step left: where it has room in its scene, is not too old, and there is a place for it. One whose scene
   * has ended may still go on elsewhere, where steps do: half of the places at the most are for such.
   */
  leave(step: number, left: LeftBehind): void;
  /** For a snapshot; nothing where none are kept. */
  saved(): { readonly state: JsonValue; readonly tensors: SnapshotTensors } | null;
}

const entrySchema = z.strictObject({ origin: windowOriginSchema, age: z.int().positive() });
const stateSchema = z.strictObject({
  /** The data that they are histories of. */
  of: z.string(),
  /** Times that training had gone back. */
  attempt: z.int().nonnegative(),
  kept: z.array(entrySchema),
  picked: z.array(
    z.strictObject({
      step: z.int().nonnegative(),
      from: z.array(entrySchema).nullable(),
      elsewhere: z.boolean().default(false),
    }),
  ),
});

/** Tensors of a snapshot that begin with this are kept histories, numbered as its state lists them. */
const TENSORS = 'histories.';

/**
 * Refuses settings under which no history would ever be gone on with.
 * @throws FrameloomError bad-option
 */
export function assertHistoriesFit({
  training: { histories, batch, frames },
  generator,
}: {
  readonly training: Pick<TrainingOptions, 'histories' | 'batch' | 'frames'>;
  readonly generator: { readonly historyFrames: number };
}): void {
  const { pool, fraction, oldestFrames } = histories;
  if (fraction === 0) return;
  const refuse = (key: string, why: string, hint: string): FrameloomError =>
    new FrameloomError('bad-option', why, { path: `training.histories.${key}`, hint });
  if (generator.historyFrames === 0) {
    const why = 'a generator without memory has no histories to go on from';
    throw refuse('fraction', why, 'set it to 0, or raise generator.historyFrames');
  }
  if (pool < batch) {
    const why = `a pool of ${pool} histories holds none for each of the ${batch} windows of a batch`;
    throw refuse('pool', why, `raise it to ${batch} at least`);
  }
  if (oldestFrames <= frames) {
    const why = `histories of ${oldestFrames} frames are too old after one rollout of ${frames}`;
    throw refuse('oldestFrames', why, `raise it above ${frames}, to some hundreds`);
  }
}

/** Places of a pool for histories whose scene has ended, which only go on elsewhere. */
const endedPlaces = ({ judgedFraction, pool }: TrainingOptions['histories']): number =>
  judgedFraction > 0 ? Math.floor(pool / 2) : 0;

/** Says where no scene is long enough for a window to go on from another. */
export function sayHistories(
  { histories, frames, batch }: TrainingOptions,
  dataset: Dataset,
  log: Logger,
): void {
  if (histories.fraction === 0 || dataset.windowCount(2 * frames) > 0) return;
  if (endedPlaces(histories) >= batch) return;
  log.warn(
    `no scene is long enough for a second rollout of ${frames} frames after a first: no histories are kept`,
  );
}

/** What histories are of: of other clips, sizes or leading frames they would be another film's. */
export const dataOf = ({ report, windowSize }: Dataset): string =>
  stableStringify([
    ...[windowSize.width, windowSize.height],
    ...[report.width, report.height, report.leadFrames],
    ...[report.fps.num, report.fps.den],
    ...report.clips.map(({ path, frameCount, train, actions }) => [
      basename(path),
      frameCount,
      train.start,
      train.end,
      ...(actions ? [actions.sha256] : []),
    ]),
  ]);

export interface HistoriesContext {
  readonly training: TrainingOptions;
  readonly seed: number;
  /** Times that training went back. */
  readonly attempt: number;
  readonly dataset: Dataset;
  readonly log: Logger;
}

/** What a snapshot holds of them. */
export interface SavedHistories {
  /** Undefined in snapshots of before there were any, and of trainings without. */
  readonly state: unknown;
  readonly tensors: SnapshotTensors;
}

/**
 * Opens the pool: as a snapshot has it, or empty at the beginning, after training went back (what tipped it may be in
 * them), and where they are of other data.
 * @param saved null at the beginning
 */
export function createHistories(
  context: HistoriesContext,
  saved: SavedHistories | null,
): Histories {
  const { training, seed, attempt, dataset } = context;
  const { histories: options, batch, frames: room } = training;
  const { pool, fraction, oldestFrames, fromStep, judgedFraction } = options;
  if (fraction === 0) {
    return { isKept: false, pick: () => null, leave: () => undefined, saved: () => null };
  }
  const restored = restore(context, saved);
  const kept = [...restored.kept];
  const picked = new Map(restored.picked);
  const inUse = (): number =>
    [...picked.values()].reduce((sum, own) => sum + (own?.from.length ?? 0), 0);
  const hasRoom = (origin: WindowOrigin): boolean => dataset.roomFrom(origin) >= room;
  const ended = (): KeptHistory[] => kept.filter(({ origin }) => !hasRoom(origin));

  /** Those that a step may go on from: elsewhere those first that can go on nowhere else. */
  function candidates(elsewhere: boolean): KeptHistory[] {
    if (!elsewhere) return kept.filter(({ origin }) => hasRoom(origin));
    const only = ended();
    return only.length < batch ? [...kept] : only;
  }

  function draw(step: number, counts: StepCounts, mayBeElsewhere: boolean): Picked | null {
    if (!isPast(fromStep, step, counts)) return null;
    const index = drawIndex(step, attempt);
    const random = randomStream(seed, 'histories', index);
    if (random.uniform() >= fraction) return null;
    const where = randomStream(seed, 'histories', `${index}/elsewhere`);
    const elsewhere = mayBeElsewhere && where.uniform() < judgedFraction;
    const among = candidates(elsewhere);
    if (among.length < batch) return null;
    const from = Array.from({ length: batch }, () => {
      const [one] = among.splice(random.integer(0, among.length - 1), 1);
      kept.splice(kept.indexOf(one!), 1);
      return one!;
    });
    return { from, elsewhere };
  }

  return {
    isKept: true,
    pick(step, counts, mayBeElsewhere) {
      const known = picked.get(step);
      if (known !== undefined) return known;
      const own = draw(step, counts, mayBeElsewhere);
      picked.set(step, own);
      return own;
    },
    leave(step, { origin, advance, made, frames }) {
      const from = picked.get(step)?.from;
      picked.delete(step);
      if (frames === null) return;
      const [, ...shape] = frames.shape;
      const size = shape.reduce((product, length) => product * length, 1);
      for (const [i, one] of origin.entries()) {
        const age = (from?.[i]?.age ?? 0) + made;
        const next = { ...one, startFrame: one.startFrame + advance * one.strideFrames };
        const data = frames.data.slice(i * size, (i + 1) * size);
        if (age >= oldestFrames) continue;
        if (!hasRoom(next) && ended().length >= endedPlaces(options)) continue;
        if (kept.length + inUse() >= pool || !data.every(Number.isFinite)) continue;
        kept.push({ origin: next, age, frames: { shape, data } });
      }
    },
    saved() {
      const all = [...kept, ...[...picked.values()].flatMap((own) => own?.from ?? [])];
      const entry = ({ origin, age }: KeptHistory) => ({ origin, age });
      const state = {
        of: dataOf(dataset),
        attempt,
        kept: kept.map(entry),
        picked: [...picked].map(([step, own]) => ({
          ...{ step, from: own?.from.map(entry) ?? null, elsewhere: own?.elsewhere ?? false },
        })),
      };
      const tensors = all.map(({ frames }, i) => [`${TENSORS}${i}`, frames] as const);
      return { state: state as unknown as JsonValue, tensors: Object.fromEntries(tensors) };
    },
  };
}

interface Restored {
  readonly kept: readonly KeptHistory[];
  readonly picked: ReadonlyMap<number, Picked | null>;
}

function restore(
  { training, attempt, dataset, log }: HistoriesContext,
  saved: SavedHistories | null,
): Restored {
  const empty: Restored = { kept: [], picked: new Map() };
  if (saved === null) return empty;
  const anew = (why: string): Restored => {
    log.info(`the pool of histories begins empty: ${why}`);
    return empty;
  };
  if (saved.state === undefined) return anew('the snapshot holds none');
  const state = remembrance(stateSchema, saved.state, 'pool of histories', log);
  if (state === null) return empty;
  if (state.of !== dataOf(dataset))
    return anew('those of the snapshot are of other clips or sizes');
  if (state.attempt !== attempt) return anew('training went back');
  let at = 0;
  const { judgedFraction, pool } = training.histories;
  const goOnElsewhere = judgedFraction > 0;
  /** @param needsRoom where it was left */
  const withFrames = (
    one: z.output<typeof entrySchema>,
    needsRoom: boolean,
  ): KeptHistory | null => {
    const frames = saved.tensors[`${TENSORS}${at}`];
    at += 1;
    // A pipeline that rolls out more frames than it did may have no room for them.
    const hasRoom = !needsRoom || dataset.roomFrom(one.origin) >= training.frames;
    return frames && hasRoom ? { ...one, frames } : null;
  };
  const kept = state.kept.map((one) => withFrames(one, !goOnElsewhere));
  const picked = state.picked.map(({ step, from, elsewhere }) => {
    const whole = from?.map((one) => withFrames(one, !elsewhere)) ?? null;
    return [step, elsewhere && !goOnElsewhere ? null : whole, elsewhere] as const;
  });
  const isThere = (one: KeptHistory | null): one is KeptHistory => one !== null;
  return {
    kept: kept.filter(isThere).slice(0, pool),
    picked: new Map(
      picked.map(([step, found, elsewhere]) => {
        const from = found?.filter(isThere) ?? [];
        return [step, from.length === training.batch ? { from, elsewhere } : null] as const;
      }),
    ),
  };
}
