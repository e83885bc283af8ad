import { describe, expect, it } from 'vitest';
import { withLatency } from '../../../src/synthesis/engines/latency.js';
import type { Synthesizer } from '../../../src/synthesis/engines/synthesizer.js';

/** A synthesizer and a clock; frame k takes k milliseconds. */
function clockwork() {
  let time = 1000;
  let made = 0;
  const calls: string[] = [];
  const synthesizer: Synthesizer = {
    width: 4,
    height: 2,
    next: (condition) => {
      made += 1;
      time += made;
      calls.push(`next ${condition?.length ?? 'none'}`);
      return Promise.resolve(new Uint8Array(24).fill(made));
    },
    start: (frames) => void calls.push(`start ${frames.length}`),
    reset: (seed) => void calls.push(`reset ${seed ?? ''}`),
    snapshot: () => {
      calls.push('snapshot');
      return Promise.resolve({ seed: 7, index: made, history: null, conditions: null });
    },
    restore: ({ seed }) => void calls.push(`restore ${seed}`),
    dispose: () => void calls.push('dispose'),
  };
  return { timed: withLatency(synthesizer, () => time), calls };
}

describe('withLatency', () => {
  it('says what the frames took', async () => {
    const { timed } = clockwork();
    expect(timed.latency).toEqual({
      ...{ frames: 0, meanMs: null, p50Ms: null, p95Ms: null, maxMs: null },
    });
    for (let i = 0; i < 100; i += 1) await timed.next(null);
    expect(timed.latency).toEqual({ frames: 100, meanMs: 50.5, p50Ms: 50, p95Ms: 95, maxMs: 100 });
  });

  it('counts all frames, and measures the last thousand', async () => {
    const { timed } = clockwork();
    for (let i = 0; i < 1500; i += 1) await timed.next(null);
    expect(timed.latency).toMatchObject({ frames: 1500, meanMs: 1000.5, p50Ms: 1000, maxMs: 1500 });
  });

  it('passes everything on', async () => {
    const { timed, calls } = clockwork();
    expect([timed.width, timed.height]).toEqual([4, 2]);
    expect((await timed.next(new Uint8Array(8)))[0]).toBe(1);
    timed.start([new Uint8Array(24)], null);
    timed.reset(9);
    timed.restore(await timed.snapshot());
    timed.dispose();
    expect(calls).toEqual(['next 8', 'start 1', 'reset 9', 'snapshot', 'restore 7', 'dispose']);
  });
});
