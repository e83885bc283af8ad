import { symlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/base/log.js';
import { refuseIdleLength } from '../../../src/cli/commands/evaluate/asked.js';
import {
  assertComparable,
  commonData,
  runNames,
} from '../../../src/cli/commands/evaluate/comparable.js';
import { dataOfVideo } from '../../../src/cli/commands/evaluate/run.js';
import { dataOptions, type DataInput } from '../../../src/clips/index.js';
import { createGenerator } from '../../../src/networks/index.js';
import { generatorOptions } from '../../../src/networks/options.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';

const edges = { kind: 'derived', preset: 'edges' } as const;
const run = (name: string, data: Partial<DataInput> = {}, historyFrames = 2) => ({
  ...{ name, historyFrames },
  data: dataOptions.parse({ clips: ['/clips/a.mp4', '/clips/b.mp4'], condition: edges, ...data }),
});

describe('runs that are compared', () => {
  it('are named by the last part of their folders, where that tells them apart', () => {
    expect(runNames(['runs/00001-a', 'runs/00002-b/'])).toEqual(['00001-a', '00002-b']);
    expect(runNames(['x/run', 'y/run'])).toEqual(['x/run', 'y/run']);
    expect(() => runNames(['runs/a', './runs/a/'])).toThrow('./runs/a/ is named twice');
  });

  it.each<[string, Partial<DataInput>]>([
    ['data.size is 128x72 in a and 64x36 in b', { size: '64x36' }],
    [
      'data.clips is /clips/a.mp4, /clips/b.mp4 in a and /clips/c.mp4 in b',
      { clips: '/clips/c.mp4' },
    ],
    ['data.heldOut.fraction is 0.2 in a and 0.3 in b', { heldOut: { fraction: 0.3 } }],
    ['data.fps is the clips’ own in a and 12 in b', { fps: 12 }],
    ['data.fit is crop in a and pad in b', { fit: 'pad' }],
    ['data.startSeconds is 0 in a and 1 in b', { startSeconds: 1 }],
  ])('are refused where %s', (message, data) => {
    expect(() => assertComparable([run('a'), run('b', data)], undefined)).toThrow(
      `these runs are not scored on the same frames: ${message}`,
    );
  });

  it('may differ in all that decides no held-out frame', () => {
    const other = { augment: { flip: true }, strideFrames: 2, cache: { memoryBytes: 0 }, heldOut: { gapFrames: 9 } }; // prettier-ignore
    const turned = run('c', { ...other, clips: ['/clips/b.mp4', '/clips/a.mp4'] });
    expect(assertComparable([run('a'), run('b', other), turned], undefined)).toEqual([]);
    // Frames are numbered by clip, so the clips are taken in one order.
    expect(commonData(run('a'), turned).clips).toEqual(['/clips/a.mp4', '/clips/b.mp4']);
  });

  it('are told of where they are driven otherwise, or begin later', () => {
    const grey = run('b', { condition: { kind: 'derived', preset: 'grey' } }, 3);
    const finer = run('c', { condition: { ...edges, low: 0.01 } });
    expect(assertComparable([run('a'), grey, finer], undefined)).toEqual([
      'the runs are driven by different conditions: a by edges, b by grey, c by edges with other settings; the nearest condition is looked up as a sees it',
      'the runs start from 2 or 3 real frames: all are scored from the frame on that the last of them makes first',
    ]);
    expect(commonData(run('a'), grey).condition).toEqual(grey.data.condition);
  });

  it('are each told their own actions, and it is said where these differ', () => {
    const acting = (name: string, actions: object) =>
      run(name, { actions: { path: '{folder}/{name}.csv', ...actions } as never });
    const keys = { columns: { left: 'key', right: 'key' } };
    const turned = acting('b', { columns: { right: 'key', left: 'key' } });
    const [own, late] = [acting('c', keys), acting('d', { ...keys, offsetFrames: 2 })];
    expect(assertComparable([run('a'), turned, own], undefined)).toEqual([
      'the runs are told different actions: a nothing, b right left, c left right; each is judged by its own',
    ]);
    expect(assertComparable([own, late], 'x.mp4')).toEqual([
      'the runs are told different actions: c left right, d left right with other settings or files; each is judged by its own',
    ]);
    // What becomes of them in mirrored pictures is nothing that is told.
    const mirrored = { left: { kind: 'key', mirror: 'same' }, right: 'key' };
    expect(assertComparable([own, acting('e', { columns: mirrored })], undefined)).toEqual([]);
    for (const [first, other] of [
      [run('a'), own],
      [own, turned],
      [own, late],
      [own, run('a')],
    ] as const) {
      // prettier-ignore
      expect(commonData(first, other).actions).toEqual(other.data.actions);
    }
    // Files that are listed are listed in the order of the clips.
    const listed = acting('f', { path: ['a.csv', 'b.csv'], ...keys });
    const swapped = { ...listed.data, clips: listed.data.clips.toReversed() };
    expect(() => assertComparable([listed, { ...listed, data: swapped }], undefined)).toThrow(
      'data.clips is',
    );
    expect(commonData(own, listed)).toEqual(listed.data);
  });

  it('are told of those that cannot drift, whose long rollout has no length either', () => {
    const noted = 'no slopes of a long rollout for b: without memory each frame is made by itself';
    expect(assertComparable([run('a'), run('b', {}, 0)], undefined)).toEqual([
      expect.stringContaining('the runs start from 0 or 2 real frames'),
      expect.stringContaining(noted),
    ]);
    const [made, alone] = [2, 0].map((historyFrames) =>
      createGenerator(generatorOptions.parse({ historyFrames, flow: historyFrames > 0 }), 1),
    );
    expect(() => refuseIdleLength({ longFrames: 300 }, [alone!, made!])).not.toThrow();
    expect(() => refuseIdleLength({}, [alone!])).not.toThrow();
    expect(() => refuseIdleLength({ longFrames: 300 }, [alone!])).toThrow(
      '--long-frames does nothing for a generator without memory, which makes each frame by itself',
    );
  });

  it('on another video need one size alone, and are told what is not as it was', async () => {
    const clip = await makeClip({ frames: 4 });
    const link = scratchPath('linked.mkv');
    await symlink(clip, link);
    const others = [run('b', { clips: '/clips/c.mp4', fit: 'pad', heldOut: { fraction: 0 } })];
    expect(assertComparable([run('a'), ...others], clip)).toEqual([
      'data.fit is crop in a and pad in b: the video is taken as a has it',
    ]);
    expect(assertComparable([run('a'), run('b', { clips: link })], clip)).toEqual([
      `b had ${clip} among its clips: to it that is no new video`,
    ]);
    expect(() => assertComparable([run('a'), run('b', { size: '64x36' })], clip)).toThrow(
      'data.size is 128x72 in a and 64x36 in b',
    );
  });

  it('leave behind what is said of their own clips on another video', () => {
    const lines: string[] = [];
    const log = createLogger({ write: (line) => void lines.push(line) });
    const of = (data: Partial<DataInput>, video = 'other.mp4') =>
      dataOfVideo(run('a', { startSeconds: 60, durationSeconds: 5, ...data }).data, video, { log });
    const whole = of({ fps: 12 });
    expect(whole).toMatchObject({ clips: [resolve('other.mp4')], fps: { num: 12, den: 1 } });
    expect([whole.startSeconds, whole.durationSeconds, lines]).toEqual([undefined, undefined, []]);
    const note = assertComparable([run('a'), run('b', { startSeconds: 1 })], 'other.mp4');
    expect(note).toEqual([]);

    const actions = (path: string | string[]) => ({ path, columns: { left: 'key' as const } });
    expect(of({ actions: actions('{folder}/{name}.csv') }).actions?.path).toBe('{folder}/{name}.csv'); // prettier-ignore
    const two = actions(['a.csv', 'b.csv']);
    expect(of({ actions: two }, '/clips/b.mp4').actions?.path).toEqual(['b.csv']);
    for (const own of [two, actions('a.csv')]) {
      const clips = own === two ? ['/clips/a.mp4', '/clips/b.mp4'] : '/clips/a.mp4';
      expect(() => of({ actions: own, clips })).toThrow(
        'data.actions.path names the files of the run’s clips, and none of other.mp4',
      );
    }
    const condition = { kind: 'paired', content: 'image', path: ['1.mkv', '2.mkv'] } as never;
    expect(() => of({ condition })).toThrow('data.condition.path names the files');
    expect(of({ condition }, '/clips/a.mp4').condition).toMatchObject({ path: ['1.mkv'] });
  });

  it('keep the order of clips whose conditions are listed', () => {
    const listed = (clips: string[]) =>
      run('x', {
        clips,
        condition: { kind: 'paired', content: 'image', path: ['1', '2'] } as never,
      });
    const [one, two] = [listed(['/a', '/b']), listed(['/b', '/a'])];
    expect(() => assertComparable([one, two], undefined)).toThrow('data.clips is');
  });
});
