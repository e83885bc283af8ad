import { Mailbox, type Message } from '../../web/src/engine/mailbox.js';
import type { Transport } from '../../web/src/engine/transport.js';

/** A transport whose other end is the test. */
export class FakeTransport extends Mailbox implements Transport {
  readonly sent: Message[] = [];
  waitingBytes = 0;

  constructor() {
    super('connecting');
  }

  send(message: Message): void {
    if (this.state.kind !== 'closed') this.sent.push(message);
  }

  close(): void {
    this.become({ kind: 'closed', error: null });
  }

  /** What the session would say. */
  say(message: object | Uint8Array<ArrayBuffer>): void {
    this.deliver(message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  /** The JSON messages that were sent, and takes them away. */
  texts(): unknown[] {
    return this.sent
      .splice(0)
      .filter((message): message is string => typeof message === 'string')
      .map((text) => JSON.parse(text) as unknown);
  }
}
