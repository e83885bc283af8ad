import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backend/index.js';
import type { FrameloomError } from '../../src/base/error.js';
import { formatDatasetReport } from '../../src/cli/report/dataset-report.js';
import type { DataInput, Dataset } from '../../src/clips/index.js';
import { heldOutAmong } from '../../src/clips/keyframes.js';
import { runFfmpeg, scratchFolder, scratchPath } from '../video/make-clip.js';
import { counting, open } from './make-data.js';

const FRAMES = 24;
const ALONE = { historyFrames: 0, conditionFrames: 1 };

let clip: string;
/** A painted frame: as red as a painter makes it, with the green of the clip. */
let painted: string;
let folders = 0;

beforeAll(async () => {
  await useBackend();
  // A pattern that moves, so that a frame can be told from its neighbours.
  clip = await counting({
    frames: FRAMES,
    colour: (t, x) => [t, (x + 4 * t) % 24 < 12 ? 200 : 20, 40],
  });
  painted = scratchPath('painted.png');
  await runFfmpeg('-f', 'lavfi', '-i', 'color=red:s=64x48', '-frames:v', '1', painted);
});

/** A folder of the same painting under these names. */
async function folderOf(names: readonly string[], picture = painted): Promise<string> {
  folders += 1;
  const folder = scratchPath(`keys-${folders}`);
  await mkdir(folder, { recursive: true });
  for (const name of names) await copyFile(picture, join(folder, name));
  return folder;
}

const openIn = (folder: string, data: DataInput = {}): Promise<Dataset> =>
  // What is known of the clip is kept from one to the next.
  open(
    { clips: [clip], condition: 'picture', keyframes: folder, ...data },
    { ...ALONE, cacheFolder: scratchFolder() },
  );

/** The one line that opening such a folder ends in, without where it lies. */
async function line(folder: string, data: DataInput = {}): Promise<string> {
  try {
    await (await openIn(folder, data)).close();
    return 'no error';
  } catch (error) {
    return (error as FrameloomError).toLine().replaceAll(`${folder}/`, '').replaceAll(clip, 'CLIP');
  }
}

/** The red of a frame's first pixel. */
const redOf = (bytes: Uint8Array | null | undefined): number => bytes![0]!;

