import { describe, expect, it } from 'vitest';
import type { ConditionLayout } from '../../../src/clips/index.js';
import { synthesizerOf, type Stepper } from '../../../src/synthesis/engines/synthesizer.js';
import { failure } from '../../video/frames.js';

const layout = (content: ConditionLayout['content'], channels: number): ConditionLayout => ({
  kind: content === 'none' ? 'none' : 'paired',
  content,
  channels,
  bytesPerPixel: content === 'labels' ? 1 : channels,
  classNames: content === 'labels' ? ['road', 'sky', 'car'].slice(0, channels) : [],
  followsColour: false,
});

/** A synthesizer of 4x2 pixels and a clock; frame k takes k milliseconds. */
function clockwork(of: ConditionLayout = layout('none', 0)) {
  const state = { time: 1000, made: 0, hold: undefined as Promise<void> | undefined };
  const calls: string[] = [];
  const stepper: Stepper = {
    width: 4,
    height: 2,
    next: async (condition, inDetail) => {
      calls.push(`next ${condition?.length ?? 'none'}${inDetail ? ' in detail' : ''}`);
      await state.hold;
      state.made += 1;
      state.time += state.made;
      return { rgb: new Uint8Array(24).fill(state.made), flow: null, mask: null };
    },
    start: (frames) => void calls.push(`start ${frames.length}`),
    reset: (seed) => void calls.push(`reset ${seed ?? ''}`),
    reseed: (seed) => void calls.push(`reseed ${seed}`),
    snapshot: () => {
      calls.push('snapshot');
      return Promise.resolve({ seed: 7, index: state.made, history: null, conditions: null });
    },
    restore: ({ seed }) => void calls.push(`restore ${seed}`),
    dispose: () => void calls.push('dispose'),
  };
  return { synthesizer: synthesizerOf(stepper, of, () => state.time), calls, state };
}

