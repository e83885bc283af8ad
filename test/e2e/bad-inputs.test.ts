import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { counting, makeExact } from '../clips/make-data.js';
import { frameloom } from '../cli/support.js';
import { makeClip, runFfmpeg } from '../video/make-clip.js';
import { makeWorkFolder, writePipeline } from './support.js';

const TIMEOUT_MS = 240_000;

let work: Awaited<ReturnType<typeof makeWorkFolder>>;
const inWork = (name: string): string => join(work.path, name);
/** Bad clips by what is bad about them. */
const clips: Record<string, string> = {};
/** Pipelines by what is bad about their pairs. */
const pairs: Record<string, string> = {};
let edges = '';

const stripes = (frames: number, odd: readonly [number, number, number]) =>
  makeExact({
    frames,
    name: 'labels.mkv',
    colour: (frame, x) =>
      frame === 30 && x === 5 ? odd : x < 16 ? ([255, 0, 0] as const) : ([0, 0, 255] as const),
  });

const pairedData = (clip: string, labels: string) => ({
  clips: [clip],
  condition: {
    ...{ kind: 'paired', content: 'labels', path: [labels] },
    palette: { left: [255, 0, 0], right: [0, 0, 255] },
  },
});

beforeAll(async () => {
  work = await makeWorkFolder();
  const good = await counting({ frames: 40 });
  edges = await writePipeline(inWork('edges.yaml'), {
    data: { clips: [good] },
    training: { steps: 1 },
  });

  const whole = await makeClip({ frames: 60, options: ['-g', '10'] });
  clips['truncated, its index lost'] = inWork('truncated.mp4');
  await writeFile(inWork('truncated.mp4'), (await readFile(whole)).subarray(0, 6000));
  const fast = await makeClip({ frames: 60, options: ['-g', '5', '-movflags', '+faststart'] });
  const bytes = await readFile(fast);
  clips['truncated, its index kept'] = inWork('cut.mp4');
  await writeFile(inWork('cut.mp4'), bytes.subarray(0, Math.floor(bytes.length / 2)));
  clips['zero bytes'] = inWork('empty.mp4');
  await writeFile(inWork('empty.mp4'), '');
  clips['audio only'] = inWork('tone.m4a');
  await runFfmpeg('-f', 'lavfi', '-i', 'sine=duration=1', inWork('tone.m4a'));
  clips.text = inWork('text.mp4');
  await writeFile(inWork('text.mp4'), 'not a video at all\n'.repeat(40));
  clips['a folder'] = inWork('folder.mp4');
  await mkdir(inWork('folder.mp4'));
  clips['one frame'] = await counting({ frames: 1, name: 'single.mkv' });
  clips['3x5 pixels'] = await makeExact({
    ...{ width: 3, height: 5, frames: 40, name: 'small.mkv' },
    colour: () => [1, 2, 3],
  });
  clips.missing = inWork('missing.mp4');

  const wrongColour = await stripes(40, [9, 0, 255]);
  const wrongLength = await stripes(33, [255, 0, 0]);
  pairs['colour outside the palette'] = await writePipeline(inWork('colour.yaml'), {
    data: pairedData(good, wrongColour),
  });
  pairs['wrong length'] = await writePipeline(inWork('length.yaml'), {
    data: pairedData(good, wrongLength),
  });
  clips['label colour'] = wrongColour;
}, TIMEOUT_MS);
afterAll(() => work.remove());

