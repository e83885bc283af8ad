import { describe, expect, it } from 'vitest';
import { endOfTraining } from '../../src/training/advice.js';
import {
  savedEvaluation,
  type Evaluation,
  type EvaluationFigures,
} from '../../src/training/evaluation.js';
import { lossOptions, trainingOptions } from '../../src/training/options.js';
import {
  tripOfEvaluation,
  afterSnapshot,
  tripOfStep,
  comesAsFarAgain,
  ROLLBACK_LIMITS,
  rollbackState,
  type RollbackState,
} from '../../src/training/rollback.js';
import { returnsBehind } from '../../src/training/run/returns.js';
import { alarmsOf } from '../../src/training/alarms.js';
import { stabilityLimits } from '../../src/training/stability-limits.js';

const evaluationOf = (figures: Partial<EvaluationFigures>): Evaluation => {
  const all = {
    ...{ psnr: 20, ssim: 0.5, sharpnessRatio: 0.5, checkerRatio: 0.3, motionRatio: 0.6 },
    ...{ conditionUse: 0.5, diversity: 0.2, ...figures },
  };
  const plain = savedEvaluation({ figures: all, alarms: {}, ending: false })!;
  return { ...plain, alarms: alarmsOf(stabilityLimits.parse({}), plain.figures) };
};

/** What evaluations every 250 of 2000 steps come to: where each training would go back to, null for nowhere. */
function course(...all: Partial<EvaluationFigures>[]) {
  let state = rollbackState();
  return all.map((figures, i) => {
    const at = { step: 250 * (i + 1), total: 2000 };
    const { state: next, trip } = tripOfEvaluation(
      ...([ROLLBACK_LIMITS, state, evaluationOf(figures), at] as const),
    );
    state = next;
    return trip ? [trip.word, state.healthyStep] : null;
  });
}

