import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { graphRunner } from '../../src/backend/graph/index.js';
import { useBackend } from '../../src/backend/index.js';
import { createLogger } from '../../src/base/log.js';
import type { Dataset, WindowOrigin } from '../../src/clips/index.js';
import { registerKernels } from '../../src/kernels/index.js';
import {
  assertHistoriesFit,
  createHistories,
  sayHistories,
  type Histories,
  type KeptHistory,
} from '../../src/training/histories.js';
import type { SnapshotTensors } from '../../src/training/run/snapshot-store.js';
import { disposeState, initialState } from '../../src/training/model.js';
import { lossOptions, trainingOptions, type TrainingOptions } from '../../src/training/options.js';
import { goingOn, planStep } from '../../src/training/schedule.js';
import { knownSteps } from '../../src/training/step-counts.js';
import { disposeDraws, rolloutInput } from '../../src/training/step-input.js';
import { trainStep } from '../../src/training/step.js';
import { expectClose, expectNoLeak } from '../tensors.js';
import { disposeInput, PLAN, smallModel, windowFor } from './support.js';

const FRAMES = 3;
const LEAD = 2;
const SCENE = 60;
const COUNTS = knownSteps(1000);

/** One scene of sixty frames. */
const dataset = {
  windowSize: { width: 2, height: 1 },
  report: {
    ...{ width: 2, height: 1, leadFrames: LEAD, fps: { num: 25, den: 1 } },
    clips: [{ path: '/a/b.mp4', frameCount: 80, train: { start: 0, end: SCENE } }],
  },
  roomFrom: ({ startFrame, strideFrames }: WindowOrigin) =>
    Math.ceil((SCENE - startFrame) / strideFrames) - LEAD,
  windowCount: (frames: number) => SCENE - LEAD - frames + 1,
} as unknown as Dataset;

const withPool = (histories: object, more: object = {}): TrainingOptions =>
  trainingOptions.parse({ frames: FRAMES, histories: { fromStep: 0, ...histories }, ...more });

interface Opened {
  readonly training?: TrainingOptions;
  readonly attempt?: number;
  readonly of?: Dataset;
  readonly saved?: { readonly state: unknown; readonly tensors: SnapshotTensors } | null;
}

let said = '';
const log = createLogger({ write: (line) => void (said += line) });

/** What a snapshot that went through a file gives back. */
const opened = ({ training, attempt = 0, of = dataset, saved }: Opened = {}): Histories => {
  said = '';
  const context = { training: training ?? withPool({ fraction: 0.6, pool: 4 }), seed: 5, log };
  return createHistories(
    { ...context, attempt, dataset: of },
    saved
      ? {
          state: saved.state && (JSON.parse(JSON.stringify(saved.state)) as unknown),
          tensors: saved.tensors,
        }
      : null,
  );
};

const still = { flipped: false, crop: null, colour: null, patch: null };

/** Frames whose every number says which they are. */
const marked = (mark: number, samples = 1) => ({
  shape: [samples, LEAD, 1, 2, 3],
  data: new Float32Array(samples * LEAD * 6).fill(mark),
});

/** Does steps, each planned two steps before; what they went on from, where, and how the pool is after each. */
function run(pool: Histories, from: number, to: number, batch = 1) {
  const picks: (readonly KeptHistory[] | null)[] = [];
  const elsewhere: boolean[] = [];
  const sizes: number[] = [];
  for (let step = from; step < to; step += 1) {
    // Every eighth step stays where it was left.
    const pick = (at: number) => pool.pick(at, COUNTS, at % 8 !== 7);
    for (let ahead = 0; ahead <= 2; ahead += 1) pick(step + ahead);
    const picked = pick(step);
    picks.push(picked?.from ?? null);
    elsewhere.push(picked?.elsewhere ?? false);
    const drawn = Array.from({ length: batch }, (_, i) => ({
      ...{ clip: 0, startFrame: (7 * step + 11 * i) % 30, strideFrames: 1 },
      ...{ ...still, flipped: step % 2 === 0 },
    }));
    const origin = picked && !picked.elsewhere ? picked.from.map((one) => one.origin) : drawn;
    pool.leave(step, { origin, advance: FRAMES, made: FRAMES, frames: marked(step, batch) });
    sizes.push(Object.keys(pool.saved()!.tensors).length);
  }
  return { picks, elsewhere, sizes };
}

