import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WindowSampler } from '../../src/clips/sampler.js';
import { findSceneCuts, SceneMeter } from '../../src/clips/scene-cut.js';
import { shotsWithin, splitClip } from '../../src/clips/split.js';
import { WindowTable } from '../../src/clips/window-table.js';

const still = { flip: false, cropFraction: 0, colourFraction: 0 };

const clip = fc
  .record({
    frameCount: fc.integer({ min: 1, max: 200 }),
    fraction: fc.constantFrom(0, 0.1, 0.2, 0.5),
    gapFrames: fc.integer({ min: 0, max: 10 }),
    cuts: fc.uniqueArray(fc.integer({ min: 1, max: 199 }), { maxLength: 4 }),
  })
  .map(({ cuts, ...rest }) => ({ ...rest, cuts: cuts.filter((cut) => cut < rest.frameCount) }));

describe('the split', () => {
  it('holds out the last fifth and takes the gap from the training part', () => {
    expect(splitClip(280, { fraction: 0.2, gapFrames: 4 })).toEqual({
      train: { start: 0, end: 220 },
      heldOut: { start: 224, end: 280 },
    });
    expect(splitClip(10, { fraction: 0, gapFrames: 4 }).train).toEqual({ start: 0, end: 10 });
    expect(splitClip(3, { fraction: 0.5, gapFrames: 9 }).train).toEqual({ start: 0, end: 0 });
  });

  it('covers every frame once', () => {
    fc.assert(
      fc.property(clip, ({ frameCount, fraction, gapFrames, cuts }) => {
        const { train, heldOut } = splitClip(frameCount, { fraction, gapFrames });
        expect(train.start).toBe(0);
        expect(heldOut.end).toBe(frameCount);
        expect(heldOut.start - train.end).toBeLessThanOrEqual(gapFrames);
        const shots = shotsWithin({ start: 0, end: frameCount }, cuts);
        expect(shots.map(({ start }) => start)).toEqual([0, ...cuts].sort((a, b) => a - b));
        expect(shots.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(frameCount);
      }),
    );
  });
});

describe('windows', () => {
  it('never touch the gap, the held-out part or a cut, and come out the same again', () => {
    fc.assert(
      fc.property(
        fc.array(clip, { minLength: 1, maxLength: 4 }),
        fc.record({
          seed: fc.nat(),
          step: fc.nat(1_000_000),
          frames: fc.integer({ min: 1, max: 8 }),
          leadFrames: fc.integer({ min: 0, max: 3 }),
          strides: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 }),
        }),
        (clips, { seed, step, frames, leadFrames, strides }) => {
          const shots = clips.flatMap(({ frameCount, cuts, ...options }, i) =>
            shotsWithin(splitClip(frameCount, options).train, cuts).map((shot) => ({
              clip: i,
              ...shot,
            })),
          );
          const options = { seed, shots, leadFrames, strides, augment: still };
          const size = { width: 16, height: 16, paths: clips.map((_, i) => `${i}.mp4`) };
          const sampler = new WindowSampler({ ...options, ...size });
          fc.pre(sampler.count(frames) > 0);
          const plain = sampler.draw(step, { frames, batch: 3 });
          const request = { frames, batch: 3, warmUpFrames: 6 };
          const drawn = sampler.draw(step, request);
          // Several processes draw what one would that had all of their windows, and take each its own.
          const each = [0, 1, 2].map((rank) =>
            sampler.draw(step, { ...request, batch: 1, share: { rank, size: 3 } }),
          );
          expect(each.flatMap(({ origin }) => origin)).toEqual(drawn.origin);
          for (const own of each)
            expect(own).toMatchObject({ drawn: drawn.origin, warmUpFrames: drawn.warmUpFrames });
          expect(plain.warmUpFrames).toBe(0);
          expect(drawn.warmUpFrames).toBeLessThanOrEqual(Math.min(6, sampler.warmUpRoom(frames)));
          // Warm-up takes what room there is and moves no trained frame.
          const rooms = plain.origin.map(({ clip: i, startFrame, strideFrames }) => {
            const starts = shots.filter((shot) => shot.clip === i && shot.start <= startFrame);
            return Math.floor((startFrame - starts.at(-1)!.start) / strideFrames);
          });
          expect(drawn.warmUpFrames).toBe(Math.min(6, ...rooms));
          expect(
            drawn.origin.map(({ startFrame, ...one }) => ({
              ...one,
              startFrame: startFrame + drawn.warmUpFrames * one.strideFrames,
            })),
          ).toEqual(plain.origin);
          for (const window of drawn.origin) {
            const { train } = splitClip(clips[window.clip]!.frameCount, clips[window.clip]!);
            const length = leadFrames + drawn.warmUpFrames + frames;
            const last = window.startFrame + (length - 1) * window.strideFrames;
            expect(window.startFrame).toBeGreaterThanOrEqual(0);
            expect(last).toBeLessThan(train.end);
            const crossed = clips[window.clip]!.cuts.filter(
              (cut) => cut > window.startFrame && cut <= last,
            );
            expect(crossed).toEqual([]);
          }
          const other = new WindowSampler({ ...options, ...size });
          other.draw(step + 1, { frames, batch: 1 });
          expect(other.draw(step, request)).toEqual(drawn);
          // A shorter rollout is the first frames of the same window.
          const shorter = { frames: 1, roomFrames: frames, batch: 3 };
          expect(sampler.draw(step, shorter).origin).toEqual(plain.origin);
        },
      ),
    );
  });

  it('are numbered without holes', () => {
    const table = new WindowTable(
      [
        { clip: 0, start: 0, end: 10 },
        { clip: 0, start: 10, end: 12 },
        { clip: 1, start: 3, end: 9 },
      ],
      3,
      2,
    );
    const all = Array.from({ length: table.count }, (_, i) => table.at(i));
    expect(all).toEqual([
      ...[0, 1, 2, 3, 4, 5].map((startFrame) => ({
        clip: 0,
        startFrame,
        framesBefore: startFrame,
      })),
      ...[3, 4].map((startFrame) => ({ clip: 1, startFrame, framesBefore: startFrame - 3 })),
    ]);
    expect([table.countOf(0), table.countOf(1)]).toEqual([6, 2]);
    expect(() => table.at(table.count)).toThrow(RangeError);
  });

  it('say how many frames they need', () => {
    const sampler = new WindowSampler({
      seed: 1,
      shots: [{ clip: 0, start: 0, end: 9 }],
      leadFrames: 2,
      strides: [2],
      augment: still,
      width: 16,
      height: 16,
      paths: ['short.mp4'],
    });
    expect(() => sampler.draw(0, { frames: 4, batch: 1 })).toThrow(
      'short.mp4 has 9 frames in a row to train on; a window needs 11 (4 and 2 in front)',
    );
    expect(() => sampler.draw(-1, { frames: 1, batch: 1 })).toThrow('for step -1');
    // Windows that are named are taken, where their scene has the room.
    const origin = sampler.draw(0, { frames: 1, batch: 2 }).origin.map((one) => ({
      ...one,
      startFrame: 2,
    }));
    expect(sampler.roomFrom(origin[0]!)).toBe(2);
    expect(sampler.draw(5, { frames: 2, batch: 2, warmUpFrames: 1, origin })).toEqual({
      origin,
      drawn: origin,
      warmUpFrames: 0,
    });
    expect(() => sampler.draw(5, { frames: 3, batch: 2, origin })).toThrow(
      'cannot take 2 windows of 3 frames from 2 places: there is none from frame 2 of clip 0',
    );
    expect(() => sampler.draw(5, { frames: 1, batch: 1, origin })).toThrow('from 2 places');
    expect(sampler.roomFrom({ ...origin[0]!, clip: 1 })).toBe(0);
    // Who went back draws others at the same steps.
    const starts = [0, 1, 2].map((attempt) =>
      sampler.draw(3, { frames: 1, batch: 40, attempt }).origin.map((one) => one.startFrame),
    );
    expect(new Set(starts.map(String)).size).toBe(3);
    expect(starts[0]).toEqual(
      sampler.draw(3, { frames: 1, batch: 40 }).origin.map((one) => one.startFrame),
    );
  });
});

