import { FrameloomError } from '../../base/error.js';
import { assertInClip } from './base.js';
import type { ClientMessage } from './messages.js';
import { encodePacket } from './packets.js';
import type { LiveClips, Size } from './services.js';

/** Requests that may wait. */
const MOST_REQUESTS = 4;
/** Conditions that are read at once. */
const AT_ONCE = 8;

/** Sends conditions of clips, one request after the other, as fast as they leave. */
export class ClipSender {
  readonly #clips: LiveClips | undefined;
  readonly #send: (message: Uint8Array<ArrayBuffer>) => void;
  readonly #drained: () => Promise<void>;
  readonly #fail: (error: unknown) => void;
  #requests = 0;
  #last: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: {
    readonly clips: LiveClips | undefined;
    readonly send: (message: Uint8Array<ArrayBuffer>) => void;
    readonly drained: () => Promise<void>;
    readonly fail: (error: unknown) => void;
  }) {
    this.#clips = options.clips;
    this.#send = options.send;
    this.#drained = options.drained;
    this.#fail = options.fail;
  }

  /** @throws FrameloomError bad-option where there is no such clip or frame; bad-call where too many wait */
  request({ clip, first, count }: Extract<ClientMessage, { type: 'clip' }>, size: Size): void {
    const clips = this.#clips;
    assertInClip(clips, clip, first);
    if (this.#requests >= MOST_REQUESTS) {
      throw new FrameloomError('bad-call', 'too many requests of clips wait already', {
        hint: 'wait for their packets',
      });
    }
    this.#requests += 1;
    const end = Math.min(clips.list[clip]!.frames, first + count);
    const send = async (): Promise<void> => {
      for (let at = first; at < end; at += AT_ONCE) {
        if (this.#isOver()) return;
        const read = await clips.conditions(clip, at, Math.min(AT_ONCE, end - at), size);
        for (const [i, pixels] of read.entries()) {
          await this.#drained();
          if (this.#isOver()) return;
          this.#send(encodePacket({ kind: 'clip', ...size, clip, number: at + i, pixels }));
        }
      }
    };
    this.#last = this.#last
      .then(send)
      .catch(this.#fail)
      .finally(() => (this.#requests -= 1));
  }

  #isOver(): boolean {
    return this.#ended;
  }

  end(): void {
    this.#ended = true;
  }
}