describe('keyframes', () => {
  it('are learned in the place of their frames, of which they have the conditions', async () => {
    const names = ['000003.png', 'frame-7.png', 'look-0.5s.png', '24-done.png'];
    const dataset = await openIn(await folderOf(names));
    const { report } = dataset;
    // At 20 frames a second, half a second is frame 10, which is called 11.
    expect(report.keyframes!.map(({ frame, isHeldOut }) => [frame, isHeldOut])).toEqual([
      [2, false],
      [6, false],
      [10, true],
      [23, false],
    ]);
    expect(new Set(report.keyframes!.map(({ sha256 }) => sha256)).size).toBe(1);
    expect(report.totals).toMatchObject({ trainFrames: 3, heldOutFrames: 1, trainWindows: 3 });
    const said = formatDatasetReport(report);
    expect(said).toContain(
      'keyframes   4: 000003.png, frame-7.png, look-0.5s.png (held out), 24-done.png',
    );
    expect(said).toContain('condition   the frame itself, 3 channels');
    // Those to train on come first.
    const all = await dataset.readFrames(0, 0, 4);
    const bytes = 32 * 24 * 3;
    const reds = [0, 1, 2, 3].map((i) => all.condition![i * bytes]!);
    expect(reds).toEqual([2, 6, 23, 10]);
    expect(redOf(all.frames)).toBeGreaterThan(240);
    await expect(dataset.readFrames(0, 3, 2)).rejects.toThrow('there are 4');
    expect(dataset.heldOut()).toEqual([
      { clip: 0, startFrame: 3, frameCount: 1, scoredFrames: 1, precedingFrames: 0 },
    ]);
    // Each is a scene by itself: windows are of one frame, and never of the one held out.
    const seen = new Set<number>();
    for (let step = 0; step < 12; step += 1) {
      const window = await dataset.trainWindow(step, { frames: 1, batch: 2 });
      expect(window.frames.shape).toEqual([2, 1, 24, 32, 3]);
      window.origin.forEach(({ startFrame }) => seen.add(startFrame));
      window.dispose();
    }
    expect([...seen].sort()).toEqual([0, 1, 2]);
    expect([dataset.leadFrames, dataset.windowCount(2)]).toEqual([0, 0]);
    await dataset.close();
  });

  it('hold out some of four or more, between others', () => {
    const held = (count: number, fraction = 0.2): number[] => [...heldOutAmong(count, fraction)];
    expect([held(3), held(4), held(10), held(10, 0), held(5, 0.9)]).toEqual([
      ...[[], [2], [3, 6], [], [1, 3]],
    ]);
  });

  it('are counted as the clip counts its pictures', async () => {
    const pictures = scratchPath('pictures');
    await mkdir(pictures);
    await runFfmpeg('-i', clip, '-start_number', '100', join(pictures, 'a-%04d.png'));
    const folder = await folderOf(['a-0101.png', 'a-0123.png']);
    const dataset = await openIn(folder, { clips: [pictures], fps: undefined });
    expect(dataset.report.keyframes!.map(({ frame }) => frame)).toEqual([1, 23]);
    expect(dataset.report.warnings).toEqual([
      expect.stringContaining('nothing is held out of fewer than four keyframes'),
    ]);
    await dataset.close();
    expect(await line(await folderOf(['7.png']), { clips: [pictures] })).toContain(
      '7.png is of the picture 7, which is not among those',
    );
    const numbered = { folder, firstNumber: 100 };
    await expect(openIn(folder, { clips: [pictures], keyframes: numbered })).rejects.toThrow(
      'whose pictures have numbers of their own',
    );
  });

  it.each([
    [['x.png'], 'x.png names no frame'],
    [['shot2-0007.png'], 'shot2-0007.png names several numbers'],
    [['2.5.png'], '2.5.png names several numbers'],
    [['0.png', '5.png'], '0.png is of frame 0, and frames are counted from 1'],
    [['25.png'], '25.png is of frame 25, and CLIP has frames 1 to 24'],
    [['1.2s.png'], '1.2s.png is of 1.2 s, and CLIP ends after 1.20 s'],
    [['5.png', '005.png'], 'are of the same frame'],
    [['0.2s.png', '5.png'], 'are of the same frame'],
    [[], 'holds no picture'],
  ])('%j end in an error', async (names, words) => {
    expect(await line(await folderOf(names))).toContain(words);
  });

  it('may be numbered from what the user says, and among other numbers', async () => {
    const folder = await folderOf(['shot2-0000.png', 'shot2-0009.png']);
    const dataset = await openIn(folder, { keyframes: { folder, firstNumber: 0 } });
    expect(dataset.report.keyframes!.map(({ frame }) => frame)).toEqual([0, 9]);
    await dataset.close();
  });

  it('fit their frames, and one may not see through them', async () => {
    const wide = scratchPath('wide.png');
    await runFfmpeg('-f', 'lavfi', '-i', 'color=red:s=64x36', '-frames:v', '1', wide);
    expect(await line(await folderOf(['3.png'], wide))).toContain(
      '3.png is 64x36, another aspect than the frames of the clip, 32x24',
    );
    const clear = scratchPath('clear.png');
    const half = ['-vf', 'format=rgba,geq=r=255:g=0:b=0:a=255*gte(X\\,32)', '-frames:v', '1'];
    await runFfmpeg('-f', 'lavfi', '-i', 'color=red:s=64x48', ...half, clear);
    expect(await line(await folderOf(['3.png'], clear))).toContain(
      'is transparent in 53.1 % of its pixels',
    );
    const torn = await folderOf(['3.png']);
    await writeFile(join(torn, '3.png'), 'no picture');
    expect(await line(torn)).toContain('3.png');
    expect(await line(scratchPath('nowhere'))).toContain('there is no folder');
    expect(await line(painted)).toContain('is no folder of keyframes');
  });

  it('say where their numbers are off by one', async () => {
    const folder = await folderOf([]);
    // Frames 4 and 12 as they are called by who counts from 0.
    for (const n of [4, 12]) {
      const one = ['-vf', `select=eq(n\\,${n}),negate`, '-frames:v', '1'];
      await runFfmpeg('-i', clip, ...one, join(folder, `${n}.png`));
    }
    const wrong = await openIn(folder);
    expect(wrong.report.warnings[0]).toContain('fit the frame after the one they are named by');
    await wrong.close();
    const right = await openIn(folder, { keyframes: { folder, firstNumber: 0 } });
    expect(right.report.warnings.join()).not.toContain('fit the frame');
    await right.close();
  });

  it('stand alone', async () => {
    const folder = await folderOf(['3.png']);
    const data: DataInput = { clips: [clip], condition: 'picture', keyframes: folder };
    await expect(open(data)).rejects.toThrow('keyframes stand alone');
    expect(await line(folder, { startSeconds: 1 })).toContain(
      'data.startSeconds cannot stand beside',
    );
    const other = scratchPath('other.mkv');
    await copyFile(clip, other);
    expect(await line(folder, { clips: [clip, other] })).toContain('keyframes are of one clip');
    expect(await line(folder, { condition: 'none' })).toContain(
      'teach nothing without a condition',
    );
  });
});
