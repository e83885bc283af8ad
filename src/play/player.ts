import { FrameloomError } from '../base/error.js';
import type { ActionColumn, ConditionLayout } from '../clips/types.js';
import { checkBytes, checkLabels } from '../synthesis/engines/conditions.js';
import { LatencyMeter } from '../synthesis/engines/latency.js';
import type { GivenActions } from '../synthesis/engines/told-actions.js';
import { blankCondition } from './blank.js';
import { systemClock, type PlayClock } from './clock.js';
import { HeldActions } from './held-actions.js';
import { Pace } from './pace.js';
import type { PlayableModel } from './playable.js';
import type { PlayedFrame, Player, PlayerOptions, PlayFigures } from './player-types.js';
import { RateMeter } from './rate-meter.js';
import { World } from './world.js';

const USUAL_FPS = 25;

/**
 * Plays a generator: see `Player`.
 * @throws FrameloomError bad-option for a rate, speed or seed that is none; bad-call for the look of another generator
 */
export function createPlayer(model: PlayableModel, options: PlayerOptions = {}): Player {
  return new WorldPlayer(model, options);
}

function positive(value: number, what: string): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new FrameloomError('bad-option', `${what} cannot be ${value}`, {
    hint: 'give a number above 0',
  });
}

const sameColumns = (a: readonly ActionColumn[], b: readonly ActionColumn[]): boolean =>
  a.length === b.length &&
  a.every(({ name, kind }, i) => name === b[i]!.name && kind === b[i]!.kind);

class WorldPlayer implements Player {
  readonly ended: Promise<void>;
  readonly #options: PlayerOptions;
  readonly #clock: PlayClock;
  readonly #world: World;
  readonly #pace: Pace;
  readonly #made = new LatencyMeter();
  readonly #answered = new LatencyMeter();
  readonly #rate = new RateMeter();
  #fps: number;
  #speed: number;
  #playing: boolean;
  #stopped = false;
  /** The frame that is being made, whatever comes of it. */
  #making: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;
  #frame: PlayedFrame | null = null;
  #given = 0;
  #frames = 0;
  #condition: Uint8Array | null;
  #actions: HeldActions;
  #newest = 0;
  /** When the condition came, until a frame was made of it. */
  #arrivedMs: number | null = null;
  #unschedule: (() => void) | null = null;
  /** Whether the next frame is waited for. */
  #isHurried = false;
  /** Whether what is to be done before a frame is being done: that belongs to it. */
  #isBeginning = false;
  #end!: () => void;
  #fail!: (error: unknown) => void;

  constructor(model: PlayableModel, options: PlayerOptions) {
    const { fps = USUAL_FPS, speed = 1, paused = false, clock = systemClock, signal } = options;
    this.#options = options;
    this.#clock = clock;
    this.#fps = positive(fps, 'fps');
    this.#speed = positive(speed, 'speed');
    this.#pace = new Pace(fps * speed);
    this.#world = new World(model, options);
    this.#condition = blankCondition(model);
    this.#actions = new HeldActions(model.layout.actions);
    this.ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    this.#playing = !paused;
    const abort = (): void => void this.stop();
    signal?.addEventListener('abort', abort, { once: true });
    const forget = (): void => signal?.removeEventListener('abort', abort);
    this.ended.then(forget, forget);
    if (signal?.aborted) abort();
    else this.#schedule();
  }

  get layout(): ConditionLayout {
    return this.#world.model.layout;
  }
  get width(): number {
    return this.#world.model.width;
  }
  get height(): number {
    return this.#world.model.height;
  }
  get fps(): number {
    return this.#fps;
  }
  get speed(): number {
    return this.#speed;
  }
  get seed(): number {
    return this.#world.seed;
  }
  get playing(): boolean {
    return this.#playing;
  }
  get frame(): PlayedFrame | null {
    return this.#frame;
  }

  get figures(): PlayFigures {
    return {
      fps: this.#rate.rate(this.#clock.now()),
      frames: this.#frames,
      dropped: this.#pace.dropped,
      latency: this.#made.figures,
      condition: this.#answered.figures,
    };
  }

  setCondition(given: Uint8Array | Uint8ClampedArray | null): number {
    this.#assertLiving();
    const { layout, width, height } = this.#world.model;
    if (layout.content !== 'none') {
      if (given === null) {
        throw new FrameloomError('bad-input', 'this generator needs a condition', {
          hint: `give ${layout.bytesPerPixel} bytes for each of ${width}x${height} pixels`,
        });
      }
      const bytes = checkBytes(given, layout.bytesPerPixel * width * height, 'a condition');
      if (layout.content === 'labels') checkLabels(bytes, layout);
      this.#condition = bytes.slice();
    } else if (given !== null) {
      throw new FrameloomError('bad-input', 'this generator takes no condition');
    }
    this.#newest += 1;
    this.#arrivedMs = this.#clock.now();
    return this.#newest;
  }

  setActions(actions: GivenActions): void {
    this.#assertLiving();
    this.#actions.set(actions);
  }

