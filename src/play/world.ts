import { FrameloomError, isFrameloomError } from '../base/error.js';
import { checkBytes } from '../synthesis/engines/conditions.js';
import type { Synthesizer } from '../synthesis/engines/synthesizer.js';
import { actionVector, type GivenActions } from '../synthesis/engines/told-actions.js';
import type { PlayableModel } from './playable.js';

/** What is to be done before the next frame. One of each is enough: a later one takes the place of those before. */
interface Changes {
  /** Another synthesizer, and who waits for the last one to be let go. */
  swap: { readonly synthesizer: Synthesizer; readonly done: readonly (() => void)[] } | null;
  begin:
    | 'reset'
    | {
        readonly frames: readonly Uint8Array[];
        readonly conditions: readonly Uint8Array[] | null;
        readonly actions: readonly GivenActions[] | null;
      }
    | null;
  seed: number | null;
}

const none = (): Changes => ({ swap: null, begin: null, seed: null });

/** @throws FrameloomError bad-option */
function checkedSeed(seed: number): number {
  if (Number.isSafeInteger(seed)) return seed;
  throw new FrameloomError('bad-option', `${seed} is no seed`, { hint: 'give a whole number' });
}

/**
 * A synthesizer whose changes wait for the frame that is being made: they are taken between two frames, and what
 * was wanted twice is done once.
 */
export class World {
  #model: PlayableModel;
  #seed: number;
  #style: Float32Array | undefined;
  #synthesizer: Synthesizer;
  #changes = none();
  /** What was asked for last: one thing after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    model: PlayableModel,
    options: { readonly seed?: number | undefined; readonly style?: Float32Array | undefined },
  ) {
    this.#model = model;
    this.#seed = checkedSeed(options.seed ?? model.seed);
    this.#style = options.style;
    this.#synthesizer = model.open(this.#seed, this.#style);
  }

  /** Of the next frame. */
  get model(): PlayableModel {
    return this.#model;
  }
  get seed(): number {
    return this.#seed;
  }

  reset(seed?: number): void {
    if (seed !== undefined) this.reseed(seed);
    this.#changes.begin = 'reset';
  }

  reseed(seed: number): void {
    this.#seed = checkedSeed(seed);
    this.#changes.seed = seed;
  }

  /** @throws FrameloomError bad-input where there are no frames, or of another size */
  start(
    frames: readonly Uint8Array[],
    conditions: readonly Uint8Array[] | null,
    actions: readonly GivenActions[] | null,
  ): void {
    const { layout, width, height } = this.#model;
    if (frames.length === 0) {
      throw new FrameloomError('bad-input', 'there are no frames to start from', {
        hint: 'give one at least',
      });
    }
    if (conditions && layout.content !== 'none' && conditions.length !== frames.length) {
      throw new FrameloomError(
        'bad-input',
        `there are ${frames.length} frames to start from and ${conditions.length} conditions`,
      );
    }
    if (actions && actions.length !== frames.length) {
      throw new FrameloomError(
        'bad-input',
        `there are ${frames.length} frames to start from and actions of ${actions.length}`,
      );
    }
    for (const given of actions ?? []) actionVector(given, layout.actions);
    const copies = (given: readonly Uint8Array[], bytesPerPixel: number, what: string) =>
      given.map((bytes) => checkBytes(bytes, bytesPerPixel * width * height, what).slice());
    this.#changes.begin = {
      frames: copies(frames, 3, 'a frame'),
      conditions:
        conditions && layout.content !== 'none'
          ? copies(conditions, layout.bytesPerPixel, 'a condition')
          : null,
      actions: actions?.map((given) => (given === null ? null : structuredClone(given))) ?? null,
    };
  }

  /** @throws FrameloomError bad-call for the look of another generator */
  restyle(style: Float32Array): void {
    void this.#swap(this.#model, style);
  }

  /** @returns settles once the synthesizer before is let go, which `next` or `settle` does */
  use(model: PlayableModel, style: Float32Array | undefined): Promise<void> {
    const { width, height } = this.#model;
    const swapped = this.#swap(model, style);
    // Frames of another size begin nothing.
    if (model.width !== width || model.height !== height) this.#changes.begin = null;
    return swapped;
  }

  /** The next frame, after all that was asked for before. */
  next(
    condition: Uint8Array | null,
    actions: Float32Array | null,
  ): Promise<{ rgb: Uint8Array; width: number; height: number }> {
    // Of a generator that is told nothing, nothing may be said.
    const told = this.#model.layout.actions ? { actions } : {};
    const changes = this.#taken();
    return this.#inTurn(async () => {
      await this.#apply(changes);
      const { width, height } = this.#synthesizer;
      return { rgb: await this.#synthesizer.next(condition, told), width, height };
    });
  }

  /** Does all that was asked for. */
  settle(): Promise<void> {
    const changes = this.#taken();
    return this.#inTurn(() => this.#apply(changes));
  }

  dispose(): void {
    const { swap } = this.#taken();
    swap?.synthesizer.dispose();
    this.#synthesizer.dispose();
    swap?.done.forEach((done) => done());
  }

  #swap(model: PlayableModel, style: Float32Array | undefined): Promise<void> {
    const synthesizer = model.open(this.#seed, style);
    this.#model = model;
    this.#style = style;
    const before = this.#changes.swap;
    before?.synthesizer.dispose();
    return new Promise((resolve) => {
      this.#changes.swap = { synthesizer, done: [...(before?.done ?? []), resolve] };
    });
  }

  #taken(): Changes {
    const changes = this.#changes;
    this.#changes = none();
    return changes;
  }

  async #apply({ swap, begin, seed }: Changes): Promise<void> {
    if (swap) {
      const before = this.#synthesizer;
      const state = await before.snapshot();
      this.#synthesizer = swap.synthesizer;
      try {
        swap.synthesizer.restore(state);
      } catch (error) {
        // Of another size or generator: it begins anew.
        if (!isFrameloomError(error, 'bad-shape')) throw error;
      } finally {
        before.dispose();
        swap.done.forEach((done) => done());
      }
    }
    if (begin === 'reset') this.#synthesizer.reset();
    else if (begin) this.#synthesizer.start(begin.frames, begin.conditions, begin.actions);
    if (seed !== null) this.#synthesizer.reseed(seed);
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#last.then(task);
    // What it fails with is told to whoever asked for it.
    this.#last = done.catch(() => undefined);
    return done;
  }
}
