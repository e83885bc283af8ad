import { resolve } from 'node:path';
import { FrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import type { BatchOptions } from '../synthesis/batch/batch.js';
import { BatchFolder } from '../synthesis/batch/batch-folder.js';
import { JobMaker } from '../synthesis/batch/job.js';
import { Manifest, type ManifestEntry } from '../synthesis/batch/manifest.js';
import type { BatchJob } from '../synthesis/batch/template.js';
import { dataOf, type AnyModel } from '../synthesis/models/model.js';
import { removePartsOfMade } from '../synthesis/video/film-parts.js';
import { formatOf, isPictureFormat } from '../video/index.js';
import { isStoreAddress } from './store/address.js';
import { enterInStore, madeInStore } from './store/store-batch.js';
import { Store } from './store/store.js';

/** Where the outputs of a batch go, as who submits it sees it. */
export interface Destination {
  /** Its folder, for a machine whose current folder is another. */
  readonly folder: string;
  readonly placeOf: (output: string) => string;
  /** What tells an input from another content. @throws FrameloomError not-found */
  identityOf(job: BatchJob): Promise<string>;
  isMade(job: BatchJob): Promise<boolean>;
  /** Of what a worker made. */
  made(entry: ManifestEntry): void;
  close(): Promise<void>;
}

interface Where {
  readonly folder: string;
  readonly modelId: string;
}

type Settings = Omit<BatchOptions, 'folder' | 'modelId' | 'onEvent' | 'openSynthesizer'>;

/** @throws FrameloomError bad-option for what a store cannot hold; as Manifest.open and Store.open */
export async function openDestination(
  model: AnyModel,
  jobs: readonly BatchJob[],
  settings: Settings,
  where: Where,
): Promise<Destination> {
  const inStore = isStoreAddress(where.folder);
  const fromStore = jobs.some(({ input }) => isStoreAddress(input));
  if (fromStore) refuseUnseenActions(model, settings);
  const store = inStore || fromStore ? await Store.open() : undefined;
  if (!inStore) return DiskDestination.open(model, jobs, settings, { ...where, store });
  if (isPictureFormat(formatOf(jobs[0]?.output, settings.format))) {
    throw new FrameloomError('bad-option', 'pictures are not put into a store', {
      hint: 'name a video, such as s3://bucket/made/{name}.mp4',
    });
  }
  return new StoreDestination(model, settings, where, store!);
}

/** A file beside an object is not looked for: without a word, a world would go on by itself. */
function refuseUnseenActions(model: AnyModel, { actions }: Settings): void {
  const { actions: told } = dataOf(model);
  if (actions !== undefined || !told) return;
  throw new FrameloomError('bad-option', 'actions are not looked for beside inputs of a store', {
    hint: 'give --actions FILE, or inputs on a disk that workers see',
  });
}

/** @throws FrameloomError not-found */
async function etagOf(store: Store | undefined, place: string): Promise<string> {
  const there = await store?.look(place);
  if (there) return `etag ${there.etag}`;
  throw new FrameloomError('not-found', `${place} does not exist`, { path: place });
}

/** A folder that workers see too: they enter what they make into its manifest. */
class DiskDestination implements Destination {
  readonly folder: string;
  readonly placeOf = (output: string): string => resolve(output);
  readonly #place: BatchFolder;
  readonly #maker: JobMaker;
  readonly #log: Logger;
  readonly #store: Store | undefined;

  private constructor(
    place: BatchFolder,
    maker: JobMaker,
    how: { folder: string; log: Logger; store: Store | undefined },
  ) {
    this.#place = place;
    this.#maker = maker;
    this.folder = resolve(how.folder);
    this.#log = how.log;
    this.#store = how.store;
  }

  static async open(
    model: AnyModel,
    jobs: readonly BatchJob[],
    settings: Settings,
    where: Where & { readonly store: Store | undefined },
  ): Promise<DiskDestination> {
    const { log = silentLogger } = settings;
    const { folder, modelId, store } = where;
    const place = await BatchFolder.open(folder, { log });
    place.mayBeLittered(jobs);
    const maker = new JobMaker(model, place.manifest, modelId, settings);
    return new DiskDestination(place, maker, { folder, log, store });
  }

  async identityOf(job: BatchJob): Promise<string> {
    if (isStoreAddress(job.input)) return etagOf(this.#store, job.input);
    return (await this.#maker.workOf(job)).input.sha256;
  }

  async isMade(job: BatchJob): Promise<boolean> {
    if (!(await this.#maker.isMade(job))) return false;
    await this.#place.clear(job);
    await removePartsOfMade(job.output, this.#log);
    return true;
  }

  made(): void {
    // Its worker has entered it.
  }

  close(): Promise<void> {
    return this.#place.close();
  }
}

/** A folder of a store: each output says itself what it is, and the manifest is written here, in the end. */
class StoreDestination implements Destination {
  readonly folder: string;
  readonly placeOf = (output: string): string => output;
  readonly #model: AnyModel;
  readonly #settings: Settings;
  readonly #sha256: string;
  readonly #store: Store;
  readonly #maker: JobMaker;
  readonly #entries: ManifestEntry[] = [];
  readonly #identities = new Map<string, Promise<string>>();

  constructor(model: AnyModel, settings: Settings, { folder, modelId }: Where, store: Store) {
    this.#model = model;
    this.#settings = settings;
    this.folder = folder;
    this.#sha256 = modelId;
    this.#store = store;
    this.#maker = new JobMaker(model, Manifest.none(), modelId, settings);
  }

  identityOf(job: BatchJob): Promise<string> {
    const known = this.#identities.get(job.input) ?? this.#identify(job);
    this.#identities.set(job.input, known);
    return known;
  }

  async #identify(job: BatchJob): Promise<string> {
    if (isStoreAddress(job.input)) return etagOf(this.#store, job.input);
    return (await this.#maker.workOf(job)).input.sha256;
  }

  async isMade(job: BatchJob): Promise<boolean> {
    // What is wrong with the input is told where it is queued.
    const identity = await this.identityOf(job).catch(() => undefined);
    if (identity === undefined) return false;
    const { input, output, seed } = job;
    const storeJob = {
      ...{ input, inputName: input, identity, output, seed, folder: this.folder },
      model: { step: this.#model.step, sha256: this.#sha256 },
    };
    const entry = await madeInStore(this.#store, this.#model, storeJob, this.#settings);
    if (entry) this.#entries.push(entry);
    return entry !== undefined;
  }

  made(entry: ManifestEntry): void {
    this.#entries.push(entry);
  }

  close(): Promise<void> {
    return enterInStore(this.#store, this.folder, this.#entries);
  }
}
