import { expect, it } from 'vitest';
import { silentLogger } from '../../src/base/log.js';
import { trainingOptions } from '../../src/training/options.js';
import { createStock, type StockContext } from '../../src/training/take-stock.js';

it('keeps time for the evaluation at the end, with a long rollout only where there will be one', () => {
  const segment = { clip: 0, startFrame: 0, frameCount: 26, scoredFrames: 24, precedingFrames: 0 };
  const reserve = (steps: number): number => {
    const context = {
      log: silentLogger,
      dataset: { heldOut: () => [segment] },
      pipeline: { training: trainingOptions.parse({}) },
      start: { step: 0 },
      budget: { steps },
    } as unknown as StockContext;
    const stock = createStock(context, performance.now() + 3_600_000);
    stock.learnPace(400, 4);
    return stock.reserveMs;
  };
  // A frame that is only generated takes half of what one takes that is trained on.
  expect(reserve(200)).toBe(24 * 50);
  // From there on its 240 frames are a tenth of the training at the most, as they may be.
  expect(reserve(300)).toBe((24 + 240) * 50);
  expect(reserve(Infinity)).toBe((24 + 240) * 50);
});