describe('createHistories', () => {
  it('goes on where windows were left, each with its own past, as far as scenes and ages go', () => {
    const { picks, sizes } = run(
      opened({ training: withPool({ fraction: 0.6, pool: 4, oldestFrames: 30 }) }),
      0,
      300,
    );
    const all = picks.flatMap((from) => from ?? []);
    // Draws that find a pool that is still empty come to nothing.
    expect(all.length / 300).toBeCloseTo(0.6, 1);
    expect(Math.max(...sizes)).toBe(4);
    const ages = all.map(({ age }) => age);
    expect([Math.min(...ages), Math.max(...ages)]).toEqual([FRAMES, 27]);
    for (const { origin, age, frames } of all) {
      // The step that left it began FRAMES before; its own was an odd step's or an even one's.
      const [left] = frames.data;
      const beforeIt = picks[left!]?.[0];
      expect(age).toBe((beforeIt?.age ?? 0) + FRAMES);
      expect(origin.startFrame).toBe((beforeIt?.origin.startFrame ?? (7 * left!) % 30) + FRAMES);
      expect(origin.flipped).toBe(beforeIt?.origin.flipped ?? left! % 2 === 0);
      expect(dataset.roomFrom(origin)).toBeGreaterThanOrEqual(FRAMES);
    }
    // Evenly: each age has about as many as another.
    const young = ages.filter((age) => age <= 15).length / ages.length;
    expect(young).toBeGreaterThan(0.4);
    expect(young).toBeLessThan(0.8);
  });

  it('comes back from a snapshot exactly, whatever was planned ahead', () => {
    fc.assert(
      fc.property(
        fc.record({
          ...{ pool: fc.integer({ min: 2, max: 5 }), oldestFrames: fc.constantFrom(9, 50) },
          judgedFraction: fc.constantFrom(0, 0.5),
        }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 2 }),
        (options, at, batch) => {
          const training = withPool({ fraction: 0.5, ...options }, { batch });
          const [whole, first] = [opened({ training }), opened({ training })];
          const { picks } = run(whole, 0, 60, batch);
          run(first, 0, at, batch);
          const again = opened({ training, saved: first.saved() });
          expect(run(again, at, 60, batch).picks).toEqual(picks.slice(at));
          expect(again.saved()).toEqual(whole.saved());
        },
      ),
      { numRuns: 20 },
    );
  });

  it('begins empty where a snapshot has none of this training, and says why', () => {
    const pool = opened();
    run(pool, 0, 30);
    const saved = pool.saved()!;
    const isEmpty = (histories: Histories): boolean =>
      Object.keys(histories.saved()!.tensors).length === 0;
    expect(isEmpty(opened({ saved }))).toBe(false);
    expect(said).toBe('');
    const other = { ...dataset, report: { ...dataset.report, width: 4 } };
    for (const [how, why] of [
      [{ saved: { state: undefined, tensors: {} } }, 'the snapshot holds none'],
      [{ saved, attempt: 1 }, 'training went back'],
      [{ saved, of: other }, 'those of the snapshot are of other clips or sizes'],
    ] as const) {
      expect(isEmpty(opened(how))).toBe(true);
      expect(said).toContain(`the pool of histories begins empty: ${why}`);
    }
    const damaged = opened({ saved: { ...saved, state: { kept: 3 } } });
    expect(isEmpty(damaged)).toBe(true);
    expect(said).toContain("the snapshot's pool of histories cannot be read");
    // A longer rollout has no room where a shorter one had.
    expect(isEmpty(opened({ saved, training: withPool({ fraction: 0.5 }, { frames: 58 }) }))).toBe(
      true,
    );
    // Who turns it off keeps none.
    const off = opened({ saved, training: withPool({ fraction: 0 }) });
    expect([off.isKept, off.saved(), off.pick(40, COUNTS, true)]).toEqual([false, null, null]);
  });

  it('goes on elsewhere in some of the steps, with those first whose scene has ended', () => {
    const some = { fraction: 0.6, pool: 6, oldestFrames: 400 };
    const short = 34;
    const of = {
      ...dataset,
      roomFrom: ({ startFrame }: WindowOrigin) => short - startFrame - LEAD,
    };
    const inPlace = run(opened({ training: withPool(some), of }), 0, 300);
    const training = withPool({ ...some, judgedFraction: 0.4 });
    const { picks, elsewhere } = run(opened({ training, of }), 0, 300);
    // Which steps go on is drawn apart from where.
    const isOn = (from: unknown): boolean => from !== null;
    const late = (all: typeof picks): boolean[] => all.slice(50).map(isOn);
    expect(late(picks)).toEqual(late(inPlace.picks));
    const share = elsewhere.filter(Boolean).length / picks.filter(isOn).length;
    expect(share).toBeGreaterThan(0.25);
    expect(share).toBeLessThan(0.45);
    expect(elsewhere.filter((_, step) => step % 8 === 7)).not.toContain(true);
    const hasRoom = picks.map((from) => from && of.roomFrom(from[0]!.origin) >= FRAMES);
    const ended = hasRoom.flatMap((one, step) => (one === false ? [elsewhere[step]] : []));
    expect(ended.length).toBeGreaterThan(10);
    expect(ended).not.toContain(false);
    // So they grow older than a scene is long.
    const oldest = (all: typeof picks) => Math.max(...all.map((from) => from?.[0]?.age ?? 0));
    expect(oldest(inPlace.picks)).toBeLessThan(short);
    expect(oldest(picks)).toBeGreaterThan(2 * short);
    // What was drawn for a step elsewhere goes on nowhere where there are none any more.
    const pool = opened({ training, of });
    run(pool, 0, 120);
    const kept = (one: TrainingOptions) =>
      Object.keys(opened({ training: one, of, saved: pool.saved() }).saved()!.tensors).length;
    expect(kept(training)).toBe(Object.keys(pool.saved()!.tensors).length);
    const other = opened({ training: withPool(some), of, saved: pool.saved() });
    const { kept: left } = other.saved()!.state as unknown as { kept: { origin: WindowOrigin }[] };
    expect(left.every(({ origin }) => of.roomFrom(origin) >= FRAMES)).toBe(true);
    expect([120, 121].map((step) => other.pick(step, COUNTS, true)?.elsewhere ?? false)).toEqual([
      ...[false, false],
    ]);
  });

  it('lets go of what is broken, and of what a step that came to nothing went on from', () => {
    const pool = opened({ training: withPool({ fraction: 1, pool: 1 }) });
    const leave = (step: number, frames: ReturnType<typeof marked> | null) => {
      const picked = pool.pick(step, COUNTS, false)?.from;
      const origin = picked?.map((one) => one.origin) ?? [
        { clip: 0, startFrame: 0, strideFrames: 2, ...still },
      ];
      pool.leave(step, { origin, advance: FRAMES, made: FRAMES, frames });
      return picked?.[0] ?? null;
    };
    expect(leave(0, marked(Number.NaN))).toBeNull();
    expect(leave(1, marked(1))).toBeNull();
    expect(leave(2, marked(2))).toMatchObject({ age: 3, origin: { startFrame: 6 } });
    expect(leave(3, null)).toMatchObject({ age: 6, origin: { startFrame: 12 } });
    expect(leave(4, marked(4))).toBeNull();
    // Before its step none is gone on with.
    const late = opened({ training: withPool({ fraction: 1, fromStep: '50%' }) });
    const { picks } = run(late, 490, 510);
    expect(picks.map((from) => from !== null)).toEqual(
      Array.from({ length: 20 }, (_, i) => i >= 10),
    );
  });
});

