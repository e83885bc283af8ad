import { FrameloomError } from '../../../../src/base/error.js';
import { subprotocols } from '../../../../src/serve/page-api.js';
import type { ServerSource } from '../worker-messages.js';

/** A WebSocket of the server, beside the session. What comes before it is listened to waits. */
export class ServerSocket {
  readonly #socket: WebSocket;
  readonly #opened: Promise<void>;
  /** Told of each message, and of its end with why. */
  onMessage: (data: string | ArrayBuffer) => void = () => undefined;
  onEnd: (error: FrameloomError) => void = () => undefined;

  constructor({ base, token }: Pick<ServerSource, 'base' | 'token'>, path: string) {
    const url = new URL(path, base);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url, subprotocols(token));
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#opened = new Promise((resolve, reject) => {
      const lost = (reason: string): FrameloomError =>
        new FrameloomError('not-found', `the server ended the connection${reason}`, {
          hint: 'is frameloom still running?',
        });
      socket.onopen = () => resolve();
      socket.onclose = ({ reason }) => {
        const error = lost(reason === '' ? '' : `: ${reason}`);
        reject(error);
        this.onEnd(error);
      };
    });
    this.#opened.catch(() => undefined);
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => this.onMessage(data);
  }

  get isOver(): boolean {
    return this.#socket.readyState > WebSocket.OPEN;
  }

  /** @throws FrameloomError not-found where the server has gone */
  async send(message: string | Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#opened;
    this.#socket.send(message);
  }

  close(): void {
    this.#socket.close();
  }
}

/** What a message of the server says is wrong. */
export const errorIn = (told: { readonly message: string; readonly hint?: string | undefined }) =>
  new FrameloomError('bad-input', told.message, told.hint === undefined ? {} : { hint: told.hint });