describe('a training has tipped', () => {
  it('where an alarm that hardly a young one has stands twice in a row', () => {
    const dots = { checkerRatio: 1.8 };
    expect(course({}, {}, dots, dots, dots)).toEqual([
      null,
      null,
      null,
      ['dots', 500],
      ['dots', 500],
    ]);
    expect(course({}, {}, dots, {}, dots, {})).toEqual(Array(6).fill(null));
    // From the first one on they may be those of its first weights: it has tipped where they get worse.
    expect(course({}, dots, dots, dots)).toEqual([null, null, null, null]);
    expect(course({}, dots, { checkerRatio: 2.1 })).toEqual([null, null, ['dots', null]]);
    const slowly = [1.7, 1.8, 1.9].map((checkerRatio) => ({ checkerRatio }));
    expect(course({}, ...slowly)).toEqual([null, null, null, ['dots', null]]);
    expect(course({}, {}, { motionRatio: 2.5 }, dots)).toEqual([null, null, null, null]);
    expect(course({}, {}, { motionRatio: 2.5 }, { motionRatio: 3 })[3]).toEqual(['boiling', 500]);
  });

  it('where what it had has gone, and not where it never had it or is as it was', () => {
    // The sample's street from step 135 on: it goes to and fro at the limit, and gets better all the time.
    const street = [0.26, 0.29, 0.305, 0.29, 0.28, 0.299, 0.31].map((motionRatio) => ({
      motionRatio,
    }));
    expect(course(...street)).toEqual(Array(7).fill(null));
    const still = { motionRatio: 0.1, conditionUse: 0.1, diversity: 0.01 };
    expect(course(still, still, still, still)).toEqual(Array(4).fill(null));
    expect(
      course({}, { conditionUse: 0.4 }, { conditionUse: 0.15 }, { conditionUse: 0.1 })[3],
    ).toEqual(['condition ignored', 500]);
    // As in a training whose pictures get better from one evaluation to the next.
    const quiet = [0.19, 0.13, 0.08, 0.04, 0.03].map((diversity) => ({ diversity }));
    expect(course(...quiet)).toEqual(Array(5).fill(null));
    // Of a clip without motion nothing is known of it.
    const none = { motionRatio: null };
    expect(course({}, {}, none, none, none)).toEqual(Array(5).fill(null));
    // Too much motion was no good either: it is not missed.
    expect(
      course({}, { motionRatio: 1.9 }, { motionRatio: 0.29 }, { motionRatio: 0.71 })[3],
    ).toBeNull();
  });

  it('not while it is young, by steps and by its share of all', () => {
    const dots = evaluationOf({ checkerRatio: 3 });
    const after = (step: number, total: number | null) => {
      const at = { step, total };
      const { state } = tripOfEvaluation(ROLLBACK_LIMITS, rollbackState(), dots, at);
      return state.evaluations;
    };
    expect([after(49, 100), after(50, 100), after(50, 500)]).toEqual([0, 1, 0]);
    expect([after(400, 2000), after(5000, null)]).toEqual([1, 0]);
  });

  it('where both norms of gradients stay far above what they were', () => {
    const wave = (i: number): number => Math.exp(0.3 * Math.sin(1.7 * i) + 0.2 * Math.cos(i * i));
    const trips = (factor: (i: number) => readonly [number, number]) => {
      let state: RollbackState = rollbackState();
      return Array.from({ length: 400 }, (_, i) => {
        const [g, d] = factor(i);
        const verdict = tripOfStep(ROLLBACK_LIMITS, state, {
          'generator/gradient_norm': g * wave(i),
          'discriminator/gradient_norm': d * wave(i + 9),
        });
        ({ state } = verdict);
        return verdict.trip;
      }).findIndex((trip) => trip !== null);
    };
    expect(trips(() => [1, 1])).toBe(-1);
    // One side alone, single steps, and a level that is a few times higher are for milder means.
    expect(trips((i) => [i > 200 ? 1e4 : 1, 1])).toBe(-1);
    expect(trips((i) => (i % 8 === 0 && i > 200 ? [1e4, 1e4] : [1, 1]))).toBe(-1);
    expect(trips((i) => (i > 200 ? [4, 4] : [1, 1]))).toBe(-1);
    expect(trips((i) => (i > 200 ? [1e3, 1e3] : [1, 1]))).toBe(216);
    expect(trips((i) => (i > 200 ? [1.3 ** (i - 200), 1.3 ** (i - 200)] : [1, 1]))).toBeLessThan(
      240,
    );
    // A side that waits has none, and is no jump when it goes on.
    expect(trips((i) => (i > 200 && i < 260 ? [1, 0] : [1, 1]))).toBe(-1);
  });
});

