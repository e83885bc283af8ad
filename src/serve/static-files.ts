import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { getMimeType } from 'hono/utils/mime';
import { FrameloomError, messageOf } from '../base/error.js';

/** A file that may be served. */
export interface StaticFile {
  readonly path: string;
  readonly bytes: number;
  readonly type: string;
  readonly etag: string;
}

/** What may be served, by its path in an address: `/` and `/assets/main-1a2b.js`. */
export type StaticFiles = ReadonlyMap<string, StaticFile>;

const typeOf = (name: string): string =>
  name.endsWith('.onnx')
    ? 'application/octet-stream'
    : (getMimeType(name) ?? 'application/octet-stream');

/**
 * Lists what lies in a folder. Only what is in the list is ever served: no path of an address becomes a path of the
 * disk, so that none can lead out of the folder. Links that lead out of it are not in the list.
 * @param index the file that is given for `/`
 * @throws FrameloomError not-found where there is no page
 */
export async function listStaticFiles(folder: string, index = 'index.html'): Promise<StaticFiles> {
  const missing = (cause?: unknown): FrameloomError =>
    new FrameloomError(
      'not-found',
      `the page is not built: ${cause === undefined ? `${folder} has no ${index}` : messageOf(cause)}`,
      { path: folder, hint: 'run: npm run build', cause },
    );
  const files = new Map<string, StaticFile>();
  let root: string;
  try {
    root = await realpath(folder);
    for (const name of await readdir(root, { recursive: true })) {
      const path = await realpath(join(root, name));
      const facts = await stat(path);
      if (!facts.isFile() || relative(root, path).startsWith('..')) continue;
      files.set(`/${name.split(sep).join('/')}`, {
        ...{ path, bytes: facts.size, type: typeOf(name) },
        etag: `"${facts.size.toString(36)}-${Math.round(facts.mtimeMs).toString(36)}"`,
      });
    }
  } catch (error) {
    throw missing(error);
  }
  const first = files.get(`/${index}`);
  if (!first) throw missing();
  return files.set('/', first);
}

/** The file's answer; 304 where the browser has it. */
export function answerWith(file: StaticFile, request: Request): Response {
  const headers = { ETag: file.etag, 'Cache-Control': 'no-cache' };
  if (request.headers.get('if-none-match') === file.etag) {
    return new Response(null, { status: 304, headers });
  }
  // Sent as it is read: a client that reads slowly holds a piece of it in memory, not the whole.
  const body =
    request.method === 'HEAD'
      ? null
      : (Readable.toWeb(createReadStream(file.path)) as ReadableStream<Uint8Array>);
  return new Response(body, {
    headers: { ...headers, 'Content-Type': file.type, 'Content-Length': String(file.bytes) },
  });
}
