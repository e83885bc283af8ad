import { open } from 'node:fs/promises';
import type { S3Client } from '@bradenmacdonald/s3-lite-client';

/** Asks a store, again where that may help. */
export type Ask = <T>(question: () => Promise<T>) => Promise<T>;

export interface Upload {
  readonly bucketName: string;
  readonly objectName: string;
  readonly file: string;
  readonly bytes: number;
  /** Of each part but the last; each is held in memory, one at a time. */
  readonly partBytes: number;
  /** Headers of what is written beside the object. */
  readonly metadata: Readonly<Record<string, string>>;
}

type Request = Parameters<S3Client['makeRequest']>[0];

const tagIn = (xml: string, tag: string): string | undefined =>
  new RegExp(`<${tag}>([^<]+)</${tag}>`).exec(xml)?.[1]?.replaceAll('&quot;', '"');

/**
 * A file that goes up in parts, each asked for by itself: one that fails is sent again, and not all of them. The object
 * comes to be when it is completed, under a condition as one of a single piece; what was sent of one that is given up is
 * removed. The client's own way knows neither condition nor removal.
 */
export class PartedUpload {
  readonly #client: S3Client;
  readonly #upload: Upload;
  readonly #id: string;
  readonly #ask: Ask;
  readonly #etags: string[] = [];

  private constructor(client: S3Client, upload: Upload, id: string, ask: Ask) {
    this.#client = client;
    this.#upload = upload;
    this.#id = id;
    this.#ask = ask;
  }

  static async begin(client: S3Client, upload: Upload, ask: Ask): Promise<PartedUpload> {
    const { bucketName, objectName, metadata } = upload;
    const answer = await ask(async () => {
      const headers = new Headers({ ...metadata });
      const of = { bucketName, objectName, headers, returnBody: true };
      return (await client.makeRequest({ method: 'POST', query: 'uploads', ...of })).text();
    });
    const id = tagIn(answer, 'UploadId');
    if (id === undefined) throw new Error(`no upload was begun: ${answer}`);
    return new PartedUpload(client, upload, id, ask);
  }

  #request(request: Omit<Request, 'bucketName' | 'objectName'>): Promise<Response> {
    const { bucketName, objectName } = this.#upload;
    return this.#client.makeRequest({ ...request, bucketName, objectName });
  }

  async sendParts(): Promise<void> {
    const { file: path, bytes, partBytes } = this.#upload;
    const file = await open(path);
    try {
      for (let at = 0; at < bytes; at += partBytes) {
        const payload = new Uint8Array(Math.min(partBytes, bytes - at));
        for (let read = 0; read < payload.length;) {
          const { bytesRead } = await file.read(payload, read, payload.length - read, at + read);
          if (bytesRead === 0) throw new Error(`${path} became shorter while it was sent`);
          read += bytesRead;
        }
        const query = { partNumber: String(this.#etags.length + 1), uploadId: this.#id };
        const { headers } = await this.#ask(() => this.#request({ method: 'PUT', query, payload }));
        this.#etags.push(headers.get('etag') ?? '');
      }
    } finally {
      await file.close();
    }
  }

  /** Makes an object of the parts. @param condition headers under which that may be */
  readonly complete = async (condition: Readonly<Record<string, string>>): Promise<void> => {
    const parts = this.#etags.map(
      (etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
    );
    const payload = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
    await this.#ask(async () => {
      const answer = await this.#request({
        ...{ method: 'POST', query: { uploadId: this.#id }, payload, returnBody: true },
        headers: new Headers({ ...condition }),
      });
      // It begins to answer before it has done it, and may say what went wrong behind a 200.
      const text = await answer.text();
      if (!text.includes('<CompleteMultipartUploadResult')) {
        throw new Error(tagIn(text, 'Message') ?? `the store answered: ${text}`);
      }
    });
  };

  /** Removes what was sent: a store keeps the parts of what is never completed, and charges for them. */
  async abort(): Promise<void> {
    const query = { uploadId: this.#id };
    await this.#ask(() => this.#request({ method: 'DELETE', query, statusCode: 204 }));
  }
}
