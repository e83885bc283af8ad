import { MOST_MESSAGE_BYTES } from '../play/live/packets.js';

/** What one client, or all together, may ask of the server. What is beyond is refused with words, never queued. */
export const LIMITS = {
  /** TCP connections at once: a browser takes 6 for a page and one for each WebSocket. */
  connections: 100,
  /** WebSockets at once, of all kinds. */
  sockets: 24,
  /** Live sessions at once: each makes frames on the same engine. */
  sessions: 8,
  /** Bytes of one message: the largest picture of a page. */
  messageBytes: MOST_MESSAGE_BYTES,
  /** A drawing that moves with a pen of 240 Hz fits, and what it is acknowledged by. */
  messagesPerSecond: 600,
  /** Seconds over which the rate is taken: so long may a client send all at once what it saved. */
  rateSeconds: 3,
  drawingBytes: 16 << 20,
  drawings: 10_000,
  mapFrames: 64,
  /** Bytes that wait for a client to read them. Beyond, frames are dropped. */
  waitingBytes: 4 << 20,
  /** Bytes that a client never reads, of messages that must not be dropped: its connection then ends. */
  unreadBytes: 16 << 20,
  /** Bytes of a recording that wait to be written: a page hears of what is, and sends no more than a second ahead. */
  recordedBytes: 256 << 20,
  headersMs: 3_000,
  requestMs: 60_000,
  idleMs: 5_000,
} as const;

/** Counts messages against a rate, with room for a burst: a bucket that fills as time passes. */
export class RateMeter {
  readonly #perSecond: number;
  readonly #most: number;
  readonly #now: () => number;
  #room: number;
  #last: number;

  /** @param now milliseconds of a clock that only goes forward */
  constructor(
    perSecond: number,
    burstSeconds: number,
    now: () => number = () => performance.now(),
  ) {
    this.#perSecond = perSecond;
    this.#most = perSecond * burstSeconds;
    this.#now = now;
    this.#room = this.#most;
    this.#last = now();
  }

  /** Takes one message. @returns whether there was room for it */
  take(): boolean {
    const now = this.#now();
    this.#room = Math.min(this.#most, this.#room + ((now - this.#last) / 1000) * this.#perSecond);
    this.#last = now;
    if (this.#room < 1) return false;
    this.#room -= 1;
    return true;
  }
}
