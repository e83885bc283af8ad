import { beforeAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../../src/base/random.js';
import { exportGenerator } from '../../../src/export/index.js';
import { useBackend } from '../../../src/backend/index.js';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import { openOnnxModel } from '../../../src/synthesis/engines/onnx/model.js';
import { createSynthesizer } from '../../../src/synthesis/engines/open.js';
import type { AnyModel } from '../../../src/synthesis/models/model.js';
import { expectNoLeak } from '../../tensors.js';
import { largestDifference } from '../../video/frames.js';
import { scratchPath } from '../../video/make-clip.js';
import { makeRun } from '../make-run.js';

const PIXELS = 32 * 24;
const models: Record<string, AnyModel> = {};

beforeAll(async () => {
  await useBackend();
  const run = await openRunModel(await makeRun({ generator: { noiseChannels: 2 } }));
  const path = scratchPath('generator.onnx');
  await exportGenerator(run, path);
  models.tensorflow = run;
  models.onnx = await openOnnxModel(path, { threads: 1 });
});

function condition(name: string): Uint8Array {
  const random = randomStream(4, 'eval', name);
  return Uint8Array.from({ length: PIXELS }, () => random.integer(0, 255));
}

describe.each(['tensorflow', 'onnx'])('createSynthesizer by %s', (engine) => {
  it('forgets by reset, and keeps its history by reseed', async () => {
    await expectNoLeak(async () => {
      const synthesizer = await createSynthesizer(models[engine]!, { seed: 5 });
      const [a, b, c] = ['a', 'b', 'c'].map(condition);
      const first = await synthesizer.next(a!);
      const second = await synthesizer.next(b!);
      synthesizer.reset();
      expect(await synthesizer.next(a!)).toEqual(first);
      expect(await synthesizer.next(b!)).toEqual(second);
      const state = await synthesizer.snapshot();

      synthesizer.reseed(6);
      const third = await synthesizer.next(c!);
      // The same history told to another one of that seed.
      const told = await createSynthesizer(models[engine]!, { seed: 1 });
      told.restore({ ...state, seed: 6, index: 0 });
      expect(await told.next(c!)).toEqual(third);
      // Not the same as without it, nor by the old seed.
      told.reset(6);
      expect(largestDifference(await told.next(c!), third)).toBeGreaterThan(0);
      told.restore({ ...state, index: 0 });
      expect(largestDifference(await told.next(c!), third)).toBeGreaterThan(0);
      synthesizer.dispose();
      told.dispose();
    });
  });

  it('answers calls that were not waited for in order, and keeps its own bytes', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map(condition);
    const one = await createSynthesizer(models[engine]!);
    const expected = [await one.next(a!), await one.next(b!), await one.next(c!)];
    one.reset();
    const spoiled = a!.slice();
    const coming = [one.next(spoiled), one.next(b!), one.snapshot(), one.next(c!)] as const;
    spoiled.fill(0);
    const [first, second, state, third] = await Promise.all(coming);
    expect([first, second, third]).toEqual(expected);
    first.fill(0);
    one.restore(state);
    expect(await one.next(c!)).toEqual(third);
    one.dispose();
  });

  it('is cancelled while it is opened', async () => {
    await expect(
      createSynthesizer(models[engine]!, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'cancelled' });
  });
});