/** The line without the folders of this run and without ffmpeg's words, which change with it. */
const masked = (line: string): string =>
  line
    .replaceAll(process.cwd(), 'CWD')
    // The whole count is said only where it is known by then.
    .replace(/(\d+) of \d+ frames could/, '$1 frames could')
    .replace(/(frames could be read); .+(?= \(mend)/, '$1; …')
    .replaceAll(/[^\s"']*\/(?:\d+-)?([\w-]+\.\w+)/g, 'PATH/$1')
    .replace(/(cannot be read as video: |ffmpeg says: ).+(?= \((?:check|mend))/, '$1…');

/** Runs it and gives back its exit code and what it says, which must be one line. */
async function complaint(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await frameloom('--quiet', ...args);
  const lines = stderr.trimEnd().split('\n');
  expect([args, stdout, lines.length, stderr.endsWith('\n')]).toEqual([args, '', 1, true]);
  return `${code} ${masked(lines[0]!)}`;
}

async function complaints(command: 'check' | 'train', ...more: string[]) {
  const said: Record<string, string> = {};
  for (const [what, path] of Object.entries(clips)) {
    if (what === 'label colour') continue;
    said[what] = await complaint(command, edges, '--clip', path, ...more);
  }
  for (const [what, pipeline] of Object.entries(pairs)) {
    said[what] = await complaint(command, pipeline, ...more);
  }
  return said;
}

describe('bad inputs', { timeout: TIMEOUT_MS }, () => {
  it('get one line each from check, and the same from train, which leaves no run behind', async () => {
    const checked = await complaints('check');
    expect(checked).toMatchInlineSnapshot(`
      {
        "3x5 pixels": "2 error: PATH/small.mkv is 3x5 pixels, too small to learn from (both sides need at least 16 pixels)",
        "a folder": "2 error: the folder PATH/folder.mp4 holds neither videos nor pictures (videos are known by their extension: .mp4 .m4v .mov .mkv .webm .avi .gif .y4m .ts .mts .m2ts .mpg .mpeg .ogv .flv .wmv .3gp .mxf)",
        "audio only": "2 error: PATH/tone.m4a has no video, only audio",
        "colour outside the palette": "2 error: PATH/labels.mkv: label colour [9, 0, 255] is not in the palette (first in frame 30, 24 pixels) (the nearest is right, 9 levels off; add the colour, store label videos without loss (FFV1, PNG), or raise toleranceLevels)",
        "missing": "2 error: PATH/missing.mp4 does not exist (paths start from CWD)",
        "one frame": "2 error: data.clips: PATH/single.mkv has 0 frames in a row to train on; a window needs 5 (3 and 2 in front) (use a longer clip, fewer training.frames, a smaller heldOut.fraction or strideFrames, or sceneCuts: {detect: false})",
        "text": "2 error: PATH/text.mp4 cannot be read as video: … (check that it plays and is complete)",
        "truncated, its index kept": "2 error: PATH/cut.mp4 is damaged or cut short: 20 frames could be read; … (mend it, for instance by encoding it again with ffmpeg)",
        "truncated, its index lost": "2 error: PATH/truncated.mp4 cannot be read as video: … (check that it plays and is complete)",
        "wrong length": "2 error: PATH/exact.mkv has 40 frames but its condition PATH/labels.mkv has 33 (cut both to the same frames, or use data.durationSeconds)",
        "zero bytes": "2 error: PATH/empty.mp4 is empty (0 bytes)",
      }
    `);
    const run = inWork('never');
    expect(await complaints('train', '--run', run)).toEqual(checked);
    expect(existsSync(run)).toBe(false);
  });

  it('leave a folder that was there, empty as it was', async () => {
    const run = inWork('mine');
    await mkdir(run);
    await complaint('train', edges, '--clip', clips['zero bytes']!, '--run', run);
    expect(await readdir(run)).toEqual([]);
  });

  it('leave no output when a video is generated from them', async () => {
    const run = inWork('trained');
    const trained = await frameloom('--quiet', 'train', edges, '--run', run);
    expect([trained.code, trained.stderr]).toEqual([0, '']);
    const out = inWork('out');
    await mkdir(out);
    const said: Record<string, string> = {};
    for (const what of [
      ...['truncated, its index lost', 'truncated, its index kept', 'zero bytes', 'audio only'],
      ...['text', 'a folder', 'missing', '3x5 pixels'],
    ]) {
      const words = ['generate', run, '-i', clips[what]!, '-o', join(out, 'made.mp4')];
      said[what] = await complaint(...words, '--on-damage', 'error');
      expect([what, await readdir(out)]).toEqual([what, []]);
    }
    said['one frame'] = await complaint(
      ...['generate', run, '-i', clips['one frame']!, '-o', join(out, 'made.mp4')],
      ...['--start-frames', '2'],
    );
    expect(await readdir(out)).toEqual([]);
    expect(said).toMatchInlineSnapshot(`
      {
        "3x5 pixels": "2 error: PATH/small.mkv is 3x5 pixels, too small to generate from (both sides need at least 16 pixels)",
        "a folder": "2 error: the folder PATH/folder.mp4 holds no pictures (name a video, a folder of pictures of one kind, or a pattern such as %05d.png)",
        "audio only": "2 error: PATH/tone.m4a has no video, only audio",
        "missing": "2 error: PATH/missing.mp4 does not exist",
        "one frame": "2 error: PATH/single.mkv has only 1 frame (it needs more than 2, or --start-frames none)",
        "text": "2 error: PATH/text.mp4 cannot be read as video: … (check that it plays and is complete)",
        "truncated, its index kept": "2 error: PATH/cut.mp4 is damaged or cut short: 20 frames could be read; … (mend it, for instance by encoding it again with ffmpeg)",
        "truncated, its index lost": "2 error: PATH/truncated.mp4 cannot be read as video: … (check that it plays and is complete)",
        "zero bytes": "2 error: PATH/empty.mp4 is empty (0 bytes)",
      }
    `);
  });

  it('leave no output when a label is unknown in the middle of the video', async () => {
    const pipeline = await writePipeline(inWork('labels.yaml'), {
      data: pairedData(await counting({ frames: 40 }), await stripes(40, [0, 0, 255])),
      training: { steps: 1 },
    });
    const run = inWork('labelled');
    const trained = await frameloom('--quiet', 'train', pipeline, '--run', run);
    expect([trained.code, trained.stderr]).toEqual([0, '']);
    const out = inWork('unlabelled');
    await mkdir(out);
    expect(
      await complaint('generate', run, '-i', clips['label colour']!, '-o', join(out, 'made.mp4')),
    ).toMatchInlineSnapshot(
      `"2 error: label colour [9, 0, 255] is not in the palette (first in frame 30, 24 pixels) (the nearest is right, 9 levels off; add the colour, store label videos without loss (FFV1, PNG), or raise toleranceLevels)"`,
    );
    expect(await readdir(out)).toEqual([]);
  });
});
