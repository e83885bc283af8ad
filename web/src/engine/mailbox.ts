import type { Transport, TransportState } from './transport.js';

export type Message = string | Uint8Array<ArrayBuffer>;

/** The listeners' side of a transport: what comes before there is a listener waits for it. */
export class Mailbox implements Pick<Transport, 'onMessage' | 'onState'> {
  state: TransportState;
  #message: ((message: Message) => void) | undefined;
  #state: ((state: TransportState) => void) | undefined;
  readonly #early: Message[] = [];

  constructor(doing: string) {
    this.state = { kind: 'opening', doing };
  }

  onMessage(listener: (message: Message) => void): void {
    this.#message = listener;
    for (const message of this.#early.splice(0)) listener(message);
  }

  onState(listener: (state: TransportState) => void): void {
    this.#state = listener;
    listener(this.state);
  }

  deliver(message: Message): void {
    if (this.state.kind === 'closed') return;
    if (this.#message) this.#message(message);
    else this.#early.push(message);
  }

  become(state: TransportState): void {
    if (this.state.kind === 'closed') return;
    this.state = state;
    this.#state?.(state);
  }
}
