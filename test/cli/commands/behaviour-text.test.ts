import { describe, expect, it } from 'vitest';
import {
  formatBehaviour,
  formatFaithfulness,
  formatObedience,
} from '../../../src/cli/commands/evaluate/behaviour-text.js';

describe('how a generator behaves, in words', () => {
  const slopes = {
    ...{ sharpness: -0.0123, checker: null, colour: 0.0004, psnr: -0.05, ssim: 0.001 },
    walked: [402, 465],
    intervals: null,
  } as const;

  it('tells slopes for as many frames as the rollout has', () => {
    const told = (frames: number): string =>
      formatBehaviour({ conditionUse: null, diversity: 0.5, drift: { frames, ...slopes } });
    expect(told(240)).toBe(
      'diversity 0.50 (1 as real frames differ, 0 the noise is ignored)\n' +
        'each 100 frames of a rollout of 240, to and fro over the conditions of frames 402 to 465: PSNR −0.05, SSIM +0.001, sharpness −0.01, colour +0.000\n',
    );
    expect(told(3000)).toContain(': PSNR −0.50, SSIM +0.010, sharpness −0.123, colour +0.004\n');
    const sure = {
      ...slopes,
      frames: 3000,
      intervals: { psnr: [-0.07, -0.03], colour: [-0.0001, 0.0009] },
    } as const;
    expect(formatBehaviour({ conditionUse: null, diversity: null, drift: sure })).toContain(
      'each 1,000 frames of a rollout of 3000, to and fro over the conditions of frames 402 to 465: PSNR −0.50 ± 0.20, SSIM +0.010, sharpness −0.123, colour +0.004 ± 0.005\n',
    );
  });

  it('tells why a generator without memory has no slopes', () => {
    expect(formatBehaviour({ conditionUse: 0.8, diversity: null, drift: null })).toBe(
      'condition use 0.80 (1 as real frames differ, 0 ignored)\n' +
        'no slopes of a long rollout: without memory each frame is made by itself, and nothing can drift\n',
    );
  });

  it('tells what is kept of a condition beside what real frames come to', () => {
    expect(formatFaithfulness({ kind: 'edges', frames: 9, f1: { made: 0.4254, real: 1 } })).toBe(
      'condition kept, made / real: F1 of edges 0.425 / 1.000\n',
    );
    expect(
      formatFaithfulness({ kind: 'picture', frames: 9, psnr: { made: 21.5, real: null } }),
    ).toBe('condition kept, made / real: PSNR 21.50 / – dB\n');
    expect(
      formatFaithfulness({
        ...{ kind: 'labels', frames: 9, classes: [] },
        meanIou: { made: 0.3, real: 0.8 },
        accuracy: { made: 0.5, real: 0.9 },
      }),
    ).toBe('labels seen in 9 frames, made / real: mean IoU 0.300 / 0.800, pixels 0.500 / 0.900\n');
  });

  it('tells how well it obeys, each key and axis by itself where there are several', () => {
    const left = { name: 'left', kind: 'key', made: 0.91, real: 0.97, shuffled: 0.5 } as const;
    const jump = { name: 'jump', kind: 'key', made: 0.8, real: 0.95, shuffled: null } as const;
    const steer = { name: 'steer', kind: 'axis', made: 0.62, real: 0.9, shuffled: -0.4 } as const;
    expect(
      formatObedience({
        ...{ frames: 120, keys: { ...left, made: 0.855 }, axes: steer },
        columns: [left, jump, steer],
      }),
    ).toBe(
      'keys seen in 120 frames, made / real / shuffled: balanced accuracy 0.855 / 0.970 / 0.500 (left 0.91 / 0.97 / 0.50, jump 0.80 / 0.95 / –)\n' +
        'axes seen in 120 frames, made / real / shuffled: R² 0.620 / 0.900 / −0.400\n',
    );
    expect(formatObedience({ frames: 9, keys: null, axes: null, columns: [] })).toContain(
      'nothing to obey',
    );
  });
});
