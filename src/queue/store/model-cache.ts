import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../../base/cache-folder.js';
import { FrameloomError } from '../../base/error.js';
import { makeFolder } from '../../base/make-folder.mjs';
import { commitFile } from '../../base/outputs.js';
import { sweepTemporaries, temporaryBeside } from '../../base/temporaries.js';
import { isStoreAddress } from './address.js';
import { Store } from './store.js';

/**
 * Where a model lies on this machine: a path as it is; an object is fetched once, and again when it is another.
 * @throws FrameloomError not-found, bad-option where it is no exported file; as Store
 */
export async function localModel(place: string): Promise<string> {
  if (!isStoreAddress(place)) return place;
  if (!/\.onnx$/i.test(place)) {
    throw new FrameloomError('bad-option', `${place} is no exported file`, {
      path: place,
      hint: 'a store holds .onnx files of frameloom export; name a run by its folder on a disk',
    });
  }
  const store = await Store.open();
  const there = await store.look(place);
  if (!there) throw new FrameloomError('not-found', `${place} does not exist`, { path: place });
  const name = createHash('sha256').update(`${place} ${there.etag}`).digest('hex').slice(0, 32);
  const folder = join(cacheFolder(), 'models');
  const path = join(folder, `${name}.onnx`);
  const known = await stat(path).catch(() => undefined);
  if (known?.size === there.bytes) return path;
  await makeFolder(folder);
  await sweepTemporaries(folder);
  const temporary = await temporaryBeside(path);
  await store.fetch(place, temporary);
  await commitFile(temporary, path, { overwrite: true });
  return path;
}
