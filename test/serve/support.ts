import { mkdtemp, mkdir, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { subprotocols } from '../../src/serve/page-api.js';
import type { RunningServer } from '../../src/serve/server.js';

/** A page that is only there to be served. */
export async function placeholderPage(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'frameloom-page-'));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>page</title>');
  await writeFile(join(folder, 'assets', 'main.js'), 'export {};');
  await writeFile(join(folder, 'assets', 'ort.wasm'), new Uint8Array(3_000_000));
  return folder;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Asks for exactly the path that is given: nothing is resolved before it is sent. */
export function ask(
  { port, token }: Pick<RunningServer, 'port' | 'token'>,
  path: string,
  options: {
    method?: string;
    headers?: Record<string, string>;
    body?: Uint8Array | string;
    withToken?: boolean;
  } = {},
): Promise<Answer> {
  const { method = 'GET', headers = {}, body, withToken = path.startsWith('/api') } = options;
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        ...{ port, method, path, agent: false },
        headers: { ...(withToken && { authorization: `Bearer ${token}` }), ...headers },
      },
      (response) => {
        let text = '';
        response.setEncoding('latin1').on('data', (part: string) => (text += part));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** A client of a WebSocket; `opened` rejects with what the server answered instead. */
export function dial(
  { port, token }: Pick<RunningServer, 'port' | 'token'>,
  path: string,
  options: { headers?: Record<string, string>; protocols?: string[] } = {},
): { socket: WebSocket; opened: Promise<void>; closed: Promise<{ code: number; reason: string }> } {
  const { headers = {}, protocols = subprotocols(token) } = options;
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { headers });
  socket.binaryType = 'nodebuffer';
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('unexpected-response', (_request, response) => {
      reject(new Error(`status ${response.statusCode}`));
      response.resume();
      socket.terminate();
    });
    socket.on('error', reject);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  opened.catch(() => undefined);
  return { socket, opened, closed };
}

/** A connection that says nothing. */
export function silent(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    socket.once('connect', () => resolve(socket));
    socket.once('close', () => resolve(socket));
  });
}

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** Says words of HTTP as they are, then a chunk again and again. @returns what is answered, up to the end of it */
export function say(port: number, head: string, chunk?: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    const more = (): void => {
      while (chunk && !socket.destroyed && answer === '' && socket.write(chunk));
    };
    socket.on('data', (data) => (answer += data.toString('latin1')));
    socket.on('drain', more).on('error', () => undefined);
    socket.once('close', () => resolve(answer));
    socket.write(head, more);
  });
}

/** Waits for what comes to be. */
export async function until<T>(
  found: () => T | undefined | false,
  what: string,
  timeoutMs = 30_000,
): Promise<T> {
  for (const started = performance.now(); ; await sleep(5)) {
    const it = found();
    if (it !== undefined && it !== false) return it;
    if (performance.now() - started > timeoutMs) throw new Error(`waited in vain for ${what}`);
  }
}
