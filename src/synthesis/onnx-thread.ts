import { Worker } from 'node:worker_threads';
import { FrameloomError } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import type { CrossingError, FromThread, ToThread } from './onnx-thread-messages.js';

interface Waiting {
  readonly resolve: (data: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** The thread's program. Sources are run as they are in development, by what reads them there. */
function startWorker(): Worker {
  const compiled = new URL('./onnx-thread-main.js', import.meta.url);
  if (!import.meta.url.endsWith('.ts')) return new Worker(compiled);
  const source = JSON.stringify(compiled.href.replace(/js$/, 'ts'));
  return new Worker(
    `import('tsx/esm/api').then((tsx) => { tsx.register(); return import(${source}); })`,
    { eval: true },
  );
}

function arrived({ code, message, hint, path, stack }: CrossingError): Error {
  if (code !== undefined) {
    return new FrameloomError(code, message, {
      ...(hint !== undefined && { hint }),
      ...(path !== undefined && { path }),
    });
  }
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

/**
 * A thread that runs ONNX Runtime. It blocks for a whole frame, and meanwhile this thread goes on
 * moving bytes between the ffmpegs. The thread keeps no process alive unless a frame is waited for.
 */
export class OnnxThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #gone: Promise<void>;
  #ready: { resolve: (device: string) => void; reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;
  #calls = 0;
  #closed = false;
  #isGone = false;
  log: Logger = silentLogger;

  constructor() {
    this.#worker = startWorker();
    this.#worker.unref();
    this.#worker.on('message', (message: FromThread) => this.#hear(message));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#gone = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#isGone = true;
        this.#fail(
          new FrameloomError(
            this.#closed ? 'cancelled' : 'backend',
            this.#closed
              ? 'the model was released'
              : 'the thread that generates ended unexpectedly',
          ),
        );
        resolve();
      });
    });
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        this.#ready?.resolve(message.device);
        break;
      case 'frame':
        this.#take(message.call)?.resolve(message.data);
        break;
      case 'failed': {
        const error = arrived(message.error);
        if (message.call === undefined) this.#fail(error);
        else this.#take(message.call)?.reject(error);
        break;
      }
      case 'warning':
        this.log.warn(message.text);
    }
  }

  #take(call: number): Waiting | undefined {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    if (this.#waiting.size === 0) this.#worker.unref();
    return waiting;
  }

  /** The first failure ends everything: whoever waits is told, and whoever asks later. */
  #fail(error: Error): void {
    this.#failure ??= error;
    this.#ready?.reject(this.#failure);
    for (const call of [...this.#waiting.keys()]) this.#take(call)?.reject(this.#failure);
  }

  /** Sends a message; in order with all others. */
  tell(message: ToThread, transfer: ArrayBuffer[] = []): void {
    if (!this.#failure) this.#worker.postMessage(message, transfer);
  }

  /** Opens the file. @returns the device that it runs on */
  async open(message: ToThread & { readonly kind: 'open' }): Promise<string> {
    if (this.#failure) throw this.#failure;
    this.#worker.ref();
    try {
      return await new Promise<string>((resolve, reject) => {
        this.#ready = { resolve, reject };
        this.tell(message);
      });
    } finally {
      this.#ready = undefined;
      this.#worker.unref();
    }
  }

  /** Has one frame made. */
  next(synthesizer: number, condition: Uint8Array | null): Promise<Uint8Array> {
    if (this.#failure) return Promise.reject(this.#failure);
    const call = (this.#calls += 1);
    const made = new Promise<Uint8Array>((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
    });
    this.#worker.ref();
    // A copy of its own: the caller's bytes stay the caller's.
    const own = condition && new Uint8Array(condition);
    this.tell({ kind: 'next', synthesizer, call, condition: own }, own ? [own.buffer] : []);
    return made;
  }

  /** Whether the thread has ended. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Ends the thread; resolves when it is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker.terminate();
    await this.#gone;
  }
}
