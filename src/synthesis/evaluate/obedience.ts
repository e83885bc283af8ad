import type { Dataset } from '../../clips/index.js';
import { createActionAgreement, obedienceOf, type Obedience } from '../../metrics/index.js';
import {
  SEEN,
  trainInverseDynamics,
  type InverseDynamicsTraining,
  type TrainedInverseDynamics,
} from './inverse-dynamics.js';
import { readPlayed, smallerOf, type Smaller } from './played-frames.js';

/** A frame that was generated for what was told, and the real one beside it. */
export interface ObeyingFrame {
  readonly actions: Float32Array;
  /** rgb24 of the data's size, as the next. */
  readonly generated: Uint8Array;
  readonly real: Uint8Array;
}

/** Judges whether generated frames do what they were told. */
export interface ObedienceJudge {
  /** Before the first frame of each rollout. */
  begin(): Promise<void>;
  /** The next frame of a rollout. */
  add(frame: ObeyingFrame): Promise<void>;
  /** Of all frames so far, after which there are no more; null of too few. */
  result(): Promise<Obedience | null>;
  /** Lets go of what was trained for it alone. */
  close(): void;
}

export interface ObedienceContext {
  /** Where the frames come from. */
  readonly dataset: Dataset;
  /** Real frames with what was done in them, to train on. */
  readonly training: Dataset;
  /** One for several runs; one of its own unless given. Whoever made it disposes of it. */
  readonly dynamics?: SharedInverseDynamics | undefined;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  /** Told of each step of training. */
  readonly onTraining?: ((done: number, total: number) => void) | undefined;
}

/** What a network is trained for: what is told in the same numbers, of frames that are looked at as large. */
function kindOf({ layout, report }: Dataset, { width, height }: Smaller): string {
  const { actions = [] } = layout;
  const ranges = report.clips[0]?.actions?.columns.map(({ range }) => range);
  return JSON.stringify([width, height, actions, ranges, report.actionOffsetFrames]);
}

/**
 * One network for all runs that are judged by the same actions at the same size: it is trained once. The same are
 * columns of the same names, kinds, ranges and defaults in one order, told as many frames late.
 */
export class SharedInverseDynamics {
  #held: { readonly key: string; readonly network: TrainedInverseDynamics } | undefined;

  /** @param steps that it is trained; as trainInverseDynamics unless given */
  constructor(private readonly steps?: number) {}

  /**
   * @param dataset what is trained on, where there is none yet
   * @throws FrameloomError as trainInverseDynamics
   */
  async of(dataset: Dataset, training: InverseDynamicsTraining): Promise<TrainedInverseDynamics> {
    const smaller = smallerOf(dataset);
    const key = kindOf(dataset, smaller);
    if (this.#held?.key !== key) {
      this.dispose();
      const parts = await readPlayed(dataset, smaller, training.signal);
      const how = { steps: this.steps, ...training };
      this.#held = { key, network: await trainInverseDynamics(parts, smaller, how) };
    }
    return this.#held.network;
  }

  dispose(): void {
    this.#held?.network.dispose();
    this.#held = undefined;
  }
}

/** Frames looked at together. */
const BATCH = 32;
const WINDOW = SEEN.before + 1 + SEEN.after;

/** What was seen in one rollout, moment by moment. */
interface Rollout {
  readonly told: Float32Array[];
  readonly made: Float32Array[];
  readonly real: Float32Array[];
}

/** Windows of one rollout's frames, looked at a batch at a time. */
class Looking {
  readonly rollout: Rollout = { told: [], made: [], real: [] };
  #last: (ObeyingFrame & { readonly small: readonly [Uint8Array, Uint8Array] })[] = [];
  #waiting: { readonly made: Uint8Array[]; readonly real: Uint8Array[] }[] = [];

  constructor(
    private readonly network: TrainedInverseDynamics,
    private readonly shrink: (rgb: Uint8Array) => Uint8Array,
  ) {}

  async add(frame: ObeyingFrame): Promise<void> {
    // Copies: what is generated may be written over by the next.
    const small = [frame.generated, frame.real].map((rgb) => this.shrink(rgb).slice());
    this.#last.push({ ...frame, small: [small[0]!, small[1]!] });
    if (this.#last.length > WINDOW) this.#last.shift();
    if (this.#last.length < WINDOW) return;
    this.#waiting.push({
      made: this.#last.map((one) => one.small[0]),
      real: this.#last.map((one) => one.small[1]),
    });
    this.rollout.told.push(this.#last[SEEN.before]!.actions.slice());
    if (this.#waiting.length >= BATCH) await this.flush();
  }

  async flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    for (const whose of ['made', 'real'] as const) {
      const seen = await this.network.actions(waiting.map((one) => one[whose]));
      this.rollout[whose].push(...seen);
    }
  }
}

/**
 * Sees what was done in generated frames, and in the real ones beside them, by an inverse-dynamics network that was
 * trained on real frames alone. Beside it stands what comes out where frames are held against what was told half of the
 * rollout later, which is what can be had without obeying.
 * @returns null of data without actions
 * @throws FrameloomError as training the network does
 */
export async function openObedience(context: ObedienceContext): Promise<ObedienceJudge | null> {
  const { dataset, training, signal, onTraining, seed } = context;
  if ((dataset.layout.actions ?? []).length === 0) return null;
  const shared = context.dynamics ?? new SharedInverseDynamics();
  const network = await shared.of(training, { seed, signal, onTraining });
  const { columns, shrink } = smallerOf(dataset);
  const looks: Looking[] = [];
  return {
    async begin() {
      await looks.at(-1)?.flush();
      looks.push(new Looking(network, shrink));
    },
    add: (frame) => looks.at(-1)!.add(frame),
    async result() {
      await looks.at(-1)?.flush();
      const [made, real, shuffled] = [0, 1, 2].map(() => createActionAgreement(columns));
      for (const { rollout } of looks) {
        const { told } = rollout;
        told.forEach((actions, t) => {
          made!.add(rollout.made[t]!, actions);
          real!.add(rollout.real[t]!, actions);
          const later = told[(t + Math.floor(told.length / 2)) % told.length]!;
          shuffled!.add(rollout.made[t]!, later);
        });
      }
      if (made!.frames === 0) return null;
      return obedienceOf(columns, { made: made!, real: real!, shuffled: shuffled! });
    },
    close() {
      if (shared !== context.dynamics) shared.dispose();
    },
  };
}
