import { readFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openVideo, runningProcesses } from '../../src/video/index.js';
import { collect, failure } from './frames.js';
import { makeClip } from './make-clip.js';

const SIZE = { width: 64, height: 36 };

describe('openVideo', () => {
  it('knows a y4m pipe by its header, and gives all its frames afterwards', async () => {
    const y4m = await readFile(await makeClip({ frames: 5, fps: '30000/1001', name: 'a.y4m' }));
    const pipe = new PassThrough();
    pipe.write(y4m.subarray(0, y4m.indexOf('\n') + 1));
    const video = await openVideo(pipe);
    expect(video).toMatchObject({
      isStream: true,
      info: { ...SIZE, path: null, fps: { num: 30000, den: 1001 } },
    });
    pipe.end(y4m.subarray(y4m.indexOf('\n') + 1));
    const frames = await collect(video.decode({ size: { width: 32, height: 18 } }));
    expect(frames.map(({ index, width }) => [index, width])).toEqual(
      [0, 1, 2, 3, 4].map((index) => [index, 32]),
    );
    expect(await failure(collect(video.decode()))).toMatchObject({
      code: 'bad-option',
      message: 'a stream can be decoded only once',
    });
  });

  it('keeps what ffprobe has read of another pipe', async () => {
    const nut = await readFile(await makeClip({ frames: 7, name: 'a.nut' }));
    const pipe = new PassThrough();
    pipe.end(nut);
    const video = await openVideo(pipe);
    expect(video.info).toMatchObject({ ...SIZE, kind: 'stream' });
    expect(await collect(video.decode())).toHaveLength(7);
  });

  it('takes raw frames by what it is told of them', async () => {
    const pipe = new PassThrough();
    pipe.end(Buffer.alloc(2 * 8 * 6, 200));
    const raw = { width: 8, height: 6, fps: 10, pixelFormat: 'gray' };
    const video = await openVideo(pipe, { raw });
    const frames = await collect(video.decode());
    expect(frames).toHaveLength(2);
    expect([...new Set(frames[1]!.data)]).toEqual([200]);
  });

  it('reads a file as often as it is asked to', async () => {
    const video = await openVideo(await makeClip({ frames: 4 }), { count: true });
    expect(video).toMatchObject({ isStream: false, info: { frameCount: 4 } });
    for (const frames of [4, 2]) {
      expect(await collect(video.decode({ frames }))).toHaveLength(frames);
    }
  });

  it('lets a pipe go that nobody decoded, although it is waiting for more', async () => {
    const pipe = new PassThrough();
    pipe.write('YUV4MPEG2 W8 H6 F25:1\n');
    const video = await openVideo(pipe);
    await video.close();
    expect(pipe.destroyed).toBe(true);
    expect(runningProcesses()).toEqual([]);
  });
});
