import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import { encodeClient } from '../../src/play/live/protocol.js';
import { API, subprotocols } from '../../src/serve/page-api.js';
import { inBench } from '../support/files.js';

/** `frameloom live` as a process of its own, as people start it. */
export interface LiveProcess {
  readonly url: string;
  readonly startedMs: number;
  readonly pid: number;
  /** Connects a client that reads and says so; counts frames. @param newest told of each frame */
  client(newest?: (atMs: number) => void): Promise<LiveClient>;
  stop(): Promise<void>;
}

export interface LiveClient {
  frames: number;
  readonly socket: WebSocket;
}

const FRAME = 65;

export async function startLive(place: string, words: readonly string[]): Promise<LiveProcess> {
  const startedMs = performance.now();
  const child = spawn(
    process.execPath,
    [inBench('../dist/cli/main.js'), 'live', place, '--no-open', ...words],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  while (!out.includes('\n')) {
    await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`frameloom live ended with ${String(code)}`);
      }),
    ]);
  }
  const url = new URL(out.trim().split('\n')[0]!);
  const token = new URLSearchParams(url.hash.slice(1)).get('token')!;
  return {
    ...{ url: url.href, startedMs, pid: child.pid! },
    async client(newest) {
      const socket = new WebSocket(`ws://${url.host}${API.session}`, subprotocols(token));
      const client: LiveClient = { frames: 0, socket };
      socket.on('message', (data: Buffer, binary) => {
        if (!binary || data[0] !== FRAME) return;
        client.frames += 1;
        newest?.(performance.now());
        socket.send(encodeClient({ type: 'shown', frame: data.readUInt32LE(8) }));
      });
      await once(socket, 'open');
      socket.send(encodeClient({ type: 'hello', protocol: 1 }));
      return client;
    },
    async stop() {
      if (child.exitCode !== null) return;
      child.kill('SIGINT');
      await once(child, 'exit');
    },
  };
}

/** Bytes that a process holds in memory. */
export const residentOf = (pid: number): number =>
  1024 * Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

export const pause = (ms: number): Promise<void> => new Promise((after) => setTimeout(after, ms));
