import { randomInt } from 'node:crypto';
import { FrameloomError, messageOf } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { formatDuration } from '../base/units.js';
import type { QueueAddress } from './address.js';
import { loadQueueLibrary, type Redis } from './library.js';

export interface LineOptions {
  /** How long a queue that cannot be reached is waited for, each time anew. */
  readonly waitMs: number;
  readonly log?: Logger | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** It is asked again after so long at first, then after twice as long each time. */
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 3000;

/** What Redis answers where asking again is no use. */
const REFUSED =
  /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid password|ERR Client sent AUTH|ERR invalid DB)/;

/** What a server that is spoken to by TLS is not believed for: asking again is no use either. */
const UNTRUSTED =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID)$/;

/**
 * The way to a queue: waits for a Redis that cannot be reached, says so once, and gives up after a stated time.
 */
export class Line {
  readonly address: QueueAddress;
  /** For all but what waits in Redis itself. */
  readonly client: Redis;
  readonly #ended = new AbortController();
  readonly #options: LineOptions;
  readonly #log: Logger;
  #closed = false;
  #downSince: number | undefined;
  #giveUp: NodeJS.Timeout | undefined;
  #lastError = 'no answer';

  private constructor(address: QueueAddress, client: Redis, options: LineOptions) {
    this.address = address;
    this.client = client;
    this.#options = options;
    this.#log = options.log ?? silentLogger;
    client.on('error', (error: unknown) => this.#hear(error));
    client.on('close', () => this.#down());
    client.on('ready', () => this.#up());
  }

  /**
   * @throws FrameloomError not-found without the packages; bad-option where Redis refuses the user; untrusted where its
   *   certificate is not to be trusted; queue where it cannot
   *   be reached in time; what the signal was aborted with
   */
  static async open(address: QueueAddress, options: LineOptions): Promise<Line> {
    const { Redis } = await loadQueueLibrary();
    const client = new Redis(address.url, {
      lazyConnect: true,
      // What was asked waits for the connection: it ends with the line, and not one by one.
      maxRetriesPerRequest: null,
      // Not all at once, when it is back.
      retryStrategy: (times) => {
        const most = Math.min(FIRST_RETRY_MS * 2 ** Math.min(times, 20), LAST_RETRY_MS);
        return randomInt(most / 2, most);
      },
    });
    const line = new Line(address, client, options);
    try {
      const ready = new Promise<void>((resolve) => client.once('ready', resolve));
      // What is wrong is heard above, and asked again.
      client.connect().catch(() => undefined);
      await line.within(ready);
      return line;
    } catch (error) {
      line.close();
      throw error;
    }
  }

  /** Aborted when the queue has been away for too long, with what is to be told. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Whether it cannot be reached now. */
  get isDown(): boolean {
    return this.#downSince !== undefined;
  }

  /**
   * Waits for what Redis is asked, or for the end of the line.
   * @param signal ends the waiting too; that of the line unless given
   * @throws FrameloomError queue, bad-option; what the signal was aborted with
   */
  within<T>(asked: Promise<T>, signal = this.#options.signal): Promise<T> {
    const signals = signal ? [signal, this.ended] : [this.ended];
    // Told by the line, where that ends first.
    asked.catch(() => undefined);
    return new Promise((resolve, reject) => {
      const end = AbortSignal.any(signals);
      const stop = (): void => reject(end.reason as Error);
      if (end.aborted) return stop();
      end.addEventListener('abort', stop, { once: true });
      asked.then(resolve, reject).finally(() => end.removeEventListener('abort', stop));
    });
  }

  #hear(error: unknown): void {
    const text = messageOf(error);
    // Of a host with several addresses only the code says anything.
    const { code = 'no answer' } = error as NodeJS.ErrnoException;
    this.#lastError = text === '' ? code : text.replace(/^connect /, '');
    if (UNTRUSTED.test(code)) return this.#mistrust(text, error);
    if (!REFUSED.test(text)) return this.#down();
    this.#end(
      new FrameloomError('bad-option', `the queue ${this.address.shown} lets nobody in: ${text}`, {
        hint: 'give user and password in the address, or the password by FRAMELOOM_QUEUE_PASSWORD',
        cause: error,
      }),
    );
  }

  #mistrust(text: string, cause: unknown): void {
    this.#end(
      new FrameloomError(
        'untrusted',
        `the certificate of the queue ${this.address.shown} is not to be trusted: ${text}`,
        {
          hint: 'NODE_EXTRA_CA_CERTS=FILE names further certificates to trust, in PEM; the address has to be a name that it is for',
          cause,
        },
      ),
    );
  }

  #down(): void {
    if (this.#closed || this.ended.aborted || this.#downSince !== undefined) return;
    const { waitMs } = this.#options;
    this.#downSince = performance.now();
    const words = `the queue ${this.address.shown} cannot be reached`;
    // The reason comes a moment before or behind the end of the connection.
    setTimeout(() => {
      if (this.#closed || this.#downSince === undefined) return;
      this.#log.warn(
        `${words} (${this.#lastError}): waiting up to ${formatDuration(waitMs / 1000)} for it`,
      );
    }, 20).unref();
    this.#giveUp = setTimeout(() => {
      this.#end(
        new FrameloomError(
          'queue',
          `${words}: ${this.#lastError}; given up after ${formatDuration(waitMs / 1000)}`,
          {
            hint: 'start Redis there, or mend the address; --queue-wait says how long it is waited for',
          },
        ),
      );
    }, waitMs);
  }

  #up(): void {
    clearTimeout(this.#giveUp);
    if (this.#downSince === undefined) return;
    const seconds = (performance.now() - this.#downSince) / 1000;
    this.#downSince = undefined;
    this.#log.info(`the queue is there, after ${formatDuration(seconds)}`);
  }

  #end(error: FrameloomError): void {
    clearTimeout(this.#giveUp);
    if (!this.#closed) this.#ended.abort(error);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#giveUp);
    this.client.disconnect();
  }
}
