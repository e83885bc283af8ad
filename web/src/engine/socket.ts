import { messageOf } from '../../../src/base/error.js';
import { Mailbox, type Message } from './mailbox.js';
import { Remembered } from './remembered.js';
import type { Transport, TransportError } from './transport.js';

export interface SocketOptions {
  readonly url: string;
  readonly protocols: readonly string[];
  /** Asked after a connection could not be made, since browsers do not say why: null where the server would take it. */
  readonly whyRefused: () => Promise<TransportError | null>;
  readonly timing?: Partial<SocketTiming> | undefined;
  /** The browser's own unless given. */
  readonly WebSocket?: SocketClass | undefined;
}

/** A WebSocket, as far as it is used here. */
interface Socket {
  binaryType: string;
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: (() => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(message: Message): void;
  close(): void;
}
export type SocketClass = new (url: string, protocols: string[]) => Socket;

export interface SocketTiming {
  /** Of the first wait before it is tried again; each further one is twice as long. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** How long a connection must have held to count as one. */
  readonly steadyMs: number;
}

const TIMING: SocketTiming = { firstMs: 250, longestMs: 8000, steadyMs: 5000 };

/** A server that ends a connection by its rules (RFC 6455) does so again. */
const POLICY = 1008;
const TOO_BIG = 1009;
const UNSUPPORTED = 1003;

/**
 * A live session behind a WebSocket. A connection that is lost is made again, after 0.25 s, 0.5 s … 8 s: the state goes
 * back to `opening` and says so; the new session is told all that the old one was asked, and begins with a new history.
 */
export class SocketTransport implements Transport {
  readonly #box = new Mailbox('connecting to the server');
  readonly #options: SocketOptions;
  readonly #timing: SocketTiming;
  readonly #remembered = new Remembered();
  #socket: Socket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Connections in a row that did not hold. */
  #failed = 0;

  constructor(options: SocketOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.#connect();
  }

  get state() {
    return this.#box.state;
  }

  get waitingBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  onMessage(listener: Parameters<Transport['onMessage']>[0]): void {
    this.#box.onMessage(listener);
  }

  onState(listener: Parameters<Transport['onState']>[0]): void {
    this.#box.onState(listener);
  }

  send(message: Message): void {
    if (this.state.kind === 'closed') return;
    const socket = this.state.kind === 'open' ? this.#socket : null;
    // What is said before it is open is said by `#opened`, of what lasts the newest alone.
    this.#remembered.note(message, socket !== null);
    socket?.send(message);
  }

  close(): void {
    this.#end(null);
  }

  #connect(): void {
    const { url, protocols } = this.#options;
    const Socket =
      this.#options.WebSocket ?? (globalThis as unknown as { WebSocket: SocketClass }).WebSocket;
    let socket: Socket;
    try {
      socket = new Socket(url, [...protocols]);
    } catch (error) {
      return this.#end({ message: `the server cannot be reached: ${messageOf(error)}` });
    }
    let openedMs: number | null = null;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      openedMs = performance.now();
      this.#opened(socket);
    };
    socket.onmessage = ({ data }) =>
      this.#box.deliver(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer));
    // Says nothing of what is wrong, and `onclose` comes after it.
    socket.onerror = () => undefined;
    socket.onclose = ({ code, reason }) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      const held = openedMs === null ? 0 : performance.now() - openedMs;
      if (held >= this.#timing.steadyMs) this.#failed = 0;
      void this.#lost({ code, reason, wasOpen: openedMs !== null });
    };
    this.#socket = socket;
  }

  #opened(socket: Socket): void {
    for (const message of this.#remembered.messages()) socket.send(message);
    this.#box.become({ kind: 'open' });
  }

  async #lost(how: { code: number; reason: string; wasOpen: boolean }): Promise<void> {
    const { code, reason, wasOpen } = how;
    if ([POLICY, TOO_BIG, UNSUPPORTED].includes(code)) {
      return this.#end({
        message: `the server ended the session: ${reason || `code ${code}`}`,
        hint: 'reload the page',
      });
    }
    const waitMs = Math.min(this.#timing.firstMs * 2 ** this.#failed, this.#timing.longestMs);
    this.#failed += 1;
    const what = wasOpen ? 'the connection to the server was lost' : 'the server cannot be reached';
    const soon = `${what}${reason === '' ? '' : ` (${reason})`}: trying again in ${(waitMs / 1000).toFixed(1)} s, attempt ${this.#failed}`;
    this.#box.become({ kind: 'opening', doing: soon });
    if (!wasOpen) {
      const why = await this.#options.whyRefused();
      if (why) return this.#end(why);
    }
    if (this.state.kind === 'closed') return;
    this.#timer = setTimeout(() => this.#connect(), waitMs);
  }

  #end(error: TransportError | null): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#box.become({ kind: 'closed', error });
  }
}
