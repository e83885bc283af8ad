import { availableParallelism } from 'node:os';
import type { Logger } from '../base/log.js';
import type { Device } from '../export/runtime.js';
import type { GeneratorFile } from '../pipeline/generator-file.js';
import type { LiveModel, Size } from '../play/live/services.js';
import type { OnnxThread } from '../synthesis/engines/thread/host.js';
import { openThreadedModel } from '../synthesis/engines/thread/model.js';
import type { ExportedModel } from '../synthesis/models/exported-model.js';

export interface ShelfOptions {
  /** `cpu` unless given. */
  readonly device?: Device | undefined;
  /** Of the processor; as many as there are cores unless given. */
  readonly threads?: number | undefined;
  /** The size that is played unless another is asked for; the file's own unless given. */
  readonly size?: Size | undefined;
  /** Of the noise; the training's unless given. */
  readonly seed?: number | undefined;
  /** Started early, for the first model. */
  readonly thread?: OnnxThread | undefined;
  readonly log: Logger;
}

/** A model that is shared with others at the same size; `release` gives it back. */
export type TakenModel = LiveModel &
  Pick<ExportedModel, 'data' | 'layout'> & { release(): Promise<void> };

interface Shelved {
  readonly opened: Promise<ExportedModel>;
  users: number;
}

/**
 * One generator, loaded once for each size that somebody plays: all who play the same size share its thread and its
 * weights, each with a history of their own. The usual size stays loaded.
 */
export class ModelShelf {
  readonly #options: ShelfOptions;
  #file: GeneratorFile;
  #shelved = new Map<string, Shelved>();
  /** Of the usual size: kept. */
  #kept: Promise<TakenModel>;
  #thread: OnnxThread | undefined;

  constructor(file: GeneratorFile, options: ShelfOptions) {
    this.#options = options;
    this.#file = file;
    this.#thread = options.thread;
    this.#kept = this.take();
    // Told to whoever takes one.
    this.#kept.catch(() => undefined);
  }

  get file(): GeneratorFile {
    return this.#file;
  }

  /** The usual one, once it is loaded. */
  get usual(): Promise<TakenModel> {
    return this.#kept;
  }

  /**
   * The model at a size, the usual one unless given.
   * @throws FrameloomError bad-input for a size that it cannot be run in; backend
   */
  async take(size: Size | undefined = this.#options.size): Promise<TakenModel> {
    const file = this.#file;
    const shelved = this.#shelved;
    const key = size ? `${size.width}x${size.height}` : '';
    let entry = shelved.get(key);
    if (!entry) {
      const { device, threads, log } = this.#options;
      const thread = this.#thread;
      this.#thread = undefined;
      const opened = openThreadedModel(file.path, {
        ...{ file: file.bytes, log, thread, ...size },
        ...(device !== undefined && { device }),
        ...(threads !== undefined && { threads }),
      });
      entry = { opened, users: 0 };
      shelved.set(key, entry);
    }
    const own = entry;
    own.users += 1;
    let given = false;
    const giveBack = async (): Promise<void> => {
      if (given) return;
      given = true;
      own.users -= 1;
      if (own.users > 0) return;
      if (shelved.get(key) === own) shelved.delete(key);
      await own.opened.then(
        (model) => model.release(),
        () => undefined,
      );
    };
    try {
      const model = await own.opened;
      const { device, seed } = model;
      const { threads = availableParallelism() } = this.#options;
      return {
        ...model,
        seed: this.#options.seed ?? seed,
        open: (drawn = this.#options.seed ?? seed, style = model.style) => model.open(drawn, style),
        engine: { name: 'onnxruntime-node', device, threads: device === 'cpu' ? threads : null },
        release: giveBack,
      };
    } catch (error) {
      await giveBack();
      throw error;
    }
  }

  /** Other weights for whoever takes a model from now on. Those that are taken stay until they are given back. */
  async replace(file: GeneratorFile): Promise<void> {
    const kept = this.#kept;
    this.#file = file;
    this.#shelved = new Map();
    this.#kept = this.take();
    this.#kept.catch(() => undefined);
    await kept.then(
      (model) => model.release(),
      () => undefined,
    );
    await this.#kept;
  }

  /** Lets go of the one that was kept; those that are taken are their takers'. */
  async close(): Promise<void> {
    await this.#thread?.close();
    await this.#kept.then(
      (model) => model.release(),
      () => undefined,
    );
  }
}
