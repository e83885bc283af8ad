import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { FrameIntake } from '../../src/video/frame-intake.js';
import type { Frame } from '../../src/video/index.js';

const frame = (index: number): Frame => ({
  ...{ index, timeSeconds: index / 25, width: 1, height: 1, pixelFormat: 'gray' },
  data: new Uint8Array(1),
});

describe('frames of an Observable, one after the other', () => {
  it('end when the source does', async () => {
    const source = new Subject<Frame>();
    const intake = new FrameIntake(source, 2);
    intake.open();
    source.next(frame(0));
    source.complete();
    expect(await intake.next()).toMatchObject({ index: 0 });
    expect(await intake.next()).toBeUndefined();
  });

  it('never seem to end where the source fails, whenever that is', async () => {
    // A wait is over in a microtask or two: the failure comes before, between and after them.
    for (let microtasks = 0; microtasks < 6; microtasks += 1) {
      const source = new Subject<Frame>();
      const intake = new FrameIntake(source, 2);
      intake.open();
      const coming = intake.next().then(
        (taken) => (taken ? 'frame' : 'end'),
        (error: unknown) => String(error),
      );
      source.next(frame(0));
      for (let i = 0; i < microtasks; i += 1) await Promise.resolve();
      source.error('broken');
      expect([microtasks, await coming]).not.toEqual([microtasks, 'end']);
      await expect(intake.next()).rejects.toBe('broken');
    }
  });
});
