import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { isFrameloomError } from '../../src/base/error.js';
import { CONTAINERS } from '../../src/video/containers.js';
import { decodeFrames, encodeFrames, openVideo, probe } from '../../src/video/index.js';
import { makeClip, runFfmpeg, scratchPath } from './make-clip.js';

const run = promisify(execFile);

/** The line of what is thrown, with its code. */
async function line(work: Promise<unknown>, path: string): Promise<string> {
  const error: unknown = await work.then(
    () => new Error('no error'),
    (reason: unknown) => reason,
  );
  if (!isFrameloomError(error)) throw error;
  return `${error.code}: ${error.toLine().replaceAll(path, 'PATH')}`;
}

/** A named pipe that knows whether anybody opened it. */
async function makeBait(name: string) {
  const path = scratchPath(name);
  await run('mkfifo', [path]);
  // Its opening waits for a reader.
  const writer = spawn('sh', ['-c', 'echo x > "$0"', path], { stdio: 'ignore' });
  const ended = once(writer, 'close');
  return {
    path,
    name: basename(path),
    taken: () => writer.exitCode !== null,
    spring: async () => {
      await readFile(path);
      await ended;
    },
  };
}

const written = (name: string, text: string): string => {
  const path = scratchPath(name);
  writeFileSync(path, text);
  return path;
};

const m3u8 = (bait: string): string =>
  `#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n${bait}\n#EXT-X-ENDLIST\n`;
const ffconcat = (bait: string): string => `ffconcat version 1.0\nfile '${bait}'\n`;
const mpd = (bait: string): string =>
  `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>${bait}</BaseURL></Representation></AdaptationSet></Period></MPD>`;
const sdp = 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n';

describe('files that name others', () => {
  it.each([
    ['list.m3u8', m3u8],
    ['clip.mp4', m3u8],
    ['list.ffconcat', ffconcat],
    ['clip.mp4', ffconcat],
    ['clip.mkv', ffconcat],
    ['show.mpd', mpd],
    ['clip.mp4', mpd],
  ])('%s make nothing open what they name', async (name, content) => {
    const bait = await makeBait('bait.ts');
    const path = written(name, content(bait.name));
    const frames = (source: string | Readable) =>
      lastValueFrom(decodeFrames(source).pipe(toArray()));
    // As a file and through a pipe.
    const lines = [
      await line(probe(path), path),
      await line(frames(path), path),
      await line(openVideo(path, { count: true }), path),
      await line(frames(createReadStream(path)), path),
    ];
    for (const text of lines) {
      expect(text).toMatch(
        /^bad-input: (PATH|the stream) (is a list or a text|cannot be read as video)/,
      );
      expect(text).not.toContain('\n');
      expect(text.length).toBeLessThan(400);
    }
    // As the sound of another.
    const sound = encodeFrames(scratchPath('made.mp4'), { fps: 25, audioFrom: path });
    const video = decodeFrames(await makeClip({ frames: 2 })).pipe(sound);
    expect(await line(lastValueFrom(video), path)).toMatch(/^(bad-input|ffmpeg-failed): /);
    expect(bait.taken()).toBe(false);
    await bait.spring();
    expect(bait.taken()).toBe(true);
  });

  it('say so in one line, with what to do', async () => {
    const path = written('clip.mp4', ffconcat('other.mp4'));
    expect(await line(probe(path), path)).toBe(
      'bad-input: PATH is a list or a text (concat), not a video (give the video itself; convert a rare kind of video with ffmpeg first)',
    );
  });

  it('nor do subtitles, text, addresses or pictures of letters', async () => {
    const bait = await makeBait('bait.sub');
    const index = bait.path.replace(/\.sub$/, '.idx');
    const vobsub =
      '# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\ntimestamp: 00:00:01:000, filepos: 000000000\n';
    const files = [
      written('words.txt', 'these are only words\n'.repeat(100)),
      written('art.ans', '\u001b[31mred\n'.repeat(100)),
      written('film.srt', '1\n00:00:01,000 --> 00:00:02,000\nwords\n\n'.repeat(20)),
      written('film.ass', '[Script Info]\nScriptType: v4.00+\n\n[Events]\n'),
      written('stream.sdp', sdp),
    ];
    writeFileSync(index, vobsub);
    for (const path of [...files, index]) {
      expect(await line(probe(path), path)).toMatch(/^bad-input: PATH is a list or a text \(\w+\)/);
    }
    expect(bait.taken()).toBe(false);
    await bait.spring();
  });
});

describe('the list of containers', () => {
  it('names every container once, and none that opens other files', () => {
    expect(new Set(CONTAINERS).size).toBe(CONTAINERS.length);
    const openers =
      'concat hls applehttp dash imf sdp rtsp rtp lavfi image2 vobsub mlv tty ffmetadata webm_dash_manifest avisynth vapoursynth mpjpeg swf x11grab fbdev alsa v4l2'.split(
        ' ',
      );
    expect(openers.filter((name) => CONTAINERS.includes(name))).toEqual([]);
  });

  it.each([
    ...['mp4', 'mov', '3gp', 'm4v', 'mkv', 'webm', 'avi', 'ts', 'm2ts', 'mpg', 'm2v', 'flv', 'f4v'],
    ...[
      'h264',
      'ogv',
      'asf',
      'wmv',
      'gif',
      'apng',
      'nut',
      'y4m',
      'mxf',
      'dv',
      'ivf',
      'mjpeg',
      'wtv',
    ],
  ])('has %s', async (extension) => {
    const width = extension === 'dv' ? 720 : 64;
    const height = extension === 'dv' ? 576 : 48;
    const codec: Record<string, string[]> = {
      '3gp': ['-c:v', 'libx264'],
      ivf: ['-c:v', 'libvpx'],
      webm: ['-c:v', 'libvpx'],
      gif: ['-pix_fmt', 'rgb8'],
      mjpeg: ['-pix_fmt', 'yuvj420p'],
      apng: ['-pix_fmt', 'rgb24', '-plays', '0'],
    };
    const options = codec[extension] ?? [];
    const size = { width, height };
    const path = await makeClip({ name: `clip.${extension}`, frames: 6, ...size, options });
    expect(await probe(path)).toMatchObject(size);
  });

  it.each([
    'mp3',
    'wav',
    'flac',
    'm4a',
    'aac',
    'aiff',
    'caf',
    'w64',
    'ac3',
    'eac3',
    'opus',
    'au',
    'tta',
    'wv',
  ])('has %s, of sound', async (extension) => {
    const sound = scratchPath(`sound.${extension}`);
    await runFfmpeg('-f', 'lavfi', '-i', 'sine=duration=0.4', '-ar', '48000', sound);
    expect(await line(probe(sound), sound)).toBe('bad-input: PATH has no video, only audio');
  });

  it('takes the sound of files that hold nothing else', async () => {
    const clip = await makeClip({ frames: 6 });
    for (const extension of ['wav', 'm4a', 'opus']) {
      const sound = scratchPath(`sound.${extension}`);
      await runFfmpeg('-f', 'lavfi', '-i', 'sine=duration=0.4', '-ar', '48000', sound);
      const path = scratchPath('with-sound.mkv');
      const encoded = encodeFrames(path, { fps: 25, audioFrom: sound });
      await lastValueFrom(decodeFrames(clip).pipe(encoded));
      expect(await probe(path)).toMatchObject({ hasAudio: true });
    }
  });
});
