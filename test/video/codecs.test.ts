import { join } from 'node:path';
import { from } from 'rxjs';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { chooseEncoder, codecOf } from '../../src/video/codecs.js';
import { environmentFor } from '../../src/video/ffmpeg-path.js';
import { decodeFrames, encodeFrames, findFfmpeg, probe } from '../../src/video/index.js';
import type { EncodeOptions, Frame } from '../../src/video/types.js';
import { collect, failure } from './frames.js';
import { makeClip, scratchPath } from './make-clip.js';

const run = promisify(execFile);

/** The four characters by which a player knows the codec. */
async function tagOf(path: string): Promise<string> {
  const { ffprobePath } = await findFfmpeg();
  const entries = ['-show_entries', 'stream=codec_tag_string', '-of', 'csv=p=0'];
  const { stdout } = await run(ffprobePath, ['-v', 'error', ...entries, path], {
    env: environmentFor(ffprobePath),
  });
  return stdout.trim();
}

let frames: Frame[];

beforeAll(async () => {
  frames = await collect(decodeFrames(await makeClip({ frames: 4, width: 70, height: 66 })));
});

async function encode(name: string, options: Partial<EncodeOptions>): Promise<string> {
  const path = join(scratchPath('coded'), name);
  const [made] = await collect(from(frames).pipe(encodeFrames(path, { fps: 25, ...options })));
  expect(made).toMatchObject({ frames: 4 });
  return path;
}

/** The mean difference of a film's bytes from what was encoded. */
async function difference(path: string): Promise<number> {
  const made = await collect(decodeFrames(path));
  expect(made).toHaveLength(frames.length);
  let [sum, count] = [0, 0];
  made.forEach(({ data }, k) => {
    data.forEach((byte, i) => (sum += Math.abs(byte - frames[k]!.data[i]!)));
    count += data.length;
  });
  return sum / count;
}

describe('a codec', () => {
  it.each([
    ['a.mp4', 'hevc', /^hvc1$/],
    ['a.mov', 'h264', /^avc1$/],
    ['a.ts', 'hevc', /./],
    ['a.mkv', 'hevc', /./],
    ['a.mp4', 'av1', /^av01$/],
    ['a.webm', 'av1', /./],
  ] as const)('of %s may be %s, which players know', async (name, codec, tag) => {
    const path = await encode(name, { codec, ...(codec !== 'av1' && { crf: 12 }) });
    const info = await probe(path, { count: true });
    expect(info).toMatchObject({ frameCount: 4, width: 70, height: 66, codec });
    expect(info.colour).toMatchObject({ space: 'bt709', range: 'limited' });
    expect(await tagOf(path)).toMatch(tag);
    expect(await difference(path)).toBeLessThan(codec === 'av1' ? 9 : 6);
  });

  it('makes pictures that are too small for its quicker encoder by the other', async () => {
    const programs = await findFfmpeg();
    expect(await chooseEncoder('av1', programs, { width: 32, height: 90 })).toBe('libaom-av1');
  });

  it('is told of where the format or this ffmpeg has none', async () => {
    expect(() => codecOf('webm', 'hevc')).toThrow(/webm holds no hevc/);
    expect(() => codecOf('gif', 'h264')).toThrow(/gif holds no h264/);
    expect(() => codecOf('mp4', 'x264')).toThrow(/"x264" is no codec/);
    expect([codecOf('mp4'), codecOf('mov', 'prores'), codecOf('gif')]).toEqual([
      'h264',
      'prores',
      null,
    ]);
    const fake = { ffmpegPath: join(import.meta.dirname, 'no-such-ffmpeg'), fpsMode: true };
    expect(await failure(chooseEncoder('hevc', fake))).toMatchObject({ code: 'ffmpeg-failed' });
    const ffmpeg = await findFfmpeg();
    expect(await chooseEncoder('h264', ffmpeg)).toBe('libx264');
    const bad = encodeFrames('a.mp4', { fps: 25, codec: 'av1', threads: 0 });
    expect(await failure(collect(from<Frame[]>([]).pipe(bad)))).toMatchObject({
      code: 'bad-option',
    });
  });
});

describe('pictures', () => {
  it.each([
    ['%03d.jpg', {}, 3.5],
    ['%03d.jpg', { quality: 20 }, 18],
    ['%03d.webp', {}, 6],
    ['%03d.webp', { quality: 100 }, 0],
  ] as [string, Partial<EncodeOptions>, number][])('may be %s %j', async (name, options, most) => {
    const path = await encode(name, options);
    const info = await probe(path);
    expect(info).toMatchObject({ kind: 'sequence', frameCount: 4, width: 70, height: 66 });
    const mean = await difference(path);
    expect(mean).toBeLessThanOrEqual(most);
    expect(mean === 0).toBe(most === 0);
  });

  it('refuse a quality that there is not', async () => {
    for (const quality of [0, 101, 50.5]) {
      const encoding = encodeFrames(scratchPath('a.jpg'), { fps: 25, quality });
      const failed = await failure(collect(from(frames.slice(0, 1)).pipe(encoding)));
      expect(failed).toMatchObject({ code: 'bad-option' });
    }
  });
});