describe('assertHistoriesFit', () => {
  it('refuses what would never go on', () => {
    const fit = (histories: object, { batch = 2, historyFrames = 2 } = {}) =>
      assertHistoriesFit({
        training: withPool(histories, { batch }),
        generator: { historyFrames },
      });
    expect(() => fit({ fraction: 0.5, pool: 2 })).not.toThrow();
    expect(() => fit({ fraction: 0, pool: 1, oldestFrames: 1 })).not.toThrow();
    const refused = (key: string) =>
      expect.objectContaining({ code: 'bad-option', path: `training.histories.${key}` }) as Error;
    expect(() => fit({ fraction: 0.5, pool: 1 })).toThrow(refused('pool'));
    expect(() => fit({ fraction: 0.5, oldestFrames: 3 })).toThrow(refused('oldestFrames'));
    expect(() => fit({ fraction: 0.5 }, { historyFrames: 0 })).toThrow(refused('fraction'));
    said = '';
    const short = { ...dataset, windowCount: () => 0 };
    sayHistories(withPool({ fraction: 0.5 }), short, log);
    expect(said).toContain('no scene is long enough for a second rollout of 3 frames');
    // Elsewhere there is room.
    said = '';
    sayHistories(withPool({ fraction: 0.5, judgedFraction: 0.5 }), short, log);
    expect(said).toBe('');
    sayHistories(withPool({ fraction: 0.5, judgedFraction: 0.5, pool: 1 }), short, log);
    expect(said).toContain('no histories are kept');
  });
});

