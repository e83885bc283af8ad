import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/log.js';
import { dataOptions } from '../../src/clips/options.js';
import { openTrainingClips } from '../../src/serve/clips.js';
import { PictureFilter, whyNoFilter } from '../../src/serve/picture-filter.js';
import { runningProcesses } from '../../src/video/index.js';
import { makeClip } from '../video/make-clip.js';

const SIZE = { width: 32, height: 24 };
const edges = (clip: string, extra: object = {}) =>
  dataOptions.parse({ clips: [clip], size: '32x24', ...extra });
const options = { baseFolder: '/', log: silentLogger };

let clip: string;
beforeAll(async () => {
  clip = await makeClip({ frames: 20, width: 64, height: 48 });
});

describe('the clips of a training', () => {
  it('are read in any place and at any size', async () => {
    const clips = await openTrainingClips({ ...options, data: edges(clip) });
    expect(clips.list).toMatchObject([{ frames: 20, fps: 25 }]);
    expect(clips.list[0]?.name).toContain('clip');
    const whole = await clips.frames(0, 0, 20, SIZE);
    expect([whole.frames.length, whole.conditions?.length]).toEqual([20, 20]);
    const some = await clips.conditions(0, 7, 5, SIZE);
    expect(some).toEqual(whole.conditions?.slice(7, 12));
    expect(some[0]?.length).toBe(32 * 24);
    expect(some[0]?.some((level) => level > 0)).toBe(true);
    const large = await clips.frames(0, 19, 5, { width: 64, height: 48 });
    expect([large.frames.length, large.frames[0]?.length, large.conditions?.[0]?.length]).toEqual([
      ...[1, 64 * 48 * 3, 64 * 48],
    ]);
    expect(await clips.conditions(0, 20, 5, SIZE)).toEqual([]);
  });

  it('hold as many frames as are said, at another rate and of a part', async () => {
    const data = edges(clip, { fps: 10, startSeconds: 0.2 });
    const clips = await openTrainingClips({ ...options, data });
    const { frames } = clips.list[0]!;
    expect(frames).toBeGreaterThanOrEqual(4);
    expect((await clips.conditions(0, 0, frames, SIZE)).length).toBe(frames);
  });

  it('are said to be gone where they are', async () => {
    const other = await makeClip({ frames: 2 });
    await rm(other);
    const clips = await openTrainingClips({ ...options, data: edges(other) });
    expect(clips.list).toEqual([]);
    expect(clips.unavailable).toMatch(/cannot be used: .*clip\.mp4/);
    await expect(clips.conditions(0, 0, 1, SIZE)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('the filter of pictures', () => {
  const filters: PictureFilter[] = [];
  const open = (data: object): PictureFilter => {
    const filter = new PictureFilter({
      data: dataOptions.parse({ size: '32x24', ...data }),
      baseFolder: '/',
    });
    filters.push(filter);
    return filter;
  };
  afterAll(() => Promise.all(filters.map((filter) => filter.close())));

  it('makes of a clip’s frames what training saw, each at once and by one ffmpeg', async () => {
    const clips = await openTrainingClips({ ...options, data: edges(clip) });
    const { frames, conditions } = await clips.frames(0, 0, 6, SIZE);
    const filter = open({});
    const before = runningProcesses().length;
    for (const [i, rgb] of frames.entries()) {
      expect(await filter.filter({ ...SIZE, rgb }, SIZE)).toEqual(conditions?.[i]);
      expect(runningProcesses().length - before).toBe(1);
    }
    await filter.close();
    await expect(filter.filter({ ...SIZE, rgb: frames[0]! }, SIZE)).rejects.toMatchObject({
      code: 'cancelled',
    });
    await expect.poll(() => runningProcesses().length).toBe(before);
  });

  it('takes pictures of any size, one after another', async () => {
    const filter = open({ condition: { kind: 'paired', content: 'image', path: 'x' } });
    const red = (width: number, height: number) => ({
      ...{ width, height },
      rgb: Uint8Array.from({ length: 3 * width * height }, (_, i) => (i % 3 === 0 ? 200 : 10)),
    });
    for (const [width, height] of [
      [64, 48],
      [100, 30],
      [32, 24],
    ] as const) {
      const made = await filter.filter(red(width, height), SIZE);
      expect(made.length).toBe(32 * 24 * 3);
      expect([...made.subarray(3 * 400, 3 * 400 + 3)]).toEqual([200, 10, 10]);
    }
  });

  it('is not there where no picture is a condition, and runs no filter that could do harm', async () => {
    const why = (data: object) =>
      whyNoFilter({ data: dataOptions.parse({ size: '32x24', ...data }), baseFolder: '/' });
    expect(await why({})).toBeNull();
    const labels = { kind: 'paired', content: 'labels', path: 'x', classes: 2 };
    expect(await why({ condition: labels })).toMatch(/label maps/);
    expect(await why({ condition: 'none' })).toMatch(/no condition/);
    const custom = { kind: 'derived', filtergraph: 'movie=/etc/passwd' };
    expect(await why({ condition: custom })).toMatch(/trust/);
    await expect(
      open({ condition: labels }).filter({ ...SIZE, rgb: new Uint8Array(32 * 24 * 3) }, SIZE),
    ).rejects.toMatchObject({ code: 'bad-input' });
  });
});
