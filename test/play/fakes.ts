// A clock that goes when it is told to, and a generator whose frames take as long as they are told to.
import { FrameloomError } from '../../src/base/error.js';
import type { ConditionLayout } from '../../src/clips/types.js';
import type { PlayClock } from '../../src/play/clock.js';
import type { PlayableModel } from '../../src/play/playable.js';
import { synthesizerOf, type SynthesizerState } from '../../src/synthesis/engines/synthesizer.js';

export class FakeClock implements PlayClock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly call: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, ms), call };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Lets so many milliseconds go by, and what waits for them happen. */
  async pass(ms: number): Promise<void> {
    const end = this.#nowMs + ms;
    await turns();
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.atMs - b.atMs)[0];
      if (!next || next.atMs > end) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.call();
      await turns();
    }
    this.#nowMs = end;
  }
}

/** Whatever is to be done by promises is done. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 40; i += 1) await Promise.resolve();
}

export const LABELS: ConditionLayout = {
  ...{ kind: 'paired', content: 'labels', channels: 3, bytesPerPixel: 1 },
  ...{ classNames: ['sky', 'road', 'car'], followsColour: false },
};

export interface FakeOptions {
  readonly clock?: PlayClock;
  /** How long a frame takes. */
  ms?: number;
  readonly layout?: ConditionLayout;
  readonly width?: number;
  readonly height?: number;
  readonly seed?: number;
  /** The frame, counted from 1, that cannot be made. */
  fails?: number;
}

export interface FakeModel extends PlayableModel {
  /** Synthesizers that were opened and not let go. */
  readonly opened: () => number;
}

/**
 * Its frames say what they were made of: the first pixel is the first byte of the condition, how many frames there were
 * since the history began, and the seed; the second the first number of the look, and what was done.
 */
export function fakeModel(options: FakeOptions = {}): FakeModel {
  const { clock, layout = LABELS, width = 4, height = 4, seed: usual = 1 } = options;
  let opened = 0;
  let made = 0;
  return {
    ...{ layout, width, height, seed: usual, opened: () => opened },
    open(seed = usual, style) {
      opened += 1;
      let state: SynthesizerState = { seed, index: 0, history: null, conditions: null };
      return synthesizerOf(
        {
          width,
          height,
          async next(condition, _inDetail, actions) {
            const { ms = 0 } = options;
            if (clock && ms > 0) await new Promise<void>((done) => void clock.after(ms, done));
            made += 1;
            if (made === options.fails) throw new FrameloomError('diverged', 'the frame holds NaN');
            const before = state.history?.[0] ?? 0;
            state = {
              ...state,
              index: state.index + 1,
              history: Float32Array.of(before + 1, width),
            };
            const rgb = new Uint8Array(3 * width * height);
            rgb.set([condition?.[0] ?? 0, before + 1, state.seed, 255 * (style?.[0] ?? 0)]);
            if (actions)
              rgb.set(
                [...actions].map((value) => 100 + 100 * value),
                4,
              );
            return { rgb, flow: null, mask: null };
          },
          start(frames) {
            state = { ...state, index: 0, history: Float32Array.of(100 * frames.length, width) };
          },
          reset(own = state.seed) {
            state = { seed: own, index: 0, history: null, conditions: null };
          },
          reseed(own) {
            state = { ...state, seed: own, index: 0 };
          },
          snapshot: () => Promise.resolve(state),
          restore(given) {
            if (given.history && given.history[1] !== width) {
              throw new FrameloomError('bad-shape', 'the state is one of another size');
            }
            state = given;
          },
          dispose() {
            opened -= 1;
          },
        },
        layout,
      );
    },
  };
}