describe('a step that goes on from a kept history', () => {
  beforeAll(async () => {
    await useBackend({ prefer: 'tensorflow' });
    registerKernels();
  });

  const losses = lossOptions.parse({});
  const model = smallModel({ noiseChannels: 1, conditionFrames: 4 });

  it('is the step that a warm-up of the same frames leads to, recorded or not', async () => {
    await expectNoLeak(async () => {
      const state = initialState(model, 1);
      const runner = graphRunner();
      const plan = { ...PLAN, leaves: true };
      // Three frames in front, for the condition: one more than the history is long.
      const long = windowFor(model, { warmUp: 2, frames: 3, lead: 3 });
      const part = (from: number, count: number) => (x: tf.Tensor5D) =>
        tf.slice(x, [0, from, 0, 0, 0], [-1, count, -1, -1, -1]);
      const cut = (from: number, frames: number) => ({
        ...long,
        ...{ warmUp: 0, teacherForced: Array.from({ length: frames }, () => false) },
        frames: part(from, 3 + frames)(long.frames),
        condition: part(from, 3 + frames)(long.condition!),
        noise: part(from, frames)(long.noise!),
      });
      const whole = await trainStep(model, state, long, losses, plan);
      const first = cut(0, 2);
      const { left, state: next } = await trainStep(model, state, first, losses, plan);
      // Of a rollout of two frames the first one left is real.
      expect(left!.shape).toEqual([1, 3, ...long.frames.shape.slice(2)]);
      const seen = tf.tensor5d(left!.data, left!.shape as [number, number, number, number, number]);
      tf.tidy(() => expectClose(part(0, 1)(seen), part(2, 1)(long.frames)));
      const window = { ...cut(2, 3), front: seen };
      const history = tf.tidy(() =>
        tf.concat(
          [2, 1].map((t) => tf.squeeze<tf.Tensor4D>(part(t, 1)(seen), [1])),
          3,
        ),
      );
      const second = await trainStep(model, state, { ...window, history }, losses, plan, runner);
      expect(Object.keys(second.terms)).toEqual(Object.keys(whole.terms));
      for (const [name, term] of Object.entries(second.terms)) {
        expect([name, term]).toEqual([name, expect.closeTo(whole.terms[name]!, 4)]);
      }
      expectClose(second.state.generator, whole.state.generator, { atol: 1e-5, rtol: 1e-4 });
      expect(second.left!.data).toHaveLength(whole.left!.data.length);
      whole.left!.data.forEach((value, i) => expect(second.left!.data[i]).toBeCloseTo(value, 4));
      // A rollout of two frames from nothing has not as many to leave.
      const cold = { ...first, coldStart: true, visibleFrom: 3 };
      const none = await trainStep(model, state, cold, losses, plan);
      expect(none.left).toBeNull();
      runner.dispose();
      [state, next, whole.state, second.state, none.state].forEach(disposeState);
      [long, first, window].forEach(disposeInput);
      tf.dispose([seen, history]);
    });
  });

  it('reads it as the frames in front, newest first, and lets go of it', async () => {
    const frames = tf.zeros<tf.Rank.R5>([1, 7, 4, 4, 3]);
    const kept = (shape: readonly number[], age: number): KeptHistory => ({
      origin: { clip: 0, startFrame: 4, strideFrames: 1, ...still },
      ...{ age, frames: { shape, data: Float32Array.from({ length: 96 }, (_, i) => i) } },
    });
    await expectNoLeak(() => {
      const training = withPool({ fraction: 0.5 }, { frames: 5, coldStartFraction: 0 });
      const options = { seed: 1, training, losses, frameDiscriminator: { judgeRaw: true } };
      const planned = planStep(options, { kind: 'off' }, 200, COUNTS);
      expect(planned.plan.leaves).toBe(true);
      const step = goingOn(planned, { from: [kept([2, 4, 4, 3], 9)], elsewhere: false });
      expect(step.request).toMatchObject({ warmUpFrames: 0, origin: [{ startFrame: 4 }] });
      const window = {
        frames,
        condition: null,
        leadFrames: 2,
        warmUpFrames: 0,
        origin: [],
        drawn: [],
      };
      const generator = { noiseChannels: 1, historyFrames: 2 };
      const make = (one: typeof step) =>
        rolloutInput({ ...window, dispose: () => undefined }, one, { generator, losses, seed: 1 });
      const input = make(step);
      expect([input.front!.shape, input.history!.shape]).toEqual([
        [1, 2, 4, 4, 3],
        [1, 4, 4, 6],
      ]);
      // Of the first pixel: the newer frame's colours, then the older one's.
      expect([...input.history!.dataSync().slice(0, 6)]).toEqual([48, 49, 50, 0, 1, 2]);
      disposeDraws(input, { ...window, dispose: () => undefined });
      // Nothing is left behind where it cannot be read.
      const wrong = goingOn(planned, { from: [kept([2, 4, 5, 3], 9)], elsewhere: false });
      expect(() => make(wrong)).toThrow('shape');
    });
    frames.dispose();
  });
});
