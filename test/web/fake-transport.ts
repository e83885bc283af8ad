import type { Transport, TransportState } from '../../web/src/engine/transport.js';

type Message = string | Uint8Array<ArrayBuffer>;

/** A transport whose other end is the test. */
export class FakeTransport implements Transport {
  readonly sent: Message[] = [];
  state: TransportState = { kind: 'opening', doing: 'connecting' };
  waitingBytes = 0;
  #message: ((message: Message) => void) | undefined;
  #state: ((state: TransportState) => void) | undefined;
  readonly #early: Message[] = [];

  send(message: Message): void {
    if (this.state.kind !== 'closed') this.sent.push(message);
  }

  onMessage(listener: (message: Message) => void): void {
    this.#message = listener;
    for (const message of this.#early.splice(0)) listener(message);
  }

  onState(listener: (state: TransportState) => void): void {
    this.#state = listener;
    listener(this.state);
  }

  close(): void {
    this.become({ kind: 'closed', error: null });
  }

  /** What the session would say. */
  say(message: object | Uint8Array<ArrayBuffer>): void {
    const given = message instanceof Uint8Array ? message : JSON.stringify(message);
    if (this.#message) this.#message(given);
    else this.#early.push(given);
  }

  become(state: TransportState): void {
    if (this.state.kind === 'closed') return;
    this.state = state;
    this.#state?.(state);
  }

  /** The JSON messages that were sent, and takes them away. */
  texts(): unknown[] {
    return this.sent
      .splice(0)
      .filter((message): message is string => typeof message === 'string')
      .map((text) => JSON.parse(text) as unknown);
  }
}