describe('a synthesizer', () => {
  it('says what the last thousand frames took', async () => {
    const { synthesizer } = clockwork();
    expect(synthesizer.latency).toEqual({
      ...{ frames: 0, meanMs: null, p50Ms: null, p95Ms: null, maxMs: null },
    });
    for (let i = 0; i < 100; i += 1) await synthesizer.next(null);
    const hundred = { frames: 100, meanMs: 50.5, p50Ms: 50, p95Ms: 95, maxMs: 100 };
    expect(synthesizer.latency).toEqual(hundred);
    for (let i = 0; i < 1400; i += 1) await synthesizer.next(null);
    const last = { frames: 1500, meanMs: 1000.5, p50Ms: 1000, maxMs: 1500 };
    expect(synthesizer.latency).toMatchObject(last);
  });

  it('hands on what fits', async () => {
    const { synthesizer, calls } = clockwork(layout('image', 1));
    expect([synthesizer.width, synthesizer.height, synthesizer.inFlight]).toEqual([4, 2, 1]);
    expect((await synthesizer.next(new Uint8Array(8)))[0]).toBe(1);
    // As a canvas has them.
    await synthesizer.nextInDetail(new Uint8ClampedArray(8));
    synthesizer.start([new Uint8Array(24)], [new Uint8Array(8)]);
    synthesizer.reset(9);
    synthesizer.reseed(3);
    synthesizer.restore(await synthesizer.snapshot());
    synthesizer.dispose();
    synthesizer.dispose();
    expect(calls).toEqual([
      ...['next 8', 'next 8 in detail', 'start 1', 'reset 9', 'reseed 3', 'snapshot', 'restore 7'],
      'dispose',
    ]);
  });

  it.each([
    ['nothing', undefined, 'this generator needs a condition for each frame'],
    ['null', null, 'this generator needs a condition for each frame'],
    ['no bytes', [0, 1], 'a condition is no Uint8Array'],
    ['numbers', new Float32Array(8), 'a condition is no Uint8Array'],
    ['another size', new Uint8Array(9), 'a condition has 9 bytes, expected 8'],
    ['ids of no class', Uint8Array.of(0, 1, 2, 3, 200, 0, 0, 0), 'label id 3 (first at byte 3)'],
  ])('refuses %s as the labels of a frame', async (_what, given, message) => {
    const { synthesizer, calls } = clockwork(layout('labels', 3));
    const error = await failure(synthesizer.next(given as Uint8Array));
    expect(error).toMatchObject({ name: 'FrameloomError', code: 'bad-input' });
    expect((error as Error).message).toContain(message);
    expect(calls).toEqual([]);
    const { synthesizer: free } = clockwork();
    expect(await failure(free.next(new Uint8Array(8)))).toMatchObject({ code: 'bad-input' });
  });

  it('takes the id of pixels that are ignored, where the pipeline has one', async () => {
    const labels = { ...layout('labels', 3), ignoredId: 255 };
    const { synthesizer } = clockwork(labels);
    expect(await synthesizer.next(Uint8Array.of(0, 1, 2, 255, 0, 0, 0, 0))).toHaveLength(24);
    const error = await failure(synthesizer.next(new Uint8Array(8).fill(254)));
    expect(error).toMatchObject({ code: 'bad-input' });
  });

  it('refuses what cannot be started from', () => {
    const { synthesizer } = clockwork(layout('labels', 3));
    const frame = new Uint8Array(24);
    expect(() => synthesizer.start([frame], [])).toThrow('1 frames to start from and 0 conditions');
    expect(() => synthesizer.start([new Uint8Array(8)], null)).toThrow('a frame has 8 bytes');
    expect(() => synthesizer.start([frame], [new Uint8Array(8).fill(3)])).toThrow('label id 3');
    expect(() => synthesizer.reset(0.5)).toThrow('0.5 is no seed');
    expect(() => synthesizer.reseed(NaN)).toThrow('NaN is no seed');
  });

  it('is not changed while a frame is being made, and answers no more after dispose', async () => {
    const { synthesizer, state, calls } = clockwork();
    let release = (): void => undefined;
    state.hold = new Promise((resolve) => (release = resolve));
    const coming = synthesizer.next(null);
    for (const change of [
      () => synthesizer.start([], null),
      () => synthesizer.reset(),
      () => synthesizer.reseed(1),
      () => synthesizer.restore({ seed: 1, index: 0, history: null, conditions: null }),
    ]) {
      expect(change).toThrow(expect.objectContaining({ code: 'bad-call' }) as Error);
    }
    synthesizer.dispose();
    expect(calls).toEqual(['next none']);
    release();
    expect(await coming).toHaveLength(24);
    expect(calls).toEqual(['next none', 'dispose']);
    const late = await Promise.all([
      failure(synthesizer.next(null)),
      failure(synthesizer.snapshot()),
    ]);
    expect(late).toMatchObject([{ code: 'bad-call' }, { code: 'bad-call' }]);
    expect(() => synthesizer.reset()).toThrow('this synthesizer was disposed of');
  });

  it('is cancelled by a signal, before a frame is begun or while it is waited for', async () => {
    const { synthesizer, state, calls } = clockwork();
    const aborted = AbortSignal.abort();
    expect(await failure(synthesizer.next(null, { signal: aborted }))).toMatchObject({
      code: 'cancelled',
    });
    expect(calls).toEqual([]);
    let release = (): void => undefined;
    state.hold = new Promise((resolve) => (release = resolve));
    const stop = new AbortController();
    const waiting = failure(synthesizer.next(null, { signal: stop.signal }));
    stop.abort();
    expect(await waiting).toMatchObject({ code: 'cancelled', message: 'generating was cancelled' });
    release();
    // The frame that was under way is a part of the history.
    expect((await synthesizer.next(null, { signal: new AbortController().signal }))[0]).toBe(2);
  });
});
