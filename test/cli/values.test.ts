import { describe, expect, it } from 'vitest';
import {
  frameRate,
  lengthSeconds,
  longRolloutFrames,
  momentSeconds,
  pixelFormatName,
  pixelSize,
  seedList,
  shardChoice,
  sheetShape,
  startCount,
} from '../../src/cli/values.js';

describe('values of flags', () => {
  it('are read', () => {
    expect(seedList('1..4')).toEqual([1, 2, 3, 4]);
    expect(seedList('7, 3..5,4')).toEqual([7, 3, 4, 5]);
    expect(seedList('0')).toEqual([0]);
    expect(seedList('0-3,7,9..10')).toEqual([0, 1, 2, 3, 7, 9, 10]);
    expect(['12.5', '90', '1:30', '1:02:03.25', '0'].map(momentSeconds)).toEqual([
      ...[12.5, 90, 90, 3723.25, 0],
    ]);
    expect(['100', '100000'].map(longRolloutFrames)).toEqual([100, 100_000]);
    for (const text of ['99', '100001', '3e3', '-300']) {
      expect(() => longRolloutFrames(text)).toThrow(/whole number|from 100 to 100000/);
    }
    expect(shardChoice('2/8')).toEqual({ index: 2, count: 8 });
    expect(pixelSize('640x360')).toEqual({ width: 640, height: 360 });
    expect(sheetShape('8x4')).toEqual({ columns: 8, rows: 4 });
    expect(frameRate('30000/1001')).toEqual({ num: 30000, den: 1001 });
    expect(pixelFormatName('yuv420p10le')).toBe('yuv420p10le');
    expect([startCount('none'), startCount('3')]).toEqual([0, 3]);
  });

  it.each([
    [
      seedList,
      ['', '1..', '5..3', '1,,2', '-1', '5-3', '1-', '1--3', '1.5', 'all', '0..999999999'],
    ],
    [momentSeconds, ['', '-1', '1:60', '1:60:00', '1:2:3:4', 'x', '1.', '5s']],
    [lengthSeconds, ['0', '0:00']],
    [shardChoice, ['0/4', '5/4', '1', '1/0', 'a/b', '1/2/3']],
    [pixelSize, ['640', '0x360', '640x', 'axb', '640x360x3']],
    [sheetShape, ['0x4', '8', '8x4x2']],
    [frameRate, ['0', 'fast', '-25', '1/0', '10001', '1e9']],
    [pixelFormatName, ['', '-vf', 'rgb 24', 'a,b']],
    [startCount, ['-1', 'some', '1.5']],
  ] as [(text: string) => unknown, string[]][])(
    'are refused where they say nothing',
    (read, bad) => {
      for (const text of bad) expect(() => read(text)).toThrow(/"|frame rate/);
    },
  );
});
