import { symlink } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { refuseIdleLength } from '../../../src/cli/commands/evaluate/asked.js';
import {
  assertComparable,
  commonData,
  runNames,
} from '../../../src/cli/commands/evaluate/comparable.js';
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
