import * as fs from 'node:fs/promises';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lastValueFrom, map, take, tap } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Logger } from '../../src/base/log.js';
import { isTemporary } from '../../src/base/temporaries.js';
import {
  decodeFrames,
  encodeFrames,
  probe,
  runningProcesses,
  type EncodeOptions,
} from '../../src/video/index.js';
import { eventually } from './fake-ffmpeg.js';
import { collect, failure, flatFrames } from './frames.js';
import { makeClip, scratchPath } from './make-clip.js';

vi.mock('node:fs/promises', { spy: true });

/** Whatever is to be removed stays, as on a disk that has gone read-only. */
beforeEach(() => {
  const busy = Object.assign(new Error('resource busy'), { code: 'EBUSY' });
  for (const remove of [fs.rm, fs.unlink, fs.rmdir]) vi.mocked(remove).mockRejectedValue(busy);
});
afterEach(() => vi.resetAllMocks());

const logged = () => {
  const said: string[] = [];
  const none = (): void => undefined;
  const log: Logger = { error: none, warn: (text) => said.push(text), info: none, debug: none };
  return { log, said };
};
/** So many frames that an encoder is at work when the fortieth comes. */
const long = async () => decodeFrames(await makeClip({ frames: 300, width: 320, height: 180 }));
const few = () => flatFrames({ colour: [200, 30, 60], count: 5 });
const encode = (frames: ReturnType<typeof few>, path: string, options: Partial<EncodeOptions>) =>
  lastValueFrom(frames.pipe(encodeFrames(path, { fps: 25, ...options })));

const places: [what: string, path: () => string][] = [
  ['a film', () => join(scratchPath('out'), 'film.mp4')],
  ['pictures', () => join(scratchPath('out'), '%03d.png')],
];

/** A rejection that nobody catches fails the suite by itself. */
describe.each(places)('of %s, a clean-up that fails', (_, place) => {
  it('leaves the error what it was', async () => {
    const { log, said } = logged();
    const failing = (await long()).pipe(
      map((frame) => {
        if (frame.index === 40) throw new Error('upstream broke');
        return frame;
      }),
    );
    const path = place();
    expect(String(await failure(encode(failing, path, { log })))).toBe('Error: upstream broke');
    expect(said).toEqual([expect.stringMatching(/could not be removed .*: resource busy/)]);
    expect((await readdir(dirname(path))).every(isTemporary)).toBe(true);
  });

  it('leaves a cancelled one cancelled', async () => {
    const { log, said } = logged();
    const stop = new AbortController();
    const path = place();
    const frames = (await long()).pipe(
      map((frame) => {
        if (frame.index === 40) stop.abort();
        return frame;
      }),
    );
    const error = await failure(encode(frames, path, { log, signal: stop.signal }));
    expect(error).toMatchObject({ code: 'cancelled' });
    expect(await eventually(() => said.length === 1)).toBe(true);
    expect(await eventually(() => runningProcesses().length === 0)).toBe(true);
  });

  it('is told when nobody waits for the result any more', async () => {
    const { log, said } = logged();
    let seen = 0;
    const counted = (await long()).pipe(tap(() => (seen += 1)));
    const running = counted.pipe(encodeFrames(place(), { fps: 25, log })).subscribe();
    expect(await eventually(() => seen > 40, 20_000)).toBe(true);
    running.unsubscribe();
    expect(await eventually(() => said.length > 0)).toBe(true);
    expect(await eventually(() => runningProcesses().length === 0)).toBe(true);
  });

  it('costs no finished frame', async () => {
    const path = place();
    expect(await encode(few(), path, {})).toMatchObject({ frames: 5, path });
    expect(await collect(decodeFrames(path))).toHaveLength(5);
  });
});

describe('elsewhere, a clean-up that fails', () => {
  it('costs neither film nor sound', async () => {
    const { log } = logged();
    const sound = await makeClip({ frames: 25, toneSeconds: 1 });
    const path = scratchPath('film.mp4');
    const result = await encode(few(), path, { audioFrom: sound, log });
    expect(result).toMatchObject({ frames: 5, path });
    expect(await probe(path, { count: true })).toMatchObject({ frameCount: 5, hasAudio: true });
  });

  it('does not hide that the sound is missing', async () => {
    const { log } = logged();
    const path = scratchPath('film.mp4');
    const error = await failure(encode(few(), path, { audioFrom: '/no/sound.mp4', log }));
    expect(error).toMatchObject({ code: 'not-found' });
  });

  it('changes nothing of decoding, to the end or not', async () => {
    const clip = await makeClip({ frames: 50 });
    expect(await collect(decodeFrames(clip))).toHaveLength(50);
    expect(await collect(decodeFrames(clip).pipe(take(3)))).toHaveLength(3);
    const broken = scratchPath('broken.mp4');
    await writeFile(broken, 'no video');
    expect(await failure(lastValueFrom(decodeFrames(broken)))).toMatchObject({ code: 'bad-input' });
    expect(await readFile(broken, 'utf8')).toBe('no video');
    expect(await eventually(() => runningProcesses().length === 0)).toBe(true);
  });
});
