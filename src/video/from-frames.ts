import { Observable, type Subscriber } from 'rxjs';
import { currentDemand, type Demand, withoutDemand } from './demand.js';
import { cancelledError } from './ffmpeg-error.js';
import type { Frame } from './types.js';

/** Frames one after another, by whatever way they come. */
export type FrameSource<T = Frame> = AsyncIterable<T> | Iterable<T> | Observable<T>;

/** Whether frames are pulled, rather than pushed. */
export const isIterable = <T>(source: FrameSource<T>): source is AsyncIterable<T> | Iterable<T> =>
  Symbol.asyncIterator in source || Symbol.iterator in source;

/**
 * Frames of any iterable as an Observable that asks for one only when whatever comes behind it
 * (`encodeFrames`, `mapFrames`, …) can take one: an iterable without an end fills no memory. It is
 * iterated anew by each subscription, and left (`return`) when that is unsubscribed or fails.
 * An Observable is given back as it is.
 */
export function fromFrames<T = Frame>(frames: FrameSource<T>): Observable<T> {
  if (!isIterable(frames)) return frames;
  return pulled(() => (Symbol.asyncIterator in frames ? frames : asyncOf(frames)));
}

async function* asyncOf<T>(values: Iterable<T>): AsyncGenerator<T, void, undefined> {
  for (const value of values) {
    yield value;
    // A turn of the event loop for each: what has none of its own to wait for would starve all else.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/**
 * An Observable of what is pulled from an iterator, as fast as demand allows.
 * @param open called with a signal that ends it, for each subscription
 */
export function pulled<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  outer?: AbortSignal,
): Observable<T> {
  return new Observable<T>((subscriber) => {
    const stop = new AbortController();
    const signal = outer ? AbortSignal.any([outer, stop.signal]) : stop.signal;
    const demand = currentDemand();
    // Whatever the iterable subscribes to itself is its own affair.
    const frames = withoutDemand(() => open(signal)[Symbol.asyncIterator]());
    deliver(frames, subscriber, demand, signal).then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => stop.abort();
  });
}

/** One frame is held ready while the consumer is at work. */
async function deliver<T>(
  frames: AsyncIterator<T>,
  subscriber: Subscriber<T>,
  demand: Demand | undefined,
  signal: AbortSignal,
): Promise<void> {
  /** Whether there is more, as far as is known: what has ended or failed by itself is not left. */
  const source = { goesOn: true };
  const next = async (): Promise<IteratorResult<T, unknown>> => {
    source.goesOn = false;
    const result = await withoutDemand(() => frames.next());
    source.goesOn = result.done !== true;
    return result;
  };
  // At once, not when the frame that is waited for has come: that may be never.
  const leave = (): void => void frames.return?.().catch(() => undefined);
  signal.addEventListener('abort', leave, { once: true });
  try {
    let coming = next();
    for (;;) {
      const { value, done } = await coming;
      if (done === true) return;
      await mayGoOn(demand, signal);
      if (subscriber.closed) return;
      if (signal.aborted) throw cancelledError('decoding');
      subscriber.next(value);
      coming = next();
      // What it fails with is told when it is its turn.
      coming.catch(() => undefined);
    }
  } finally {
    signal.removeEventListener('abort', leave);
    if (source.goesOn && !signal.aborted) await frames.return?.();
  }
}

/** Until the consumer can take one more; where no one speaks of demand, a turn of the event loop. */
function mayGoOn(demand: Demand | undefined, signal: AbortSignal): Promise<void> | void {
  if (demand?.isOpen || signal.aborted) return;
  return new Promise((resolve) => {
    if (!demand) {
      setImmediate(resolve);
      return;
    }
    const go = (): void => {
      stopListening();
      signal.removeEventListener('abort', go);
      resolve();
    };
    const stopListening = demand.onOpen(go);
    signal.addEventListener('abort', go);
  });
}
