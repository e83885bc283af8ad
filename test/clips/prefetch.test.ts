import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createFeed } from '../../src/clips/prefetch.js';
import type { Window } from '../../src/clips/index.js';

const finish = (step: number): Window => ({ origin: [{ startFrame: step }] }) as unknown as Window;
const stepOf = (window: Window): number => window.origin[0]!.startFrame;

describe('the window feed', () => {
  it('prepares ahead, no further than asked, and in order', async () => {
    const begun: number[] = [];
    const prepare = async (step: number): Promise<number> => {
      begun.push(step);
      // Later ones are ready sooner.
      await setTimeout(20 / (step - 9));
      return step;
    };
    const feed = createFeed({ fromStep: 10, ahead: 2, prepare, finish });
    expect(begun).toEqual([10, 11]);
    expect(stepOf(await feed.next())).toBe(10);
    expect(begun).toEqual([10, 11, 12]);
    expect([stepOf(await feed.next()), stepOf(await feed.next())]).toEqual([11, 12]);
    expect(begun.at(-1)).toBe(14);
    expect(feed.waitedSeconds).toBeGreaterThan(0.01);
    await feed.close();
    await expect(feed.next()).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('overlaps preparing with the work between', async () => {
    const prepare = (step: number): Promise<number> => setTimeout(40, step);
    const feed = createFeed({ fromStep: 0, ahead: 2, prepare, finish });
    await feed.next();
    const waited = feed.waitedSeconds;
    for (let i = 0; i < 3; i += 1) {
      await setTimeout(60);
      await feed.next();
    }
    expect(feed.waitedSeconds - waited).toBeLessThan(0.06);
    await feed.close();
  });

  it('throws an error where it belongs and goes on', async () => {
    const prepare = (step: number): Promise<number> =>
      step === 1 ? Promise.reject(new Error('broken')) : Promise.resolve(step);
    const feed = createFeed({ fromStep: 0, ahead: 3, prepare, finish });
    expect(stepOf(await feed.next())).toBe(0);
    await expect(feed.next()).rejects.toThrow('broken');
    expect(stepOf(await feed.next())).toBe(2);
    await feed.close();
    expect(() => createFeed({ fromStep: 0, ahead: 0, prepare, finish })).toThrow('0 windows ahead');
  });
});