describe('the snapshot to go back to', () => {
  it('is judged by its evaluation, and by its steps until there is one', () => {
    const at = (step: number) => ({ step, total: 1000 });
    const sound = afterSnapshot(rollbackState(), 100, true);
    expect(sound.healthyStep).toBe(100);
    expect(afterSnapshot(sound, 150, false)).toEqual(sound);
    expect(afterSnapshot({ ...sound, far: 1 }, 150, true).healthyStep).toBe(100);
    const good = tripOfEvaluation(ROLLBACK_LIMITS, sound, evaluationOf({}), at(250)).state;
    expect(good.healthyStep).toBe(250);
    expect(afterSnapshot(good, 300, true)).toEqual(good);
    // What nobody had looked at is no better than what was seen then.
    const dots = evaluationOf({ checkerRatio: 2 });
    const bad = tripOfEvaluation(ROLLBACK_LIMITS, sound, dots, at(250)).state;
    expect(bad.healthyStep).toBeNull();
    expect(tripOfEvaluation(ROLLBACK_LIMITS, good, dots, at(500)).state.healthyStep).toBe(250);
    // What a young generator and an unforeseeable clip have is no reason to lose a night.
    const blurred = evaluationOf({ motionRatio: 0.2 });
    expect(tripOfEvaluation(ROLLBACK_LIMITS, good, blurred, at(500)).state).toMatchObject({
      healthyStep: 250,
      standing: ['frozen'],
    });
    expect(tripOfEvaluation(ROLLBACK_LIMITS, sound, blurred, at(250)).state.healthyStep).toBe(250);
    expect(rollbackState(JSON.parse(JSON.stringify(good)))).toEqual(good);
    expect(rollbackState({ other: 1 })).toEqual(rollbackState());
  });

  it('is gone back to by the clock where there is time to come as far again', () => {
    const dots = { word: 'dots', why: '' };
    expect(comesAsFarAgain(dots, { step: 50, toStep: 25, steps: 100 })).toBe(true);
    expect(comesAsFarAgain(dots, { step: 75, toStep: 25, steps: 100 })).toBe(false);
    const lost = { word: 'diverged', why: '' };
    expect(comesAsFarAgain(lost, { step: 99, toStep: 0, steps: 100 })).toBe(true);
  });

  it('counts the returns that lie behind it', () => {
    const back = (toStep: number, trip: object | null = { word: 'dots', why: '' }) =>
      ({ fromStep: 900, toStep, trip, aside: 'aside/00001', done: true }) as never;
    expect([0, 99, 100, 500].map((step) => returnsBehind([back(100)], step))).toEqual([0, 0, 1, 1]);
    // The second took the first with it.
    const twice = [back(200), back(100)];
    expect([99, 100, 150, 300].map((step) => returnsBehind(twice, step))).toEqual([0, 2, 2, 2]);
    const forth = [back(100), back(200)];
    expect([99, 150, 200].map((step) => returnsBehind(forth, step))).toEqual([0, 1, 2]);
    // Somebody named a snapshot.
    const named = [back(200), back(100), back(150, null), back(300)];
    expect([120, 150, 299, 300].map((step) => returnsBehind(named, step))).toEqual([2, 0, 0, 1]);
  });
});

describe('the end of a training that tips again and again', () => {
  const run = { folder: 'runs/00001-x', pipeline: 'runs/00001-x/pipeline.yaml' };
  const pipeline = { losses: lossOptions.parse({}), training: trainingOptions.parse({}) };
  const end = (word: string, toStep = 500) =>
    endOfTraining(
      { trip: { word, why: 'checker 1.72, above 1.5' }, step: 1000, returns: 3, toStep },
      pipeline,
      run,
    );

  it('names what tipped, the step, and the key to change as a command', () => {
    const error = end('dots');
    expect(error.code).toBe('diverged');
    expect(error.message).toBe(
      'training went back 3 times and tipped again at step 1000: dots, checker 1.72, above 1.5',
    );
    expect(error.hint).toContain('change losses.frameAdversarial and losses.sequenceAdversarial: ');
    expect(error.hint).toContain(
      'train --resume --run runs/00001-x --snapshot 500 --set losses.frameAdversarial=0.5 --set losses.sequenceAdversarial=0.5',
    );
  });

  it('names keys that there are, with other values than they have', () => {
    for (const word of [
      'dots',
      'boiling',
      'frozen',
      'condition ignored',
      'diverged',
      'gradients jump',
    ]) {
      const sets = [...(end(word).hint ?? '').matchAll(/--set (\w+)\.([\w.]+)=(\S+)/g)];
      expect(sets.length).toBeGreaterThan(0);
      for (const [, section, path, value] of sets) {
        const of = section === 'losses' ? pipeline.losses : pipeline.training;
        const before = path!
          .split('.')
          .reduce<unknown>((object, key) => (object as Record<string, unknown>)[key], of);
        expect(before, `${section}.${path}`).toBeTypeOf('number');
        expect(Number(value)).not.toBe(before);
      }
    }
  });

  it('begins anew where there is no healthy snapshot', () => {
    expect(end('diverged', 0).hint).toMatch(/train runs\/00001-x\/pipeline.yaml --set training/);
  });
});
