import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { FrameloomError } from '../base/error.js';
import { isStoreAddress } from './store/address.js';

/** A path with all its links followed, as far as it is there. */
async function truePath(path: string): Promise<string> {
  const missing: string[] = [];
  for (let place = resolve(path); ; place = dirname(place)) {
    try {
      return join(await realpath(place), ...missing);
    } catch (error) {
      if (dirname(place) === place) throw error;
      missing.unshift(relative(dirname(place), place));
    }
  }
}

const isWithin = (path: string, folder: string): boolean => {
  const way = relative(folder, path);
  return way === '' || (!isAbsolute(way) && way.split(sep)[0] !== '..');
};

/** What jobs may name: everything, unless folders are given, and then what lies in one of them. */
export class Roots {
  readonly #folders: readonly string[] | undefined;
  /** `s3://bucket/folder/` */
  readonly #stores: readonly string[];

  private constructor(folders: readonly string[] | undefined, stores: readonly string[] = []) {
    this.#folders = folders;
    this.#stores = stores;
  }

  /** @throws FrameloomError not-found for a folder that there is not */
  static async of(folders: readonly string[] | undefined): Promise<Roots> {
    if (folders === undefined || folders.length === 0) return new Roots(undefined);
    const stores = folders.filter(isStoreAddress).map((each) => each.replace(/\/*$/, '/'));
    const onDisk = folders.filter((each) => !isStoreAddress(each));
    const found = onDisk.map((folder) =>
      realpath(folder).catch((cause: unknown) => {
        throw new FrameloomError('not-found', `there is no folder ${folder} for --root`, {
          path: folder,
          cause,
        });
      }),
    );
    return new Roots(await Promise.all(found), stores);
  }

  /** @throws FrameloomError untrusted where a path lies elsewhere, links followed */
  async assert(...paths: readonly (string | undefined)[]): Promise<void> {
    const folders = this.#folders;
    if (folders === undefined) return;
    for (const path of paths) {
      if (path === undefined || (await this.#has(path, folders))) continue;
      throw new FrameloomError('untrusted', `${path} lies in no --root of the worker`, {
        path,
        hint: `its jobs may name what is in ${[...folders, ...this.#stores].join(', ')}`,
      });
    }
  }

  async #has(path: string, folders: readonly string[]): Promise<boolean> {
    if (isStoreAddress(path)) return this.#stores.some((store) => path.startsWith(store));
    const place = await truePath(path);
    return folders.some((folder) => isWithin(place, folder));
  }
}
