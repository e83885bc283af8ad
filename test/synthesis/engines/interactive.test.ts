import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { randomStream } from '../../../src/base/random.js';
import { openModel } from '../../../src/pipeline/open-model.js';
import { createSynthesizer } from '../../../src/synthesis/engines/interactive.js';
import type { SynthesisModel } from '../../../src/synthesis/models/model.js';
import { expectNoLeak } from '../../tensors.js';
import { largestDifference } from '../../video/frames.js';
import { makeRun } from '../make-run.js';

const PIXELS = 32 * 24;
let model: SynthesisModel;

beforeAll(async () => {
  await useBackend();
  model = await openModel(await makeRun({ generator: { noiseChannels: 2 } }));
});

function condition(name: string): Uint8Array {
  const random = randomStream(4, 'eval', name);
  return Uint8Array.from({ length: PIXELS }, () => random.integer(0, 255));
}

describe('createSynthesizer', () => {
  it('makes a frame of a condition and says how long it took', async () => {
    await expectNoLeak(async () => {
      const synthesizer = createSynthesizer(model);
      expect([synthesizer.width, synthesizer.height]).toEqual([32, 24]);
      for (const name of ['a', 'b', 'c']) {
        expect(await synthesizer.next(condition(name))).toHaveLength(3 * PIXELS);
      }
      const { frames, meanMs, p50Ms, p95Ms, maxMs } = synthesizer.latency;
      expect(frames).toBe(3);
      expect(p50Ms).toBeGreaterThan(0);
      expect(p95Ms).toBeGreaterThanOrEqual(p50Ms!);
      expect(maxMs).toBeGreaterThanOrEqual(meanMs!);
      synthesizer.dispose();
    });
  });

  it('forgets by reset, and keeps its history by reseed', async () => {
    await expectNoLeak(async () => {
      const synthesizer = createSynthesizer(model, { seed: 5 });
      const [a, b, c] = ['a', 'b', 'c'].map(condition);
      const first = await synthesizer.next(a!);
      const second = await synthesizer.next(b!);
      synthesizer.reset();
      expect(await synthesizer.next(a!)).toEqual(first);
      expect(await synthesizer.next(b!)).toEqual(second);

      synthesizer.reseed(6);
      const third = await synthesizer.next(c!);
      // The same history told to another one.
      const told = createSynthesizer(model, { seed: 6 });
      told.start([first, second], [a!, b!]);
      expect(await told.next(c!)).toEqual(third);
      told.start([first, second], [a!, b!]);
      told.reseed(6);
      expect(await told.next(c!)).toEqual(third);
      // Not the same as without it, nor by the old seed.
      told.reset(6);
      expect(largestDifference(await told.next(c!), third)).toBeGreaterThan(0);
      told.reset(5);
      told.start([first, second], [a!, b!]);
      expect(largestDifference(await told.next(c!), third)).toBeGreaterThan(0);
      synthesizer.dispose();
      told.dispose();
    });
  });

  it('gives frames out and keeps its own: writing into one changes nothing', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map(condition);
    const run = async (spoil: boolean): Promise<Uint8Array> => {
      const synthesizer = createSynthesizer(model);
      for (const each of [a!, b!]) {
        const frame = await synthesizer.next(each);
        if (spoil) frame.fill(0);
      }
      synthesizer.reseed(9);
      const last = await synthesizer.next(c!);
      synthesizer.dispose();
      return last;
    };
    expect(await run(true)).toEqual(await run(false));
  });
});
