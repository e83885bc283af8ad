import type { PlayClock } from '../clock.js';
import { encodePacket, type PacketParts, type SessionKind } from './packets.js';

/** Frames that a page may have been sent and not taken: one on its way, and one that it draws. */
const MOST_UNTAKEN = 2;
/** How long a page may take none before it counts as gone. */
const PATIENCE_MS = 2000;

type FramePacket = PacketParts<SessionKind>;

/**
 * Frames on their way to a page. One that has not taken those before gets no more: the newest waits for it, and what
 * was made in between is not sent, so that neither memory nor the page's lag grows.
 */
export class Outbox {
  readonly #send: (message: Uint8Array<ArrayBuffer>) => void;
  readonly #clock: PlayClock;
  /** Numbers of frames that were sent and not taken. */
  #untaken: number[] = [];
  #waiting: readonly FramePacket[] | null = null;
  #unsent = 0;
  #takenMs: number;

  constructor(send: (message: Uint8Array<ArrayBuffer>) => void, clock: PlayClock) {
    this.#send = send;
    this.#clock = clock;
    this.#takenMs = clock.now();
  }

  /** Frames that were made and not sent. */
  get unsent(): number {
    return this.#unsent;
  }

  /** Whether nobody seems to be there: nothing was taken for two seconds, though there was something to take. */
  get isUnread(): boolean {
    return this.#untaken.length >= MOST_UNTAKEN && this.#clock.now() - this.#takenMs > PATIENCE_MS;
  }

  /** Sends a frame, and what belongs to it in front, or keeps it until the page can take it. */
  put(packets: readonly FramePacket[], number: number): void {
    if (this.#untaken.length >= MOST_UNTAKEN) {
      if (this.#waiting) this.#unsent += 1;
      this.#waiting = packets;
      return;
    }
    if (this.#untaken.length === 0) this.#takenMs = this.#clock.now();
    this.#untaken.push(number);
    for (const packet of packets) this.#send(encodePacket(packet));
  }

  /** The page has taken this frame, and those before it. */
  taken(number: number): void {
    const left = this.#untaken.filter((sent) => sent > number);
    // Of frames that were never sent it says nothing.
    if (left.length === this.#untaken.length) return;
    this.#untaken = left;
    this.#takenMs = this.#clock.now();
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting) this.put(waiting, waiting.at(-1)!.number ?? 0);
  }

  /** Forgets what waits: it is of a world that is no more. */
  clear(): void {
    this.#waiting = null;
  }
}
