import { messageOf } from '../../../src/base/error.js';
import { encodeServer } from '../../../src/play/live/protocol.js';
import { Mailbox, type Message } from './mailbox.js';
import type { Transport, TransportError } from './transport.js';
import type { FromWorker, OpenOrder, ToWorker } from './worker-messages.js';

/** How long it may take to end what it is at. */
const GOODBYE_MS = 5000;

const bytesOf = (message: Message): number => message.length;

/** A live session in a worker of the page. */
export class WorkerTransport implements Transport {
  readonly #box = new Mailbox('starting the generator in this page');
  readonly #worker: Worker;
  /** Bytes of the messages that it has not taken yet, oldest first, and how many it has taken. */
  readonly #waiting: number[] = [];
  #taken = 0;

  readonly #onOpen: (() => Promise<void>) | undefined;

  /** @param onOpen what is to be done once it is open; what it fails with is told as a warning */
  constructor(order: OpenOrder, onOpen?: () => Promise<void>) {
    this.#onOpen = onOpen;
    this.#worker = new Worker(new URL('./worker/main.ts', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end({
        message: `the page's engine failed: ${event.message || 'its code cannot be loaded'}`,
        hint: 'reload the page',
      });
    };
    this.#post(order, []);
  }

  get state() {
    return this.#box.state;
  }

  get waitingBytes(): number {
    return this.#waiting.reduce((sum, bytes) => sum + bytes, 0);
  }

  onMessage(listener: Parameters<Transport['onMessage']>[0]): void {
    this.#box.onMessage(listener);
  }

  onState(listener: Parameters<Transport['onState']>[0]): void {
    this.#box.onState(listener);
  }

  send(message: Message): void {
    if (this.state.kind === 'closed') return;
    this.#waiting.push(bytesOf(message));
    this.#post(message, typeof message === 'string' ? [] : [message.buffer]);
  }

  close(): void {
    if (this.state.kind === 'closed') return;
    this.#waiting.length = 0;
    this.#box.become({ kind: 'closed', error: null });
    this.#post({ close: true }, []);
    setTimeout(() => this.#worker.terminate(), GOODBYE_MS);
  }

  #post(message: ToWorker, transfer: Transferable[]): void {
    this.#worker.postMessage(message, transfer);
  }

  #hear(heard: FromWorker): void {
    if (typeof heard === 'string' || heard instanceof Uint8Array) return this.#box.deliver(heard);
    switch (heard.news) {
      case 'doing':
        return this.#box.become({ kind: 'opening', doing: heard.doing });
      case 'open':
        this.#box.become({ kind: 'open' });
        this.#onOpen?.().catch((error: unknown) =>
          this.#box.deliver(encodeServer({ type: 'warning', message: messageOf(error) })),
        );
        return;
      case 'taken':
        this.#waiting.splice(0, heard.messages - this.#taken);
        this.#taken = heard.messages;
        return;
      case 'closed':
        return this.#end(heard.error);
    }
  }

  #end(error: TransportError): void {
    this.#worker.terminate();
    this.#waiting.length = 0;
    this.#box.become({ kind: 'closed', error });
  }
}