describe('scene cuts', () => {
  it('are frames that stand out, not fast motion and not a flash', () => {
    expect(findSceneCuts([0, 0.05, 0.04, 0.6, 0.05, 0.05], 0.35)).toEqual([3]);
    expect(findSceneCuts([0, 0.1, 0.3, 0.44, 0.34, 0.28], 0.35)).toEqual([]);
    expect(findSceneCuts([0, 0, 0.7, 0.7, 0], 0.35)).toEqual([]);
    expect(findSceneCuts([0, 0.3, 0], 0.35)).toEqual([]);
    expect(findSceneCuts([0], 0)).toEqual([]);
  });

  it('are measured by luma and colour', () => {
    const meter = new SceneMeter();
    const picture = (r: number, g: number, b: number): Uint8Array =>
      Uint8Array.from({ length: 300 }, (_, i) => [r, g, b][i % 3]!);
    expect(meter.push(picture(0, 0, 0))).toBe(0);
    expect(meter.push(picture(0, 0, 0))).toBe(0);
    expect(meter.push(picture(255, 255, 255))).toBe(1);
    const sameLuma = new SceneMeter();
    sameLuma.push(picture(200, 0, 0));
    // Red and green change wholly, blue not.
    expect(sameLuma.push(picture(0, 102, 0))).toBeCloseTo(1 / 3, 1);
  });

  it('are not a light that fades across the border of two bins', () => {
    const meter = new SceneMeter();
    const scores = Array.from({ length: 256 }, (_, level) =>
      meter.push(new Uint8Array(300).fill(level)),
    );
    expect(Math.max(...scores)).toBeLessThan(0.03);
  });
});
