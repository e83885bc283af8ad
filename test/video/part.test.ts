import { readFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openVideo, partOf, type Frame } from '../../src/video/index.js';
import { collect } from './frames.js';
import { keepingLog } from '../cases/look.js';
import { makeClip, runFfmpeg, scratchPath } from './make-clip.js';

const pictures = (frames: readonly Frame[]): string[] =>
  frames.map(({ data }) => Buffer.from(data).toString('base64'));

describe('a part of a video', () => {
  it('has exactly the frames of the whole, at times after its first', async () => {
    const video = await openVideo(await makeClip({ frames: 50 }), { count: true });
    const whole = await collect(video.decode());
    const part = partOf(video, { startSeconds: 0.49, durationSeconds: 0.6 });
    expect(part).toMatchObject({ beginsSeconds: 0.48, info: { frameCount: 15 } });
    expect(part.info.durationSeconds).toBeCloseTo(0.6);
    const frames = await collect(part.decode());
    expect(pictures(frames)).toEqual(pictures(whole.slice(12, 27)));
    expect(frames.map(({ index }) => index)).toEqual(frames.map((_, k) => k));
    expect(frames.map(({ timeSeconds }) => Number(timeSeconds.toFixed(6)))).toEqual(
      frames.map((_, k) => Number((k / 25).toFixed(6))),
    );
    expect([...part.info.frameTimes!].map((time) => time.toFixed(6))).toEqual(
      frames.map(({ timeSeconds }) => timeSeconds.toFixed(6)),
    );
    const inside = await collect(part.decode({ startFrame: 5, frames: 100 }));
    expect(pictures(inside)).toEqual(pictures(whole.slice(17, 27)));
  });

  it('of frames at uneven times is of the frames that are shown in it', async () => {
    const path = scratchPath('uneven.mkv');
    await runFfmpeg(
      ...['-i', await makeClip({ frames: 20 }), '-vf', 'setpts=N*(N+1)*0.02/TB'],
      ...['-vsync', '0', '-c:v', 'ffv1', path],
    );
    const video = await openVideo(path, { count: true });
    const times = (await collect(video.decode())).map(({ timeSeconds }) => timeSeconds);
    const part = partOf(video, { startSeconds: 0.6, durationSeconds: 0.84 });
    const frames = await collect(part.decode());
    // Frame 5 is shown at 0.6, frame 8 at 1.44.
    expect(times[5]).toBeCloseTo(0.6);
    expect(frames.map(({ timeSeconds }) => timeSeconds.toFixed(3))).toEqual(
      times.slice(5, 8).map((time) => (time - times[5]!).toFixed(3)),
    );
    expect(part.info.frameCount).toBe(3);
    expect(part.info.durationSeconds).toBeCloseTo(0.84);
  });

  it('ends where the video does, and is resampled as the whole is', async () => {
    const video = await openVideo(await makeClip({ frames: 25 }), { count: true });
    const rest = partOf(video, { startSeconds: 0.8, durationSeconds: 9 });
    expect(rest.info.frameCount).toBe(5);
    expect(await collect(rest.decode())).toHaveLength(5);
    const half = { fps: '25/2' };
    const whole = await collect(video.decode(half));
    const part = partOf(video, { startSeconds: 0.4, durationSeconds: 0.4 });
    const frames = await collect(part.decode(half));
    expect(pictures(frames)).toEqual(pictures(whole.slice(5, 10)));
    expect(frames[1]!.timeSeconds).toBeCloseTo(0.08);
    // Until it ends, its last frame is the nearest.
    expect(await collect(partOf(video, { startSeconds: 0.99 }).decode())).toHaveLength(1);
    expect(() => partOf(video, { startSeconds: 1 })).toThrow(
      /ends after 1\.00 s: nothing is there/,
    );
  });

  it('leaves the rest of a long video without a word', async () => {
    const { log, warnings } = keepingLog();
    const path = await makeClip({ frames: 600, width: 320, height: 180, name: 'long.mp4' });
    const video = await openVideo(path, { count: true, log, onDamage: 'error' });
    const part = partOf(video, { durationSeconds: 0.4 });
    expect(await collect(part.decode())).toHaveLength(10);
    expect(warnings()).toBe('');
  });

  it('of a pipe is taken as it passes, and says at its end that it begins behind it', async () => {
    const bytes = await readFile(await makeClip({ frames: 20, name: 'a.y4m' }));
    const piped = () => openVideo(new PassThrough().end(bytes));
    const part = partOf(await piped(), { startSeconds: 0.2, durationSeconds: 0.2 });
    const frames = await collect(part.decode());
    expect(frames.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
    for (const fps of [undefined, '5']) {
      const late = partOf(await piped(), { startSeconds: 0.9 });
      await expect(collect(late.decode({ fps }))).rejects.toMatchObject({
        code: 'bad-option',
        message: 'the stream ends after 0.80 s: nothing is there at 0.9 s',
      });
    }
    expect(frames.map(({ timeSeconds }) => timeSeconds.toFixed(2))).toEqual(
      [0, 1, 2, 3, 4].map((k) => (k / 25).toFixed(2)),
    );
  });
});
