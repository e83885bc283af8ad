import { expect, it } from 'vitest';
import { silentLogger } from '../../src/base/log.js';
import { windowPixels } from '../../src/clips/index.js';
import { openBudget } from '../../src/training/budget.js';
import { trainingOptions } from '../../src/training/options.js';
import { runPaths } from '../../src/training/run/run-folder.js';
import { createStock, type StockContext } from '../../src/training/take-stock.js';
import { testFolder } from './run/support.js';

it('keeps time for the evaluation at the end, with a long rollout only where there will be one', async () => {
  const size = { width: 64, height: 64 };
  const segment = { clip: 0, startFrame: 0, frameCount: 26, scoredFrames: 24, precedingFrames: 0 };
  const reserve = async (steps: number, sampleMs?: number): Promise<number> => {
    const training = trainingOptions.parse(Number.isFinite(steps) ? { steps } : { minutes: 60 });
    const run = runPaths(await testFolder());
    const budget = await openBudget({
      ...{ run, training, step: 0, evaluationFrames: 24, log: silentLogger },
      pixels: windowPixels({ size }),
    });
    const context = {
      log: silentLogger,
      dataset: { heldOut: () => [segment], ...size, windowSize: size },
      pipeline: { training },
      start: { step: 0 },
      budget,
    } as unknown as StockContext;
    const stock = createStock(context, performance.now() + 3_600_000);
    for (let i = 0; i < 9; i += 1) budget.learn({ ms: i === 0 ? 9000 : 400, frames: 4 });
    if (sampleMs !== undefined) budget.learnBeside('sample', sampleMs, 16);
    return stock.reserveMs;
  };
  // Forty frames more show influence and overfitting.
  expect(await reserve(200)).toBe((24 + 40) * 100);
  // From there on its 240 frames are a tenth of the training at the most, as they may be.
  expect(await reserve(300)).toBe((24 + 40 + 240) * 100);
  expect(await reserve(Infinity)).toBe((24 + 40 + 240) * 100);
  // By what a sample's frames took, until an evaluation was made, and a little more.
  expect(await reserve(200, 640)).toBeCloseTo((24 + 40) * 40 * 1.25 * 1.1, 6);
});
