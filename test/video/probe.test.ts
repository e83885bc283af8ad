import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { count, lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../src/base/error.js';
import { createLogger } from '../../src/base/log.js';
import { decodeFrames, probe } from '../../src/video/index.js';
import { failure } from './frames.js';
import { makeClip, runFfmpeg, scratchPath, turnClip } from './make-clip.js';

const size = { width: 160, height: 90, frames: 50 };
/** 30 frames at 25 a second, then 30 at half of that. */
const SLOWING = "setpts='if(lt(N,30),N,30+(N-30)*2)/25/TB'";

/** The first part of a file. */
function cut(path: string, share: number): string {
  const bytes = readFileSync(path);
  const short = scratchPath(`cut-${basename(path)}`);
  writeFileSync(short, bytes.subarray(0, Math.floor(bytes.length * share)));
  return short;
}

function written(name: string, text: string): string {
  const path = scratchPath(name);
  writeFileSync(path, text);
  return path;
}

const decodedFrames = (path: string): Promise<number> =>
  lastValueFrom(decodeFrames(path).pipe(count()));

describe('probe', () => {
  it('tells size, rate, count, duration and audio', async () => {
    const info = await probe(await makeClip({ ...size, fps: '30000/1001', toneSeconds: 1 }));
    expect(info).toMatchObject({
      kind: 'file',
      codec: 'h264',
      width: 160,
      height: 90,
      fps: { num: 30000, den: 1001 },
      frameCount: 50,
      variableFrameRate: false,
      pixelFormat: 'yuv420p',
      bitDepth: 8,
      hasAudio: true,
      hasAlpha: false,
      interlaced: false,
      rotation: 0,
    });
    expect(info.durationSeconds).toBeCloseTo((50 * 1001) / 30000, 3);
  });

  it.each(['clip.mkv', 'clip.webm', 'clip.gif', 'clip.ts', 'clip.avi'])(
    'counts the frames of %s, as many as are decoded',
    async (name) => {
      const options = name.endsWith('gif') ? ['-pix_fmt', 'rgb8'] : [];
      const clip = await makeClip({ ...size, frames: 31, name, options });
      const info = await probe(clip, { count: true });
      expect(info.frameCount).toBe(31);
      expect(info.fps).toEqual({ num: 25, den: 1 });
      expect(info.durationSeconds).toBeCloseTo(31 / 25, 2);
      expect(await decodedFrames(clip)).toBe(31);
    },
  );

  it('swaps the sizes of turned video', async () => {
    const clip = await makeClip({ ...size, frames: 3 });
    expect(await probe(turnClip(clip, 90))).toMatchObject({
      width: 90,
      height: 160,
      rotation: 90,
    });
  });

  it('tells sample aspect, depth, interlacing, alpha and colour', async () => {
    const wide = await makeClip({ ...size, frames: 2, filter: 'setsar=4/3' });
    expect((await probe(wide)).sampleAspectRatio).toEqual({ num: 4, den: 3 });
    const deep = await makeClip({
      ...size,
      frames: 2,
      name: 'deep.mkv',
      options: ['-c:v', 'ffv1', '-pix_fmt', 'yuv420p10le'],
    });
    expect((await probe(deep)).bitDepth).toBe(10);
    const fields = await makeClip({
      ...size,
      height: 96,
      options: ['-flags', '+ildct+ilme', '-x264opts', 'tff=1', '-colorspace', 'bt709'],
    });
    const info = await probe(fields);
    expect(info.interlaced).toBe(true);
    expect(info.colour.space).toBe('bt709');
    const clear = await makeClip({
      ...size,
      frames: 2,
      name: 'clear.webm',
      options: ['-pix_fmt', 'yuva420p', '-auto-alt-ref', '0'],
    });
    expect((await probe(clear)).hasAlpha).toBe(true);
  });

  it('sees a variable rate, in Matroska by counting', async () => {
    const options = ['-vsync', 'vfr'];
    const variable = { ...size, frames: 60, filter: SLOWING, options };
    expect((await probe(await makeClip(variable))).variableFrameRate).toBe(true);
    const mkv = await makeClip({ ...variable, name: 'slowing.mkv' });
    const info = await probe(mkv, { count: true });
    expect(info).toMatchObject({ variableFrameRate: true, fps: { num: 25, den: 1 } });
    // Newer versions of ffmpeg drop one of them in making the clip.
    expect(Math.abs((info.frameCount ?? 0) - 60)).toBeLessThanOrEqual(1);
  });

  it('is not misled by names that look like options, protocols or patterns', async () => {
    const bytes = readFileSync(await makeClip({ frames: 3 }));
    for (const name of ['-dash.mp4', 'http:x.mp4', '50%03d.mp4', "it's [a] b,c;d.mp4"]) {
      const folder = scratchPath('names');
      mkdirSync(folder);
      writeFileSync(join(folder, name), bytes);
      expect(await decodedFrames(join(folder, name))).toBe(3);
    }
  });
});

describe('bad inputs, one clear line each', () => {
  const line = async (path: string): Promise<string> => {
    const [probed, decoded] = [await failure(probe(path)), await failure(decodedFrames(path))];
    if (!isFrameloomError(probed) || !isFrameloomError(decoded)) throw probed;
    expect(decoded.toLine()).toBe(probed.toLine());
    const text = `${probed.code}: ${probed.toLine().replaceAll(path, 'PATH')}`;
    expect(text).not.toContain('\n');
    return text;
  };

  it('nothing there, an empty folder, zero bytes', async () => {
    expect(await line('/no/such/video.mp4')).toBe('not-found: PATH does not exist');
    const folder = scratchPath('empty');
    mkdirSync(folder);
    expect(await line(folder)).toMatch(/^bad-input: the folder PATH holds no pictures \(/);
    expect(await line(written('zero.mp4', ''))).toBe('bad-input: PATH is empty (0 bytes)');
  });

  // That nothing is opened is the subject of containers.test.ts.
  it('text, playlists and lists', async () => {
    const words = 'these are only words\n'.repeat(100);
    expect(await line(written('text.mp4', words))).toMatch(
      /^bad-input: PATH cannot be read as video/,
    );
    expect(await line(written('text.txt', words))).toMatch(
      /^bad-input: PATH is a list or a text \(tty\), not a video/,
    );
    expect(await line(written('list.ffconcat', 'ffconcat version 1.0\nfile 1-clip.mp4\n'))).toMatch(
      /^bad-input: /,
    );
    expect(
      await line(written('list.m3u8', '#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/x.ts\n')),
    ).toMatch(/^bad-input: /);
  });

  it('sound only', async () => {
    const path = scratchPath('sound.mp4');
    await runFfmpeg('-f', 'lavfi', '-i', 'sine=duration=0.5', path);
    expect(await line(path)).toBe('bad-input: PATH has no video, only audio');
  });

  it('an mp4 whose index was cut off', async () => {
    expect(await line(cut(await makeClip(size), 0.5))).toMatch(
      /^bad-input: PATH cannot be read as video: .*moov atom not found/,
    );
  });
});

describe('damaged inputs, told at the end', () => {
  it.each([
    ['clip.mp4', ['-movflags', '+faststart'], 0.6],
    ['clip.mkv', [], 0.5],
    ['clip.webm', [], 0.5],
    ['clip.avi', [], 0.5],
    ['clip.gif', ['-pix_fmt', 'rgb8'], 0.5],
  ] as const)('%s cut short', async (name, options, share) => {
    const clip = await makeClip({ ...size, name, options: [...options] });
    const short = cut(clip, share);
    const error = await failure(decodedFrames(short));
    expect(error).toMatchObject({ code: 'bad-input', path: short });
    expect(String(error)).toContain('is damaged or cut short');
  });

  it('a flipped stretch of bytes', async () => {
    const clip = await makeClip({ ...size, frames: 100 });
    const bytes = readFileSync(clip);
    for (let i = 20_000; i < 23_000; i += 1) bytes[i] = (bytes[i] ?? 0) ^ 0x5a;
    const broken = scratchPath('flipped.mp4');
    writeFileSync(broken, bytes);
    expect(await failure(decodedFrames(broken))).toMatchObject({ code: 'bad-input' });
  });

  it('can be taken as far as it goes, with a warning', async () => {
    const short = cut(await makeClip({ ...size, name: 'half.mkv' }), 0.5);
    const lines: string[] = [];
    const log = createLogger({ write: (text) => lines.push(text) });
    const frames = await lastValueFrom(
      decodeFrames(short, { onDamage: 'warn', log }).pipe(count()),
    );
    expect(frames).toBeGreaterThan(5);
    expect(frames).toBeLessThan(50);
    expect(lines.join('')).toContain('is damaged or cut short');
  });
});
