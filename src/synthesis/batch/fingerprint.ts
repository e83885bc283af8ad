import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { FrameloomError } from '../../base/error.js';
import { filesOf } from '../../video/sequence.js';
import { isExported, type AnyModel } from '../models/model.js';

/** What a file, or the pictures of a sequence together, hold. */
export interface Fingerprint {
  readonly bytes: number;
  /** When it was last written, milliseconds since 1970; of several files the last. */
  readonly modifiedMs: number;
  /** Of the content; of several files, of their names and contents in order. */
  readonly sha256: string;
}

/** Size and date only, which cost nothing; null where there is no such file. */
export async function glance(path: string): Promise<Omit<Fingerprint, 'sha256'> | null> {
  const files = await filesOf(path);
  if (files.length === 0) return null;
  let bytes = 0;
  let modifiedMs = 0;
  for (const file of files) {
    // A link to nothing is told of by name where the pictures are read.
    const facts = await stat(file).catch(() => undefined);
    if (!facts) continue;
    bytes += facts.size;
    modifiedMs = Math.max(modifiedMs, facts.mtimeMs);
  }
  return { bytes, modifiedMs };
}

const notAFile = (path: string): FrameloomError =>
  new FrameloomError('bad-option', `${path} is no file, and can be read only once`, {
    path,
    hint: 'give files to a batch, or make one video of it by a call of its own',
  });

/**
 * All of it, by reading every byte; null where there is no such file.
 * @throws FrameloomError bad-option of a pipe or a device, whose bytes are gone when they are read;
 *   what `signal` was aborted with
 */
export async function fingerprint(path: string, signal?: AbortSignal): Promise<Fingerprint | null> {
  const facts = await glance(path);
  if (!facts) return null;
  const files = await filesOf(path);
  const hash = createHash('sha256');
  for (const file of files) {
    const there = await stat(file).catch(() => undefined);
    if (files.length > 1) hash.update(`${basename(file)}\0`);
    else if (there && !there.isFile()) throw notAFile(file);
    // What else is among pictures is told of by name where they are read.
    if (!there?.isFile()) continue;
    for await (const piece of createReadStream(file)) {
      signal?.throwIfAborted();
      hash.update(piece as Buffer);
    }
  }
  return { ...facts, sha256: hash.digest('hex') };
}

/**
 * Whether a path still holds what it held. Size and date agreeing is enough; where only the date
 * differs (a copy, a checkout) the content decides.
 */
export async function isUnchanged(
  path: string,
  known: Fingerprint,
  signal?: AbortSignal,
): Promise<boolean> {
  const facts = await glance(path);
  if (facts?.bytes !== known.bytes) return false;
  if (facts.modifiedMs === known.modifiedMs) return true;
  return (await fingerprint(path, signal))?.sha256 === known.sha256;
}

/**
 * Whether what is at a path now can be what is left of numbered pictures that were made: some may
 * have been taken away, but none has been written since, and none is longer.
 */
export async function isRestOf(path: string, made: Fingerprint): Promise<boolean> {
  const now = await glance(path);
  return now === null || (now.bytes <= made.bytes && now.modifiedMs <= made.modifiedMs);
}

/** All of a model that decides what it makes: weights, network, and the rule for conditions. */
export async function modelFingerprint(model: AnyModel): Promise<string> {
  // What is told no look is called as it always was.
  const look = model.style ? [...model.style] : null;
  if (isExported(model)) {
    const { width, height } = model;
    const file = await fingerprint(model.path);
    return createHash('sha256')
      .update(`${file?.sha256} ${width}x${height}${look ? ` ${look.join()}` : ''}`)
      .digest('hex');
  }
  const { weights, generator, data } = model;
  const { styleChannels, ...options } = generator.options;
  const network = look ? { ...options, styleChannels, look } : options;
  const values = weights instanceof Float32Array ? weights : await weights.data();
  const { size, fit, fps, condition, actions } = data;
  return createHash('sha256')
    .update(
      JSON.stringify({
        network,
        size,
        fit,
        fps: fps ?? null,
        condition,
        ...(actions && { actions }),
      }),
    )
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');
}
