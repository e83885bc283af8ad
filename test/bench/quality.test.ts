import { describe, expect, it } from 'vitest';
import { BARS, sayHolds } from '../../bench/quality/bars.js';
import {
  assertMirrored,
  mirrorOptions,
  withoutExtras,
} from '../../bench/quality/mirror-options.js';
import type { EvaluatedRows, Result } from '../../bench/quality/one-run.js';
import type { Measures } from '../../bench/support/measures.js';
import { shotsOf } from '../../bench/quality/peer-data.js';
import { stepsPerSecond } from '../../bench/quality/peer-training.js';
import { qualityText } from '../../bench/quality/report.js';
import { askedOf, clipRows, pipelineOf, SAMPLE_ROWS } from '../../bench/quality/rows.js';
import { forwardedTo } from '../../bench/support/arguments.js';
import { loadPipeline } from '../../src/pipeline/load.js';
import { planStep, type PlannedStep } from '../../src/training/schedule.js';
import { knownSteps } from '../../src/training/step-counts.js';

// Of the bench itself: what is trained and how good it is takes minutes and PyTorch.
const measures = (over: Partial<Measures> = {}): Measures => ({
  ...{ psnr: 20, ssim: 0.7, sharpnessRatio: 1, checkerRatio: 1 },
  ...{ temporalDifference: 0.05, realTemporalDifference: 0.05 },
  ...over,
});
const rows = (over: Partial<EvaluatedRows> = {}): EvaluatedRows => ({
  ...{ generated: measures(), coldStart: measures({ ssim: 0.69 }) },
  ...{ freeze: measures({ psnr: 15, ssim: 0.4 }), mean: measures({ psnr: 16, ssim: 0.5 }) },
  ...over,
});
const verdicts = (over: Partial<EvaluatedRows>): (boolean | null)[] =>
  BARS.map(({ holds }) => holds(rows(over)));

describe('the bars', () => {
  it('hold at their ends, each by itself', () => {
    expect(verdicts({})).toEqual([true, true, true, true, true]);
    const moves = { temporalDifference: 4, realTemporalDifference: 5 };
    const last = { checkerRatio: 1.2, sharpnessRatio: 0.85, ...moves };
    expect(verdicts({ generated: measures(last) })).toEqual([true, true, true, true, true]);
    expect(verdicts({ nearest: measures({ psnr: 19, ssim: 0.7 }) })[0]).toBe(false);
    expect(verdicts({ mean: measures({ psnr: 20.1, ssim: 0.1 }) })[0]).toBe(false);
    expect(verdicts({ generated: measures({ checkerRatio: 1.21 }) })).toEqual([
      ...[true, false, true, true, true],
    ]);
    expect(verdicts({ generated: measures({ temporalDifference: 0.063 }) })[2]).toBe(false);
    expect(verdicts({ generated: measures({ sharpnessRatio: 1.11 }) })[3]).toBe(false);
    expect(verdicts({ coldStart: measures({ ssim: 0.68 }) })[4]).toBe(false);
    // A cold start that is better is another picture as well.
    expect(verdicts({ coldStart: measures({ ssim: 0.72 }) })[4]).toBe(false);
  });

  it('say nothing of what could not be measured', () => {
    const still = { checkerRatio: null, sharpnessRatio: null, realTemporalDifference: 0 };
    expect(verdicts({ generated: measures(still) })).toEqual([true, null, null, null, true]);
    expect(sayHolds([true])).toBe('yes');
    expect(sayHolds([false])).toBe('no');
    expect(sayHolds([true, false, true, null])).toBe('2 of 3');
    expect(sayHolds([null])).toBe('–');
  });
});

