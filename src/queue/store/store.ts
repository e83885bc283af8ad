import { createWriteStream } from 'node:fs';
import { readFile, stat, utimes } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@bradenmacdonald/s3-lite-client';
import { FrameloomError, isFrameloomError, messageOf } from '../../base/error.js';
import { parseStoreAddress } from './address.js';
import { PartedUpload, type Upload } from './upload.js';

/** What a store says of an object. */
export interface StoredObject {
  readonly etag: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  /** What Frameloom wrote beside it, without `x-amz-meta-frameloom-`. */
  readonly notes: Readonly<Record<string, string>>;
}

/** Whether something else may be there: only nothing, or only what was seen there. */
export type PutCondition = { readonly nothing: true } | { readonly etag: string };

type Variables = Readonly<Record<string, string | undefined>>;

const NOTE = 'x-amz-meta-frameloom-';
/** Larger ones go up in parts of so many, each held in memory. */
const ONE_PIECE_BYTES = 64 * 2 ** 20;
/** A store that stumbles is asked again, after this long and then twice as long. */
const ATTEMPTS = 4;
const BACK_OFF_MS = 250;

const statusOf = (error: unknown): number | undefined => {
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : undefined;
};

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** A server that is busy, or a connection that broke; what it refuses it refuses again. */
const mayPass = (error: unknown): boolean => {
  // What asked it to stop, and what was told already.
  if (isAbort(error) || isFrameloomError(error)) return false;
  const status = statusOf(error);
  return status === undefined || status === 429 || (status >= 500 && status !== 501);
};

/**
 * Objects of a store that speaks S3's protocol: Amazon's, MinIO, Ceph, R2 and others. Where it is and who asks
 * is said by the variables that all such programs know: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_REGION,
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
 */
export class Store {
  readonly #client: S3Client;
  readonly #onePieceBytes: number;

  private constructor(client: S3Client, onePieceBytes: number) {
    this.#client = client;
    this.#onePieceBytes = onePieceBytes;
  }

  /**
   * @param onePieceBytes what is larger goes up in parts of so many
   * @throws FrameloomError not-found without the package; bad-option without keys, or for an endpoint that is no address
   */
  static async open(env: Variables = process.env, onePieceBytes = ONE_PIECE_BYTES): Promise<Store> {
    const library = await import('@bradenmacdonald/s3-lite-client').catch((cause: unknown) => {
      throw new FrameloomError(
        'not-found',
        's3:// needs the package @bradenmacdonald/s3-lite-client, which is not installed',
        { hint: 'npm install @bradenmacdonald/s3-lite-client', cause },
      );
    });
    const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1';
    const endPoint =
      env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL ?? `https://s3.${region}.amazonaws.com`;
    const accessKey = env.AWS_ACCESS_KEY_ID;
    const secretKey = env.AWS_SECRET_ACCESS_KEY;
    const sessionToken = env.AWS_SESSION_TOKEN;
    if (!URL.canParse(endPoint)) {
      throw new FrameloomError('bad-option', `${endPoint} is no address of a store`, {
        hint: 'AWS_ENDPOINT_URL_S3 is such as https://minio.local:9000',
      });
    }
    if (!accessKey || !secretKey) {
      throw new FrameloomError('bad-option', 'nobody says who asks the store', {
        hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
      });
    }
    const keys = { accessKey, secretKey, ...(sessionToken && { sessionToken }) };
    return new Store(new library.S3Client({ endPoint, region, ...keys }), onePieceBytes);
  }

