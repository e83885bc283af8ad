// Sound in layouts and rates that encoders refuse: television, field recorders, telephones.
import { beforeAll, describe, expect, it } from 'vitest';
import { readFile, writeFile } from 'node:fs/promises';
import { covering } from '../covering.js';
import { echoed } from './echo.js';
import { played, shown } from './look.js';
import { caseFolder, flatVideos, series } from './make.js';

const path = caseFolder();
const COUNT = 10;
const SIXTEEN = 'FL FR FC BL BR BC SL SR WL WR TBL TBR TBC TFC TFL TFR';

/** White noise of a second, the same in every channel of a layout. */
const layout = (name: string, channels: string): string =>
  `anoisesrc=d=1:r=48000:a=0.4:seed=7,aformat=channel_layouts=mono,pan=${name}|` +
  channels
    .split(' ')
    .map((channel) => `${channel}=c0`)
    .join('|');

const SOUNDS: readonly (readonly [name: string, source: string, codec: readonly string[]])[] = [
  ['side51.mkv', layout('5.1(side)', 'FL FR FC LFE SL SR'), ['-c:a', 'ac3']],
  ['back51.mov', layout('5.1', 'FL FR FC LFE BL BR'), ['-c:a', 'pcm_s16le']],
  ['quad.mov', layout('quad', 'FL FR BL BR'), ['-c:a', 'pcm_s16le']],
  ['surround61.mkv', layout('6.1', 'FL FR FC LFE BC SL SR'), ['-c:a', 'flac']],
  ['surround71.mkv', layout('7.1', 'FL FR FC LFE BL BR SL SR'), ['-c:a', 'flac']],
  ['three.mkv', layout('2.1', 'FL FR LFE'), ['-c:a', 'flac']],
  ['sixteen.mov', layout('hexadecagonal', SIXTEEN), ['-c:a', 'pcm_s16le']],
  ['phone.mov', 'anoisesrc=d=1:r=8000:a=0.4', ['-c:a', 'pcm_mulaw']],
  ['eleven.mkv', 'anoisesrc=d=1:r=11025:a=0.4', ['-c:a', 'pcm_s16le']],
  ['studio.mkv', 'anoisesrc=d=1:r=96000:a=0.4,aformat=sample_fmts=s32', ['-c:a', 'flac']],
  ['studio192.mov', 'anoisesrc=d=1:r=192000:a=0.4', ['-c:a', 'pcm_s24le']],
  ['float.mkv', 'anoisesrc=d=1:r=44100:a=0.4', ['-c:a', 'pcm_f32le']],
];

beforeAll(async () => {
  const lumas = series(COUNT, (k) => 40 + 15 * k);
  const inputs = SOUNDS.flatMap(([, source]) => ['-f', 'lavfi', '-i', source]);
  const video = ['-c:v', 'libx264', '-map', '0:v'];
  await flatVideos(
    { lumas, inputs },
    SOUNDS.map(([name, , codec], i) => [path(name), [...video, '-map', `${i + 1}:a`, ...codec]]),
  );
});

describe('sound', () => {
  const names = SOUNDS.map(([name]) => name);
  it.each(covering(names, ['mp4', 'webm', 'mkv', 'mov', 'ts']))(
    'of %s is carried along in .%s',
    async (name, extension) => {
      const output = path(`${name}.made.${extension}`);
      const { seen, result, error } = await echoed({ input: path(name), output, audio: true });
      expect(error).toBe('');
      expect([result?.frames, seen.length]).toEqual([COUNT, COUNT]);
      expect(await played(output)).toMatchObject({ count: COUNT, sounds: 1 });
    },
  );
});

describe('sound that cannot be carried', () => {
  it('is refused before the first frame is made, and leaves no file', async () => {
    const output = path('sound.gif');
    const { seen, error } = await echoed({ input: path('quad.mov'), output, audio: true });
    expect(error).not.toBe('');
    expect(seen).toHaveLength(0);
    await expect(readFile(output)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('of a damaged track costs no frame: the film is kept and it is said', async () => {
    const bytes = await readFile(path('back51.mov'));
    // A sound of a codec that nobody knows.
    const at = bytes.indexOf('sowt');
    expect(at).toBeGreaterThan(0);
    bytes.write('zzzz', at, 'latin1');
    await writeFile(path('unknown.mov'), bytes);
    const output = path('unknown.mp4');
    const { seen, warnings, error } = await echoed({
      input: path('unknown.mov'),
      output,
      audio: true,
    });
    // Either way it is known at the start: refused with no frame made, or made without the sound.
    expect(`${error}${warnings}`).not.toBe('');
    const made = error === '' ? (await shown(output)).count : 0;
    expect([made, seen.length]).toEqual(error === '' ? [COUNT, COUNT] : [0, 0]);
  });
});
