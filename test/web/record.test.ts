import { describe, expect, it } from 'vitest';
import { frameAt, momentOf } from '../../web/src/record/clock.js';
import { ConstantRate } from '../../web/src/record/constant-rate.js';
import { Pressed } from '../../web/src/record/pressed.js';
import { takeSize } from '../../web/src/record/take-size.js';

describe('frames of a constant rate', () => {
  it('are taken evenly from a screen that does not tick evenly', () => {
    const jitter = [0, 1.5, -1.2, 2, -2, 0.3, 1, -1];
    const taken = Array.from({ length: 64 }, (_, tick) =>
      frameAt((tick * 1000) / 60 + jitter[tick % 8]!, 30),
    );
    expect(taken).toEqual(Array.from({ length: 64 }, (_, tick) => tick >> 1));
    expect(frameAt(momentOf(7, 25), 25)).toBe(7);
  });

  /** Pictures by when they were captured; a frame that shows the one before is a point. */
  function written(pictures: readonly (readonly [string, number])[], untilMs: number): string {
    let frames = '';
    const rate = new ConstantRate<string>(10, 1000, (picture) => (frames += picture ?? '.'));
    for (const [picture, atMs] of pictures) rate.put(picture, atMs);
    rate.settle(untilMs);
    return frames;
  }

  it('show the newest picture of their time, and it again where nothing moves', () => {
    expect(
      written(
        [
          ['a', 1000],
          ['b', 1100],
          ['c', 1310],
        ],
        1600,
      ),
    ).toBe('ab.c..');
  });

  it('show the last picture before a pause, also where it came between two frames', () => {
    expect(
      written(
        [
          ['a', 1000],
          ['b', 1030],
          ['c', 1060],
        ],
        1400,
      ),
    ).toBe('c...');
    expect(
      written(
        [
          ['a', 1000],
          ['b', 1110],
          ['c', 1150],
        ],
        1400,
      ),
    ).toBe('ac..');
  });

  it('show a picture that comes late in the next frame', () => {
    let frames = '';
    const rate = new ConstantRate<string>(10, 0, (picture) => (frames += picture ?? '.'));
    rate.put('a', 0);
    rate.settle(300);
    rate.put('b', 120);
    rate.settle(600);
    expect(frames).toBe('a..b..');
  });
});

describe('keys at moments that are asked about later', () => {
  it('are those that were held then, or pressed since', () => {
    const pressed = new Pressed();
    pressed.note('KeyA', true, 10);
    pressed.note('KeyB', true, 12);
    pressed.note('KeyB', false, 14);
    pressed.note('KeyC', true, 40);
    expect([...pressed.upTo(20)].sort()).toEqual(['KeyA', 'KeyB']);
    expect([...pressed.upTo(30)]).toEqual(['KeyA']);
    pressed.note('KeyA', false, 45);
    expect([...pressed.upTo(50)]).toEqual(['KeyC']);
    pressed.note('KeyD', true, 60);
    pressed.release(70);
    expect([...pressed.upTo(65)].sort()).toEqual(['KeyC', 'KeyD']);
    expect([...pressed.upTo(80)]).toEqual([]);
  });
});

it('a take is as large as its picture, as far as that is not too large', () => {
  expect(takeSize({ width: 321, height: 181 })).toEqual({ width: 320, height: 180 });
  expect(takeSize({ width: 1920, height: 1080 })).toEqual({ width: 640, height: 360 });
  expect(takeSize({ width: 1, height: 1 })).toEqual({ width: 4, height: 4 });
});