  /** @returns undefined where there is nothing @throws FrameloomError bad-option where it may not be read; bad-input */
  async look(place: string): Promise<StoredObject | undefined> {
    const { bucket, key } = parseStoreAddress(place);
    const found = await this.#ask(place, () =>
      this.#client.statObject(key, { bucketName: bucket }).catch((error: unknown) => {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }),
    );
    if (!found) return undefined;
    const notes = Object.entries(found.metadata).flatMap(([name, value]) =>
      name.startsWith(NOTE) ? [[name.slice(NOTE.length), value] as const] : [],
    );
    const { etag, size, lastModified } = found;
    return {
      etag,
      bytes: size,
      modifiedMs: lastModified.getTime(),
      notes: Object.fromEntries(notes),
    };
  }

  /**
   * Writes an object to a file, which then has its date.
   * @throws FrameloomError not-found; as look
   */
  async fetch(place: string, path: string, signal?: AbortSignal): Promise<void> {
    const { bucket, key } = parseStoreAddress(place);
    await this.#ask(place, async () => {
      const response = await this.#client.getObject(key, { bucketName: bucket });
      if (!response.body) throw new Error('the store sent nothing');
      await pipeline(Readable.fromWeb(response.body), createWriteStream(path), { signal });
      const length = Number(response.headers.get('content-length') ?? NaN);
      const { size } = await stat(path);
      if (Number.isFinite(length) && size !== length)
        throw new Error(`${size} of ${length} bytes came`);
      const modified = new Date(response.headers.get('last-modified') ?? Date.now());
      await utimes(path, modified, modified);
    });
  }

  /** @returns what is written there; undefined where there is nothing */
  async text(place: string): Promise<{ readonly text: string; readonly etag: string } | undefined> {
    const there = await this.look(place);
    if (!there) return undefined;
    const { bucket, key } = parseStoreAddress(place);
    const text = await this.#ask(place, async () =>
      (await this.#client.getObject(key, { bucketName: bucket })).text(),
    );
    return { text, etag: there.etag };
  }

  /**
   * Puts a file, or text, at a place, whole or not at all.
   * @returns false where something else is there by now
   * @throws FrameloomError not-found for a bucket that there is not; as look
   */
  async put(
    place: string,
    data: { readonly file: string } | { readonly text: string },
    condition: PutCondition,
    notes: Readonly<Record<string, string>> = {},
  ): Promise<boolean> {
    const { bucket, key } = parseStoreAddress(place);
    const metadata = Object.fromEntries(
      Object.entries(notes).map(([name, value]) => [`${NOTE}${name}`, value] as const),
    );
    const bytes = 'file' in data ? (await stat(data.file)).size : 0;
    const only = 'nothing' in condition ? { 'If-None-Match': '*' } : { 'If-Match': condition.etag };
    if ('file' in data && bytes > this.#onePieceBytes) {
      const upload = { bucketName: bucket, objectName: key, bytes, metadata, ...data };
      return this.#putInParts(
        place,
        { ...upload, partBytes: this.#onePieceBytes },
        condition,
        only,
      );
    }
    const payload = 'file' in data ? new Uint8Array(await readFile(data.file)) : data.text;
    const put = (more: Record<string, string>): Promise<unknown> =>
      this.#client.makeRequest({
        ...{ method: 'PUT', bucketName: bucket, objectName: key, payload },
        headers: new Headers({ ...metadata, ...more }),
      });
    return this.#ask(place, () => this.#under(place, condition, only, put));
  }

  /** Writes under a condition. @returns false where that does not hold */
  async #under(
    place: string,
    condition: PutCondition,
    only: Record<string, string>,
    write: (headers: Record<string, string>) => Promise<unknown>,
  ): Promise<boolean> {
    try {
      await write(only);
      return true;
    } catch (error) {
      const status = statusOf(error);
      if (status === 412 || status === 409) return false;
      // A store that knows no conditions.
      if (status !== 501) throw error;
      if (!(await this.#holds(place, condition))) return false;
      await write({});
      return true;
    }
  }

  async #putInParts(
    place: string,
    upload: Upload,
    condition: PutCondition,
    only: Record<string, string>,
  ): Promise<boolean> {
    // Nothing is sent for nothing.
    if (!(await this.#holds(place, condition))) return false;
    let parted: PartedUpload | undefined;
    let isThere = false;
    try {
      parted = await PartedUpload.begin(this.#client, upload, askAgain);
      await parted.sendParts();
      const { complete } = parted;
      isThere = await this.#under(place, condition, only, complete);
      return isThere;
    } catch (error) {
      throw told(place, error);
    } finally {
      // What brought it this far is told, and not that its parts could not be removed.
      if (!isThere) await parted?.abort().catch(() => undefined);
    }
  }

  async #holds(place: string, condition: PutCondition): Promise<boolean> {
    return (await this.look(place))?.etag === ('etag' in condition ? condition.etag : undefined);
  }

  /** The addresses of all objects below a prefix. */
  async list(prefix: string): Promise<string[]> {
    const { bucket, key } = parseStoreAddress(prefix);
    return this.#ask(prefix, async () => {
      const found: string[] = [];
      for await (const each of this.#client.listObjects({ bucketName: bucket, prefix: key })) {
        found.push(`s3://${bucket}/${each.key}`);
      }
      return found;
    });
  }

  async #ask<T>(place: string, question: () => Promise<T>): Promise<T> {
    try {
      return await askAgain(question);
    } catch (error) {
      throw told(place, error);
    }
  }
}

async function askAgain<T>(question: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await question();
    } catch (error) {
      if (attempt === ATTEMPTS || !mayPass(error)) throw error;
      await sleep(BACK_OFF_MS * 2 ** (attempt - 1));
    }
  }
}

function told(place: string, error: unknown): unknown {
  if (isFrameloomError(error) || isAbort(error)) return error;
  const status = statusOf(error);
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (status === 404) {
    return new FrameloomError('not-found', `${place} does not exist`, {
      path: place,
      cause: error,
    });
  }
  if (status === 401 || status === 403) {
    return new FrameloomError(
      'bad-option',
      `the store lets nobody at ${place}: ${messageOf(error)}`,
      {
        path: place,
        hint: 'look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, and at what they may do',
        cause: error,
      },
    );
  }
  return new FrameloomError('write-failed', `the store of ${place}: ${messageOf(cause)}`, {
    path: place,
    hint: 'AWS_ENDPOINT_URL_S3 says where it is',
    cause: error,
  });
}
