import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { FrameloomError } from '../../../base/error.js';
import { silentLogger, type Logger } from '../../../base/log.js';
import type { CrossingError, FromThread, ToThread } from './messages.js';
import type { DetailedFrame, SynthesizerState } from '../synthesizer.js';
import { createThreadWork, stopAndWait, stopWork, type ThreadWork } from './work.js';

interface Waiting {
  readonly resolve: (answer: DetailedFrame | SynthesizerState) => void;
  readonly reject: (error: Error) => void;
}

/** The works of all threads that there are. */
const living = new Set<ThreadWork>();
/** A frame takes no longer; a native call that hangs must not keep the process for ever. */
const EXIT_PATIENCE_MS = 20_000;

/** However the process comes to exit, it ends its threads, and no run may be in flight then. */
function waitForLiving(): void {
  for (const work of living) stopWork(work);
  for (const work of living) stopAndWait(work, EXIT_PATIENCE_MS);
}

/** Node's own words without what a program of `node -e` is: said of a file, Node refuses the file. */
const execArgv = process.execArgv.filter(
  (word, i, words) => !word.startsWith('--input-type') && words[i - 1] !== '--input-type',
);

/** The thread's program. Sources are run as they are in development, by what reads them there. */
function startWorker(workerData: ThreadWork): Worker {
  const compiled = new URL('./main.js', import.meta.url);
  if (!import.meta.url.endsWith('.ts')) return new Worker(compiled, { workerData, execArgv });
  const source = JSON.stringify(compiled.href.replace(/js$/, 'ts'));
  // From here and not from the working folder, which may be anywhere.
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const api = new URL('esm/api/index.mjs', loader).href;
  return new Worker(
    `import(${JSON.stringify(api)}).then((tsx) => { tsx.register(); return import(${source}); })`,
    { eval: true, workerData },
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
  readonly #work = createThreadWork();
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #gone: Promise<void>;
  #ready: { resolve: (device: string) => void; reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;
  #calls = 0;
  #closing = false;
  #isGone = false;
  log: Logger = silentLogger;

  constructor() {
    if (living.size === 0) process.on('exit', waitForLiving);
    living.add(this.#work);
    this.#worker = startWorker(this.#work);
    this.#worker.unref();
    this.#worker.on('message', (message: FromThread) => this.#hear(message));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#gone = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#isGone = true;
        living.delete(this.#work);
        if (living.size === 0) process.off('exit', waitForLiving);
        // Unless it was closed, which stands as its failure by now.
        this.#fail(new FrameloomError('backend', 'the thread that generates ended unexpectedly'));
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
        this.#take(message.call)?.resolve(message.frame);
        break;
      case 'state':
        this.#take(message.call)?.resolve(message.state);
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

  /** Nobody waits for the thread: the process may exit, unless its end is waited for. */
  #rest(): void {
    if (!this.#closing) this.#worker.unref();
  }

  #take(call: number): Waiting | undefined {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    if (this.#waiting.size === 0) this.#rest();
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
      this.#rest();
    }
  }

  /** Has one frame made. @param inDetail with flow and mask, where the generator has them */
  next(
    synthesizer: number,
    condition: Uint8Array | null,
    inDetail: boolean,
    actions: Float32Array | null,
  ): Promise<DetailedFrame> {
    // A copy of its own: the caller's bytes stay the caller's.
    const own = condition && new Uint8Array(condition);
    return this.#ask<DetailedFrame>((call) =>
      this.tell(
        { kind: 'next', synthesizer, call, condition: own, inDetail, actions },
        own ? [own.buffer] : [],
      ),
    );
  }

  /** The state after all frames that were asked for before. */
  snapshot(synthesizer: number): Promise<SynthesizerState> {
    return this.#ask<SynthesizerState>((call) =>
      this.tell({ kind: 'snapshot', synthesizer, call }),
    );
  }

  /** Sends what is answered. */
  #ask<T extends DetailedFrame | SynthesizerState>(send: (call: number) => void): Promise<T> {
    if (this.#failure) return Promise.reject(this.#failure);
    const call = (this.#calls += 1);
    const answered = new Promise<T>((resolve, reject) => {
      // Each kind of question has one kind of answer.
      this.#waiting.set(call, { resolve: (answer) => resolve(answer as T), reject });
    });
    this.#worker.ref();
    send(call);
    return answered;
  }

  /** Whether the thread has ended. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /**
   * Ends the thread once the run in flight has ended; what waits behind it is told `cancelled`.
   * Resolves when it is gone.
   */
  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#failure ??= new FrameloomError('cancelled', 'the model was released');
      stopWork(this.#work);
      // What is awaited keeps the process alive.
      this.#worker.ref();
      this.#worker.postMessage({ kind: 'close' } satisfies ToThread);
    }
    await this.#gone;
  }
}
