import { writeFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { FrameloomError } from '../../src/base/error.js';
import { useBackend } from '../../src/backend/index.js';
import { actionRules, mirrorActions } from '../../src/clips/actions.js';
import { parseActions } from '../../src/clips/action-table.js';
import { trackOf } from '../../src/clips/action-track.js';
import { dataOptions, estimateOffset, type DataInput } from '../../src/clips/index.js';
import type { VideoInfo } from '../../src/video/index.js';
import { expectNoLeak } from '../tensors.js';
import { makeExact, open } from './make-data.js';

const COLUMNS: NonNullable<DataInput['actions']>['columns'] = {
  left: { kind: 'key', mirror: 'right' },
  right: { kind: 'key', mirror: 'left' },
  steer: { kind: 'axis', range: [-100, 100], mirror: 'negated' },
};

/** What is thrown. */
function problem(work: () => unknown): FrameloomError | null {
  try {
    work();
    return null;
  } catch (error) {
    return error as FrameloomError;
  }
}

const KEYS = { left: 'key', right: 'key' } as const;

const problems = (data: DataInput): string => {
  const result = dataOptions.safeParse(data);
  return result.success ? '' : z.prettifyError(result.error);
};

const rules = (columns: object = COLUMNS) =>
  actionRules(dataOptions.parse({ actions: { path: 'x.csv', columns } }).actions)!;

const FRAMES = 40;
/** Frames at which what is pressed changes: nothing, left, nothing, right … */
const CHANGES = [3, 8, 10, 17, 20, 24, 31, 33, 36, 43, 48, 51, 53, 60, 66, 69, 78, 80, 85, 93, 97];
/** What is pressed at a frame: runs of a few frames, never both keys. */
const pressed = (frame: number): { left: number; right: number; steer: number } => {
  const phase = CHANGES.filter((at) => at <= frame).length % 4;
  const steer = Math.max(-100, 100 - 5 * frame);
  return { left: phase === 1 ? 1 : 0, right: phase === 3 ? 1 : 0, steer };
};

/** A square that goes where keys say, `late` frames later. */
async function play(name: string, late = 0, frames = FRAMES): Promise<string> {
  const at: number[] = [];
  let x = 10;
  for (let frame = 0; frame < frames; frame += 1) {
    const { left, right } = frame >= late ? pressed(frame - late) : { left: 0, right: 0 };
    x += right - left;
    at.push(x);
  }
  return makeExact({
    name: `${name}.mkv`,
    frames,
    colour: (frame, px, py) =>
      Math.abs(px - at[frame]!) < 4 && Math.abs(py - 12) < 4 ? [240, 240, 240] : [20, 20, 60],
  });
}

const csvOf = (frames = FRAMES): string =>
  [
    'frame,left,right,steer,score',
    ...Array.from({ length: frames }, (_, frame) => {
      const { left, right, steer } = pressed(frame);
      return [frame, left, right, steer, 7].join(',');
    }),
  ].join('\n');

/** The file of a clip's actions. */
const beside = (clip: string): string => clip.replace(/mkv$/, 'csv');

describe('what a pipeline says of actions', () => {
  it('is the same beside a condition and in its place', () => {
    const actions = {
      path: '{folder}/{name}.csv',
      columns: { jump: 'key', steer: 'axis' },
    } as const;
    const beside = dataOptions.parse({ condition: 'none', actions });
    const alone = dataOptions.parse({ condition: { kind: 'actions', ...actions } });
    expect(alone).toEqual(beside);
    expect(alone.condition).toEqual({ kind: 'none' });
    expect(alone.actions?.columns).toEqual({
      jump: { kind: 'key', default: 0 },
      steer: { kind: 'axis', range: [-1, 1], default: 0 },
    });
    expect(dataOptions.parse(alone)).toEqual(alone);
    expect(dataOptions.parse({})).not.toHaveProperty('actions');
  });

  it.each<[DataInput, string]>([
    [{ actions: { path: 'a.csv', columns: {} } }, 'name at least one column'],
    [{ actions: { path: 'a.csv', columns: { time: 'key' } } }, 'says which frame a row is of'],
    [
      { actions: { path: 'a', columns: { a: { kind: 'key', mirror: 'b' } } } },
      'there is no column b',
    ],
    [
      { actions: { path: 'a', columns: { a: { kind: 'key', mirror: 'b' }, b: 'key' } } },
      'a becomes b, so b must say mirror: a',
    ],
    [
      { actions: { path: 'a', columns: { a: { kind: 'key', mirror: 'negated' } } } },
      'a key has no opposite number',
    ],
    [
      { actions: { path: 'a', columns: { a: { kind: 'axis', range: [1, 0] } } } },
      'must be below the second',
    ],
    [
      { actions: { path: 'a', columns: { a: 'key' } }, augment: { flip: true } },
      'nothing says what becomes of the column a',
    ],
    [
      {
        actions: { path: 'a', columns: { a: 'key' } },
        condition: { kind: 'actions', path: 'a', columns: { a: 'key' } },
      },
      'given twice',
    ],
  ])('refuses %j', (data, message) => {
    expect(problems(data)).toContain(message);
  });
});

describe('a file of actions', () => {
  it.each([
    ['', 'x.csv holds nothing'],
    ['frame,left,right,steer\n', 'x.csv holds no rows'],
    ['frame,left,steer\n0,1,0', 'x.csv:1: there is no column right'],
    ['frame,left,left,right,steer\n0,1,0,0,0', 'x.csv:1: there are two columns left'],
    ['frame,left,right,steer\n0,1,0', 'x.csv:2: 3 cells, and the first line names 4'],
    ['frame,left,right,steer\n\n0,2,0,0', 'x.csv:3: left is 2, and a key is 0 or 1'],
    [
      'frame,left,right,steer\n0,1,0,130',
      'x.csv:2: steer is 130, outside its range of -100 to 100',
    ],
    ['frame,left,right,steer\n0,yes,0,0', 'x.csv:2: left: "yes" is no number'],
    ['frame,left,right,steer\n0.5,1,0,0', 'x.csv:2: frame 0.5 is no whole number'],
    ['time,left,right,steer\n1,0,0,0\n0.5,1,0,0', 'x.csv:3: time goes back from 1 to 0.5 s'],
  ])('%j is refused: %s', (text, message) => {
    expect(() => parseActions(text, 'x.csv', rules())).toThrow(message);
  });

  it('is read with quotes, semicolons, empty cells and rows in any order', () => {
    const text = '\uFEFF"frame";"right";left;steer\r\n2;0;1;\r\n# a note\r\n0;true;0;-100\r\n';
    const table = parseActions(text, 'x.csv', rules());
    expect(table.by).toBe('frame');
    expect([...table.at]).toEqual([0, 2]);
    expect([...table.values]).toEqual([0, 1, -1, 1, 0, Number.NaN]);
  });

  it.each([
    ['0;0,5;0;0', 'x.csv:2: left: "0,5" is no number', 'with a point'],
    ['0:01;1;0;0', 'x.csv:2: frame: "0:01" is no number', 'without units'],
    ['0;1;0;"0', 'x.csv:2: a quote is not closed', ''],
    ['0;1;0;0\0', 'x.csv is no text in UTF-8', 'save it as CSV in UTF-8'],
  ])('is refused where a row is %j', (row, message, hint) => {
    const read = (): unknown => parseActions(`frame;left;right;steer\n${row}`, 'x.csv', rules());
    expect(problem(read)).toMatchObject({ message });
    expect(problem(read)?.hint ?? '').toContain(hint);
  });

  it('is mirrored as its columns say', () => {
    const values = Float32Array.of(1, 0, 0.5, 0, 1, 0);
    const mirrored = mirrorActions(values, rules());
    expect([...mirrored]).toEqual([0, 1, -0.5, 1, 0, 0]);
    expect([...mirrorActions(mirrored, rules())]).toEqual([...values]);
  });
});

describe('rows and frames', () => {
  const info = { frameCount: FRAMES, frameTimes: null, fps: { num: 20, den: 1 } };
  const clip = {
    path: 'lone.mkv',
    info: info as unknown as VideoInfo,
    firstFrame: 0,
    frameCount: 40,
  };
  const track = (
    rows: readonly string[],
    { fps = 20, by = 'time', ...more }: { fps?: number; by?: string; offsetFrames?: number } = {},
  ) => {
    const head = `${by === '' ? '' : `${by},`}left,right,steer`;
    const table = parseActions([head, ...rows].join('\n'), 'x.csv', rules());
    const plan = { fps: { num: fps, den: 1 }, resample: fps !== 20 };
    return trackOf(table, clip, { ...rules(), ...more }, plan);
  };
  const column = ({ values }: ReturnType<typeof track>, at = 0): number[] =>
    [...values.subarray(0, 24)].filter((_, i) => i % 3 === at);

  it('rows by time belong to the frames that are shown nearest to them', () => {
    // Of 20 frames a second: a tap within frame 2, one that goes on from frame 4, and half an axis in frame 6.
    const rows = ['0,0,0,0', '0.09,1,0,0', '0.11,0,0,0', '0.2,1,0,0', '0.3,0,0,100', '0.31,0,0,0'];
    const own = track(rows);
    expect(column(own)).toEqual([0, 0, 1, 0, 1, 1, 0, 0]);
    expect(column(own, 2)).toEqual([0, 0, 0, 0, 0, 0, 0.5, 0]);
    expect(own.warnings).toEqual([
      'has actions up to 0.31 s of 1.95 s: what was done last is taken to go on',
    ]);
    expect(column(track(rows, { offsetFrames: 2 }))).toEqual([0, 0, 0, 0, 1, 0, 1, 1]);
    expect(column(track(rows, { fps: 10 })).slice(0, 4)).toEqual([0, 1, 1, 0]);
  });

  it('rows by frame are of the clip’s own frames, at any rate, and what is missing has the default', () => {
    const rows = ['1,1,0,0', '4,0,1,', '5,1,0,100'];
    const own = track(rows, { by: 'frame' });
    expect(column(own)).toEqual([0, 1, 0, 0, 0, 1, 0, 0]);
    expect(column(own, 2)).toEqual([0, 0, 0, 0, 0, 1, 0, 0]);
    expect(own.warnings).toEqual(['has no actions for 37 of 40 frames: they have the defaults']);
    // Ten a second: frames 0, 2, 4 of the file, each with what is shown nearest to it.
    expect(column(track(rows, { by: 'frame', fps: 10 })).slice(0, 4)).toEqual([0, 1, 0, 1]);
    expect(track(['1,1,0,0', '40,0,0,0'], { by: 'frame' }).warnings.join()).toContain(
      'has actions of frame 40, and its last frame is 39: if they are numbered from 1',
    );
  });

  it('beyond the clip are told of', () => {
    expect(track(['0,1,0,0', '1,0,0,0', '9,0,0,0']).warnings).toEqual([
      'has actions up to 9.00 s, and ends at 1.95 s',
    ]);
    const rows = Array.from({ length: FRAMES }, (_, i) => `${i},0,0,0`);
    expect(track(rows, { by: 'frame' }).warnings).toEqual([]);
    expect(track(rows.slice(1), { by: 'frame' }).warnings.join()).toContain('numbered from 1');
  });

  describe('of a clip that is taken at another rate', () => {
    const count = (from: number, to: number, step = 1): string[] => {
      const rows: string[] = [];
      for (let i = from; i < to; i += step) rows.push(`${i},${i % 2},0,0`);
      return rows;
    };
    /** Frames of a file, of which a part is taken, in frames of the other rate. */
    const taken = (
      rows: readonly string[],
      file: { fps: number; frames: number | null; at?: number[]; isUneven?: boolean },
      part: { fps: number; first?: number; frames: number; offsetFrames?: number },
    ) => {
      const facts = {
        frameCount: file.frames,
        frameTimes: file.at ? Float64Array.from(file.at) : null,
        variableFrameRate: file.isUneven ?? false,
        fps: { num: file.fps, den: 1 },
      };
      const own = {
        ...{ path: 'clip.mp4', info: facts as unknown as VideoInfo },
        ...{ firstFrame: part.first ?? 0, frameCount: part.frames },
      };
      const isBare = !rows[0]?.startsWith('time') && rows[0]?.split(',').length === 3;
      const head = isBare ? 'left,right,steer' : 'frame,left,right,steer';
      const text = (rows[0]?.startsWith('time') ? rows : [head, ...rows]).join('\n');
      const plan = { fps: { num: part.fps, den: 1 }, resample: true };
      const { offsetFrames = 0 } = part;
      return trackOf(parseActions(text, 'x.csv', rules()), own, { ...rules(), offsetFrames }, plan);
    };
    const half = { fps: 60, frames: 1800 };
    const middle = { fps: 30, first: 600, frames: 300 };
    const bare = (rows: number): string[] => Array.from({ length: rows }, () => '1,0,0');

    it('is looked for in the frames of the file that the part is of', () => {
      // Seconds 20 to 30 of 60 frames a second: the rows that are used, and no others.
      const own = taken(count(1200, 1800), half, middle);
      expect([own.warnings, own.toldFrames]).toEqual([[], 300]);
      expect(() => taken(count(600, 900), half, middle)).toThrow(
        'x.csv tells of frames 600 to 899, and clip.mp4 has 1199 to 1799',
      );
      // Numbered at the rate that is taken, they end in the middle.
      const wrong = taken(count(0, 900), half, { fps: 30, frames: 900 });
      expect([wrong.toldFrames, wrong.warnings]).toEqual([
        451,
        ['has no actions for 449 of 900 frames: they have the defaults'],
      ]);
      expect(wrong.values.subarray(3 * 451).every((value) => value === 0)).toBe(true);
      expect(taken(count(1, 1801), half, { fps: 30, frames: 900 }).warnings.join()).toMatch(
        /frame 1800, and its last frame is 1799: .* from 1, number them from 0$/,
      );
      const uneven = { fps: 10, frames: 4, at: [0, 0.1, 0.2, 2], isUneven: true };
      // The second before the last frame, and after it, show the one before.
      const long = taken(count(0, 4), uneven, { fps: 10, frames: 40 });
      expect([long.warnings, long.toldFrames]).toEqual([[], 40]);
      expect([long.values[3 * 10], long.values[3 * 30]]).toEqual([0, 1]);
    });

    it('goes on in frames between those of the file', () => {
      const own = taken(count(0, 250), { fps: 25, frames: 250 }, { fps: 50, frames: 500 });
      expect([own.warnings, own.toldFrames]).toEqual([[], 500]);
      expect([...own.values].filter((_, i) => i % 3 === 0).slice(0, 6)).toEqual([0, 0, 1, 1, 0, 0]);
      const late = { fps: 50, frames: 500, offsetFrames: 2 };
      const told = taken(count(0, 250), { fps: 25, frames: 250 }, late);
      expect([told.warnings, told.toldFrames, told.values[3 * 4]]).toEqual([[], 498, 1]);
      // Of 19.98 s there is no frame: what it ends at is 9.96 s.
      const times = ['time,left,right,steer', '0,0,0,0', '15,1,0,0'];
      expect(taken(times, { fps: 25, frames: 250 }, { fps: 50, frames: 500 }).warnings).toEqual([
        'has actions up to 15.00 s, and ends at 9.98 s',
      ]);
    });

    it('needs as many rows as the file has frames, where nothing numbers them', () => {
      const whole = { fps: 30, frames: 900 };
      expect(taken(bare(1800), half, whole).warnings).toEqual([]);
      expect(taken(bare(1800), half, middle).toldFrames).toBe(300);
      // Up to where the part ends.
      expect(taken(bare(600), half, { fps: 30, frames: 300 }).toldFrames).toBe(300);
      for (const rows of [900, 1799, 300]) {
        expect(() => taken(bare(rows), half, whole)).toThrow(
          `x.csv has ${rows} rows, and clip.mp4 1800 frames`,
        );
      }
      const unknown = { fps: 60, frames: null };
      expect(taken(bare(1800), unknown, whole).toldFrames).toBe(900);
      expect(() => taken(bare(900), unknown, whole)).toThrow('900 rows, and clip.mp4 1800 frames');
    });

    it('is taken frame for frame where it is the rate of the file, as it is decoded', () => {
      // Its times are rounded, and run ahead by a frame in the end.
      const at = Array.from({ length: 900 }, (_, i) => Math.round(33.3 * i) / 1000);
      const own = taken(count(0, 900), { fps: 30, frames: 900, at }, { fps: 30, frames: 900 });
      expect([own.warnings, own.toldFrames]).toEqual([[], 900]);
      const keys = [...own.values].filter((_, i) => i % 3 === 0);
      expect(keys).toEqual(Array.from({ length: 900 }, (_, i) => i % 2));
    });
  });

  it.each([
    ['', Array.from({ length: 12 }, () => '0,0,0'), 'x.csv has 12 rows, and lone.mkv 40 frames'],
    ['frame', ['3,0,0,0', '3,1,0,0'], 'x.csv has two rows of frame 3'],
    ['frame', ['90,0,0,0'], 'x.csv tells of frames 90 to 90, and lone.mkv has 0 to 39'],
    ['time', ['90,0,0,0'], 'x.csv tells of 90 to 90 s, and lone.mkv of 0.00 to 1.95 s'],
    [
      'time',
      Array.from({ length: 40 }, (_, i) => `${50 * i},0,0,0`),
      'x.csv tells of 0 to 1950 s, and lone.mkv ends at 1.95 s',
    ],
  ])('of another clip are refused: %s %j', (by, rows, message) => {
    expect(() => track(rows, { by })).toThrow(message);
  });
});

describe('a data set with actions', () => {
  beforeAll(async () => {
    await useBackend();
  });

  const actions = { path: '{folder}/{name}.csv', columns: COLUMNS };

  it('carries them into windows, by frame, and mirrors them with the pictures', async () => {
    const clip = await play('game');
    await writeFile(beside(clip), csvOf());
    const flip = { flip: true };
    const data = await open({ clips: clip, actions, augment: flip, strideFrames: [1, 3] });
    try {
      expect(data.layout.actions?.map(({ name }) => name)).toEqual(['left', 'right', 'steer']);
      expect(data.report.clips[0]!.actions).toMatchObject({
        ...{ rows: FRAMES, by: 'frame', toldFrames: FRAMES, unused: ['score'] },
        columns: [{ name: 'left', least: 0, most: 1 }, { name: 'right' }, { most: 1 }],
      });
      const seen = new Set<string>();
      let others = 0;
      for (let step = 0; step < 12; step += 1) {
        await expectNoLeak(async () => {
          const window = await data.trainWindow(step, { frames: 3, batch: 1 });
          const [{ startFrame, strideFrames, flipped }] = window.origin as [
            (typeof window.origin)[number],
          ];
          seen.add(`${strideFrames}${flipped}`);
          const { shape } = window.actions!;
          expect(shape).toEqual([1, 5, 3]);
          expect(window.otherActions!.shape).toEqual(shape);
          const apart = tf.tidy(() =>
            tf.max(tf.abs(tf.sub(window.otherActions!, window.actions!))),
          );
          if (apart.dataSync()[0]! > 0) others += 1;
          apart.dispose();
          const values = await window.actions!.data();
          for (let i = 0; i < 5; i += 1) {
            const last = startFrame + i * strideFrames;
            const between = Array.from({ length: strideFrames }, (_, k) => last - k)
              .filter((frame) => frame >= 0)
              .map(pressed);
            const any = (key: 'left' | 'right'): number =>
              Math.max(...between.map((one) => one[key]));
            const [left, right] = flipped
              ? [any('right'), any('left')]
              : [any('left'), any('right')];
            const steer = between.reduce((sum, one) => sum + one.steer, 0) / between.length / 100;
            expect([...values.slice(3 * i, 3 * i + 2)]).toEqual([left, right]);
            expect(values[3 * i + 2]).toBeCloseTo(flipped ? -steer : steer, 5);
          }
          window.dispose();
        });
      }
      expect(seen.size).toBe(4);
      expect(others).toBe(12);
    } finally {
      await data.close();
    }
  });

  it('names the clip that has no file, and lists that are of other clips', async () => {
    const clip = await play('lone', 0, 12);
    await expect(open({ clips: clip, actions })).rejects.toThrow(
      `${clip} has no actions: ${beside(clip)}: no such file`,
    );
    const two = { path: ['a.csv', 'b.csv'], columns: COLUMNS };
    await expect(open({ clips: clip, actions: two })).rejects.toThrow('1 clip but 2 files');
  });

  it.each([0, 3])('tells that the picture answers %i frames later', async (late) => {
    const clip = await play(`late${late}`, late, 120);
    await writeFile(beside(clip), csvOf(120));
    const data = await open({ clips: clip, actions: { ...actions, columns: KEYS } });
    try {
      const offset = await estimateOffset(data);
      expect(offset?.frames).toBe(late);
      expect(offset?.explained).toBeGreaterThan(0.3);
    } finally {
      await data.close();
    }
  });
});
