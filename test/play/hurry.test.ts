import { describe, expect, it } from 'vitest';
import { labels, play } from './playing.js';

describe('the steps of a player that is hurried', () => {
  it.each([16, 60, 217, 1000])(
    'are as many where one is hurried every %i ms, and none is much longer than the others',
    async (every) => {
      const { clock, player, frames } = play({ ms: 5 }, { fps: 25 });
      const made: number[] = [];
      for (let ms = 0; ms < 20_000; ms += 1) {
        await clock.pass(1);
        if (ms % every === 0) player.hurry();
        while (made.length < frames.length) made.push(ms);
      }
      // One may be owed.
      expect(Math.abs(frames.length - 500)).toBeLessThanOrEqual(2);
      const gaps = made.slice(1).map((ms, i) => ms - made[i]!);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(61);
      expect(player.figures.dropped).toBe(0);
    },
  );

  it('begin at once where they are hurried, or right behind the frame that is being made', async () => {
    const { clock, player, frames } = play({ ms: 10 }, { fps: 5 });
    await clock.pass(50);
    expect(frames).toHaveLength(1);
    player.setCondition(labels(2));
    player.hurry();
    await clock.pass(10);
    expect(frames).toHaveLength(2);
    expect(frames[1]?.rgb[0]).toBe(2);
    await clock.pass(1000);
    const before = frames.length;
    // Somewhere in a frame.
    while (frames.length === before) await clock.pass(1);
    await clock.pass(190);
    player.hurry();
    await clock.pass(5);
    player.hurry();
    await clock.pass(20);
    expect(frames.length).toBeGreaterThanOrEqual(before + 2);
    player.pause();
    player.hurry();
    await clock.pass(1000);
    expect(frames.length).toBeLessThanOrEqual(before + 4);
    const own = play({}, { timer: false });
    own.player.hurry();
    await own.clock.pass(100);
    expect(own.frames).toEqual([]);
  });
});
