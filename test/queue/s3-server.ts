import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Stored {
  readonly body: Buffer;
  readonly modified: Date;
  readonly notes: Readonly<Record<string, string>>;
}

interface OfUpload {
  readonly uploadId: string;
  readonly body: Buffer;
  readonly refuse: (status: number, code: string) => void;
}

const notesOf = ({ headers }: IncomingMessage): Stored['notes'] =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith('x-amz-meta-'))
      .map(([name, value]) => [name, String(value)]),
  );

const etagOf = (body: Buffer): string => `"${createHash('md5').update(body).digest('hex')}"`;

const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

/**
 * As much of S3's protocol as a batch needs, in memory, for these tests alone: objects, their notes and dates, lists,
 * conditions, and signatures (AWS Signature Version 4), each checked. No package of npm or Debian serves S3 to Node 20
 * without a daemon to set up; a real store is told apart from this one by nothing that Frameloom relies on.
 */
export class S3Server {
  readonly objects = new Map<string, Stored>();
  /** Parts of what is not completed yet, by the upload. */
  readonly uploads = new Map<
    string,
    { readonly notes: Stored['notes']; readonly parts: Map<number, Buffer> }
  >();
  /** Answers so many times that it is busy. */
  busy = 0;
  /** Called when an upload in parts is to be completed. */
  onComplete = (): void => undefined;
  /** So many parts are taken, and then each is refused. */
  partsTaken = Infinity;
  readonly keys = { id: 'tester', secret: 'of nobody' };
  #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async start(): Promise<Record<string, string>> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = this.#server.address() as AddressInfo;
    return {
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
      AWS_REGION: 'eu-test-1',
      AWS_ACCESS_KEY_ID: this.keys.id,
      AWS_SECRET_ACCESS_KEY: this.keys.secret,
    };
  }

  put(key: string, body: Buffer): void {
    this.objects.set(key, { body, modified: new Date(1_700_000_000_000), notes: {} });
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close').catch(() => undefined);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url ?? '/', 'http://s3');
    const [, bucket = '', ...rest] = decodeURIComponent(url.pathname).split('/');
    const key = rest.join('/');
    const refuse = (status: number, code: string): void => {
      response.writeHead(status, { 'content-type': 'application/xml' });
      const text = `<Error><Code>${code}</Code><Message>${code}</Message></Error>`;
      response.end(request.method === 'HEAD' ? undefined : text);
    };
    if (this.busy > 0) {
      this.busy -= 1;
      return refuse(503, 'SlowDown');
    }
    if (!this.#isSigned(request, url, body)) return refuse(403, 'SignatureDoesNotMatch');
    if (bucket !== 'films') return refuse(404, 'NoSuchBucket');
    const uploadId = url.searchParams.get('uploadId');
    if (uploadId !== null && request.method !== 'POST') {
      return this.#part(request, response, { uploadId, url, body, refuse });
    }
    if (request.method === 'POST' && uploadId === null) {
      const id = String(this.uploads.size + 1);
      this.uploads.set(id, { notes: notesOf(request), parts: new Map() });
      return void response.end(
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    if (request.method === 'PUT' || request.method === 'POST') {
      if (uploadId !== null) this.onComplete();
      const there = this.objects.get(key);
      const { 'if-match': match, 'if-none-match': none } = request.headers;
      const bad =
        none === '*'
          ? there
          : match !== undefined && (!there || !etagOf(there.body).includes(match));
      if (bad) return refuse(412, 'PreconditionFailed');
      if (uploadId !== null) return this.#complete(key, response, { uploadId, body, refuse });
      this.objects.set(key, { body, modified: new Date(), notes: notesOf(request) });
      response.writeHead(200, { etag: etagOf(body) });
      return void response.end();
    }
    const there = this.objects.get(key);
    if (key === '') return this.#list(url.searchParams.get('prefix') ?? '', response);
    if (!there) return refuse(404, 'NoSuchKey');
    response.writeHead(200, {
      ...there.notes,
      etag: etagOf(there.body),
      'last-modified': there.modified.toUTCString(),
      'content-length': there.body.length,
    });
    response.end(request.method === 'HEAD' ? undefined : there.body);
  }

  #part(
    { method }: IncomingMessage,
    response: ServerResponse,
    { uploadId, url, body, refuse }: OfUpload & { readonly url: URL },
  ): void {
    const parts = this.uploads.get(uploadId)?.parts;
    if (!parts) return refuse(404, 'NoSuchUpload');
    if (method === 'DELETE') {
      this.uploads.delete(uploadId);
      response.writeHead(204);
      return void response.end();
    }
    if (this.partsTaken <= 0) return refuse(403, 'AccessDenied');
    this.partsTaken -= 1;
    parts.set(Number(url.searchParams.get('partNumber')), body);
    response.writeHead(200, { etag: etagOf(body) });
    response.end();
  }

  #complete(key: string, response: ServerResponse, { uploadId, body, refuse }: OfUpload): void {
    const upload = this.uploads.get(uploadId);
    if (!upload) return refuse(404, 'NoSuchUpload');
    const named = [
      ...body.toString().matchAll(/<PartNumber>(\d+)<.*?<ETag>(?:"|&quot;)?(\w+)/g),
    ].map(([, number, etag]) => {
      const part = upload.parts.get(Number(number));
      return part && etagOf(part) === `"${etag}"` ? part : undefined;
    });
    if (named.length === 0 || named.includes(undefined)) return refuse(400, 'InvalidPart');
    this.uploads.delete(uploadId);
    const whole = Buffer.concat(named as Buffer[]);
    this.objects.set(key, { body: whole, modified: new Date(), notes: upload.notes });
    response.end('<CompleteMultipartUploadResult></CompleteMultipartUploadResult>');
  }

  #list(prefix: string, response: ServerResponse): void {
    const found = [...this.objects].filter(([key]) => key.startsWith(prefix)).sort();
    const contents = found.map(
      ([key, { body, modified }]) =>
        `<Contents><Key>${key}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>${etagOf(body)}</ETag><Size>${body.length}</Size></Contents>`,
    );
    response.writeHead(200, { 'content-type': 'application/xml' });
    response.end(
      `<ListBucketResult><Name>films</Name><IsTruncated>false</IsTruncated><KeyCount>${found.length}</KeyCount>${contents.join('')}</ListBucketResult>`,
    );
  }

  /** Signature Version 4, as docs.aws.amazon.com describes it. */
  #isSigned({ headers, method = '' }: IncomingMessage, url: URL, body: Buffer): boolean {
    const digest = createHash('sha256').update(body).digest('hex');
    const fields =
      /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(
        headers.authorization ?? '',
      );
    if (headers['x-amz-content-sha256'] !== digest || !fields) return false;
    const [, credential = '', signed = '', signature] = fields;
    const [id, day = '', region = '', service = ''] = credential.split('/');
    const query = [...url.searchParams]
      .map((pair) => pair.map(encodeURIComponent).join('='))
      .sort();
    const named = signed.split(';');
    const lines = named.map((name) => `${name}:${String(headers[name]).trim()}\n`).join('');
    const canonical = [method, url.pathname, query.join('&'), lines, signed, digest].join('\n');
    const scope = [day, region, service, 'aws4_request'].join('/');
    const hash = createHash('sha256').update(canonical).digest('hex');
    const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, hash].join('\n');
    const key = ['aws4_request', service, region, day].reduceRight<Buffer>(
      (from, word) => hmac(from, word),
      Buffer.from(`AWS4${this.keys.secret}`),
    );
    return id === this.keys.id && hmac(key, text).toString('hex') === signature;
  }
}