describe('the table', () => {
  const [row] = SAMPLE_ROWS;
  const result = (over: Partial<Result>): Result => ({
    ...{ row: row!.name, side: 'frameloom', seed: 1, asked: 'x', steps: 100, stepsPerSecond: 3 },
    ...{ ran: null, frames: 98, rows: rows(), seconds: { train: 1, evaluate: 1 } },
    drift: { frames: 3000, sharpness: -0.001, checker: null, colour: 0.0004 },
    ...over,
  });
  const text = qualityText(
    SAMPLE_ROWS,
    [
      result({}),
      result({ seed: 2, steps: 102, rows: rows({ generated: measures({ psnr: 21 }) }) }),
      result({ side: 'pytorch', stepsPerSecond: 2, drift: null }),
      result({ side: 'pytorch', seed: 2, stepsPerSecond: 3 }),
    ],
    { withDrift: true, lengthOf: () => ({ minutes: 3 }) },
  );

  it('puts both sides beside each other, with the spread of their seeds', () => {
    expect(text).toContain('## street-labels');
    expect(text).not.toContain('street-outlines');
    expect(text).toContain(
      'as `frameloom demo` trains on them, 3 minutes each: 98 held-out frames in closed loop, means of 2 seeds ± deviation',
    );
    expect(text).toContain(
      '| Frameloom | 101 ± 1 | 3.00 ± 0.00 | 20.50 ± 0.71 | 0.700 ± 0.000 | 1.00 ± 0.00 | 1.00 ± 0.00 | 1.00 ± 0.00 | 0.690 ± 0.000 |',
    );
    expect(text).toContain('| freeze |  |  | 15.00 | 0.400 |');
    expect(text).toContain("Frameloom's steps a second by PyTorch's: 1.25 ± 0.35");
    expect(text).toContain('| cold start within 0.01 SSIM | 2 of 2 | 2 of 2 |');
  });

  it('tells slopes by 1,000 frames, of those that have any', () => {
    expect(text).toContain('| Frameloom | 3000 frames | -0.010 ± 0.000 | – | 0.004 ± 0.000 |');
    expect(text).toContain('| PyTorch | 3000 frames | -0.010 | – | 0.004 |');
    const short = { withDrift: false, lengthOf: () => ({ steps: 100 }) };
    expect(qualityText(SAMPLE_ROWS, [result({})], short)).not.toContain('slope');
  });

  it('tells no speed of few steps', () => {
    const few = [result({ steps: 99 }), result({ side: 'pytorch', steps: 99 })];
    const said = qualityText(SAMPLE_ROWS, few, {
      withDrift: false,
      lengthOf: () => ({ steps: 99 }),
    });
    expect(said).toContain('| Frameloom | 99 | – |');
    expect(said).not.toContain('steps a second');
  });
});

