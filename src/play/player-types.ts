import type { ConditionLayout } from '../clips/types.js';
import type { LatencyFigures } from '../synthesis/engines/latency.js';
import type { GivenActions } from '../synthesis/engines/told-actions.js';
import type { PlayClock } from './clock.js';
import type { PlayableModel } from './playable.js';

/** A frame of a world. */
export interface PlayedFrame {
  /** rgb24, HWC; whoever gets it owns it. */
  readonly rgb: Uint8Array;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** From 1, over the whole life of the player. */
  readonly number: number;
  /** The number of the condition that it was made of, as `setCondition` gave it; 0 before the first. */
  readonly newest: number;
  /** What it was made of: not to be written into. Null of a generator without condition. */
  readonly condition: Uint8Array | null;
  /** What was done in it, in the order of `layout.actions`; null where that is not known, or nothing is told. */
  readonly actions: Float32Array | null;
  /** Milliseconds that it took. */
  readonly ms: number;
}

/** How a player does. */
export interface PlayFigures {
  /** Frames a second over the last two seconds; null where there were not two. */
  readonly fps: number | null;
  /** Frames made since the beginning. */
  readonly frames: number;
  /** Steps that were due and made no frame, since the one before took too long or nobody asked for it. */
  readonly dropped: number;
  /** How long frames took to make. */
  readonly latency: LatencyFigures;
  /** How long it took from a condition to the first frame that was made of it; `frames` counts those. */
  readonly condition: LatencyFigures;
}

export interface PlayerOptions {
  /** Frames a second of the world; 25 unless given. */
  readonly fps?: number | undefined;
  /** How fast the world goes: fps times this. 1 unless given. */
  readonly speed?: number | undefined;
  /** Of the noise; the training's unless given. */
  readonly seed?: number | undefined;
  /** Another look than the model's, numbers in [−1, 1]. */
  readonly style?: Float32Array | undefined;
  /** Waits for `play`. Off unless given. */
  readonly paused?: boolean | undefined;
  /**
   * Frames are made by the player's own timer, and `onFrame` is told of them. Off: a game's own loop calls
   * `advance`. On unless given.
   */
  readonly timer?: boolean | undefined;
  /** Told of each frame as soon as it is made. */
  readonly onFrame?: ((frame: PlayedFrame) => void) | undefined;
  /**
   * Called just before a frame is made, for conditions that go on by the frame and not by the clock, such as a clip of
   * them: what it sets is what the frame is made of.
   */
  readonly beforeFrame?: (() => void) | undefined;
  /**
   * Told where a frame cannot be made, of which the player pauses. Without it the next `advance` throws, and with
   * a timer the player ends and `ended` rejects.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Stops the player, in order. */
  readonly signal?: AbortSignal | undefined;
  /** What tells the time and wakes; the system's unless given. */
  readonly clock?: PlayClock | undefined;
}

/**
 * A world that goes on: at each step of a fixed rate a frame is made from the newest condition and the frames before it.
 * A step that is due while a frame is still being made is dropped and not made up for, so that nothing
 * ever lags behind; the world is then slower. There is no queue: a newer condition takes the place of the last one.
 */
export interface Player {
  readonly layout: ConditionLayout;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly speed: number;
  readonly seed: number;
  readonly playing: boolean;
  /** The newest; null before the first. */
  readonly frame: PlayedFrame | null;
  readonly figures: PlayFigures;
  /** Settles when the player has stopped; rejects where a frame could not be made and nobody else is told. */
  readonly ended: Promise<void>;
  /**
   * What is made from here on: the bytes are copied. Until the first, nothing is drawn: black, or pixels of no
   * class, or of the first.
   * @param condition bytes of one frame as `layout` says; null for a generator without, which does nothing
   * @returns its number, from 1
   * @throws FrameloomError bad-input of another size or with ids of no class; bad-call after stop, as all below
   */
  setCondition(condition: Uint8Array | Uint8ClampedArray | null): number;
  /**
   * What is done from here on: numbers by their names, of which those that are not named have their default, or in the
   * order of `layout.actions`; null where that is not known. Nothing is done until the first. A key that is pressed and
   * let go between two frames is pressed in the next one.
   * @throws FrameloomError bad-input where the generator is told no such thing
   */
  setActions(actions: GivenActions): void;
  /**
   * The next frame is made at once, where none is being made, and else right behind that: what is drawn or pressed is seen
   * up to a step sooner. The steps behind it come later by as much, so that the rate stays. Does nothing where `advance` is
   * called, whose loop has the time.
   */
  hurry(): void;
  /** Another look from the next frame on. @param style numbers in [−1, 1] @throws FrameloomError bad-call of another number of them */
  setStyle(style: Float32Array): void;
  /** @throws FrameloomError bad-option for one that is no number above 0 */
  setPace(pace: { readonly fps?: number | undefined; readonly speed?: number | undefined }): void;
  play(): void;
  /** No further step is begun. A frame that is being made is made to its end. */
  pause(): void;
  /**
   * Pauses, and makes so many frames at once.
   * @param frames 1 unless given
   * @returns the last of them
   * @throws FrameloomError cancelled where the player is stopped, or played on, before they are made; what a frame throws
   */
  step(frames?: number): Promise<PlayedFrame>;
  /** Forgets all history before the next frame. @param seed another one of the noise */
  reset(seed?: number): void;
  /** Draws other noise from the next frame on, and keeps the history. */
  reseed(seed: number): void;
  /**
   * Begins the next frame from real ones.
   * @param frames rgb24, oldest first
   * @param conditions theirs; null without
   * @param actions what was done in each of them; not known unless given
   * @throws FrameloomError bad-input
   */
  start(
    frames: readonly Uint8Array[],
    conditions: readonly Uint8Array[] | null,
    actions?: readonly GivenActions[] | null,
  ): void;
  /**
   * Goes on with another model, such as newer weights or another size, from the next frame on: with the same history
   * where it fits. The condition stays where it has the same size.
   * @returns once nothing of the model before is used any more
   */
  use(model: PlayableModel, options?: { readonly style?: Float32Array | undefined }): Promise<void>;
  /**
   * One turn of a game's own loop: begins the step that is due, and gives the newest frame. Never waits.
   * @param nowMs the time of this turn, of whatever clock: the game's own, which may stand still or go slower
   * @returns a frame that was not given before; null where there is none
   * @throws FrameloomError bad-call with a timer; what a frame threw, where there is no `onError`
   */
  advance(nowMs: number): PlayedFrame | null;
  /** Ends the player once the frame that is being made is made. A second time gives the same promise. */
  stop(): Promise<void>;
}
