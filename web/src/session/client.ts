import { decodeServer, encodeClient } from '../../../src/play/live/protocol.js';
import {
  PROTOCOL,
  type ClientMessage,
  type FiguresMessage,
  type ModelMessage,
  type ServerMessage,
  type StateMessage,
} from '../../../src/play/live/messages.js';
import {
  decodeFromSession,
  encodePacket,
  HEADER_BYTES,
  type Packet,
  type PageKind,
  type SessionKind,
} from '../../../src/play/live/packets.js';
import type { Transport, TransportState } from '../engine/transport.js';

/** What went wrong, for people. */
export interface Problem {
  readonly message: string;
  readonly hint: string | null;
  /** Whether the session has ended by it. */
  readonly fatal: boolean;
}

type Recorded = Extract<ServerMessage, { type: 'recorded' }>;

/** What a session tells the page, each where somebody listens. */
export interface SessionEvents {
  model(model: ModelMessage): void;
  state(state: StateMessage): void;
  figures(figures: FiguresMessage): void;
  frame(packet: Packet<SessionKind>): void;
  /** A condition that the session made, or played: of a clip, of a picture, or what a frame was made of. */
  condition(packet: Packet<SessionKind>): void;
  recorded(recorded: Recorded): void;
  problem(problem: Problem): void;
  warning(message: string): void;
  transport(state: TransportState): void;
}

/**
 * One live session, whichever engine runs it. Messages are decoded here and nowhere else in the page.
 */
export class SessionClient {
  readonly #transport: Transport;
  readonly #events: SessionEvents;
  #model: ModelMessage | null = null;
  #state: StateMessage | null = null;
  #sent = 0;
  #isClosed = false;

  constructor(transport: Transport, events: SessionEvents) {
    this.#transport = transport;
    this.#events = events;
    this.send({ type: 'hello', protocol: PROTOCOL });
    transport.onMessage((message) => this.#receive(message));
    transport.onState((state) => {
      if (!this.#isClosed) events.transport(state);
    });
  }

  get model(): ModelMessage | null {
    return this.#model;
  }

  get state(): StateMessage | null {
    return this.#state;
  }

  /** Whether what was sent has left: a newer drawing is sent only then, and none is ever queued. */
  get isFree(): boolean {
    return this.#transport.waitingBytes === 0;
  }

  send(message: ClientMessage): void {
    this.#transport.send(encodeClient(message));
  }

  /**
   * A condition, an overlay or a picture.
   * @returns its number: a frame whose `newest` is at least that was made with it, or with a newer one
   */
  sendPixels(kind: PageKind, width: number, height: number, pixels: Uint8Array): number {
    this.#sent += 1;
    this.#transport.send(encodePacket({ kind, width, height, number: this.#sent, pixels }));
    return this.#sent;
  }

  close(): void {
    this.#isClosed = true;
    this.#transport.close();
  }

  #receive(message: string | Uint8Array<ArrayBuffer>): void {
    if (this.#isClosed) return;
    try {
      if (typeof message === 'string') this.#take(decodeServer(message));
      else this.#takePacket(decodeFromSession(message, this.#model?.layout.bytesPerPixel ?? 0));
    } catch (error) {
      // What cannot be understood is no reason to go on as if nothing had been said.
      this.#events.problem({
        message: error instanceof Error ? error.message : String(error),
        hint: 'reload the page',
        fatal: false,
      });
    }
  }

  #take(message: ServerMessage): void {
    switch (message.type) {
      case 'model':
        this.#model = message;
        this.#events.model(message);
        break;
      case 'state':
        this.#state = message;
        this.#events.state(message);
        break;
      case 'figures':
        this.#events.figures(message);
        break;
      case 'recorded':
        this.#events.recorded(message);
        break;
      case 'warning':
        this.#events.warning(message.message);
        break;
      case 'error':
        this.#events.problem(message);
        break;
    }
  }

  #takePacket(packet: Packet<SessionKind>): void {
    if (packet.kind === 'frame') this.#events.frame(packet);
    else this.#events.condition(packet);
  }
}

export { HEADER_BYTES };