  hurry(): void {
    this.#assertLiving();
    this.#isHurried = true;
    if (!this.#isBeginning) this.#schedule();
  }

  setStyle(style: Float32Array): void {
    this.#assertLiving();
    this.#world.restyle(style);
  }

  setPace({ fps = this.#fps, speed = this.#speed }: { fps?: number; speed?: number }): void {
    this.#assertLiving();
    this.#fps = positive(fps, 'fps');
    this.#speed = positive(speed, 'speed');
    this.#pace.rate = fps * speed;
    this.#schedule();
  }

  play(): void {
    this.#assertLiving();
    if (this.#playing) return;
    this.#playing = true;
    this.#pace.rest();
    this.#schedule();
  }

  pause(): void {
    this.#assertLiving();
    this.#rest();
  }

  async step(frames = 1): Promise<PlayedFrame> {
    if (!Number.isSafeInteger(frames) || frames < 1) {
      throw new FrameloomError('bad-option', `there are no ${frames} frames`, {
        hint: 'give a whole number from 1 on',
      });
    }
    this.pause();
    for (let left = frames; left > 0; left -= 1) {
      while (this.#making) await this.#making;
      if (this.#stopped || this.#playing) {
        throw new FrameloomError('cancelled', 'the frames of a step were cancelled');
      }
      let failure: { readonly error: unknown } | undefined;
      await this.#make((error) => (failure = { error }));
      if (failure) throw failure.error;
    }
    return this.#frame!;
  }

  reset(seed?: number): void {
    this.#assertLiving();
    this.#world.reset(seed);
  }

  reseed(seed: number): void {
    this.#assertLiving();
    this.#world.reseed(seed);
  }

  start(
    frames: readonly Uint8Array[],
    conditions: readonly Uint8Array[] | null,
    actions: readonly GivenActions[] | null = null,
  ): void {
    this.#assertLiving();
    this.#world.start(frames, conditions, actions);
  }

  async use(model: PlayableModel, { style }: { style?: Float32Array | undefined } = {}) {
    this.#assertLiving();
    const fits =
      this.#condition?.length === blankCondition(model)?.length &&
      this.#world.model.layout.content === model.layout.content;
    const before = this.#world.model.layout.actions ?? [];
    const changed = this.#world.use(model, style);
    if (!sameColumns(before, model.layout.actions ?? [])) {
      this.#actions = new HeldActions(model.layout.actions);
    }
    if (!fits) {
      this.#condition = blankCondition(model);
      this.#arrivedMs = null;
    }
    // A frame that is being made is of the model before; one that is not made yet is the new one's.
    if (this.#making) await this.#making;
    else if (!this.#stopped) await this.#world.settle();
    await changed;
  }

  advance(nowMs: number): PlayedFrame | null {
    this.#assertLiving();
    if (this.#options.timer !== false) {
      throw new FrameloomError('bad-call', 'this player has a timer of its own', {
        hint: 'createPlayer(model, { timer: false }) leaves the time to a loop that calls advance',
      });
    }
    this.#throwFailure();
    if (this.#playing && !this.#making && this.#pace.take(nowMs))
      void this.#make((error) => this.#failed(error));
    if (!this.#frame || this.#frame.number === this.#given) return null;
    this.#given = this.#frame.number;
    return this.#frame;
  }

  stop(): Promise<void> {
    if (this.#stopped) return this.ended;
    this.#stopped = true;
    this.#rest();
    const over = (): void => {
      this.#world.dispose();
      this.#end();
    };
    if (this.#making) void this.#making.then(over);
    else over();
    return this.ended;
  }

  /** Makes a frame; what it fails with is told, and never thrown. */
  #make(tell: (error: unknown) => void): Promise<void> {
    this.#making = this.#makeFrame()
      .catch((error: unknown) => {
        if (!this.#stopped) this.#rest();
        tell(error);
      })
      .finally(() => {
        this.#making = null;
        this.#schedule();
      });
    return this.#making;
  }

  async #makeFrame(): Promise<void> {
    this.#isBeginning = true;
    try {
      this.#options.beforeFrame?.();
    } finally {
      this.#isBeginning = false;
      this.#isHurried = false;
    }
    const [condition, newest, arrivedMs] = [this.#condition, this.#newest, this.#arrivedMs];
    this.#arrivedMs = null;
    const actions = this.#actions.take();
    const began = this.#clock.now();
    const { rgb, width, height } = await this.#world.next(condition, actions);
    const now = this.#clock.now();
    this.#made.add(now - began);
    if (arrivedMs !== null) this.#answered.add(now - arrivedMs);
    this.#rate.add(now);
    this.#frames += 1;
    const of = { condition, newest, actions };
    const made = { rgb, width, height, ...of, number: this.#frames, ms: now - began };
    this.#frame = made;
    if (!this.#stopped) this.#options.onFrame?.(made);
  }

  #failed(error: unknown): void {
    const { onError, timer } = this.#options;
    if (onError) onError(error);
    else if (timer === false) this.#failure = { error };
    else {
      this.#stopped = true;
      this.#world.dispose();
      this.#fail(error);
    }
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure) throw failure.error;
  }

  /** Waits for the step that is due next, with a timer. */
  #schedule(): void {
    this.#unschedule?.();
    this.#unschedule = null;
    if (this.#options.timer === false || !this.#playing || this.#making || this.#stopped) return;
    if (this.#isHurried) {
      const now = this.#clock.now();
      this.#isHurried = false;
      this.#pace.hurry(now);
      // Without a timer between, which is late by a millisecond or more.
      if (this.#pace.take(now)) return void this.#make((error) => this.#failed(error));
    }
    this.#unschedule = this.#clock.after(this.#pace.wait(this.#clock.now()), () => {
      this.#unschedule = null;
      if (this.#pace.take(this.#clock.now())) void this.#make((error) => this.#failed(error));
      else this.#schedule();
    });
  }

  #rest(): void {
    this.#playing = false;
    this.#pace.rest();
    this.#unschedule?.();
    this.#unschedule = null;
  }

  #assertLiving(): void {
    if (this.#stopped) throw new FrameloomError('bad-call', 'this player was stopped');
  }
}
