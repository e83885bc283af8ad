import { decodeClient, encodeClient } from '../../../src/play/live/protocol.js';
import type { ClientMessage } from '../../../src/play/live/messages.js';
import type { Message } from './mailbox.js';

/** What stays said: the newest of each of these holds until another is said. */
const LASTING = {
  size: 'size',
  style: 'style',
  seed: 'seed',
  fps: 'fps',
  speed: 'speed',
  base: 'base',
  actions: 'actions',
  play: 'pace',
  pause: 'pace',
} as const satisfies Partial<Record<ClientMessage['type'], string>>;

/** In which order it is said again: another size or look is another model, and what plays is asked for last. */
const ORDER = ['size', 'style', 'seed', 'fps', 'speed', 'base', 'actions', 'pace'] as const;

const isLasting = (type: ClientMessage['type']): type is keyof typeof LASTING =>
  Object.hasOwn(LASTING, type);

/** Binary messages that hold a drawing: a condition, or one over a clip's own. */
const DRAWINGS = [1, 4];
/** Of what is asked once, before it is open: a page that is never answered asks no more. */
const MOST_WAITING = 256;

/**
 * What a page has asked of a session that a new one must be told, since a session ends with its connection: all but
 * the history of frames, which is lost. A recording ends too; the server keeps what came.
 */
export class Remembered {
  #hello: string | undefined;
  readonly #lasting = new Map<(typeof ORDER)[number], string>();
  /** The newest drawing. */
  #drawing: Uint8Array<ArrayBuffer> | undefined;
  /** What is asked once and has not been sent. */
  #waiting: Message[] = [];

  /** @param sent whether it is sent at once */
  note(message: Message, sent: boolean): void {
    if (typeof message !== 'string') {
      // Whoever sends it hands its buffer over; a socket copies it.
      if (DRAWINGS.includes(message[0] ?? 0)) this.#drawing = message;
      else if (!sent) this.#wait(message);
      return;
    }
    const decoded = decodeClient(message);
    const { type } = decoded;
    if (type === 'hello') this.#hello = message;
    else if (type === 'reset') {
      if (decoded.seed !== undefined) {
        this.#lasting.set('seed', encodeClient({ type: 'seed', seed: decoded.seed }));
      }
    } else if (type === 'step') {
      this.#lasting.set('pace', encodeClient({ type: 'pause' }));
      if (!sent) this.#wait(message);
    } else if (isLasting(type)) this.#lasting.set(LASTING[type], message);
    else if (!sent) this.#wait(message);
  }

  /** In order, to be sent to a new session. */
  messages(): Message[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    const texts = [this.#hello, ...ORDER.map((name) => this.#lasting.get(name))];
    const said: Message[] = texts.filter((text) => text !== undefined);
    return [...said, ...(this.#drawing ? [this.#drawing] : []), ...waiting];
  }

  #wait(message: Message): void {
    this.#waiting.push(message);
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
  }
}
