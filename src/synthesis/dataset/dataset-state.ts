import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { asGiven } from '../../base/caller.js';
import { FrameloomError } from '../../base/error.js';
import { tryLock, type Lock } from '../../base/lock.mjs';
import type { Logger } from '../../base/log.js';
import { makeFolder } from '../../base/make-folder.mjs';
import { writeError } from '../../base/outputs.js';
import { isTemporary, removeTemporary } from '../../base/temporaries.js';
import { partPlace } from './folder-writer.js';
import {
  headSchema,
  readJson,
  recordSchema,
  type DatasetHead,
  type SequenceRecord,
} from './head.js';

/** Written last: a folder that has it is whole. */
export const MANIFEST = 'dataset.json';
/** In its place while there is something to be made. */
export const UNFINISHED = 'dataset.unfinished.json';
export const PIPELINE = 'pipeline.yaml';
export const RECORDS = 'sequences';
export const LOCK = '.frameloom-dataset.lock';

export const recordPath = (name: string): string => `${RECORDS}/${name}.json`;
export const checksumPath = (name: string): string => `${RECORDS}/${name}.sha256`;

/** What is at a folder's place before anything is done. */
type Found = 'nothing' | 'ours' | 'foreign';

export const stateOf = async (
  path: string,
): Promise<{ head: DatasetHead; isFinished: boolean } | undefined> => {
  const unfinished = await readJson(join(path, UNFINISHED), headSchema);
  if (unfinished) return { head: unfinished, isFinished: false };
  const head = await readJson(join(path, MANIFEST), headSchema);
  return head && { head, isFinished: true };
};

export async function look(path: string): Promise<Found> {
  if (await stateOf(path)) return 'ours';
  const names = await readdir(path).catch(() => []);
  // What a process that died left before it said what it is.
  const told = names.filter((name) => !isTemporary(name) && !name.startsWith(LOCK));
  return told.length === 0 ? 'nothing' : 'foreign';
}

export async function takeLock(path: string, log: Logger): Promise<Lock> {
  const onLost = (): void =>
    log.warn(`${path} is no longer this process's: another one may be writing into it`);
  const taken = await (async () => {
    await makeFolder(path);
    return tryLock(join(path, LOCK), { onLost });
  })().catch((error: unknown) => {
    throw writeError(path, error);
  });
  if (taken.lock) return taken.lock;
  const { here, owner } = taken.holder;
  const by = here ? 'this process' : `process ${owner?.pid} on ${owner?.host}`;
  throw new FrameloomError('bad-option', `${path} is being written already, by ${by}`, {
    path,
    hint: 'wait for it, or name another folder',
  });
}

export async function readRecords(path: string): Promise<Map<string, SequenceRecord>> {
  const names = await readdir(join(path, RECORDS)).catch(() => []);
  const records = new Map<string, SequenceRecord>();
  for (const name of names.filter((each) => each.endsWith('.json'))) {
    const record = await readJson(join(path, RECORDS, name), recordSchema);
    if (record && recordPath(record.name) === `${RECORDS}/${name}`)
      records.set(record.name, record);
  }
  return records;
}

/** Takes a data set away: what its records name, and what is said of it. Other files stay. */
export async function removeAll(path: string, log: Logger): Promise<void> {
  await rm(join(path, MANIFEST), { force: true });
  for (const record of (await readRecords(path)).values()) {
    const places = [
      ...Object.keys(record.parts).map((part) =>
        partPlace(part as keyof typeof record.parts, record.name),
      ),
      ...record.shards.map(({ path: shard }) => shard),
      ...[record.checksums, recordPath(record.name)],
    ];
    for (const place of places) await removeTemporary(join(path, place), log);
  }
  for (const name of [PIPELINE, UNFINISHED]) await rm(join(path, name), { force: true });
}

export const foreignError = (path: string): FrameloomError =>
  new FrameloomError('exists', `${path} is not empty, and holds no data set of this program`, {
    path,
    hint: `name another folder, or say ${asGiven('--overwrite (-y)', 'overwrite: true')} to write into it`,
  });

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** So much of a value is shown. */
const MOST_SHOWN = 60;

/** What of two values is not the same, each by its name and what it is in both. */
function differences(there: unknown, wanted: unknown, name = ''): string[] {
  if (isDeepStrictEqual(there, wanted)) return [];
  if (isRecord(there) && isRecord(wanted)) {
    const keys = [...new Set([...Object.keys(there), ...Object.keys(wanted)])];
    return keys.flatMap((key) =>
      differences(there[key], wanted[key], name === '' ? key : `${name}.${key}`),
    );
  }
  const [was, is] = [there, wanted].map((value) =>
    value === undefined ? 'nothing' : JSON.stringify(value),
  );
  const isShort = was!.length + is!.length <= MOST_SHOWN;
  return [isShort ? `${name} is ${was} there and ${is} here` : `${name} differs`];
}

export function otherError(path: string, there: DatasetHead, wanted: DatasetHead): FrameloomError {
  return new FrameloomError(
    'exists',
    `${path} holds a data set of other work: ${differences(there, wanted).join(', ')}`,
    {
      path,
      hint: `name another folder, or say ${asGiven('--overwrite (-y)', 'overwrite: true')} to make it anew`,
    },
  );
}
