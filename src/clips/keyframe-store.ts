import { FrameloomError } from '../base/error.js';
import { conditionBytes, rgbBytes } from './decode-blocks.js';
import type { MediaPlan } from './media.js';
import type { FrameRange } from './types.js';

/** A keyframe in memory. */
interface Held {
  readonly rgb: Uint8Array;
  readonly condition: Uint8Array;
}

/** Keyframes by their numbers in the data set: those to train on, then those that are held out. */
export class KeyframeStore {
  readonly #held: readonly Held[];
  readonly #plan: MediaPlan;

  constructor(held: readonly Held[], plan: MediaPlan) {
    this.#held = held;
    this.#plan = plan;
  }

  /** `count` keyframes from number `startFrame`, each `stride` after the last. @throws FrameloomError bad-option for others than there are */
  read(clip: number, startFrame: number, count: number, stride = 1): Promise<FrameRange> {
    const { width, height, layout } = this.#plan;
    const numbers = Array.from({ length: count }, (_, i) => startFrame + i * stride);
    const taken = numbers.map((number) => (clip === 0 ? this.#held[number] : undefined));
    if (taken.some((one) => one === undefined) || count < 1) {
      const message = `cannot read ${count} keyframes from ${startFrame} of clip ${clip}: there are ${this.#held.length}`;
      return Promise.reject(new FrameloomError('bad-option', message));
    }
    const [pixels, extra] = [rgbBytes(this.#plan), conditionBytes(this.#plan)];
    const frames = new Uint8Array(count * pixels);
    const condition = new Uint8Array(count * extra);
    taken.forEach((one, i) => {
      frames.set(one!.rgb, i * pixels);
      condition.set(one!.condition, i * extra);
    });
    return Promise.resolve({
      ...{ clip, startFrame, frameCount: count, width, height, frames, condition, layout },
      actions: null,
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
