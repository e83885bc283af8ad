import { memoryOf, type AnyModel } from '../models/model.js';
import { withLatency, type TimedSynthesizer } from './latency.js';
import { openSynthesizer } from './open-synthesizer.js';

/** A synthesizer for a loop that is played, drawn or steered while it runs. */
export interface InteractiveSynthesizer extends Omit<TimedSynthesizer, 'snapshot' | 'restore'> {
  /** Goes on from the same history with another seed of the noise. */
  reseed(seed: number): void;
}

/**
 * A trained model as one call a frame: `await next(condition)` gives rgb24 bytes of the model's size.
 * For a run's model `useBackend` must have been called. `start(frames, conditions)` sets the history, `reset(seed)`
 * forgets it, `reseed(seed)` keeps it, `latency` tells how long frames take; `dispose()` at the end.
 *
 * @param model as `openModel` or `openOnnxModel` gives it
 * @param options `seed` of the noise, where the generator takes any; the training's unless given
 */
export function createSynthesizer(
  model: AnyModel,
  options: { readonly seed?: number } = {},
): InteractiveSynthesizer {
  const timed = withLatency(openSynthesizer(model, options.seed));
  const { width, height } = timed;
  const { historyFrames, conditionFrames } = memoryOf(model);
  /** What the generator remembers, oldest first: to tell it again under another seed. */
  const kept = Math.max(historyFrames, conditionFrames - 1);
  let frames: Uint8Array[] = [];
  let conditions: Uint8Array[] = [];
  const remember = (frame: Uint8Array, condition: Uint8Array | null): void => {
    // Copies: what was given out belongs to whoever asked for it.
    frames = [...frames, frame.slice()].slice(-kept);
    if (condition) conditions = [...conditions, condition.slice()].slice(-kept);
  };
  const forget = (): void => {
    frames = [];
    conditions = [];
  };
  const hasCondition = model.layout.content !== 'none';
  const set = (): void => timed.start(frames, hasCondition ? conditions : null);
  return {
    width,
    height,
    get latency() {
      return timed.latency;
    },
    async next(condition) {
      const frame = await timed.next(condition);
      remember(frame, condition);
      return frame;
    },
    start(startFrames, startConditions) {
      timed.start(startFrames, startConditions);
      forget();
      startFrames.forEach((frame, i) => remember(frame, startConditions?.[i] ?? null));
    },
    reset(nextSeed) {
      timed.reset(nextSeed);
      forget();
    },
    reseed(nextSeed) {
      timed.reset(nextSeed);
      if (frames.length > 0) set();
    },
    dispose: () => timed.dispose(),
  };
}
