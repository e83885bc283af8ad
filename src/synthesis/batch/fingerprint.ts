import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
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
    const facts = await stat(file);
    bytes += facts.size;
    modifiedMs = Math.max(modifiedMs, facts.mtimeMs);
  }
  return { bytes, modifiedMs };
}

/** All of it, by reading every byte; null where there is no such file. */
export async function fingerprint(path: string): Promise<Fingerprint | null> {
  const facts = await glance(path);
  if (!facts) return null;
  const files = await filesOf(path);
  const hash = createHash('sha256');
  for (const file of files) {
    if (files.length > 1) hash.update(`${basename(file)}\0`);
    for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  }
  return { ...facts, sha256: hash.digest('hex') };
}

/**
 * Whether a path still holds what it held. Size and date agreeing is enough; where only the date
 * differs (a copy, a checkout) the content decides.
 */
export async function isUnchanged(path: string, known: Fingerprint): Promise<boolean> {
  const facts = await glance(path);
  if (facts?.bytes !== known.bytes) return false;
  if (facts.modifiedMs === known.modifiedMs) return true;
  return (await fingerprint(path))?.sha256 === known.sha256;
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
  if (isExported(model)) {
    const { width, height } = model;
    const file = await fingerprint(model.path);
    return createHash('sha256').update(`${file?.sha256} ${width}x${height}`).digest('hex');
  }
  const { weights, generator, data } = model;
  const values = weights instanceof Float32Array ? weights : weights.dataSync();
  const { size, fit, fps, condition } = data;
  return createHash('sha256')
    .update(JSON.stringify({ network: generator.options, size, fit, fps: fps ?? null, condition }))
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');
}
