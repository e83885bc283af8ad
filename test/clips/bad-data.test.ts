import { mkdir, open as openFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.js';
import type { FrameloomError } from '../../src/base/error.js';
import type { DataInput } from '../../src/clips/index.js';
import { makeClip, runFfmpeg, scratchPath } from '../video/make-clip.js';
import { counting, makeExact, open } from './make-data.js';

let good = '';

/** The one line that opening such data ends in. */
async function line(data: DataInput, windowFrames = 2): Promise<string> {
  try {
    const dataset = await open(data, { windowFrames });
    await dataset.close();
    return 'no error';
  } catch (error) {
    return (error as FrameloomError).toLine();
  }
}

const paired = (path: string, more: object): DataInput => ({
  clips: [good],
  condition: { kind: 'paired', path: [path], content: 'image', ...more } as never,
});
const labels = {
  content: 'labels',
  palette: { left: [255, 0, 0], right: [0, 0, 255] },
};

beforeAll(async () => {
  good = await counting({ frames: 40 });
});

describe('bad clips', () => {
  it('that are no video', async () => {
    const empty = scratchPath('empty.mp4');
    await writeFile(empty, '');
    expect(await line({ clips: [empty] })).toContain(`${empty} is empty (0 bytes)`);
    const text = scratchPath('text.mp4');
    await writeFile(text, 'not a video at all\n'.repeat(40));
    expect(await line({ clips: [text] })).toContain(text);
    const tone = scratchPath('tone.m4a');
    await runFfmpeg('-f', 'lavfi', '-i', 'sine=duration=1', tone);
    expect(await line({ clips: [tone] })).toContain(`${tone} has no video, only audio`);
    const folder = scratchPath('folder');
    await mkdir(folder);
    expect(await line({ clips: [folder] })).toContain('holds neither videos nor pictures');
    expect(await line({ clips: ['no-such-*.mp4'] })).toContain('no file matches no-such-*.mp4');
    expect(await line({ clips: ['gone.mp4'] })).toContain('gone.mp4 does not exist');
    expect(await line({ clips: [] })).toContain('there are no clips');
  });

  it('that are cut short', async () => {
    const whole = await makeClip({ frames: 50, name: 'whole.mkv' });
    const cut = scratchPath('cut.mkv');
    const { size } = await stat(whole);
    const [from, to] = [await openFile(whole, 'r'), await openFile(cut, 'w')];
    const half = Buffer.alloc(Math.floor(size / 2));
    await from.read(half, 0, half.length, 0);
    await to.write(half);
    await Promise.all([from.close(), to.close()]);
    expect(await line({ clips: [cut], condition: 'edges' })).toContain(cut);
    expect(await line({ clips: [cut], condition: 'edges' })).not.toBe('no error');
  });

  it('that are too short or too small', async () => {
    const single = await counting({ frames: 1 });
    expect(await line({ clips: [single] })).toContain(
      `${single} has 0 frames in a row to train on; a window needs 4 (2 and 2 in front)`,
    );
    const tiny = await makeExact({ width: 3, height: 5, frames: 4, colour: () => [1, 2, 3] });
    expect(await line({ clips: [tiny] })).toContain(`${tiny} is 3x5 pixels, too small`);
    expect(await line({ clips: [good], startSeconds: 60 })).toMatch(/no frame|startSeconds/);
  });

  it('leaves out a short one beside a long one, and says so', async () => {
    const short = await counting({ frames: 6 });
    const dataset = await open({ clips: [good, short] }, { windowFrames: 4 });
    const [first, second] = dataset.report.clips;
    expect(first!.warnings).toEqual([]);
    expect(second!.trainWindows).toBe(0);
    expect(second!.warnings.join()).toContain('a window needs 6: it is not trained on');
    expect(second!.warnings.join()).toContain('holds out 2 frames, an evaluation needs 3');
    await dataset.close();
  });

  it('of several rates', async () => {
    const slow = await counting({ fps: 10 });
    const more = await counting({ frames: 6 });
    expect(await line({ clips: [good, slow, more] })).toBe(
      `data.fps: the clips differ in rate: 20 frames a second (2 clips such as ${good}), 10 frames a second (${slow}) (set data.fps, such as fps: 20, to take all at one rate)`,
    );
    expect(await line({ clips: [good, slow], fps: 10 })).toBe('no error');
  });

  it('makes one error of several', async () => {
    const tiny = await makeExact({ width: 3, height: 5, frames: 4, colour: () => [1, 2, 3] });
    const text = scratchPath('text.mp4');
    await writeFile(text, 'not a video at all\n'.repeat(40));
    const message = await line({ clips: [tiny, good, text] });
    expect(message).toContain('2 of 3 clips cannot be used:\n');
    expect(message.split('\n')).toHaveLength(4);
    expect(message).toMatch(/\nmend them, or leave them out with data\.onBroken: skip$/);
  });

  it('are found whatever is wrong with each, and left out where that is asked for', async () => {
    const text = scratchPath('text.mp4');
    await writeFile(text, 'not a video at all\n'.repeat(40));
    const whole = await counting({ frames: 40 });
    const halves = await makeExact({
      frames: 40,
      colour: (_, x) => (x < 16 ? [255, 0, 0] : [0, 0, 255]),
    });
    const data = (onBroken: 'error' | 'skip'): DataInput => ({
      ...{ clips: [text, good, whole], onBroken },
      condition: { kind: 'paired', ...labels, path: [halves, halves, good] } as never,
    });
    const told: string[][] = [];
    const context = {
      findAllBroken: true,
      onBroken: (broken: readonly { path: string }[]) => void told.push(broken.map((b) => b.path)),
    };
    // One is no video; of the other, labels are found wrong only when they are read.
    await expect(open(data('error'), context)).rejects.toMatchObject({ code: 'bad-data' });
    expect(told).toEqual([[text, whole]]);
    let said = '';
    const log = createLogger({ write: (words) => void (said += words) });
    const dataset = await open(data('skip'), { ...context, log });
    expect(dataset.report.clips.map(({ path }) => path)).toEqual([good]);
    expect(dataset.report.skipped.map(({ path, code }) => [path, code])).toEqual([
      [text, 'bad-input'],
      [whole, 'bad-data'],
    ]);
    expect(said).toContain('warning: left out 2 of 3 clips, which cannot be used:\n');
    // The frames are those of the clip that is left, though it was the second.
    const range = await dataset.readFrames(0, 7, 1);
    expect([range.frames[0], range.condition?.[0], range.condition?.[31]]).toEqual([7, 0, 1]);
    await dataset.close();
    expect(await line({ clips: [text], onBroken: 'skip' })).toContain(text);
  });
});

describe('bad conditions', () => {
  it('of another length name both counts', async () => {
    const shorter = await counting({ frames: 33 });
    const said = `${good} has 40 frames but its condition ${shorter} has 33`;
    expect(await line(paired(shorter, {}))).toContain(said);
    const longer = await counting({ frames: 41 });
    expect(await line(paired(longer, {}))).toContain(`${longer} has 41`);
    expect(await line({ ...paired(longer, {}), durationSeconds: 2 })).toBe('no error');
  });

  it('of another rate, or missing', async () => {
    const slow = await counting({ fps: 10 });
    expect(await line(paired(slow, {}))).toContain(
      `${good} has 20 frames a second but its condition ${slow} has 10`,
    );
    expect(await line(paired('gone.mkv', {}))).toContain('gone.mkv does not exist');
    const template: DataInput = {
      clips: [good],
      condition: { kind: 'paired', path: '{folder}/{name}-labels.mkv', content: 'image' },
    };
    expect(await line(template)).toContain('-labels.mkv does not exist');
  });

  it('with a colour outside the palette say which, where and how often', async () => {
    const bad = await makeExact({
      frames: 40,
      colour: (frame, x) =>
        frame >= 30 && x === 5 ? [9, 0, 255] : x < 16 ? [255, 0, 0] : [0, 0, 255],
    });
    expect(await line(paired(bad, labels))).toBe(
      `${bad}: label colour [9, 0, 255] is not in the palette (first in frame 30, 240 pixels) (the nearest is right, 9 levels off; add the colour, store label videos without loss (FFV1, PNG), or raise toleranceLevels)`,
    );
    expect(await line(paired(bad, { ...labels, toleranceLevels: 9 }))).toBe('no error');
  });

  it('whose filtergraph changes the count, the size or nothing at all', async () => {
    const derived = (filtergraph: string): DataInput => ({
      clips: [good],
      condition: { kind: 'derived', filtergraph },
    });
    expect(await line(derived("select='lt(n,25)'"))).toContain(
      `filtergraph makes 25 frames of the 40 of ${good}`,
    );
    expect(await line(derived('scale=16:12'))).toContain('comes as 16x12, its frames as 32x24');
    expect(await line(derived('nosuchfilter'))).toContain('nosuchfilter');
  });

  it('in a damaged scan are looked at again', async () => {
    const cacheFolder = scratchPath('scans');
    const first = await open({ clips: [good] }, { cacheFolder });
    await first.close();
    const [scan] = await readdir(cacheFolder);
    await writeFile(join(cacheFolder, scan!), '{"version": 1, "frameCount":');
    const again = await open({ clips: [good] }, { cacheFolder });
    expect(again.report).toEqual(first.report);
    await again.close();
  });
});