describe('the rows', () => {
  it('are of the sample and of clips, known by all that is asked for', async () => {
    const [demo, outlines] = SAMPLE_ROWS;
    const long = { minutes: 8 };
    const pipeline = await pipelineOf(demo!, 3, { steps: 50 });
    expect(pipeline).toMatchObject({ seed: 3, generator: { preset: 'tiny' } });
    expect(pipeline.training.steps).toBe(50);
    const asked = await askedOf(demo!, { seed: 1, side: 'pytorch', length: long }, []);
    const again = async (seed: number, side: string, rest: unknown[] = []): Promise<string> =>
      askedOf(demo!, { seed, side, length: long }, rest);
    expect(await again(1, 'pytorch')).toBe(asked);
    const others = [again(2, 'pytorch'), again(1, 'frameloom'), again(1, 'pytorch', ['other'])];
    expect(new Set([asked, ...(await Promise.all(others))]).size).toBe(4);
    expect(await askedOf(outlines!, { seed: 1, side: 'pytorch', length: long }, [])).not.toBe(
      asked,
    );
    const clips = clipRows(['a/one.mp4', 'b/one.mkv', 'two.webm'], '64x48');
    expect(clips.map(({ name }) => name)).toEqual(['one', 'one-2', 'two']);
    expect((await pipelineOf(clips[2]!, 1, long)).data.size).toEqual({ width: 64, height: 48 });
  });

  it('are such that PyTorch’s side has all of their networks and losses', async () => {
    const [demo, outlines] = await Promise.all(
      SAMPLE_ROWS.map((row) => pipelineOf(row, 1, { minutes: 1 })),
    );
    expect(mirrorOptions(demo!, 28)).toMatchObject({
      ...{ channels: 12, judge_channels: 12, blocks: 2, by_weights: true, condition_channels: 28 },
    });
    expect(mirrorOptions(outlines!, 1)).toMatchObject({ channels: 24, by_weights: false });
    const generator = { ...outlines!.generator, modulation: 'none' } as const;
    const modulated = [outlines!, { ...outlines!, generator }].map((one) => mirrorOptions(one, 1));
    expect(modulated.map((one) => one.modulated)).toEqual([true, false]);
    for (const pipeline of [demo!, outlines!]) {
      const plain = withoutExtras(pipeline);
      const planned = [0, 250, 499].map((step) =>
        planStep(plain, { kind: 'off' }, step, knownSteps(500)),
      );
      for (const one of planned) expect(() => assertMirrored(one)).not.toThrow();
      const [{ plan, request }] = planned as [PlannedStep];
      const blurred = { ...planned[0]!, plan: { ...plan, blurPixels: 2 } };
      expect(() => assertMirrored(blurred)).toThrow("PyTorch's side has no plan.blurPixels of 2");
      const patched = { ...planned[0]!, request: { ...request, ...{ patch: [8, 8] } } };
      expect(() => assertMirrored(patched)).toThrow("PyTorch's side has no windows.patch of [8,8]");
    }
  });

  it('are refused where it has not, rather than compared with something else', async () => {
    const { pipeline } = await loadPipeline(SAMPLE_ROWS[1]!.pipeline);
    const { pipeline: played } = await loadPipeline('actions-to-video');
    const { generator, losses } = pipeline;
    const unlike = [
      { ...pipeline, generator: { ...generator, noiseChannels: 4 } },
      { ...pipeline, generator: { ...generator, positions: true } },
      { ...pipeline, losses: { ...losses, r1: 1 } },
      { ...pipeline, losses: { ...losses, rawReconstruction: 3 } },
      { ...pipeline, losses: { ...losses, somethingNew: 0.5 } },
      played,
    ];
    const words = unlike.map((other) => {
      try {
        return mirrorOptions(other, 1);
      } catch (error) {
        return (error as Error).message.split(' of ')[0];
      }
    });
    expect(words).toEqual([
      "PyTorch's side has no generator.noiseChannels",
      "PyTorch's side has no generator.positions",
      "PyTorch's side has no losses.r1",
      "PyTorch's side has no losses.rawReconstruction",
      "PyTorch's side has no losses.somethingNew",
      "PyTorch's side has no data.actions",
    ]);
    expect(
      mirrorOptions({ ...pipeline, losses: { ...losses, ...{ somethingNew: 0 } } }, 1),
    ).toEqual(mirrorOptions(pipeline, 1));
  });

  it('are trained on the training part of each scene alone', () => {
    const clip = { train: { start: 0, end: 80 }, sceneCuts: [30, 90] };
    const report = { clips: [clip, { ...clip, sceneCuts: [] }] };
    expect(shotsOf({ report } as unknown as Parameters<typeof shotsOf>[0])).toEqual([
      { clip: 0, start: 0, end: 30 },
      { clip: 0, start: 30, end: 80 },
      { clip: 1, start: 0, end: 80 },
    ]);
  });
});

it('the speed of a training is the median of what its log says, whatever its rollouts are long', () => {
  const figures = [
    { framesPerSecond: 12, frames: 4 },
    { framesPerSecond: 10, frames: 5 },
    { framesPerSecond: 5, frames: 5 },
  ];
  expect(stepsPerSecond(figures)).toBe(2);
});

describe('npm run bench', () => {
  it('hands a program that is named alone its flags', () => {
    const known = ['quality', 'stability'];
    expect(
      forwardedTo(known, ['--only', 'quality', '--minutes', '3', '--', '--only', 'x']),
    ).toEqual({ alone: 'quality', words: ['--minutes', '3', '--only', 'x'] });
    expect(forwardedTo(known, ['--only=stability', '--quick'])).toEqual({
      ...{ alone: 'stability', words: ['--quick'] },
    });
    expect(forwardedTo(known, ['--only', 'quality,stability']).alone).toBeUndefined();
    expect(forwardedTo(known, []).alone).toBeUndefined();
  });
});
