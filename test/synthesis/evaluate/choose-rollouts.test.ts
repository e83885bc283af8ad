import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeldOutSegment } from '../../../src/clips/index.js';
import { trainingStretches } from '../../../src/synthesis/evaluate/baselines.js';
import { chooseRollouts } from '../../../src/synthesis/evaluate/choose-rollouts.js';
import { commonRollouts, scoredFramesOf } from '../../../src/synthesis/evaluate/common-rollouts.js';
import { startOf } from '../../../src/synthesis/evaluate/held-out-frames.js';

const segmentsOf = (scored: readonly number[]): HeldOutSegment[] =>
  scored.map((scoredFrames, clip) => ({
    ...{ clip, scoredFrames, frameCount: scoredFrames + 2, startFrame: 10, precedingFrames: 10 },
  }));
const chosen = (scored: readonly number[], bounds: Parameters<typeof chooseRollouts>[1]) =>
  chooseRollouts(segmentsOf(scored), bounds).map(({ segment, frames }) => [segment.clip, frames]);

it('a rollout goes on from as many conditions as the generator sees, within its scene', () => {
  const [segment] = segmentsOf([30]);
  const from = (leadFrames: number, precedingFrames: number) =>
    startOf({ leadFrames }, { ...segment!, precedingFrames });
  // Two frames of history and three of the condition: the segment's own start is enough.
  expect(from(2, 10)).toEqual({ startFrame: 10, count: 2 });
  expect(from(6, 10)).toEqual({ startFrame: 6, count: 6 });
  expect(from(6, 3)).toEqual({ startFrame: 7, count: 5 });
  expect(from(6, 0)).toEqual({ startFrame: 10, count: 2 });
});

describe('the rollouts of an evaluation', () => {
  it('are all of them where that is little', () => {
    expect(chosen([30, 5], {})).toEqual([
      [0, 30],
      [1, 5],
    ]);
    expect(chosen([30, 5], { framesPerSegment: 24, mostFrames: 128 })).toEqual([
      [0, 24],
      [1, 5],
    ]);
  });

  it('are shorter before they are fewer, and spread over all clips', () => {
    const bounds = { framesPerSegment: 24, mostFrames: 100 };
    expect(chosen([30, 4, 30, 30, 30, 30], bounds).map(([, frames]) => frames)).toEqual([
      19, 4, 19, 19, 19, 19,
    ]);
    const clips = chosen(Array<number>(300).fill(40), bounds);
    expect(clips).toHaveLength(12);
    expect(clips.every(([, frames]) => frames === 8)).toBe(true);
    expect(clips.map(([clip]) => clip!).slice(0, 3)).toEqual([12, 37, 62]);
    expect(chosen([90], { mostFrames: 3 })).toEqual([[0, 3]]);
  });

  it('never go beyond the bound, and there is always one', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 80 });
    const bound = fc.integer({ min: 1, max: 200 });
    fc.assert(
      fc.property(lengths, bound, bound, (scored, mostFrames, framesPerSegment) => {
        const found = chosen(scored, { mostFrames, framesPerSegment });
        const sum = found.reduce((total, [, frames]) => total + frames!, 0);
        expect(found.length).toBeGreaterThan(0);
        expect(sum).toBeLessThanOrEqual(mostFrames);
        expect(found.every(([clip, frames]) => frames! >= 1 && frames! <= scored[clip!]!)).toBe(
          true,
        );
        expect(new Set(found.map(([clip]) => clip)).size).toBe(found.length);
      }),
    );
  });

  it('leave baselines to learn from stretches of all clips', () => {
    const clips = Array.from({ length: 50 }, () => ({ train: { start: 0, end: 70 } }));
    expect(trainingStretches(clips.slice(0, 2), Infinity)).toEqual([
      { clip: 0, start: 0, count: 32 },
      { clip: 0, start: 32, count: 32 },
      { clip: 0, start: 64, count: 6 },
      { clip: 1, start: 0, count: 32 },
      { clip: 1, start: 32, count: 32 },
      { clip: 1, start: 64, count: 6 },
    ]);
    const some = trainingStretches(clips, 320);
    expect(some).toHaveLength(10);
    expect(new Set(some.map(({ clip }) => clip)).size).toBe(10);
  });
});

describe('frames that several generators are scored on', () => {
  it('are the same for each, whatever its own history is', () => {
    /** A scene of 20 frames from 40 on, and a short one, as a dataset of that history has them. */
    const datasetOf = (historyFrames: number) => ({
      heldOut: () =>
        [20, 4].map((frameCount, clip) => ({
          ...{ clip, startFrame: 40, frameCount, precedingFrames: 3 },
          scoredFrames: frameCount - historyFrames,
        })),
    });
    const [one, three] = [1, 3].map((historyFrames) =>
      commonRollouts(datasetOf(historyFrames), { mostHistory: 3 }),
    );
    expect(three!.rollouts.map(({ segment }) => segment)).toEqual(datasetOf(3).heldOut());
    // It begins later, and what it leaves out stands before it.
    expect(one!.rollouts.map(({ segment }) => segment)).toEqual([
      { clip: 0, startFrame: 42, frameCount: 18, scoredFrames: 17, precedingFrames: 5 },
      { clip: 1, startFrame: 42, frameCount: 2, scoredFrames: 1, precedingFrames: 5 },
    ]);
    const report = { clips: [{ path: 'a' }, { path: 'b' }] } as never;
    const frames = [one!, three!].map(({ rollouts }) => scoredFramesOf({ report }, rollouts));
    expect(frames).toEqual([
      ['a 43+17', 'b 43+1'],
      ['a 43+17', 'b 43+1'],
    ]);
    // Scenes that are too short for one are left out for all.
    const four = commonRollouts(datasetOf(1), { mostHistory: 4, mostFrames: 10 });
    expect(four).toMatchObject({ framesThere: 16, rollouts: [{ frames: 10 }] });
  });
});
