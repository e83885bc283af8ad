import { FrameloomError } from '../base/error.js';
import type { Synthesizer } from '../synthesis/engines/synthesizer.js';
import type { AnyModel } from '../synthesis/models/model.js';
import type { QueuedModel } from './job-schema.js';

/** A model that a worker has opened. */
export interface OpenedModel {
  readonly model: AnyModel;
  /** Names it, whatever runs it: `modelFingerprint`. */
  modelId(): Promise<string>;
  open(): Promise<Synthesizer>;
  close(): Promise<void>;
}

/** Opens what a job names. @throws FrameloomError as openModel */
export type OpenModel = (model: QueuedModel) => Promise<OpenedModel>;

/** A model lent for one job. */
export interface LentModel {
  readonly model: AnyModel;
  /** One that no other job has meanwhile; the same from job to job. */
  synthesizer(): Promise<Synthesizer>;
  giveBack(): Promise<void>;
}

interface Kept {
  readonly opened: Promise<OpenedModel>;
  readonly idle: Synthesizer[];
  lent: number;
  lastUse: number;
}

/** Batches come one after another, and two of them take turns. */
const MOST_MODELS = 2;

/** The models of a worker: each opened once, and closed when others are asked for. */
export class WorkerModels {
  readonly #open: OpenModel;
  readonly #kept = new Map<string, Kept>();
  #uses = 0;

  constructor(open: OpenModel) {
    this.#open = open;
  }

  /** @throws FrameloomError as openModel; bad-snapshot where another model is there than the job was queued for */
  async lend(wanted: QueuedModel): Promise<LentModel> {
    const key = JSON.stringify(wanted);
    const kept = this.#kept.get(key) ?? {
      opened: this.#checked(wanted),
      idle: [],
      lent: 0,
      lastUse: 0,
    };
    this.#kept.set(key, kept);
    kept.lent += 1;
    kept.lastUse = this.#uses += 1;
    let own: Synthesizer | undefined;
    const giveBack = async (): Promise<void> => {
      kept.lent -= 1;
      if (own) kept.idle.push(own);
      await this.#tidy(MOST_MODELS);
    };
    try {
      const opened = await kept.opened;
      const synthesizer = async (): Promise<Synthesizer> =>
        (own ??= kept.idle.pop() ?? (await opened.open()));
      return { model: opened.model, synthesizer, giveBack };
    } catch (error) {
      // The next job tries again: it may have been a disk that was away.
      this.#kept.delete(key);
      throw error;
    }
  }

  async #checked(wanted: QueuedModel): Promise<OpenedModel> {
    const opened = await this.#open(wanted);
    try {
      if ((await opened.modelId()) === wanted.sha256) return opened;
      throw new FrameloomError(
        'bad-snapshot',
        `${wanted.place} holds another model than when the job was queued`,
        { path: wanted.place, hint: 'queue the batch again' },
      );
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /** Closes what nobody uses, the longest unused first, until so many are left. */
  async #tidy(most: number): Promise<void> {
    const idle = [...this.#kept].filter(([, { lent }]) => lent === 0);
    idle.sort(([, a], [, b]) => a.lastUse - b.lastUse);
    for (const [key, { opened, idle: synthesizers }] of idle) {
      if (this.#kept.size <= most) return;
      this.#kept.delete(key);
      for (const synthesizer of synthesizers) synthesizer.dispose();
      await (await opened).close();
    }
  }

  /** When no job is at work any more. */
  close(): Promise<void> {
    return this.#tidy(0);
  }
}
